"""Dynamic updates of real name servers: what Knot and BIND take, and what they refuse."""

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
from provisioner.providers.dns.servers import Limits
from provisioner.providers.dns.writing import Writer, writer
from tests.providers.dns.real_servers import FULL, SECRET, TXT_ONLY, ZONE, RealServer, running_server  # noqa: F401 - a fixture

WRONG = base64.b64encode(b"another secret").decode()
VALUE = "kiro-site-verification=abc"
WORLD = Zone(key=ZONE, zone=ZONE, servers=(NameServer(name=f"ns2.{ZONE}"),), registered=True)
NUMBERS = itertools.count()


@pytest.fixture
def name() -> str:
    """A name of the zone that no other test uses: the servers live as long as the session."""
    return f"kiro-{next(NUMBERS)}.{ZONE}"


def record(name: str, value: str = VALUE, ttl: int = 60) -> DomainRecord:
    return DomainRecord(key=ZONE, label=name.partition(".")[0], name=name, value=value, ttl=ttl)


def made(server: RealServer, key: str | None = FULL, secret: str = SECRET, zone: str = ZONE) -> Writer:
    signed = {"key": key, "secret": secret} if key else {}
    keys = DnsSection(provider="rfc2136", server="127.0.0.1", port=server.port, **signed)
    return writer(keys, zone, limits=Limits(stream=2))


def seeded(
    server: RealServer, name: str, *values: str, kind: str = "TXT", key: str = FULL, ttl: int = 600
) -> bool:
    """Add records at a name; whether the server did. Knot says of a key without the right that it does not know it."""
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
    assert seeded(real_server, name, '"theirs"', '"in two" " strings"')
    theirs = real_server.ask(name)

    async def story(mine: Writer) -> None:
        before = real_server.ask(ZONE, "SOA")
        await mine.check(WORLD, record(name))
        assert (real_server.ask(name), real_server.ask(ZONE, "SOA")) == (theirs, before)
        assert await mine.add(record(name)) is True
        assert await mine.add(record(name)) is False
        assert await mine.values(record(name)) == ("in two strings", VALUE, "theirs")
        assert real_server.ask(name) == sorted([*theirs, f'"{VALUE}"'])
        assert await mine.remove(record(name), VALUE) is True
        assert await mine.remove(record(name), VALUE) is False

    asyncio.run(story(made(real_server, key)))
    assert real_server.ask(name) == theirs


def test_the_time_to_live_of_what_is_there_stays(real_server, name):
    seeded(real_server, name, '"theirs"', ttl=600)
    asyncio.run(made(real_server).add(record(name, ttl=60)))
    answer = real_server.send(dns.message.make_query(name, "TXT"))
    assert (len(answer.answer[0]), answer.answer[0].ttl) == (2, 600)


def test_the_first_value_of_a_name_and_one_of_two_strings(real_server, name):
    long = "kiro-site-verification=" + "x" * 300
    asyncio.run(made(real_server).add(record(name, long)))
    assert real_server.ask(name) == [f'"{long[:255]}" "{long[255:]}"']
    assert asyncio.run(made(real_server).remove(record(name), long)) is True
    assert real_server.ask(name) == []


def test_the_policy_of_the_second_key_is_real(real_server, name):
    assert not seeded(real_server, name, "192.0.2.1", kind="A", key=TXT_ONLY)
    assert real_server.ask(name, "A") == []
    assert seeded(real_server, name, "192.0.2.1", kind="A", key=FULL)


@pytest.mark.parametrize("method", ["check", "add"])
@pytest.mark.parametrize(
    ("options", "kind", "said", "hint"),
    [
        ({"key": None}, RemoteError, "unsigned", "dns.key"),
        ({"secret": WRONG}, RemoteError, "full has another secret there .BADSIG.", "dns.secret"),
        ({"key": "nobodys"}, RemoteError, "knows no key nobodys", "dns.key"),
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
def test_what_is_refused(real_server, name, options, kind, said, hint, method):
    mine = made(real_server, **options)
    work = mine.add(record(name)) if method == "add" else mine.check(WORLD, record(name))
    with pytest.raises(kind, match=said) as caught:
        asyncio.run(work)
    assert hint in caught.value.hint
    assert f"127.0.0.1:{real_server.port}" in caught.value.message
    assert SECRET not in str(caught.value) + caught.value.hint
    assert real_server.ask(name) == []


def test_a_key_that_may_not_change_the_name_is_told_before_the_first_write(real_server, name, monkeypatch):
    """The key for TXT asks for another type, as one would that has no right at all."""
    update = dns.update.UpdateMessage.delete
    monkeypatch.setattr(
        dns.update.UpdateMessage, "delete", lambda self, owner, _: update(self, owner, "A", "192.0.2.1")
    )
    with pytest.raises(PermissionDeniedError, match="txt-only may not change TXT records") as caught:
        asyncio.run(made(real_server, TXT_ONLY).check(WORLD, record(name)))
    assert "update-policy" in caught.value.hint


@pytest.mark.parametrize(("error", "said"), [(-3600, "behind"), (3600, "ahead")])
def test_a_clock_that_is_wrong_is_told_with_the_difference(real_server, name, monkeypatch, error, said):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + error)
    with pytest.raises(RemoteError, match=rf"this computer's is 3\d\d\d s {said} .BADTIME.") as caught:
        asyncio.run(made(real_server).add(record(name)))
    assert "clock" in caught.value.hint


def test_beside_an_alias_nothing_can_stand(real_server):
    with pytest.raises(RemoteError) as caught:
        asyncio.run(made(real_server).add(record(f"alias.{ZONE}")))
    assert "CNAME" in caught.value.hint
    assert real_server.ask(f"alias.{ZONE}", "CNAME") == [f"ns1.{ZONE}."]


def test_a_zone_that_the_world_asks_elsewhere_is_refused(real_server, name):
    elsewhere = WORLD.model_copy(update={"servers": (NameServer(name="ns.fabrikam.example"),)})
    with pytest.raises(
        RefusedError, match=r"ns1\.contoso\.example.*the public DNS asks ns\.fabrikam\.example"
    ):
        asyncio.run(made(real_server).check(elsewhere, record(name)))
