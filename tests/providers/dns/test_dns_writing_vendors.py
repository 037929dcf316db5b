"""DNS vendors through dns-lexicon: the changes made, and the errors."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

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
from provisioner.providers.dns.notation import route53_strings, unquote
from provisioner.providers.dns.observations import NameServer, Zone
from provisioner.providers.dns.playbook import DnsSection
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.writing import record_writer
from provisioner.providers.dns.writing.vendor import VendorWriter
from provisioner.providers.dns.writing.vendors import vendor_zone
from tests.providers.dns.dns_vendors import ZONE, Azure, Cloudflare, Fault, simulate

NAME = f"kiro-app-1.{ZONE}"
VALUE = "kiro-site-verification=abc"
RECORD = DomainRecord(key=ZONE, label="kiro-app-1", name=NAME, value=VALUE, ttl=60)
PUBLIC_ZONE = Zone(key=ZONE, name=ZONE, servers=(NameServer(name=f"ns1.{ZONE}"),), registered=True)
TOKEN = "cf/t+ken"
AZURE = {"auth_client_id": "c", "auth_tenant_id": "t", "auth_client_secret": "s", "auth_subscription_id": "s"}


@pytest.fixture
def cloudflare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloudflare]:
    vendor = Cloudflare()
    with simulate(vendor, monkeypatch):
        yield vendor


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    vendor = Azure()
    with simulate(vendor, monkeypatch):
        yield vendor


def new_writer(
    messages: list[str] | None = None, section: DnsSection | None = None, timeout: float = 60
) -> VendorWriter:
    section = section or DnsSection(provider="cloudflare", credentials={"auth_token": TOKEN})
    return VendorWriter(
        vendor_zone(section, ZONE),
        on_wait=[].append if messages is None else messages.append,
        retry_policy=RetryPolicy(budget=0.5, initial_delay=0.01, consistency_window=0.05),
        timeout=timeout,
    )


def azure_writer() -> VendorWriter:
    return new_writer(
        section=DnsSection(provider="azure", credentials=AZURE, options={"resource_group": "g"})
    )


@pytest.mark.parametrize("filters", [True, False])
def test_a_value_is_added_once_and_removed_alone(cloudflare, filters):
    cloudflare.filters = filters
    cloudflare.seed(NAME, '"v=spf1 -all"', '"in two" " strings"', "plain")
    cloudflare.seed(ZONE, '"elsewhere"')
    before = list(cloudflare.records)

    async def story() -> None:
        writer = new_writer()
        await writer.check(PUBLIC_ZONE, RECORD)
        assert await writer.add(RECORD) is True
        assert await writer.add(RECORD) is False
        assert cloudflare.records[-1] | {"id": ""} == {
            "id": "",
            "type": "TXT",
            "name": NAME,
            "content": VALUE,
            "ttl": 600,
        }
        assert await writer.values(RECORD) == ("in two strings", VALUE, "plain", "v=spf1 -all")
        assert await writer.remove(RECORD, VALUE) is True
        assert await writer.remove(RECORD, VALUE) is False

    asyncio.run(story())
    assert cloudflare.records == before
    assert len(cloudflare.writes) == 2


def test_the_first_value_of_a_name_has_the_ttl_of_the_playbook(cloudflare):
    assert asyncio.run(new_writer().add(RECORD)) is True
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
    cloudflare.seed(NAME, *(route53_strings(other) if quotes else other for other in others))
    before = cloudflare.at(NAME)
    assert asyncio.run(new_writer().add(RECORD)) is True
    assert sorted(cloudflare.at(NAME)) == sorted([*before, VALUE])
    assert asyncio.run(new_writer().remove(RECORD, VALUE)) is True
    assert cloudflare.at(NAME) == before


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("status", "error", "hint"),
    [
        (400, RemoteError, "documentation"),
        (401, RemoteError, "credentials"),
        (403, PermissionDeniedError, "grant"),
    ],
)
def test_a_refused_request(cloudflare, method, status, error, hint):
    body = {"errors": [{"code": 10000, "message": f"Authentication error with {TOKEN} or cf%2Ft%2Bken"}]}
    cloudflare.faults = [Fault(method, status, body, {"CF-Ray": "ray-1"})]
    with pytest.raises(error, match=r"Cloudflare, zone contoso\.example: .*Authentication error") as caught:
        asyncio.run(new_writer().add(RECORD))
    assert hint in caught.value.hint
    assert (caught.value.status, caught.value.request_id) == (status, "ray-1")
    assert TOKEN not in str(caught.value)
    assert "cf%2Ft" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert cloudflare.records == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_retry_after_is_obeyed(cloudflare, method):
    messages: list[str] = []
    cloudflare.faults = [Fault(method, 429, "slow", {"Retry-After": "0"})] * 3
    assert asyncio.run(new_writer(messages).add(RECORD)) is True
    assert cloudflare.at(NAME) == [VALUE]
    assert messages == ["Cloudflare, zone contoso.example: the vendor asks to slow down: waiting 0 s"] * 3


def test_a_retry_after_beyond_the_budget_fails(cloudflare):
    cloudflare.faults = [Fault("POST", 429, "slow", {"Retry-After": "3600"})]
    with pytest.raises(RemoteError, match=r"slow \(429\); gave up"):
        asyncio.run(new_writer().add(RECORD))


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 502}, {"hang": True}])
@pytest.mark.parametrize("work", ["add", "remove"])
def test_a_write_without_response_is_repeated_only_after_a_read(cloudflare, work, fault, after):
    other = '"theirs"'
    cloudflare.seed(NAME, other, *([VALUE] if work == "remove" else []))
    cloudflare.faults = [Fault("POST" if work == "add" else "DELETE", after=after, **fault)]
    writer = new_writer(timeout=2 if "hang" in fault else 60)
    assert asyncio.run(writer.add(RECORD) if work == "add" else writer.remove(RECORD, VALUE)) is True
    assert cloudflare.at(NAME) == ([other, VALUE] if work == "add" else [other])
    assert len(cloudflare.writes) == (1 if after else 2)


@pytest.mark.parametrize("fault", [{"status": 500}, {"hang": True}])
def test_retries_end_and_other_values_stay(cloudflare, fault):
    cloudflare.seed(NAME, '"theirs"')
    cloudflare.faults = [Fault("POST", **fault) for _ in range(200)]
    error = UnreachableError if "hang" in fault else RemoteError
    with pytest.raises(error, match="gave up after"):
        asyncio.run(new_writer(timeout=0.5 if "hang" in fault else 60).add(RECORD))
    assert cloudflare.at(NAME) == ['"theirs"']


def test_a_missing_zone(cloudflare):
    cloudflare.zones = ["fabrikam.example"]
    with pytest.raises(RemoteError, match="No domain found") as caught:
        asyncio.run(new_writer().check(PUBLIC_ZONE, RECORD))
    assert "the zone's name" in caught.value.hint


def test_a_zone_that_the_public_dns_does_not_use_is_refused(cloudflare):
    cloudflare.seed(ZONE, "ns.cloudflare.example", kind="NS")
    with pytest.raises(
        RefusedError, match=r"served by ns\.cloudflare\.example, but the public DNS delegates it to ns1"
    ):
        asyncio.run(new_writer().check(PUBLIC_ZONE, RECORD))


def test_a_vendor_without_ns_records_passes_the_check(cloudflare, monkeypatch):
    provider = provider_of("cloudflare")
    real = provider.list_records

    def list_records(self, rdtype, *rest):
        if rdtype == "NS":
            raise KeyError(rdtype)
        return real(self, rdtype, *rest)

    monkeypatch.setattr(provider, "list_records", list_records)
    asyncio.run(new_writer().check(PUBLIC_ZONE, RECORD))
    cloudflare.faults = [Fault("GET", 400)]
    with pytest.raises(RemoteError):
        asyncio.run(new_writer().check(PUBLIC_ZONE, RECORD))


def test_a_lost_value_is_reported(cloudflare):
    cloudflare.forgets = True
    cloudflare.seed(NAME, '"theirs"')
    with pytest.raises(RemoteError, match=rf'other values were lost: "theirs"; TXT values now: {VALUE}'):
        asyncio.run(new_writer().add(RECORD))


def test_an_invisible_change_is_reported(cloudflare, monkeypatch):
    monkeypatch.setattr(Cloudflare, "seed", lambda *_, **__: None)
    with pytest.raises(RemoteError, match="the change is not visible; TXT values now: none"):
        asyncio.run(new_writer().add(RECORD))


def test_a_failure_in_the_log_is_reported(cloudflare, monkeypatch, capfd):
    provider = provider_of("cloudflare")

    def create(self, *_):
        logging.getLogger("lexicon._private.providers.cloudflare").error("the vendor reports %s", TOKEN)
        return False

    monkeypatch.setattr(provider, "create_record", create)
    with pytest.raises(RemoteError, match=r"the vendor reports .secret.") as caught:
        asyncio.run(new_writer().add(RECORD))
    assert TOKEN not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_an_error_of_the_library_names_missing_settings(monkeypatch):
    monkeypatch.setattr("requests.Session.request", None)
    section = DnsSection(provider="azure", credentials={"auth_client_id": "c"})
    with pytest.raises(RemoteError, match="AssertionError") as caught:
        asyncio.run(new_writer(section=section).add(RECORD))
    assert "not set: auth_client_secret, auth_tenant_id" in caught.value.hint


def test_environment_variables_are_credentials(cloudflare, monkeypatch):
    monkeypatch.setenv("LEXICON_CLOUDFLARE_AUTH_TOKEN", TOKEN)
    cloudflare.faults = [Fault("GET", 400, f"bad {TOKEN}")]
    with pytest.raises(RemoteError, match=r"bad .secret."):
        asyncio.run(new_writer(section=DnsSection(provider="cloudflare")).add(RECORD))


def test_a_vendor_that_repeats_the_request_shows_no_secret(cloudflare):
    secret = "canary/4f0d2c9a+7b6e"
    forms = (
        secret,
        quote(secret, safe=""),
        json.dumps(f"Bearer {secret}"),
        base64.b64encode(f"u:{secret}".encode()).decode(),
    )
    cloudflare.faults = [Fault("GET", 400, " ".join(forms) * 500)]
    section = DnsSection(provider="cloudflare", credentials={"auth_token": secret})
    with pytest.raises(
        RemoteError, match=r".secret. .secret. .*\(cut: 2,000 of [\d,]+ characters\)"
    ) as caught:
        asyncio.run(new_writer(section=section).add(RECORD))
    for form in ("canary", base64.b64encode(f"u:{secret}".encode()).decode()[4:16]):
        assert form not in f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.request_id}"


@pytest.mark.parametrize(("name", "path"), [(NAME, "TXT/kiro-app-1"), (ZONE, "TXT/@")])
def test_azure_keeps_values_of_several_strings(azure, name, path):
    others = [{"value": ["in two", " strings"]}, {"value": ["v=spf1 -all"]}]
    azure.sets[path] = {"TTL": 600, "TXTRecords": others, "metadata": {"owner": "mail"}}
    before = json.loads(json.dumps(azure.sets))
    record = RECORD.model_copy(update={"name": name})
    assert asyncio.run(azure_writer().add(record)) is True
    assert azure.sets[path] == before[path] | {"TXTRecords": [*others, {"value": [VALUE]}]}
    assert asyncio.run(azure_writer().values(record)) == ("in two strings", VALUE, "v=spf1 -all")
    assert asyncio.run(azure_writer().remove(record, VALUE)) is True
    assert azure.sets == before


def test_azure_creates_and_deletes_a_record_set(azure):
    azure.sets["NS/@"] = {"TTL": 1, "NSRecords": [{"nsdname": f"ns1.{ZONE}."}]}
    asyncio.run(azure_writer().check(PUBLIC_ZONE, RECORD))
    long = RECORD.model_copy(update={"value": "x" * 300})
    assert asyncio.run(azure_writer().add(long)) is True
    assert azure.sets["TXT/kiro-app-1"] == {"TTL": 60, "TXTRecords": [{"value": ["x" * 255, "x" * 45]}]}
    assert asyncio.run(azure_writer().remove(long, "x" * 300)) is True
    assert list(azure.sets) == ["NS/@"]


def test_a_vendor_that_stores_one_value_keeps_it(monkeypatch):
    provider = provider_of("duckdns")
    monkeypatch.setattr(provider, "authenticate", lambda self: None)
    records = [{"type": "TXT", "name": NAME, "content": "theirs", "ttl": 60, "id": "TXT"}]
    monkeypatch.setattr(provider, "list_records", lambda *_: records)
    with pytest.raises(RefusedError, match="'theirs', and this vendor stores only one"):
        asyncio.run(
            new_writer(section=DnsSection(provider="duckdns", credentials={"auth_token": "t"})).add(RECORD)
        )


def test_a_value_that_cannot_be_removed_alone_stays(monkeypatch):
    provider = provider_of("gandi")
    monkeypatch.setattr(provider, "authenticate", lambda self: None)
    records = [
        {"type": "TXT", "name": NAME, "content": text, "ttl": 60, "id": "kiro"} for text in (VALUE, "theirs")
    ]
    monkeypatch.setattr(provider, "list_records", lambda *_: records)
    with pytest.raises(RefusedError, match="no way to remove only"):
        asyncio.run(
            new_writer(section=DnsSection(provider="gandi", credentials={"auth_token": "t"})).remove(
                RECORD, VALUE
            )
        )


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        ({"provider": "cloudfare"}, "there is no DNS provider 'cloudfare'", "did you mean 'cloudflare'?"),
        ({"provider": "rfc2137"}, "there is no DNS provider", "did you mean 'rfc2136'?"),
        ({"provider": "auto"}, "there is no DNS provider 'auto'", ""),
        ({"provider": "oci"}, "needs the library oci, which is not installed", " -m pip install oci"),
        ({"provider": "gransy"}, "needs the library zeep", " -m pip install zeep"),
        ({"provider": "qcloud"}, "needs the library tencentcloud-sdk-python", "pip install tencentcloud"),
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
def test_an_invalid_section_fails_before_the_first_request(keys: dict[str, Any], message, hint):
    with pytest.raises(UsageError) as caught:
        record_writer(DnsSection(**keys), ZONE)
    assert message in caught.value.message
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
    assert unquote(content) == value


@given(value=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_unquote_reverses_quotes(value):
    assert unquote(route53_strings(value)) == value


def provider_of(vendor: str) -> Any:
    """dns-lexicon's class."""
    import importlib

    return importlib.import_module(f"lexicon._private.providers.{vendor}").Provider
