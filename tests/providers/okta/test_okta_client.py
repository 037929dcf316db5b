"""The client against a stub server: the requests that it sends, and how it handles every kind of response."""

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
    NotLicensedError,
    PermissionDeniedError,
    RefusedError,
    RemoteError,
    RemoteNotFoundError,
    UnreachableError,
)
from provisioner.providers.base.client import quote_path
from provisioner.providers.okta.client import OktaClient, gather_all
from provisioner.providers.okta.credentials import ApiToken
from provisioner.providers.okta.permissions import ADMIN_ROLE
from provisioner.providers.okta.retry import seconds_until_reset
from tests.providers.okta.fast_client import APPS, RETRY_POLICY, TOKEN, get, make_client, run
from tests.providers.okta.stub_server import DATE, DATE_SECONDS, Reply, StubServer, error, running_stub_server

TOKENS = "/oauth2/v1/token"


class TestRequests:
    def test_an_api_token_is_sent_with_its_scheme(self, server):
        server.respond("GET", APPS, Reply(body=[]))
        assert get(server) == []
        (request,) = server.received
        assert request.headers["Authorization"] == f"SSWS {TOKEN}"
        assert request.headers["Accept"] == "application/json"
        assert f"provisioner/{__version__}" in request.headers["User-Agent"]

    def test_nulls_empty_texts_and_empty_lists_arrive(self, server):
        body = {"a": None, "b": "", "c": [], "d": {}, "e": False, "f": 0, "g": {"h": None}}
        server.respond("PUT", f"{APPS}/1", Reply(body={}))
        client = make_client(server)
        run(client, client.write("PUT", f"{APPS}/1", body))
        (request,) = server.received
        assert request.json == body
        assert request.headers["Content-Type"] == "application/json"

    def test_a_post_without_a_body_has_none(self, server):
        server.respond("POST", f"{APPS}/1/lifecycle/activate", Reply(body={}))
        client = make_client(server)
        run(client, client.write("POST", f"{APPS}/1/lifecycle/activate"))
        assert server.received[0].body == b""

    def test_text_beyond_ascii_survives_both_ways(self, server):
        server.respond("POST", APPS, lambda request: Reply(body=request.json))
        client = make_client(server)
        assert run(client, client.write("POST", APPS, {"label": "Zoë ✓"})) == {"label": "Zoë ✓"}

    def test_they_are_counted_reads_and_writes(self, server):
        server.respond("GET", APPS, Reply(500), Reply(body=[]))
        server.respond("DELETE", f"{APPS}/1", Reply(204))
        client = make_client(server)

        async def both():
            await client.get(APPS)
            await client.write("DELETE", f"{APPS}/1")

        run(client, both())
        assert (client.count.read, client.count.write) == (2, 1)

    @given(key=st.text(min_size=1))
    def test_a_key_stays_one_segment_of_a_path(self, key):
        quoted = quote_path(f"{APPS}/{{}}/users", key.encode("utf-8", "replace").decode())
        assert quoted.count("/") == f"{APPS}//users".count("/")
        assert not set(quoted) & {"?", "#", " ", "{", "}"}


class TestResponses:
    def test_an_empty_collection_is_valid(self, server):
        server.respond("GET", APPS, Reply(body=[]))
        assert get(server) == []

    @pytest.mark.parametrize("status", [200, 201, 204])
    def test_the_response_to_a_write_may_be_empty(self, server, status):
        server.respond("PUT", f"{APPS}/1", Reply(status))
        client = make_client(server)
        assert run(client, client.write("PUT", f"{APPS}/1", {"a": 1})) is None

    @pytest.mark.parametrize(
        ("reply", "expected"),
        [
            pytest.param(Reply(body=None), "the response is empty", id="empty"),
            pytest.param(Reply(body=" \n"), "the response is empty", id="blank"),
            pytest.param(
                Reply(body="<!doctype html><title>Sign in</title>", headers=(("Content-Type", "text/html"),)),
                "the response is a web page, not JSON",
                id="page",
            ),
            pytest.param(Reply(body="<html>"), "the response is a web page, not JSON", id="page-called-json"),
            pytest.param(Reply(body='[{"id": "0oa'), "the response is not JSON, or truncated", id="half"),
            pytest.param(Reply(body=b'{"a": "\xff\xfe"}'), "the response is not JSON", id="not-utf-8"),
        ],
    )
    def test_an_invalid_response_is_retried_and_then_reported(self, server, reply, expected):
        server.respond("GET", APPS, reply, Reply(body=[]))
        assert get(server) == []
        server.respond("GET", "/never", reply)
        with pytest.raises(UnreachableError, match=expected):
            get(server, "/never")
        assert "gave up after" in _message(server, reply)

    def test_a_truncated_response_is_retried(self, server):
        server.respond("GET", APPS, Reply(body=[{"id": 1}], missing=10), Reply(body=[{"id": 1}]))
        assert get(server) == [{"id": 1}]

    def test_a_web_page_with_an_error_keeps_its_status(self, server):
        server.respond("GET", APPS, Reply(404, "<html>not here</html>"))
        client = make_client(server)
        assert run(client, client.find(APPS)) is None

    def test_a_failure_without_a_body_is_a_failure(self, server):
        server.respond("GET", APPS, Reply(404))
        with pytest.raises(RemoteNotFoundError):
            get(server)

    def test_after_a_web_page_the_created_object_is_looked_for(self, server):
        server.respond("POST", APPS, Reply(200, "<html>"))
        server.respond("GET", APPS, Reply(body=[{"id": "0oa1"}]))
        assert created(make_client(server)) == "0oa1"
        assert len(server.requests("POST")) == 1

    def test_deleting_a_deleted_object_succeeds(self, server):
        client = make_client(server)
        assert run(client, client.write("DELETE", f"{APPS}/1")) is None

    @pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
    def test_writing_to_a_deleted_object_fails(self, server, method):
        client = make_client(server)
        with pytest.raises(RemoteNotFoundError):
            run(client, client.write(method, f"{APPS}/1", {"a": 1}))


def _message(server: StubServer, reply: Reply) -> str:
    server.respond("GET", "/message", reply)
    with pytest.raises(RemoteError) as raised:
        get(server, "/message")
    return raised.value.message


def created(client: OktaClient, body: Any = None) -> Any:
    """The id of an application that is created, or found."""

    async def look():
        return next((existing["id"] for existing in await client.read_all(APPS)), None)

    return run(client, client.create(APPS, body or {"label": "Kiro"}, look, lambda answer: answer.body["id"]))


class TestRetries:
    def test_the_wait_for_a_rate_limit_uses_okta_s_clock(self, server):
        reset = (("X-Rate-Limit-Reset", str(DATE_SECONDS + 7)), ("Date", DATE))
        throttled = Reply(429, error(429, "E0000047", "API call exceeded rate limit").body, reset)
        server.respond("GET", APPS, throttled, Reply(body=[]))
        client = make_client(server)
        assert run(client, client.get(APPS)) == []
        ((seconds, reason),) = client.paused
        assert 7 <= seconds <= 9
        assert reason == "Okta's rate limit is exhausted"

    def test_a_rate_limit_without_a_reset_time_is_waited_for(self, server):
        server.respond("GET", APPS, Reply(429, {"errorCode": "E0000047"}), Reply(body=[]))
        client = make_client(server)
        assert run(client, client.get(APPS)) == []
        assert [seconds for seconds, _ in client.paused] == [1]

    def test_a_throttled_creation_is_repeated_without_a_lookup(self, server):
        server.respond("POST", APPS, error(429, "E0000047"), Reply(body={"id": "0oa1"}))
        assert created(make_client(server)) == "0oa1"
        assert server.requests("GET") == []

    def test_priorities_that_are_being_reconciled_are_waited_for(self, server):
        busy = error(423, "E0000239", "Policy priorities are being reconciled. Please try again later.")
        server.respond("POST", APPS, busy, busy, Reply(body={"id": "0oa1"}))
        client = make_client(server)
        assert created(client) == "0oa1"
        assert [reason for _, reason in client.paused] == ["Okta is reordering the policies"] * 2
        assert server.requests("GET") == []

    def test_an_internal_error_is_transient(self, server):
        server.respond("GET", APPS, error(500, "E0000009", "Internal Server Error"), Reply(body=[]))
        assert get(server) == []

    def test_a_dropped_read_is_repeated(self, server):
        server.respond("GET", APPS, Reply(drop=True), Reply(body=[]))
        assert get(server) == []

    @pytest.mark.parametrize(
        "lost", [Reply(drop=True), Reply(500), Reply(502, "<html>"), Reply(503), Reply(504)]
    )
    def test_after_a_lost_response_the_created_object_is_found_and_not_created_twice(self, server, lost):
        server.respond("POST", APPS, lost)
        server.respond("GET", APPS, Reply(body=[{"id": "0oa1"}]))
        assert created(make_client(server)) == "0oa1"
        assert [request.method for request in server.received] == ["POST", "GET"]

    def test_a_creation_that_did_not_take_effect_is_repeated_after_the_lookup(self, server):
        server.respond("POST", APPS, Reply(drop=True), Reply(body={"id": "0oa2"}))
        server.respond("GET", APPS, Reply(body=[]))
        assert created(make_client(server)) == "0oa2"
        assert [request.method for request in server.received] == ["POST", "GET", "POST"]

    def test_a_bad_request_is_not_repeated_and_its_causes_are_reported(self, server):
        server.respond(
            "POST", APPS, error(400, "E0000001", "Api validation failed: label", "label: too long")
        )
        with pytest.raises(
            RemoteError, match="POST /api/v1/apps: Api validation failed: label: label: too long"
        ) as raised:
            created(make_client(server))
        assert (raised.value.status, raised.value.code) == (400, "E0000001")
        assert len(server.received) == 1

    def test_the_error_states_how_long_it_was_retried(self, server):
        server.respond("GET", APPS, Reply(503))
        with pytest.raises(UnreachableError, match=r"GET /api/v1/apps: 503; gave up after \d+ s") as raised:
            get(server)
        assert raised.value.hint == "run the same command again"

    def test_a_host_that_has_responded_is_retried_for_longer(self, server):
        server.respond("GET", APPS, Reply(body=[]))
        server.respond("GET", f"{APPS}/1", Reply(drop=True))
        client = make_client(server)

        async def both() -> None:
            await client.get(APPS)
            await client.get(f"{APPS}/1")

        with pytest.raises(UnreachableError, match=r"GET /api/v1/apps/1: no response \(.+\); gave up after"):
            run(client, both())
        assert (
            RETRY_POLICY.first_contact_budget
            < sum(seconds for seconds, _ in client.paused)
            <= RETRY_POLICY.budget
        )

    @given(reset=st.text(), date=st.text())
    def test_any_headers_yield_a_wait_or_none(self, reset, date):
        seconds = seconds_until_reset(reset, date)
        assert seconds is None or seconds >= 0

    @given(reset=st.floats(), date=st.just(DATE))
    def test_a_wait_is_never_negative(self, reset, date):
        seconds = seconds_until_reset(str(reset), date)
        assert seconds is None or seconds >= 0

    @given(ahead=st.integers(0, 3600))
    def test_the_wait_is_the_difference_of_the_two_times_plus_a_margin(self, ahead):
        seconds = seconds_until_reset(str(DATE_SECONDS + ahead), DATE)
        assert seconds is not None
        assert ahead < seconds <= ahead + 2


class TestErrors:
    def test_a_missing_license_is_not_reported_as_a_bad_token(self, server):
        licence = "You do not have permission to access the feature you are requesting"
        server.respond("GET", APPS, error(401, "E0000015", licence))
        with pytest.raises(NotLicensedError, match=licence) as raised:
            get(server)
        assert "API Access Management" in raised.value.hint
        assert "credentials are valid" in raised.value.hint

    def test_a_bad_token_is_not_reported_as_a_missing_license(self, server):
        server.respond("GET", APPS, error(401, "E0000011", "Invalid token provided"))
        with pytest.raises(RemoteError, match="Invalid token provided") as raised:
            get(server)
        assert not isinstance(raised.value, NotLicensedError)
        assert "check the credentials" in raised.value.hint
        assert len(server.received) == 1

    def test_a_refusal_names_the_scope_and_the_role(self, server):
        server.respond("GET", APPS, error(403, "E0000006", "You do not have permission"))
        with pytest.raises(PermissionDeniedError) as raised:
            get(server, f"{APPS}?limit=200")
        assert raised.value.permissions == ("okta.apps.read",)
        assert raised.value.role == ADMIN_ROLE
        assert raised.value.message == "GET /api/v1/apps: You do not have permission"

    def test_the_error_has_okta_s_request_id(self, server):
        server.respond("GET", APPS, error(400, "E0000001", "no", X_Okta_Request_Id="req1"))
        with pytest.raises(RemoteError) as raised:
            get(server)
        assert str(raised.value).endswith("[request-id req1]")

    def test_without_a_request_id_the_error_has_the_error_id(self, server):
        server.respond("GET", APPS, error(400, "E0000001", "no"))
        with pytest.raises(RemoteError) as raised:
            get(server)
        assert raised.value.request_id == "oae1"

    @pytest.mark.parametrize(
        "body",
        [[], "no", 5, {"errorCauses": "x"}, {"errorCauses": [None]}, {"errorCode": None}, {"error": {}}],
    )
    def test_a_failure_of_an_unknown_shape_is_a_failure(self, server, body):
        server.respond("GET", APPS, Reply(400, json.dumps(body)))
        with pytest.raises(RemoteError):
            get(server)

    def test_no_error_contains_the_token(self, server):
        server.respond("GET", APPS, error(401, "E0000011", "Invalid token provided"))
        with pytest.raises(RemoteError) as raised:
            get(server)
        assert TOKEN not in "".join(traceback.format_exception(raised.value))


class TestPages:
    def test_every_page_is_followed_by_its_unchanged_link(self, server):
        def page(number: int, *, last: bool = False) -> Reply:
            link = f'<{server.url}{APPS}?after={number}%20x&limit=1>; rel="next"'
            own = f'<{server.url}{APPS}?limit=1>; rel="self"'
            headers = (("Link", own),) if last else (("Link", own), ("Link", link))
            return Reply(body=[{"id": number}], headers=headers)

        server.respond("GET", APPS, page(1), page(2), page(3, last=True))
        client = make_client(server)
        assert [existing["id"] for existing in run(client, client.read_all(f"{APPS}?limit=1"))] == [1, 2, 3]
        assert [request.path for request in server.received] == [
            f"{APPS}?limit=1",
            f"{APPS}?after=1%20x&limit=1",
            f"{APPS}?after=2%20x&limit=1",
        ]

    def test_one_header_may_contain_both_links(self, server):
        both = f'<{server.url}{APPS}>; rel="self", <{server.url}/two>; rel="next"'
        server.respond("GET", APPS, Reply(body=[1], headers=(("Link", both),)))
        server.respond("GET", "/two", Reply(body=[2]))
        client = make_client(server)
        assert run(client, client.read_all(APPS)) == [1, 2]

    @pytest.mark.parametrize("suffix", [".evil.example", "@evil.example", "0"])
    def test_a_next_page_on_another_host_is_not_followed(self, server, suffix):
        with running_stub_server() as other:
            for link in (f"{other.url}{APPS}", f"{server.url}{suffix}{APPS}"):
                server.respond("GET", APPS, Reply(body=[1], headers=(("Link", f'<{link}>; rel="next"'),)))
            client = make_client(server)
            with pytest.raises(RemoteError, match="it was not followed") as raised:
                run(client, client.read_all(APPS))
            client = make_client(server)
            with pytest.raises(RemoteError, match="it was not followed"):
                run(client, client.read_all(APPS))
            assert "connection: org_url:" in raised.value.hint
            assert other.received == []


class TestTokenIsNotSentElsewhere:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_reported_and_not_followed(self, server, status):
        with running_stub_server() as other:
            other.respond("GET", APPS, Reply(body=[]))
            server.respond("GET", APPS, Reply(status, headers=(("Location", f"{other.url}{APPS}"),)))
            with pytest.raises(RemoteError, match=f"redirected to {other.url.removeprefix('http://')}"):
                get(server)
            assert other.received == []
        assert len(server.received) == 1

    def test_a_redirect_within_the_organization_is_reported(self, server):
        server.respond("GET", APPS, Reply(302, headers=(("Location", "/login/login.htm"),)))
        with pytest.raises(RemoteError, match=r"redirected to \S*/login/login.htm"):
            get(server)

    def test_direct_mode_uses_no_proxy(self, server, monkeypatch):
        with running_stub_server() as proxy:
            _proxied(monkeypatch, proxy.url)
            server.respond("GET", APPS, Reply(body=[]))
            assert get(server) == []
            assert proxy.received == []

    def test_the_proxy_of_the_environment_is_used(self, server, monkeypatch):
        with running_stub_server() as proxy:
            _proxied(monkeypatch, proxy.url)
            proxy.respond("GET", f"{server.url}{APPS}", Reply(body=["through the proxy"]))
            assert get(server, direct=False) == ["through the proxy"]

    def test_no_proxy_is_respected(self, server, monkeypatch):
        with running_stub_server() as proxy:
            _proxied(monkeypatch, proxy.url)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            server.respond("GET", APPS, Reply(body=[]))
            assert get(server, direct=False) == []
            assert proxy.received == []

    @pytest.mark.parametrize("entry", ["default", "machine 127.0.0.1"])
    @pytest.mark.parametrize("direct", [True, False])
    def test_the_netrc_file_is_ignored(self, server, monkeypatch, tmp_path, entry, direct):
        file = tmp_path / "netrc"
        file.write_text(f"{entry} login another password secret\n")
        file.chmod(0o600)
        monkeypatch.setenv("NETRC", str(file))
        server.respond("GET", APPS, Reply(body=[]))
        assert get(server, direct=direct) == []
        assert server.received[0].headers["Authorization"] == f"SSWS {TOKEN}"

    def test_the_organization_s_own_url_is_read_without_the_token(self, server):
        links = {"organization": {"href": "https://acme.okta.com/"}}
        server.respond("GET", "/.well-known/okta-organization", Reply(body={"id": "00o1", "_links": links}))
        client = make_client(server)
        assert run(client, client.read_own_url()) == "https://acme.okta.com"
        assert server.received[0].headers["Authorization"] is None

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
    def test_other_responses_mean_no_organization(self, server, reply):
        server.respond("GET", "/.well-known/okta-organization", reply)
        client = make_client(server)
        assert run(client, client.read_own_url()) is None

    def test_no_response_is_not_reported_as_another_host(self, server):
        server.respond("GET", "/.well-known/okta-organization", Reply(drop=True))
        client = make_client(server)
        with pytest.raises(UnreachableError, match="cannot be reached: ServerDisconnectedError"):
            run(client, client.read_own_url())


def _proxied(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


class TestEnvironment:
    def test_configuration_files_of_the_sdk_are_ignored(self, server, monkeypatch, tmp_path):
        stray = "okta: {client: {orgUrl: 'http://127.0.0.1:1', token: stray, proxy: {host: 127.0.0.1, port: 1}}}\n"
        (tmp_path / "okta.yaml").write_text(stray)
        (tmp_path / ".okta").mkdir()
        (tmp_path / ".okta" / "okta.yaml").write_text(stray)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        server.respond("GET", APPS, Reply(body=[]))
        assert get(server) == []
        assert server.received[0].headers["Authorization"] == f"SSWS {TOKEN}"

    def test_the_sdk_s_variables_are_ignored(self, server, monkeypatch):
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
        server.respond("GET", APPS, Reply(503), Reply(body=[]))
        assert get(server) == []
        assert [request.headers["Authorization"] for request in server.received] == [f"SSWS {TOKEN}"] * 2

    def test_nothing_is_logged(self, server, caplog):
        server.respond("GET", APPS, Reply(drop=True), error(401, "E0000011"))
        with caplog.at_level(logging.DEBUG), pytest.raises(RemoteError):
            get(server)
        assert TOKEN not in caplog.text
        assert "okta-sdk-python" not in {record.name for record in caplog.records}

    def test_the_expensive_module_of_the_sdk_is_not_imported(self, server):
        server.respond("GET", APPS, Reply(body=[]))
        get(server)
        assert "okta.client" not in sys.modules

    def test_two_clients_in_one_process_do_not_mix(self, server):
        with running_stub_server() as other:
            server.respond("GET", APPS, Reply(body=[1]))
            other.respond("GET", APPS, Reply(body=[2]))
            one, second = make_client(server), make_client(other, ApiToken("other"))

            async def both():
                try:
                    return await asyncio.gather(one.get(APPS), second.get(APPS))
                finally:
                    await one.close()
                    await second.close()

            assert asyncio.run(both()) == [[1], [2]]
            assert other.received[0].headers["Authorization"] == "SSWS other"

    def test_closing_an_unused_client_does_nothing(self, server):
        asyncio.run(make_client(server).close())


class TestReplace:
    APP = f"{APPS}/0oa1"

    def replaced(self, server: StubServer, seen: str | None, **more: Any) -> Any:
        client = make_client(server)
        return run(
            client, client.replace(self.APP, seen, lambda existing: {**existing, "label": "new"}, **more)
        )

    def answering(self, server: StubServer) -> None:
        existing = {
            "id": "0oa1",
            "label": "old",
            "status": "ACTIVE",
            "created": "c",
            "lastUpdated": "u1",
            "features": ["GROUP_PUSH"],
            "settings": {
                "notes": {"admin": None, "enduser": "own"},
                "list": [],
                "flag": False,
                "count": 0,
                "text": "",
            },
            "profile": {},
            "_links": {"x": 1},
            "_embedded": {"y": 1},
        }
        server.respond("GET", self.APP, Reply(body=existing))
        server.respond("PUT", self.APP, lambda request: Reply(body=request.json))

    def test_unchanged_members_are_sent_back_without_nulls_and_read_only_members(self, server):
        self.answering(server)
        self.replaced(server, "u1")
        (put,) = server.requests("PUT")
        assert put.json == {
            "label": "new",
            "settings": {"notes": {"enduser": "own"}, "list": [], "flag": False, "count": 0, "text": ""},
            "profile": {},
        }

    def test_an_object_that_another_admin_changed_is_not_written(self, server):
        self.answering(server)
        with pytest.raises(RefusedError, match="changed by another admin") as raised:
            self.replaced(server, "u0")
        assert server.requests("PUT") == []
        assert raised.value.hint == "run the same command again"

    def test_without_a_time_it_is_written(self, server):
        self.answering(server)
        assert self.replaced(server, None)["label"] == "new"

    def test_a_writable_status_is_sent(self, server):
        self.answering(server)
        self.replaced(server, None, drop=("id",))
        assert server.requests("PUT")[0].json["status"] == "ACTIVE"


class TestGatherAll:
    def test_results_come_in_the_order_of_the_work(self):
        async def late(value, event, *, first=False):
            if first:
                event.set()
            else:
                await event.wait()
            return value

        async def both():
            event = asyncio.Event()
            return await gather_all(late(1, event), late(2, event, first=True))

        assert asyncio.run(both()) == [1, 2]

    def test_the_first_error_is_raised_when_all_have_ended(self):
        ended = []

        async def fails(error):
            raise error

        async def ends():
            await asyncio.sleep(0)
            ended.append(True)

        with pytest.raises(KeyError):
            asyncio.run(gather_all(fails(KeyError()), ends(), fails(ValueError())))
        assert ended == [True]
