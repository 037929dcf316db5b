"""DNS vendors by way of dns-lexicon: what is written, what is not, and what is said when it goes wrong."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.core.errors import (
    PermissionDeniedError,
    RefusedError,
    RemoteError,
    UnreachableError,
    UsageError,
)
from provisioner.core.retry import RetryPolicy
from provisioner.providers.dns.observations import NameServer, Zone
from provisioner.providers.dns.playbook import DnsSection
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.writing import writer
from provisioner.providers.dns.writing.notation import joined, quoted
from provisioner.providers.dns.writing.vendor import VendorWriter
from provisioner.providers.dns.writing.vendors import opener
from tests.providers.dns.dns_vendors import ZONE, Azure, Cloudflare, Fault, standing_in

NAME = f"kiro-app-1.{ZONE}"
VALUE = "kiro-site-verification=abc"
RECORD = DomainRecord(key=ZONE, label="kiro-app-1", name=NAME, value=VALUE, ttl=60)
WORLD = Zone(key=ZONE, zone=ZONE, servers=(NameServer(name=f"ns1.{ZONE}"),), registered=True)
TOKEN = "cf/t+ken"
AZURE = {"auth_client_id": "c", "auth_tenant_id": "t", "auth_client_secret": "s", "auth_subscription_id": "s"}


@pytest.fixture
def cloudflare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloudflare]:
    vendor = Cloudflare()
    with standing_in(vendor, monkeypatch):
        yield vendor


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    vendor = Azure()
    with standing_in(vendor, monkeypatch):
        yield vendor


def made(told: list[str] | None = None, keys: DnsSection | None = None, seconds: float = 10) -> VendorWriter:
    keys = keys or DnsSection(provider="cloudflare", credentials={"auth_token": TOKEN})
    quick = RetryPolicy(budget=0.5, initial_delay=0.01, consistency_window=0.05)
    return VendorWriter(
        opener(keys, ZONE),
        tell=[].append if told is None else told.append,
        retry_policy=quick,
        seconds=seconds,
    )


def on_azure() -> VendorWriter:
    return made(keys=DnsSection(provider="azure", credentials=AZURE, options={"resource_group": "g"}))


@pytest.mark.parametrize("filters", [True, False])
def test_a_value_is_made_once_and_removed_alone(cloudflare, filters):
    cloudflare.filters = filters
    cloudflare.seed(NAME, '"v=spf1 -all"', '"in two" " strings"', "plain")
    cloudflare.seed(ZONE, '"elsewhere"')
    before = list(cloudflare.records)

    async def story() -> None:
        mine = made()
        await mine.check(WORLD, RECORD)
        assert await mine.add(RECORD) is True
        assert await mine.add(RECORD) is False
        assert cloudflare.records[-1] | {"id": ""} == {
            "id": "",
            "type": "TXT",
            "name": NAME,
            "content": VALUE,
            "ttl": 600,
        }
        assert await mine.values(RECORD) == ("in two strings", VALUE, "plain", "v=spf1 -all")
        assert await mine.remove(RECORD, VALUE) is True
        assert await mine.remove(RECORD, VALUE) is False

    asyncio.run(story())
    assert cloudflare.records == before
    assert len(cloudflare.writes) == 2


def test_the_first_value_of_a_name_has_the_time_to_live_that_is_wanted(cloudflare):
    assert asyncio.run(made().add(RECORD)) is True
    assert cloudflare.records[0]["ttl"] == 60


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40).filter(
            lambda text: text.strip() == text and '"' not in text
        ),
        max_size=4,
        unique=True,
    ),
    quotes=st.booleans(),
)
def test_any_other_values_survive(cloudflare, others, quotes):
    cloudflare.records.clear()
    cloudflare.seed(NAME, *(quoted(other) if quotes else other for other in others))
    before = cloudflare.at(NAME)
    assert asyncio.run(made().add(RECORD)) is True
    assert sorted(cloudflare.at(NAME)) == sorted([*before, VALUE])
    assert asyncio.run(made().remove(RECORD, VALUE)) is True
    assert cloudflare.at(NAME) == before


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, RemoteError, "documentation"),
        (401, RemoteError, "credentials"),
        (403, PermissionDeniedError, "grant"),
    ],
)
def test_what_the_vendor_refuses(cloudflare, method, status, kind, hint):
    body = {"errors": [{"code": 10000, "message": f"Authentication error with {TOKEN} or cf%2Ft%2Bken"}]}
    cloudflare.faults = [Fault(method, status, body, {"CF-Ray": "ray-1"})]
    with pytest.raises(kind, match=r"Cloudflare, zone contoso\.example: .*Authentication error") as caught:
        asyncio.run(made().add(RECORD))
    assert hint in caught.value.hint
    assert (caught.value.status, caught.value.request_id) == (status, "ray-1")
    assert TOKEN not in str(caught.value)
    assert "cf%2Ft" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert cloudflare.records == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_vendor_says_when_to_ask_again(cloudflare, method):
    told: list[str] = []
    cloudflare.faults = [Fault(method, 429, "slow", {"Retry-After": "0"})] * 3
    assert asyncio.run(made(told).add(RECORD)) is True
    assert cloudflare.at(NAME) == [VALUE]
    assert told == ["Cloudflare, zone contoso.example: it asks to slow down: waiting 0 s"] * 3


def test_a_wait_that_is_too_long_is_not_waited_for(cloudflare):
    cloudflare.faults = [Fault("POST", 429, "slow", {"Retry-After": "3600"})]
    with pytest.raises(RemoteError, match=r"slow \(429\); gave up"):
        asyncio.run(made().add(RECORD))


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 502}, {"hang": True}])
@pytest.mark.parametrize("work", ["add", "remove"])
def test_a_write_whose_answer_is_lost_is_not_repeated_before_a_look(cloudflare, work, fault, after):
    theirs = '"theirs"'
    cloudflare.seed(NAME, theirs, *([VALUE] if work == "remove" else []))
    cloudflare.faults = [Fault("POST" if work == "add" else "DELETE", after=after, **fault)]
    mine = made(seconds=0.4 if "hang" in fault else 10)
    assert asyncio.run(mine.add(RECORD) if work == "add" else mine.remove(RECORD, VALUE)) is True
    assert cloudflare.at(NAME) == ([theirs, VALUE] if work == "add" else [theirs])
    assert len(cloudflare.writes) == (1 if after else 2)


@pytest.mark.parametrize("fault", [{"status": 500}, {"hang": True}])
def test_waiting_ends_and_nothing_is_half_written(cloudflare, fault):
    cloudflare.seed(NAME, '"theirs"')
    cloudflare.faults = [Fault("POST", **fault) for _ in range(200)]
    kind = UnreachableError if "hang" in fault else RemoteError
    with pytest.raises(kind, match="gave up after"):
        asyncio.run(made(seconds=0.2 if "hang" in fault else 10).add(RECORD))
    assert cloudflare.at(NAME) == ['"theirs"']


def test_a_zone_that_is_not_there(cloudflare):
    cloudflare.zones = ["fabrikam.example"]
    with pytest.raises(RemoteError, match="No domain found") as caught:
        asyncio.run(made().check(WORLD, RECORD))
    assert "the zone's name" in caught.value.hint


def test_a_zone_that_the_world_does_not_ask_is_refused(cloudflare):
    cloudflare.seed(ZONE, "ns.cloudflare.example", kind="NS")
    with pytest.raises(RefusedError, match=r"served by ns\.cloudflare\.example, but the public DNS asks ns1"):
        asyncio.run(made().check(WORLD, RECORD))


def test_a_vendor_that_knows_no_name_servers_is_not_asked_for_them(cloudflare, monkeypatch):
    provider = provider_of("cloudflare")
    real = provider.list_records

    def listed(self, kind, *rest):
        if kind == "NS":
            raise KeyError(kind)
        return real(self, kind, *rest)

    monkeypatch.setattr(provider, "list_records", listed)
    asyncio.run(made().check(WORLD, RECORD))
    cloudflare.faults = [Fault("GET", 400)]
    with pytest.raises(RemoteError):
        asyncio.run(made().check(WORLD, RECORD))


def test_a_value_that_the_vendor_loses_is_told(cloudflare):
    cloudflare.forgets = True
    cloudflare.seed(NAME, '"theirs"')
    with pytest.raises(RemoteError, match=rf'these values are gone: "theirs"; there is now {VALUE}'):
        asyncio.run(made().add(RECORD))


def test_a_change_that_is_not_to_be_seen_is_told(cloudflare, monkeypatch):
    monkeypatch.setattr(Cloudflare, "seed", lambda *_, **__: None)
    with pytest.raises(RemoteError, match="the change is not to be seen; there is now no TXT record"):
        asyncio.run(made().add(RECORD))


def test_a_failure_that_only_the_log_tells_is_told(cloudflare, monkeypatch, capfd):
    provider = provider_of("cloudflare")

    def create(self, *_):
        logging.getLogger("lexicon._private.providers.cloudflare").error("the vendor said %s", TOKEN)
        return False

    monkeypatch.setattr(provider, "create_record", create)
    with pytest.raises(RemoteError, match=r"the vendor said .secret.") as caught:
        asyncio.run(made().add(RECORD))
    assert TOKEN not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_fault_of_the_library_becomes_an_error_that_names_what_is_not_set(monkeypatch):
    monkeypatch.setattr("requests.Session.request", None)
    keys = DnsSection(provider="azure", credentials={"auth_client_id": "c"})
    with pytest.raises(RemoteError, match="AssertionError") as caught:
        asyncio.run(made(keys=keys).add(RECORD))
    assert "not set: auth_client_secret, auth_tenant_id" in caught.value.hint


def test_variables_of_the_environment_are_credentials_too(cloudflare, monkeypatch):
    monkeypatch.setenv("LEXICON_CLOUDFLARE_AUTH_TOKEN", TOKEN)
    cloudflare.faults = [Fault("GET", 400, f"bad {TOKEN}")]
    with pytest.raises(RemoteError, match=r"bad .secret."):
        asyncio.run(made(keys=DnsSection(provider="cloudflare")).add(RECORD))


@pytest.mark.parametrize(("name", "path"), [(NAME, "TXT/kiro-app-1"), (ZONE, "TXT/@")])
def test_azure_keeps_values_of_several_strings(azure, name, path):
    theirs = [{"value": ["in two", " strings"]}, {"value": ["v=spf1 -all"]}]
    azure.sets[path] = {"TTL": 600, "TXTRecords": theirs, "metadata": {"owner": "mail"}}
    before = json.loads(json.dumps(azure.sets))
    record = RECORD.model_copy(update={"name": name})
    assert asyncio.run(on_azure().add(record)) is True
    assert azure.sets[path] == before[path] | {"TXTRecords": [*theirs, {"value": [VALUE]}]}
    assert asyncio.run(on_azure().values(record)) == ("in two strings", VALUE, "v=spf1 -all")
    assert asyncio.run(on_azure().remove(record, VALUE)) is True
    assert azure.sets == before


def test_azure_makes_and_removes_the_set_of_a_value(azure):
    azure.sets["NS/@"] = {"TTL": 1, "NSRecords": [{"nsdname": f"ns1.{ZONE}."}]}
    asyncio.run(on_azure().check(WORLD, RECORD))
    long = RECORD.model_copy(update={"value": "x" * 300})
    assert asyncio.run(on_azure().add(long)) is True
    assert azure.sets["TXT/kiro-app-1"] == {"TTL": 60, "TXTRecords": [{"value": ["x" * 255, "x" * 45]}]}
    assert asyncio.run(on_azure().remove(long, "x" * 300)) is True
    assert list(azure.sets) == ["NS/@"]


def test_a_vendor_with_one_value_for_a_name_is_not_asked_to_lose_it(monkeypatch):
    provider = provider_of("duckdns")
    monkeypatch.setattr(provider, "authenticate", lambda self: None)
    found = [{"type": "TXT", "name": NAME, "content": "theirs", "ttl": 60, "id": "TXT"}]
    monkeypatch.setattr(provider, "list_records", lambda *_: found)
    with pytest.raises(RefusedError, match="'theirs', and this vendor keeps only one"):
        asyncio.run(made(keys=DnsSection(provider="duckdns", credentials={"auth_token": "t"})).add(RECORD))


def test_a_value_that_cannot_be_removed_alone_is_left(monkeypatch):
    provider = provider_of("gandi")
    monkeypatch.setattr(provider, "authenticate", lambda self: None)
    found = [
        {"type": "TXT", "name": NAME, "content": text, "ttl": 60, "id": "kiro"} for text in (VALUE, "theirs")
    ]
    monkeypatch.setattr(provider, "list_records", lambda *_: found)
    with pytest.raises(RefusedError, match="no way to remove only"):
        asyncio.run(
            made(keys=DnsSection(provider="gandi", credentials={"auth_token": "t"})).remove(RECORD, VALUE)
        )


@pytest.mark.parametrize(
    ("keys", "said", "hint"),
    [
        ({"provider": "cloudfare"}, "no DNS provider is called 'cloudfare'", "did you mean 'cloudflare'?"),
        ({"provider": "rfc2137"}, "no DNS provider is called", "did you mean 'rfc2136'?"),
        ({"provider": "auto"}, "no DNS provider is called 'auto'", ""),
        ({"provider": "oci"}, "needs a package", "pip install 'provisioner[oci]'"),
        (
            {"provider": "cloudflare", "credentials": {"auth_tokn": "x"}},
            "cloudflare has no setting 'auth_tokn'",
            "did you mean 'auth_token'?",
        ),
        (
            {"provider": "route53", "options": {"hosted": "x"}},
            "route53 has no setting 'hosted'",
            "expected one of: auth_access_key",
        ),
    ],
)
def test_a_mistake_is_told_before_anybody_is_asked(keys: dict[str, Any], said, hint):
    with pytest.raises(UsageError) as caught:
        writer(DnsSection(**keys), ZONE)
    assert said in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("plain", "plain"),
        ('"quoted"', "quoted"),
        ('"a" "b"', "ab"),
        ('a" "b', "ab"),
        ('"a \\"b\\" \\\\"', 'a "b" \\'),
        ('say "hello" there', 'say "hello" there'),
        ("", ""),
    ],
)
def test_notations_of_vendors(content, value):
    assert joined(content) == value


@given(value=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_what_is_quoted_is_read_again(value):
    assert joined(quoted(value)) == value


def provider_of(vendor: str) -> Any:
    """dns-lexicon's class."""
    import importlib

    return importlib.import_module(f"lexicon._private.providers.{vendor}").Provider
