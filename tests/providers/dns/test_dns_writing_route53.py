"""Route 53, as moto serves it: what arrives there, and what becomes of the records that are there already."""

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
from provisioner.providers.dns.writing import vendor, writer

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")

ZONE = "contoso.example"
VALUE = "kiro-site-verification=abc"
VPC = {"VPCRegion": "us-east-1", "VPCId": "vpc-0"}
NUMBERS = itertools.count()


class Route53:
    """The account, seen with AWS's own SDK."""

    def __init__(self) -> None:
        self.client = boto3.client("route53")

    def zone(self, name: str = ZONE, *, private: bool = False) -> str:
        options = {"VPC": VPC, "HostedZoneConfig": {"PrivateZone": True}} if private else {}
        made = self.client.create_hosted_zone(Name=f"{name}.", CallerReference=str(next(NUMBERS)), **options)
        return made["HostedZone"]["Id"].removeprefix("/hostedzone/")

    def seed(self, zone: str, name: str, *values: str, ttl: int = 600, **more: Any) -> None:
        found = {
            "Name": name,
            "Type": "TXT",
            "TTL": ttl,
            "ResourceRecords": [{"Value": value} for value in values],
        }
        changes = [{"Action": "UPSERT", "ResourceRecordSet": found | more}]
        self.client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    def records(self, zone: str, kind: str = "TXT") -> dict[str, tuple[int, list[str]]]:
        found = self.client.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return {
            one["Name"]: (one["TTL"], [record["Value"] for record in one["ResourceRecords"]])
            for one in found
            if one["Type"] == kind
        }

    def world(self, zone: str) -> Zone:
        names = self.client.get_hosted_zone(Id=zone)["DelegationSet"]["NameServers"]
        servers = tuple(NameServer(name=name) for name in names)
        return Zone(key=ZONE, zone=ZONE, servers=servers, registered=True)


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
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials it once found
    monkeypatch.setattr(
        vendor, "PATIENCE", RetryPolicy(budget=0.3, initial_delay=0.01, consistency_window=0.05)
    )
    return Route53()


def made(zone: str = ZONE, **options: str):
    return writer(DnsSection(provider="route53", options=options), zone)


def record(label: str = "kiro-app-1", value: str = VALUE) -> DomainRecord:
    name = ZONE if label == "@" else f"{label}.{ZONE}"
    return DomainRecord(key=ZONE, label=label, name=name, value=value, ttl=60)


@pytest.mark.parametrize("label", ["kiro-app-1", "@"])
def test_the_first_value_of_a_name(aws, label):
    zone = aws.zone()
    mine = made()
    asyncio.run(mine.check(aws.world(zone), record(label)))
    assert aws.records(zone) == {}
    assert asyncio.run(mine.add(record(label))) is True
    assert asyncio.run(mine.add(record(label))) is False
    assert aws.records(zone) == {f"{record(label).name}.": (60, [f'"{VALUE}"'])}
    assert asyncio.run(mine.remove(record(label), VALUE)) is True
    assert asyncio.run(mine.remove(record(label), VALUE)) is False
    assert aws.records(zone) == {}
    assert mine.where == "Route 53, zone contoso.example"


def test_other_values_and_their_time_to_live_stay(aws):
    zone = aws.zone()
    theirs = ['"v=spf1 -all"', '"in two" " strings"', '"with \\"quotes\\""']
    aws.seed(zone, f"kiro-app-1.{ZONE}", *theirs, ttl=600)
    aws.seed(zone, f"kiro-app-2.{ZONE}", '"elsewhere"')
    before = aws.records(zone)
    assert asyncio.run(made().values(record())) == ("in two strings", "v=spf1 -all", 'with "quotes"')
    asyncio.run(made().add(record()))
    assert aws.records(zone) == before | {f"kiro-app-1.{ZONE}.": (600, [*theirs, f'"{VALUE}"'])}
    asyncio.run(made().remove(record(), VALUE))
    assert aws.records(zone) == before


def test_a_value_is_removed_whatever_its_time_to_live_and_notation(aws):
    zone = aws.zone()
    aws.seed(zone, f"kiro-app-1.{ZONE}", '"kiro-site-" "verification=abc"', ttl=86400)
    assert asyncio.run(made().add(record())) is False
    assert asyncio.run(made().remove(record(), VALUE)) is True
    assert aws.records(zone) == {}


def test_a_long_value_is_sent_as_several_quoted_strings(aws):
    zone, long = aws.zone(), "kiro-site-verification=" + "x" * 300
    asyncio.run(made().add(record(value=long)))
    assert aws.records(zone)[f"kiro-app-1.{ZONE}."] == (60, [f'"{long[:255]}" "{long[255:]}"'])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1), max_size=5, unique=True
    )
)
def test_any_other_values_survive(aws, others):
    """One zone and one writer for all examples; the fixture is that of the test."""
    zones = aws.client.list_hosted_zones()["HostedZones"]
    zone = zones[0]["Id"].removeprefix("/hostedzone/") if zones else aws.zone()
    ours = aws.__dict__.setdefault("writer", made())
    mine = record(f"kiro-{next(NUMBERS)}")
    theirs = ['"{}"'.format(other.replace("\\", "\\\\").replace('"', '\\"')) for other in others]
    if theirs:
        aws.seed(zone, mine.name, *theirs)

    async def story() -> None:
        assert await ours.add(mine) is True
        assert await ours.values(mine) == tuple(sorted({*others, VALUE}))
        assert aws.records(zone)[f"{mine.name}."][1] == [*theirs, f'"{VALUE}"']
        assert await ours.remove(mine, VALUE) is True
        assert aws.records(zone).get(f"{mine.name}.", (0, []))[1] == theirs

    asyncio.run(story())


def test_of_a_public_and_a_private_zone_the_public_one_is_written(aws):
    private = aws.zone(private=True)
    public = aws.zone()
    asyncio.run(made().check(aws.world(public), record()))
    asyncio.run(made().add(record()))
    assert (len(aws.records(public)), len(aws.records(private))) == (1, 0)


def test_a_private_zone_alone_is_named(aws):
    private = aws.zone(private=True)
    with pytest.raises(RemoteNotFoundError, match=rf"no public hosted zone.*there is {private} .private."):
        asyncio.run(made().add(record()))


def test_a_zone_that_is_not_there_is_told_with_those_that_are(aws):
    other = aws.zone("fabrikam.example")
    with pytest.raises(RemoteNotFoundError, match=rf"it has fabrikam\.example .{other}, public.") as caught:
        asyncio.run(made().check(Zone(key=ZONE), record()))
    assert "dns.zone" in caught.value.hint


def test_an_account_without_zones(aws):
    with pytest.raises(RemoteNotFoundError, match="nor any other"):
        asyncio.run(made().values(record()))


def test_the_zone_can_be_named_by_its_id(aws):
    zone, other = aws.zone(), aws.zone("fabrikam.example")
    asyncio.run(made(zone_id=zone).add(record()))
    assert len(aws.records(zone)) == 1
    with pytest.raises(
        RemoteNotFoundError, match=rf"{other} is fabrikam\.example .public., not contoso\.example"
    ):
        asyncio.run(made(zone_id=other).add(record()))
    with pytest.raises(RemoteError, match="NoSuchHostedZone") as caught:
        asyncio.run(made(zone_id="Z000").add(record()))
    assert (caught.value.status, caught.value.code) == (404, "NoSuchHostedZone")


def test_a_zone_that_the_world_does_not_ask_is_refused(aws):
    aws.zone()
    servers = (NameServer(name="ns1.registrar.example"),)
    world = Zone(key=ZONE, zone=ZONE, servers=servers, registered=True)
    with pytest.raises(
        RefusedError, match=r"served by .*awsdns.*, but the public DNS asks ns1\.registrar\.example"
    ):
        asyncio.run(made().check(world, record()))


def test_a_private_zone_that_the_settings_ask_for_is_refused(aws):
    aws.zone(private=True)
    world = Zone(key=ZONE, zone=ZONE, servers=(NameServer(name="ns1.registrar.example"),), registered=True)
    with pytest.raises(RefusedError, match="private zone"):
        asyncio.run(made(private_zone="true").check(world, record()))


def test_records_under_a_routing_policy_are_left_to_a_person(aws):
    zone = aws.zone()
    aws.seed(zone, f"kiro-app-1.{ZONE}", '"half"', SetIdentifier="one", Weight=1)
    before = aws.records(zone)
    with pytest.raises(RefusedError, match="routing policy"):
        asyncio.run(made().add(record()))
    assert aws.records(zone) == before


def test_without_credentials_the_error_says_so(aws, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(RemoteError, match="Unable to locate credentials") as caught:
        asyncio.run(made().values(record()))
    assert "credentials" in caught.value.hint


def refusing(monkeypatch, *errors: Any) -> list[str]:
    """Route 53's answers to changes, one after the other; None: it makes the change. What was tried is returned."""
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

    real, tried, coming = BaseClient._make_api_call, [], list(errors)

    def call(self, operation, arguments):
        tried.append(operation)
        if operation == "ChangeResourceRecordSets" and coming and (error := coming.pop(0)):
            code, status, after = error
            if after:
                real(self, operation, arguments)
            facts = {"HTTPStatusCode": status, "RequestId": "r-1"}
            raise ClientError(
                {"Error": {"Code": code, "Message": f"about {code}"}, "ResponseMetadata": facts}, operation
            )
        return real(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return tried


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (("Throttling", 400, False), "it asks to slow down"),
        (("PriorRequestNotComplete", 400, False), "it asks to slow down"),
        (("InvalidChangeBatch", 400, False), "somebody else changes the name"),
        (("ServiceUnavailable", 503, False), "503 ServiceUnavailable"),
        (("ServiceUnavailable", 503, True), "503 ServiceUnavailable"),
    ],
)
def test_what_passes_is_waited_for_and_a_look_comes_first(aws, monkeypatch, error, said):
    zone, told = aws.zone(), []
    tried = refusing(monkeypatch, error)
    mine = writer(DnsSection(provider="route53"), ZONE, tell=told.append)
    assert asyncio.run(mine.add(record())) is True
    assert aws.records(zone) == {f"kiro-app-1.{ZONE}.": (60, [f'"{VALUE}"'])}
    assert tried.count("ChangeResourceRecordSets") == (1 if error[2] else 2)
    assert said in told[0]


def test_a_right_that_is_missing_is_told_with_the_request_id(aws, monkeypatch):
    aws.zone()
    refusing(monkeypatch, *[("AccessDenied", 403, False)] * 3)
    with pytest.raises(PermissionDeniedError, match="about AccessDenied") as caught:
        asyncio.run(made().add(record()))
    assert (caught.value.code, caught.value.request_id) == ("AccessDenied", "r-1")


def test_waiting_ends(aws, monkeypatch):
    aws.zone()
    refusing(monkeypatch, *[("Throttling", 400, False)] * 1000)
    with pytest.raises(RemoteError, match=r"about Throttling .*; gave up after"):
        asyncio.run(made().add(record()))


def test_nothing_of_it_is_loaded_before_it_is_needed():
    import subprocess

    program = (
        "import sys\nfrom provisioner.providers.dns.writing import writer\nfrom provisioner.providers.dns.playbook import "
        "DnsSection\nwriter(DnsSection(provider='rfc2136'), 'example.com')\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"lexicon", "requests", "boto3", "tldextract"} & set(done.stdout.split()) == set()
