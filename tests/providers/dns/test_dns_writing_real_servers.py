"""Dynamic updates of real name servers: what Knot and BIND accept and refuse."""

from __future__ import annotations

import asyncio
import base64
import itertools
import time

import dns.rcode
import dns.tsig
import dns.update
import pytest

from provisioner.core.errors import PermissionDeniedError, RefusedError, RemoteError, RemoteNotFoundError
from provisioner.providers.dns.observations import NameServer, Zone
from provisioner.providers.dns.playbook import DnsSection
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import DnsConnection, Limits
from provisioner.providers.dns.writing import RecordWriter, record_writer
from tests.providers.dns.real_servers import FULL, SECRET, TXT_ONLY, ZONE, RealServer, running_server  # noqa: F401 - a fixture

WRONG = base64.b64encode(b"another secret").decode()
VALUE = "kiro-site-verification=abc"
PUBLIC_ZONE = Zone(key=ZONE, name=ZONE, servers=(NameServer(name=f"ns2.{ZONE}"),), registered=True)
NUMBERS = itertools.count()


@pytest.fixture
def name() -> str:
    """A name that no other test uses: the servers are shared by the session."""
    return f"kiro-{next(NUMBERS)}.{ZONE}"


def record(name: str, value: str = VALUE, ttl: int = 60) -> DomainRecord:
    return DomainRecord(key=ZONE, label=name.partition(".")[0], name=name, value=value, ttl=ttl)


def new_writer(
    server: RealServer, key: str | None = FULL, secret: str = SECRET, zone: str = ZONE
) -> RecordWriter:
    signature = {"key": key, "secret": secret} if key else {}
    section = DnsSection(provider="rfc2136", server="127.0.0.1", port=server.port, **signature)
    return record_writer(section, zone, DnsConnection(limits=Limits(tcp_timeout=60)))


def seed(
    server: RealServer, name: str, *values: str, kind: str = "TXT", key: str = FULL, ttl: int = 600
) -> bool:
    """Add records at a name; False if the server refuses. Knot reports a key without the right as an unknown key."""
    update = dns.update.UpdateMessage(ZONE)
    update.use_tsig(dns.tsig.Key(key, SECRET))
    for value in values:
        update.add(f"{name}.", ttl, kind, value)
    try:
        return server.send(update).rcode() == dns.rcode.NOERROR
    except dns.tsig.PeerBadKey:
        return False


@pytest.mark.parametrize("key", [FULL, TXT_ONLY])
def test_a_value_is_added_and_removed_and_the_others_stay(real_server, name, key):
    assert seed(real_server, name, '"theirs"', '"in two" " strings"')
    others = real_server.ask(name)

    async def story(writer: RecordWriter) -> None:
        before = real_server.ask(ZONE, "SOA")
        await writer.check(PUBLIC_ZONE, record(name))
        assert (real_server.ask(name), real_server.ask(ZONE, "SOA")) == (others, before)
        assert await writer.add(record(name)) is True
        assert await writer.add(record(name)) is False
        assert await writer.values(record(name)) == ("in two strings", VALUE, "theirs")
        assert real_server.ask(name) == sorted([*others, f'"{VALUE}"'])
        assert await writer.remove(record(name), VALUE) is True
        assert await writer.remove(record(name), VALUE) is False

    asyncio.run(story(new_writer(real_server, key)))
    assert real_server.ask(name) == others


def test_the_ttl_of_existing_values_stays(real_server, name):
    seed(real_server, name, '"theirs"', ttl=600)
    asyncio.run(new_writer(real_server).add(record(name, ttl=60)))
    response = real_server.send(dns.message.make_query(name, "TXT"))
    assert (len(response.answer[0]), response.answer[0].ttl) == (2, 600)


def test_a_first_value_of_two_strings(real_server, name):
    long = "kiro-site-verification=" + "x" * 300
    asyncio.run(new_writer(real_server).add(record(name, long)))
    assert real_server.ask(name) == [f'"{long[:255]}" "{long[255:]}"']
    assert asyncio.run(new_writer(real_server).remove(record(name), long)) is True
    assert real_server.ask(name) == []


def test_the_server_enforces_the_policy_of_the_second_key(real_server, name):
    assert not seed(real_server, name, "192.0.2.1", kind="A", key=TXT_ONLY)
    assert real_server.ask(name, "A") == []
    assert seed(real_server, name, "192.0.2.1", kind="A", key=FULL)


@pytest.mark.parametrize("method", ["check", "add"])
@pytest.mark.parametrize(
    ("options", "error", "message", "hint"),
    [
        ({"key": None}, RemoteError, "unsigned", "dns.key"),
        (
            {"secret": WRONG},
            RemoteError,
            "the server has another secret for the key full .BADSIG.",
            "dns.secret",
        ),
        ({"key": "unknown"}, RemoteError, "has no key unknown", "dns.key"),
        (
            {"zone": "fabrikam.example"},
            RemoteNotFoundError,
            "in the zone contoso.example, not",
            "dns.zone to con",
        ),
        (
            {"zone": f"sub.{ZONE}"},
            RemoteNotFoundError,
            "in the zone contoso.example, not",
            "dns.zone to con",
        ),
    ],
)
def test_a_refused_change(real_server, name, options, error, message, hint, method):
    writer = new_writer(real_server, **options)
    change = writer.add(record(name)) if method == "add" else writer.check(PUBLIC_ZONE, record(name))
    with pytest.raises(error, match=message) as caught:
        asyncio.run(change)
    assert hint in caught.value.hint
    assert f"127.0.0.1:{real_server.port}" in caught.value.message
    assert SECRET not in str(caught.value) + caught.value.hint
    assert real_server.ask(name) == []


def test_a_key_that_may_not_change_the_name_fails_before_the_first_write(real_server, name, monkeypatch):
    """The key for TXT requests another type, like a key without any right."""
    delete = dns.update.UpdateMessage.delete
    monkeypatch.setattr(
        dns.update.UpdateMessage, "delete", lambda self, owner, _: delete(self, owner, "A", "192.0.2.1")
    )
    with pytest.raises(PermissionDeniedError, match="txt-only may not change TXT records") as caught:
        asyncio.run(new_writer(real_server, TXT_ONLY).check(PUBLIC_ZONE, record(name)))
    assert "update-policy" in caught.value.hint


@pytest.mark.parametrize(("offset", "direction"), [(-3600, "behind"), (3600, "ahead")])
def test_a_wrong_clock_is_reported_with_the_difference(real_server, name, monkeypatch, offset, direction):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + offset)
    with pytest.raises(RemoteError, match=rf"this computer's is 3\d\d\d s {direction} .BADTIME.") as caught:
        asyncio.run(new_writer(real_server).add(record(name)))
    assert "clock" in caught.value.hint


def test_a_name_with_a_cname_record_takes_no_other_records(real_server):
    with pytest.raises(RemoteError) as caught:
        asyncio.run(new_writer(real_server).add(record(f"alias.{ZONE}")))
    assert "CNAME" in caught.value.hint
    assert real_server.ask(f"alias.{ZONE}", "CNAME") == [f"ns1.{ZONE}."]


def test_a_zone_that_the_public_dns_delegates_elsewhere_is_refused(real_server, name):
    delegated = PUBLIC_ZONE.model_copy(update={"servers": (NameServer(name="ns.fabrikam.example"),)})
    with pytest.raises(
        RefusedError, match=r"ns1\.contoso\.example.*the public DNS delegates it to ns\.fabrikam\.example"
    ):
        asyncio.run(new_writer(real_server).check(delegated, record(name)))
