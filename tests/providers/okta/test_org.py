"""The client against a server on loopback: what arrives there, and what becomes of every kind of answer."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import __version__
from provisioner.core.errors import (
    PermissionDeniedError,
    RefusedError,
    RemoteError,
    RemoteNotFoundError,
    UnreachableError,
)
from provisioner.providers.base.client import quote_path
from provisioner.providers.okta.client import OktaClient, together
from provisioner.providers.okta.credentials import ApiToken
from provisioner.providers.okta.permissions import ADMIN_ROLE
from provisioner.providers.okta.responses import NotLicensedError
from provisioner.providers.okta.retry import until_reset
from tests.providers.okta.hurried import APPS, PATIENCE, TOKEN, client, done, got
from tests.providers.okta.loopback import DATE, DATE_SECONDS, Loopback, Reply, error, serving

TOKENS = "/oauth2/v1/token"


class TestRequests:
    def test_an_api_token_is_sent_with_the_word_before_it(self, server):
        server.answers("GET", APPS, Reply(body=[]))
        assert got(server) == []
        (asked,) = server.asked
        assert asked.headers["Authorization"] == f"SSWS {TOKEN}"
        assert asked.headers["Accept"] == "application/json"
        assert f"provisioner/{__version__}" in asked.headers["User-Agent"]

    def test_nulls_empty_texts_and_empty_lists_arrive(self, server):
        body = {"a": None, "b": "", "c": [], "d": {}, "e": False, "f": 0, "g": {"h": None}}
        server.answers("PUT", f"{APPS}/1", Reply(body={}))
        org = client(server)
        done(org, org.write("PUT", f"{APPS}/1", body))
        (asked,) = server.asked
        assert asked.json == body
        assert asked.headers["Content-Type"] == "application/json"

    def test_a_post_without_a_body_has_none(self, server):
        server.answers("POST", f"{APPS}/1/lifecycle/activate", Reply(body={}))
        org = client(server)
        done(org, org.write("POST", f"{APPS}/1/lifecycle/activate"))
        assert server.asked[0].body == b""

    def test_text_beyond_ascii_survives_both_ways(self, server):
        server.answers("POST", APPS, lambda asked: Reply(body=asked.json))
        org = client(server)
        assert done(org, org.write("POST", APPS, {"label": "Zoë ✓"})) == {"label": "Zoë ✓"}

    def test_they_are_counted_reads_and_writes(self, server):
        server.answers("GET", APPS, Reply(500), Reply(body=[]))
        server.answers("DELETE", f"{APPS}/1", Reply(204))
        org = client(server)

        async def both():
            await org.get(APPS)
            await org.write("DELETE", f"{APPS}/1")

        done(org, both())
        assert (org.count.read, org.count.write) == (2, 1)

    @given(key=st.text(min_size=1))
    def test_a_key_stays_one_segment_of_a_path(self, key):
        quoted = quote_path(f"{APPS}/{{}}/users", key.encode("utf-8", "replace").decode())
        assert quoted.count("/") == f"{APPS}//users".count("/")
        assert not set(quoted) & {"?", "#", " ", "{", "}"}


class TestAnswers:
    def test_an_empty_collection_is_nothing_wrong(self, server):
        server.answers("GET", APPS, Reply(body=[]))
        assert got(server) == []

    @pytest.mark.parametrize("status", [200, 201, 204])
    def test_a_write_may_be_answered_by_nothing(self, server, status):
        server.answers("PUT", f"{APPS}/1", Reply(status))
        org = client(server)
        assert done(org, org.write("PUT", f"{APPS}/1", {"a": 1})) is None

    @pytest.mark.parametrize(
        ("reply", "told"),
        [
            pytest.param(Reply(body=None), "the answer is empty", id="empty"),
            pytest.param(Reply(body=" \n"), "the answer is empty", id="blank"),
            pytest.param(
                Reply(body="<!doctype html><title>Sign in</title>", headers=(("Content-Type", "text/html"),)),
                "the answer is a web page, not JSON",
                id="page",
            ),
            pytest.param(Reply(body="<html>"), "the answer is a web page, not JSON", id="page-called-json"),
            pytest.param(Reply(body='[{"id": "0oa'), "the answer is not JSON, or cut short", id="half"),
            pytest.param(Reply(body=b'{"a": "\xff\xfe"}'), "the answer is not JSON", id="not-utf-8"),
        ],
    )
    def test_what_is_no_answer_is_asked_for_again_and_then_told(self, server, reply, told):
        server.answers("GET", APPS, reply, Reply(body=[]))
        assert got(server) == []
        server.answers("GET", "/never", reply)
        with pytest.raises(UnreachableError, match=told):
            got(server, "/never")
        assert "gave up after" in _message(server, reply)

    def test_an_answer_that_ends_too_early_is_asked_for_again(self, server):
        server.answers("GET", APPS, Reply(body=[{"id": 1}], missing=10), Reply(body=[{"id": 1}]))
        assert got(server) == [{"id": 1}]

    def test_a_web_page_with_an_error_keeps_its_status(self, server):
        server.answers("GET", APPS, Reply(404, "<html>not here</html>"))
        org = client(server)
        assert done(org, org.find(APPS)) is None

    def test_a_failure_without_a_body_is_no_success(self, server):
        server.answers("GET", APPS, Reply(404))
        with pytest.raises(RemoteNotFoundError):
            got(server)

    def test_a_creation_that_is_answered_by_a_web_page_is_looked_for(self, server):
        server.answers("POST", APPS, Reply(200, "<html>"))
        server.answers("GET", APPS, Reply(body=[{"id": "0oa1"}]))
        assert created(client(server)) == "0oa1"
        assert len(server.requests("POST")) == 1

    def test_deleting_what_is_gone_is_a_success(self, server):
        org = client(server)
        assert done(org, org.write("DELETE", f"{APPS}/1")) is None

    @pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
    def test_writing_to_what_is_gone_is_not(self, server, method):
        org = client(server)
        with pytest.raises(RemoteNotFoundError):
            done(org, org.write(method, f"{APPS}/1", {"a": 1}))


def _message(server: Loopback, reply: Reply) -> str:
    server.answers("GET", "/message", reply)
    with pytest.raises(RemoteError) as raised:
        got(server, "/message")
    return raised.value.message


def created(org: OktaClient, body: Any = None) -> Any:
    """The id of an application that is created, or found."""

    async def look():
        return next((found["id"] for found in await org.read_all(APPS)), None)

    return done(org, org.create(APPS, body or {"label": "Kiro"}, look, lambda answer: answer.body["id"]))


class TestPatience:
    def test_a_rate_limit_is_waited_for_by_okta_s_own_clock(self, server):
        reset = (("X-Rate-Limit-Reset", str(DATE_SECONDS + 7)), ("Date", DATE))
        throttled = Reply(429, error(429, "E0000047", "API call exceeded rate limit").body, reset)
        server.answers("GET", APPS, throttled, Reply(body=[]))
        org = client(server)
        assert done(org, org.get(APPS)) == []
        ((seconds, reason),) = org.paused
        assert 7 <= seconds <= 9
        assert reason == "Okta's rate limit is used up"

    def test_a_rate_limit_that_does_not_tell_its_end_is_waited_for_all_the_same(self, server):
        server.answers("GET", APPS, Reply(429, {"errorCode": "E0000047"}), Reply(body=[]))
        org = client(server)
        assert done(org, org.get(APPS)) == []
        assert [seconds for seconds, _ in org.paused] == [1]

    def test_a_throttled_creation_is_sent_again_without_a_look(self, server):
        server.answers("POST", APPS, error(429, "E0000047"), Reply(body={"id": "0oa1"}))
        assert created(client(server)) == "0oa1"
        assert server.requests("GET") == []

    def test_priorities_that_are_being_reconciled_are_waited_for(self, server):
        busy = error(423, "E0000239", "Policy priorities are being reconciled. Please try again later.")
        server.answers("POST", APPS, busy, busy, Reply(body={"id": "0oa1"}))
        org = client(server)
        assert created(org) == "0oa1"
        assert [reason for _, reason in org.paused] == ["Okta is reordering the policies"] * 2
        assert server.requests("GET") == []

    def test_an_internal_error_passes(self, server):
        server.answers("GET", APPS, error(500, "E0000009", "Internal Server Error"), Reply(body=[]))
        assert got(server) == []

    def test_a_dropped_read_is_repeated(self, server):
        server.answers("GET", APPS, Reply(drop=True), Reply(body=[]))
        assert got(server) == []

    @pytest.mark.parametrize(
        "lost", [Reply(drop=True), Reply(500), Reply(502, "<html>"), Reply(503), Reply(504)]
    )
    def test_after_a_lost_answer_a_creation_is_looked_for_and_not_repeated(self, server, lost):
        server.answers("POST", APPS, lost)
        server.answers("GET", APPS, Reply(body=[{"id": "0oa1"}]))
        assert created(client(server)) == "0oa1"
        assert [asked.method for asked in server.asked] == ["POST", "GET"]

    def test_a_creation_that_did_not_take_effect_is_repeated_after_the_look(self, server):
        server.answers("POST", APPS, Reply(drop=True), Reply(body={"id": "0oa2"}))
        server.answers("GET", APPS, Reply(body=[]))
        assert created(client(server)) == "0oa2"
        assert [asked.method for asked in server.asked] == ["POST", "GET", "POST"]

    def test_a_bad_request_is_not_repeated_and_tells_its_causes(self, server):
        server.answers(
            "POST", APPS, error(400, "E0000001", "Api validation failed: label", "label: too long")
        )
        with pytest.raises(
            RemoteError, match="POST /api/v1/apps: Api validation failed: label: label: too long"
        ) as raised:
            created(client(server))
        assert (raised.value.status, raised.value.code) == (400, "E0000001")
        assert len(server.asked) == 1

    def test_who_gives_up_says_for_how_long_it_tried(self, server):
        server.answers("GET", APPS, Reply(503))
        with pytest.raises(UnreachableError, match=r"GET /api/v1/apps: 503; gave up after \d+ s") as raised:
            got(server)
        assert raised.value.hint == "run the same command again"

    def test_who_has_answered_once_is_waited_for_longer(self, server):
        server.answers("GET", APPS, Reply(body=[]))
        server.answers("GET", f"{APPS}/1", Reply(drop=True))
        org = client(server)

        async def both() -> None:
            await org.get(APPS)
            await org.get(f"{APPS}/1")

        with pytest.raises(UnreachableError, match=r"GET /api/v1/apps/1: no response \(.+\); gave up after"):
            done(org, both())
        assert PATIENCE.first_contact_budget < sum(seconds for seconds, _ in org.paused) <= PATIENCE.budget

    @given(reset=st.text(), date=st.text())
    def test_whatever_the_headers_say_there_is_a_time_or_there_is_none(self, reset, date):
        seconds = until_reset(reset, date)
        assert seconds is None or seconds >= 0

    @given(reset=st.floats(), date=st.just(DATE))
    def test_a_time_is_never_negative_and_never_no_number(self, reset, date):
        seconds = until_reset(str(reset), date)
        assert seconds is None or seconds >= 0

    @given(ahead=st.integers(0, 3600))
    def test_the_wait_is_what_the_two_clocks_tell_and_a_little_more(self, ahead):
        seconds = until_reset(str(DATE_SECONDS + ahead), DATE)
        assert seconds is not None
        assert ahead < seconds <= ahead + 2


class TestErrors:
    def test_a_licence_that_is_missing_is_not_taken_for_a_bad_token(self, server):
        licence = "You do not have permission to access the feature you are requesting"
        server.answers("GET", APPS, error(401, "E0000015", licence))
        with pytest.raises(NotLicensedError, match=licence) as raised:
            got(server)
        assert "API Access Management" in raised.value.hint
        assert "credentials are fine" in raised.value.hint

    def test_a_bad_token_is_not_taken_for_a_missing_licence(self, server):
        server.answers("GET", APPS, error(401, "E0000011", "Invalid token provided"))
        with pytest.raises(RemoteError, match="Invalid token provided") as raised:
            got(server)
        assert not isinstance(raised.value, NotLicensedError)
        assert "check the credentials" in raised.value.hint
        assert len(server.asked) == 1

    def test_a_refusal_names_the_scope_and_the_role(self, server):
        server.answers("GET", APPS, error(403, "E0000006", "You do not have permission"))
        with pytest.raises(PermissionDeniedError) as raised:
            got(server, f"{APPS}?limit=200")
        assert raised.value.permissions == ("okta.apps.read",)
        assert raised.value.role == ADMIN_ROLE
        assert raised.value.message == "GET /api/v1/apps: You do not have permission"

    def test_okta_s_request_id_is_kept(self, server):
        server.answers("GET", APPS, error(400, "E0000001", "no", X_Okta_Request_Id="req1"))
        with pytest.raises(RemoteError) as raised:
            got(server)
        assert str(raised.value).endswith("[request-id req1]")

    def test_without_one_the_id_of_the_error_is(self, server):
        server.answers("GET", APPS, error(400, "E0000001", "no"))
        with pytest.raises(RemoteError) as raised:
            got(server)
        assert raised.value.request_id == "oae1"

    @pytest.mark.parametrize(
        "body",
        [[], "no", 5, {"errorCauses": "x"}, {"errorCauses": [None]}, {"errorCode": None}, {"error": {}}],
    )
    def test_a_failure_in_an_unknown_form_is_still_one(self, server, body):
        server.answers("GET", APPS, Reply(400, json.dumps(body)))
        with pytest.raises(RemoteError):
            got(server)

    def test_no_error_holds_the_token(self, server):
        server.answers("GET", APPS, error(401, "E0000011", "Invalid token provided"))
        with pytest.raises(RemoteError) as raised:
            got(server)
        assert TOKEN not in "".join(traceback.format_exception(raised.value))


class TestPages:
    def test_every_page_is_followed_and_the_link_is_taken_as_it_is(self, server):
        def page(number: int, *, last: bool = False) -> Reply:
            link = f'<{server.url}{APPS}?after={number}%20x&limit=1>; rel="next"'
            own = f'<{server.url}{APPS}?limit=1>; rel="self"'
            headers = (("Link", own),) if last else (("Link", own), ("Link", link))
            return Reply(body=[{"id": number}], headers=headers)

        server.answers("GET", APPS, page(1), page(2), page(3, last=True))
        org = client(server)
        assert [found["id"] for found in done(org, org.read_all(f"{APPS}?limit=1"))] == [1, 2, 3]
        assert [asked.path for asked in server.asked] == [
            f"{APPS}?limit=1",
            f"{APPS}?after=1%20x&limit=1",
            f"{APPS}?after=2%20x&limit=1",
        ]

    def test_both_links_may_stand_in_one_header(self, server):
        both = f'<{server.url}{APPS}>; rel="self", <{server.url}/two>; rel="next"'
        server.answers("GET", APPS, Reply(body=[1], headers=(("Link", both),)))
        server.answers("GET", "/two", Reply(body=[2]))
        org = client(server)
        assert done(org, org.read_all(APPS)) == [1, 2]

    @pytest.mark.parametrize("suffix", [".evil.example", "@evil.example", "0"])
    def test_a_next_page_elsewhere_is_refused_and_the_token_stays(self, server, suffix):
        with serving() as other:
            for link in (f"{other.url}{APPS}", f"{server.url}{suffix}{APPS}"):
                server.answers("GET", APPS, Reply(body=[1], headers=(("Link", f'<{link}>; rel="next"'),)))
            org = client(server)
            with pytest.raises(RemoteError, match="the next page is not at") as raised:
                done(org, org.read_all(APPS))
            org = client(server)
            with pytest.raises(RemoteError, match="the next page is not at"):
                done(org, org.read_all(APPS))
            assert "connection: org_url:" in raised.value.hint
            assert other.asked == []


class TestWhereTheTokenGoes:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_told_and_not_followed(self, server, status):
        with serving() as other:
            other.answers("GET", APPS, Reply(body=[]))
            server.answers("GET", APPS, Reply(status, headers=(("Location", f"{other.url}{APPS}"),)))
            with pytest.raises(RemoteError, match=f"redirected to {other.url.removeprefix('http://')}"):
                got(server)
            assert other.asked == []
        assert len(server.asked) == 1

    def test_a_redirect_within_the_organization_is_told_too(self, server):
        server.answers("GET", APPS, Reply(302, headers=(("Location", "/login/login.htm"),)))
        with pytest.raises(RemoteError, match=r"redirected to \S*/login/login.htm"):
            got(server)

    def test_it_goes_through_no_proxy_in_direct_mode(self, server, monkeypatch):
        with serving() as proxy:
            _proxied(monkeypatch, proxy.url)
            server.answers("GET", APPS, Reply(body=[]))
            assert got(server) == []
            assert proxy.asked == []

    def test_it_goes_through_the_platform_s_proxy_otherwise(self, server, monkeypatch):
        with serving() as proxy:
            _proxied(monkeypatch, proxy.url)
            proxy.answers("GET", f"{server.url}{APPS}", Reply(body=["through the proxy"]))
            assert got(server, direct=False) == ["through the proxy"]

    def test_it_goes_around_the_proxy_where_the_platform_says_so(self, server, monkeypatch):
        with serving() as proxy:
            _proxied(monkeypatch, proxy.url)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            server.answers("GET", APPS, Reply(body=[]))
            assert got(server, direct=False) == []
            assert proxy.asked == []

    @pytest.mark.parametrize("entry", ["default", "machine 127.0.0.1"])
    @pytest.mark.parametrize("direct", [True, False])
    def test_what_the_netrc_file_says_does_not_matter(self, server, monkeypatch, tmp_path, entry, direct):
        file = tmp_path / "netrc"
        file.write_text(f"{entry} login somebody password else\n")
        file.chmod(0o600)
        monkeypatch.setenv("NETRC", str(file))
        server.answers("GET", APPS, Reply(body=[]))
        assert got(server, direct=direct) == []
        assert server.asked[0].headers["Authorization"] == f"SSWS {TOKEN}"

    def test_the_question_who_lives_there_is_asked_without_it(self, server):
        links = {"organization": {"href": "https://acme.okta.com/"}}
        server.answers("GET", "/.well-known/okta-organization", Reply(body={"id": "00o1", "_links": links}))
        org = client(server)
        assert done(org, org.home()) == "https://acme.okta.com"
        assert server.asked[0].headers["Authorization"] is None

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(404),
            Reply(body="<html>"),
            Reply(body={}),
            Reply(body={"_links": None}),
            Reply(302, headers=(("Location", "http://127.0.0.1:1/"),)),
            Reply(body=[]),
            Reply(body={"_links": {"organization": "x"}}),
            Reply(body="null"),
        ],
    )
    def test_whoever_answers_otherwise_is_no_organization(self, server, reply):
        server.answers("GET", "/.well-known/okta-organization", reply)
        org = client(server)
        assert done(org, org.home()) is None

    def test_nobody_who_answers_is_not_called_somebody_else(self, server):
        server.answers("GET", "/.well-known/okta-organization", Reply(drop=True))
        org = client(server)
        with pytest.raises(UnreachableError, match="cannot be reached: ServerDisconnectedError"):
            done(org, org.home())


def _proxied(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


class TestTheSurroundings:
    def test_a_stray_configuration_of_the_sdk_does_not_matter(self, server, monkeypatch, tmp_path):
        stray = "okta: {client: {orgUrl: 'http://127.0.0.1:1', token: stray, proxy: {host: 127.0.0.1, port: 1}}}\n"
        (tmp_path / "okta.yaml").write_text(stray)
        (tmp_path / ".okta").mkdir()
        (tmp_path / ".okta" / "okta.yaml").write_text(stray)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        server.answers("GET", APPS, Reply(body=[]))
        assert got(server) == []
        assert server.asked[0].headers["Authorization"] == f"SSWS {TOKEN}"

    def test_the_sdk_s_variables_do_not_matter(self, server, monkeypatch):
        for name, value in {
            "OKTA_CLIENT_ORGURL": "http://127.0.0.1:1",
            "OKTA_CLIENT_TOKEN": "stray",
            "OKTA_CLIENT_AUTHORIZATIONMODE": "PrivateKey",
            "OKTA_CLIENT_REQUESTTIMEOUT": "5",
            "OKTA_CLIENT_RATELIMIT_MAXRETRIES": "5",
            "OKTA_CLIENT_CONNECTIONTIMEOUT": "x",
            "OKTA_CLIENT_PROXY_HOST": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        server.answers("GET", APPS, Reply(503), Reply(body=[]))
        assert got(server) == []
        assert [asked.headers["Authorization"] for asked in server.asked] == [f"SSWS {TOKEN}"] * 2

    def test_nothing_is_logged(self, server, caplog):
        server.answers("GET", APPS, Reply(drop=True), error(401, "E0000011"))
        with caplog.at_level(logging.DEBUG), pytest.raises(RemoteError):
            got(server)
        assert TOKEN not in caplog.text
        assert "okta-sdk-python" not in {record.name for record in caplog.records}

    def test_the_expensive_module_of_the_sdk_is_not_imported(self, server):
        server.answers("GET", APPS, Reply(body=[]))
        got(server)
        assert "okta.client" not in sys.modules

    def test_two_clients_in_one_process_do_not_mix(self, server):
        with serving() as other:
            server.answers("GET", APPS, Reply(body=[1]))
            other.answers("GET", APPS, Reply(body=[2]))
            one, two = client(server), client(other, ApiToken("theirs"))

            async def both():
                try:
                    return await asyncio.gather(one.get(APPS), two.get(APPS))
                finally:
                    await one.close()
                    await two.close()

            assert asyncio.run(both()) == [[1], [2]]
            assert other.asked[0].headers["Authorization"] == "SSWS theirs"

    def test_closing_what_was_never_opened_is_nothing(self, server):
        asyncio.run(client(server).close())


class TestReplacing:
    APP = f"{APPS}/0oa1"

    def replaced(self, server: Loopback, seen: str | None, **more: Any) -> Any:
        org = client(server)
        return done(org, org.replace(self.APP, seen, lambda found: {**found, "label": "new"}, **more))

    def answering(self, server: Loopback) -> None:
        found = {
            "id": "0oa1",
            "label": "old",
            "status": "ACTIVE",
            "created": "c",
            "lastUpdated": "u1",
            "features": ["GROUP_PUSH"],
            "settings": {
                "notes": {"admin": None, "enduser": "mine"},
                "list": [],
                "flag": False,
                "count": 0,
                "text": "",
            },
            "profile": {},
            "_links": {"x": 1},
            "_embedded": {"y": 1},
        }
        server.answers("GET", self.APP, Reply(body=found))
        server.answers("PUT", self.APP, lambda asked: Reply(body=asked.json))

    def test_what_is_not_changed_is_sent_back_as_it_is_but_for_what_is_read_only_or_not_set(self, server):
        self.answering(server)
        self.replaced(server, "u1")
        (put,) = server.requests("PUT")
        assert put.json == {
            "label": "new",
            "settings": {"notes": {"enduser": "mine"}, "list": [], "flag": False, "count": 0, "text": ""},
            "profile": {},
        }

    def test_what_somebody_else_changed_is_not_written(self, server):
        self.answering(server)
        with pytest.raises(RefusedError, match="changed by somebody else") as raised:
            self.replaced(server, "u0")
        assert server.requests("PUT") == []
        assert raised.value.hint == "run the same command again"

    def test_where_that_does_not_matter_it_is(self, server):
        self.answering(server)
        assert self.replaced(server, None)["label"] == "new"

    def test_a_status_that_counts_is_kept(self, server):
        self.answering(server)
        self.replaced(server, None, drop=("id",))
        assert server.requests("PUT")[0].json["status"] == "ACTIVE"


class TestTogether:
    def test_results_come_in_the_order_of_the_work(self):
        async def late(value, event, *, first=False):
            if first:
                event.set()
            else:
                await event.wait()
            return value

        async def both():
            event = asyncio.Event()
            return await together(late(1, event), late(2, event, first=True))

        assert asyncio.run(both()) == [1, 2]

    def test_the_first_error_is_raised_when_all_have_ended(self):
        ended = []

        async def fails(error):
            raise error

        async def ends():
            await asyncio.sleep(0)
            ended.append(True)

        with pytest.raises(KeyError):
            asyncio.run(together(fails(KeyError()), ends(), fails(ValueError())))
        assert ended == [True]
