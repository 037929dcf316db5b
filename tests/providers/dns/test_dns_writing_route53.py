"""Route 53, as moto simulates it: the changes made, and other records."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.core.errors import PermissionDeniedError, RefusedError, RemoteError, RemoteNotFoundError
from provisioner.core.retry import RetryPolicy
from provisioner.providers.dns.observations import NameServer, Zone
from provisioner.providers.dns.playbook import DnsSection
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.writing import record_writer, vendor

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

ZONE = "contoso.example"
VALUE = "kiro-site-verification=abc"
VPC = {"VPCRegion": "us-east-1", "VPCId": "vpc-0"}
NUMBERS = itertools.count()


class Route53:
    """The account, through AWS's own SDK."""

    def __init__(self) -> None:
        self.client = boto3.client("route53")

    def zone(self, name: str = ZONE, *, private: bool = False) -> str:
        options = {"VPC": VPC, "HostedZoneConfig": {"PrivateZone": True}} if private else {}
        response = self.client.create_hosted_zone(
            Name=f"{name}.", CallerReference=str(next(NUMBERS)), **options
        )
        return response["HostedZone"]["Id"].removeprefix("/hostedzone/")

    def seed(self, zone: str, name: str, *values: str, ttl: int = 600, **fields: Any) -> None:
        record_set = {
            "Name": name,
            "Type": "TXT",
            "TTL": ttl,
            "ResourceRecords": [{"Value": value} for value in values],
        }
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record_set | fields}]
        self.client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    def records(self, zone: str, kind: str = "TXT") -> dict[str, tuple[int, list[str]]]:
        record_sets = self.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return {
            item["Name"]: (item["TTL"], [record["Value"] for record in item["ResourceRecords"]])
            for item in record_sets
            if item["Type"] == kind
        }

    def public_zone(self, zone: str) -> Zone:
        names = self.client.get_hosted_zone(Id=zone)["DelegationSet"]["NameServers"]
        servers = tuple(NameServer(name=name) for name in names)
        return Zone(key=ZONE, name=ZONE, servers=servers, registered=True)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    server = moto_server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def aws(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Route53:
    """An empty account."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_ROUTE_53": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    import httpx

    httpx.post(f"{endpoint}/moto-api/reset")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it caches credentials
    monkeypatch.setattr(
        vendor, "RETRY_POLICY", RetryPolicy(budget=0.3, initial_delay=0.01, consistency_window=0.05)
    )
    return Route53()


def new_writer(zone: str = ZONE, **options: str):
    return record_writer(DnsSection(provider="route53", options=options), zone)


def record(label: str = "kiro-app-1", value: str = VALUE) -> DomainRecord:
    name = ZONE if label == "@" else f"{label}.{ZONE}"
    return DomainRecord(key=ZONE, label=label, name=name, value=value, ttl=60)


@pytest.mark.parametrize("label", ["kiro-app-1", "@"])
def test_the_first_value_of_a_name(aws, label):
    zone = aws.zone()
    writer = new_writer()
    asyncio.run(writer.check(aws.public_zone(zone), record(label)))
    assert aws.records(zone) == {}
    assert asyncio.run(writer.add(record(label))) is True
    assert asyncio.run(writer.add(record(label))) is False
    assert aws.records(zone) == {f"{record(label).name}.": (60, [f'"{VALUE}"'])}
    assert asyncio.run(writer.remove(record(label), VALUE)) is True
    assert asyncio.run(writer.remove(record(label), VALUE)) is False
    assert aws.records(zone) == {}
    assert writer.title == "Route 53, zone contoso.example"


def test_other_values_and_their_ttl_stay(aws):
    zone = aws.zone()
    others = ['"v=spf1 -all"', '"in two" " strings"', '"with \\"quotes\\""']
    aws.seed(zone, f"kiro-app-1.{ZONE}", *others, ttl=600)
    aws.seed(zone, f"kiro-app-2.{ZONE}", '"elsewhere"')
    before = aws.records(zone)
    assert asyncio.run(new_writer().values(record())) == ("in two strings", "v=spf1 -all", 'with "quotes"')
    asyncio.run(new_writer().add(record()))
    assert aws.records(zone) == before | {f"kiro-app-1.{ZONE}.": (600, [*others, f'"{VALUE}"'])}
    asyncio.run(new_writer().remove(record(), VALUE))
    assert aws.records(zone) == before


def test_a_value_is_removed_with_any_ttl_and_notation(aws):
    zone = aws.zone()
    aws.seed(zone, f"kiro-app-1.{ZONE}", '"kiro-site-" "verification=abc"', ttl=86400)
    assert asyncio.run(new_writer().add(record())) is False
    assert asyncio.run(new_writer().remove(record(), VALUE)) is True
    assert aws.records(zone) == {}


def test_a_long_value_is_sent_as_several_quoted_strings(aws):
    zone, long = aws.zone(), "kiro-site-verification=" + "x" * 300
    asyncio.run(new_writer().add(record(value=long)))
    assert aws.records(zone)[f"kiro-app-1.{ZONE}."] == (60, [f'"{long[:255]}" "{long[255:]}"'])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1), max_size=5, unique=True
    )
)
def test_any_other_values_survive(aws, others):
    """One zone and one writer for all examples."""
    zones = aws.client.list_hosted_zones()["HostedZones"]
    zone = zones[0]["Id"].removeprefix("/hostedzone/") if zones else aws.zone()
    writer = aws.__dict__.setdefault("writer", new_writer())
    desired = record(f"kiro-{next(NUMBERS)}")
    quoted = ['"{}"'.format(other.replace("\\", "\\\\").replace('"', '\\"')) for other in others]
    if quoted:
        aws.seed(zone, desired.name, *quoted)

    async def story() -> None:
        assert await writer.add(desired) is True
        assert await writer.values(desired) == tuple(sorted({*others, VALUE}))
        assert aws.records(zone)[f"{desired.name}."][1] == [*quoted, f'"{VALUE}"']
        assert await writer.remove(desired, VALUE) is True
        assert aws.records(zone).get(f"{desired.name}.", (0, []))[1] == quoted

    asyncio.run(story())


def test_of_a_public_and_a_private_zone_the_public_one_is_written(aws):
    private = aws.zone(private=True)
    public = aws.zone()
    asyncio.run(new_writer().check(aws.public_zone(public), record()))
    asyncio.run(new_writer().add(record()))
    assert (len(aws.records(public)), len(aws.records(private))) == (1, 0)


def test_a_private_zone_alone_is_named(aws):
    private = aws.zone(private=True)
    with pytest.raises(
        RemoteNotFoundError, match=rf"no public hosted zone.*zones of that name: {private} .private."
    ):
        asyncio.run(new_writer().add(record()))


def test_a_missing_zone_is_reported_with_the_existing_ones(aws):
    other = aws.zone("fabrikam.example")
    with pytest.raises(RemoteNotFoundError, match=rf"it has fabrikam\.example .{other}, public.") as caught:
        asyncio.run(new_writer().check(Zone(key=ZONE), record()))
    assert "dns.zone" in caught.value.hint


def test_an_account_without_zones(aws):
    with pytest.raises(RemoteNotFoundError, match="nor any other"):
        asyncio.run(new_writer().values(record()))


def test_the_zone_can_be_named_by_its_id(aws):
    zone, other = aws.zone(), aws.zone("fabrikam.example")
    asyncio.run(new_writer(zone_id=zone).add(record()))
    assert len(aws.records(zone)) == 1
    with pytest.raises(
        RemoteNotFoundError, match=rf"{other} is fabrikam\.example .public., not contoso\.example"
    ):
        asyncio.run(new_writer(zone_id=other).add(record()))
    with pytest.raises(RemoteError, match="NoSuchHostedZone") as caught:
        asyncio.run(new_writer(zone_id="Z000").add(record()))
    assert (caught.value.status, caught.value.code) == (404, "NoSuchHostedZone")


def test_a_zone_that_the_public_dns_does_not_use_is_refused(aws):
    aws.zone()
    servers = (NameServer(name="ns1.registrar.example"),)
    public_zone = Zone(key=ZONE, name=ZONE, servers=servers, registered=True)
    with pytest.raises(
        RefusedError,
        match=r"served by .*awsdns.*, but the public DNS delegates it to ns1\.registrar\.example",
    ):
        asyncio.run(new_writer().check(public_zone, record()))


def test_a_private_zone_in_the_settings_is_refused(aws):
    aws.zone(private=True)
    public_zone = Zone(
        key=ZONE, name=ZONE, servers=(NameServer(name="ns1.registrar.example"),), registered=True
    )
    with pytest.raises(RefusedError, match="it is private"):
        asyncio.run(new_writer(private_zone="true").check(public_zone, record()))


def test_records_under_a_routing_policy_are_not_changed(aws):
    zone = aws.zone()
    aws.seed(zone, f"kiro-app-1.{ZONE}", '"half"', SetIdentifier="one", Weight=1)
    before = aws.records(zone)
    with pytest.raises(RefusedError, match="routing policy"):
        asyncio.run(new_writer().add(record()))
    assert aws.records(zone) == before


def test_missing_credentials_are_reported(aws, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(RemoteError, match="Unable to locate credentials") as caught:
        asyncio.run(new_writer().values(record()))
    assert "credentials" in caught.value.hint


def inject_errors(monkeypatch, *errors: Any) -> list[str]:
    """Let the next changes fail with these errors; returns the list of attempted operations, which grows."""
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

    real, attempts, pending = BaseClient._make_api_call, [], list(errors)

    def call(self, operation, arguments):
        attempts.append(operation)
        if operation == "ChangeResourceRecordSets" and pending and (error := pending.pop(0)):
            code, status, after = error
            if after:
                real(self, operation, arguments)
            metadata = {"HTTPStatusCode": status, "RequestId": "r-1"}
            raise ClientError(
                {"Error": {"Code": code, "Message": f"about {code}"}, "ResponseMetadata": metadata}, operation
            )
        return real(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return attempts


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (("Throttling", 400, False), "the vendor asks to slow down"),
        (("PriorRequestNotComplete", 400, False), "the vendor asks to slow down"),
        (("InvalidChangeBatch", 400, False), "another admin changes the name"),
        (("ServiceUnavailable", 503, False), "503 ServiceUnavailable"),
        (("ServiceUnavailable", 503, True), "503 ServiceUnavailable"),
    ],
)
def test_a_transient_failure_is_retried_after_a_read(aws, monkeypatch, error, message):
    zone, messages = aws.zone(), []
    attempts = inject_errors(monkeypatch, error)
    writer = record_writer(DnsSection(provider="route53"), ZONE, on_wait=messages.append)
    assert asyncio.run(writer.add(record())) is True
    assert aws.records(zone) == {f"kiro-app-1.{ZONE}.": (60, [f'"{VALUE}"'])}
    assert attempts.count("ChangeResourceRecordSets") == (1 if error[2] else 2)
    assert message in messages[0]


def test_a_missing_permission_is_reported_with_the_request_id(aws, monkeypatch):
    aws.zone()
    inject_errors(monkeypatch, *[("AccessDenied", 403, False)] * 3)
    with pytest.raises(PermissionDeniedError, match="about AccessDenied") as caught:
        asyncio.run(new_writer().add(record()))
    assert (caught.value.code, caught.value.request_id) == ("AccessDenied", "r-1")


def test_retries_end(aws, monkeypatch):
    aws.zone()
    inject_errors(monkeypatch, *[("Throttling", 400, False)] * 1000)
    with pytest.raises(RemoteError, match=r"about Throttling .*; gave up after"):
        asyncio.run(new_writer().add(record()))


def test_vendor_packages_are_loaded_only_when_needed():
    import subprocess

    program = (
        "import sys\nfrom provisioner.providers.dns.writing import record_writer\nfrom provisioner.providers.dns.playbook import "
        "DnsSection\nrecord_writer(DnsSection(provider='rfc2136'), 'example.com')\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"lexicon", "requests", "boto3", "tldextract"} & set(done.stdout.split()) == set()
