"""Dynamic updates of a name server: what is asked, and what is said when it goes wrong."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rcode
import dns.update
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.core.errors import (
    PermissionDeniedError,
    RefusedError,
    RemoteError,
    RemoteNotFoundError,
    UnreachableError,
    UsageError,
)
from provisioner.providers.dns.observations import NameServer, Role, Zone
from provisioner.providers.dns.playbook import DnsSection
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import Endpoint, Limits, ServerMap
from provisioner.providers.dns.writing import Writer, writer
from provisioner.providers.dns.writing.signed import SignedServer
from provisioner.sandbox import dns as sandbox
from tests.providers.dns.name_server import NameServer as Scripted
from tests.providers.dns.name_server import serving

ZONE = "contoso.example"
NAME = f"kiro-app-1.{ZONE}"
VALUE = "kiro-site-verification=abc"
RECORD = DomainRecord(key=ZONE, label="kiro-app-1", name=NAME, value=VALUE, ttl=60)
WORLD = Zone(key=ZONE, zone=ZONE, servers=(NameServer(name=f"ns1.{ZONE}"),), registered=True)
WRONG = base64.b64encode(b"another secret").decode()
QUICK = Limits(datagram=0.3, stream=0.3)


class Sandbox:
    """The sandbox's DNS, and writers to it."""

    def __init__(self, service: sandbox.Dns) -> None:
        self.service = service
        self.store = service.store

    def writer(
        self, key: str | None = "provisioner", zone: str = ZONE, server: str | None = None, **more
    ) -> Writer:
        known = {grant.name: grant.secret for grant in sandbox.tsig_keys(self.store)}
        signed = {"key": key, "secret": known.get(f"{key}.", WRONG)} | more if key else {}
        keys = DnsSection(provider="rfc2136", server=server, **signed)
        resolvers = [Endpoint(name, Role.RESOLVER, name) for name in ("resolver1", "resolver2")]
        return writer(keys, zone, resolvers=resolvers, servers=self.addresses(), limits=QUICK)

    def addresses(self) -> ServerMap:
        found = self.service.name_servers() | self.service.resolvers()
        apart = {host.rstrip("."): where.rpartition(":") for host, where in found.items()}
        return {host: (address, int(port)) for host, (address, _, port) in apart.items()}

    def values(self, name: str = NAME) -> list[str]:
        return sandbox.records(self.store, ZONE).get(f"{name}.", {}).get("TXT", {"data": []})["data"]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox.Dns(tmp_path) as service:
        yield Sandbox(service.start())


def test_the_primary_is_found_by_the_zone(there):
    mine = there.writer()
    asyncio.run(mine.check(WORLD, RECORD))
    assert asyncio.run(mine.add(RECORD)) is True
    assert there.values() == [f'"{VALUE}"']
    assert mine.where.startswith("the name server ns1.contoso.example (127.0.0.1:")


def test_a_check_writes_nothing(there):
    before = sandbox.serial(there.store, ZONE)
    asyncio.run(there.writer("provisioner-txt").check(WORLD, RECORD))
    assert sandbox.serial(there.store, ZONE) == before


def test_a_value_is_made_once(there):
    mine = there.writer("provisioner-txt")
    assert asyncio.run(mine.add(RECORD)) is True
    before = sandbox.serial(there.store, ZONE)
    assert asyncio.run(mine.add(RECORD)) is False
    assert asyncio.run(mine.remove(RECORD, "kiro-site-verification=old")) is False
    assert sandbox.serial(there.store, ZONE) == before


def test_a_value_is_removed_however_it_is_split(there):
    sandbox.add_record(
        there.store, ZONE, "kiro-app-1", "TXT", '"kiro-site-" "verification=abc"', f'"{VALUE}"', '"x"'
    )
    assert asyncio.run(there.writer().values(RECORD)) == (VALUE, "x")
    assert asyncio.run(there.writer().remove(RECORD, VALUE)) is True
    assert there.values() == ['"x"']


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.lists(
        st.lists(st.binary(min_size=1, max_size=255), min_size=1, max_size=3),
        max_size=5,
        unique_by=b"".join,
    )
)
def test_any_other_values_survive(there, others):
    sandbox.remove_record(there.store, ZONE, "kiro-app-1", "TXT")
    if others:
        sandbox.add_record(
            there.store, ZONE, "kiro-app-1", "TXT", *(sandbox.txt(*strings) for strings in others)
        )
    before = there.values()
    assert asyncio.run(there.writer().add(RECORD)) is True
    assert sorted(there.values()) == sorted([*before, f'"{VALUE}"'])
    assert asyncio.run(there.writer().remove(RECORD, VALUE)) is True
    assert there.values() == before


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("work", ["add", "remove"])
def test_an_update_whose_answer_is_lost_is_not_sent_again_before_a_look(there, monkeypatch, work, lost):
    """After the first is lost, a look shows that it was done; with nothing done, it is sent once more."""
    mine = there.writer()
    if work == "remove":
        sandbox.add_record(there.store, ZONE, "kiro-app-1", "TXT", f'"{VALUE}"')
    sent: list[bool] = []
    real = SignedServer.ask

    async def ask(self, message, *, stream=True):
        if not isinstance(message, dns.update.UpdateMessage):
            return await real(self, message, stream=stream)
        sent.append(stream)
        mode = "drop" if len(sent) < lost else "drop-after" if len(sent) == lost else "answer"
        sandbox.configure(there.store, f"ns1.{ZONE}", {"mode": mode})
        try:
            return await real(self, message, stream=stream)
        finally:
            sandbox.configure(there.store, f"ns1.{ZONE}")

    monkeypatch.setattr(SignedServer, "ask", ask)
    done = mine.add(RECORD) if work == "add" else mine.remove(RECORD, VALUE)
    assert asyncio.run(done) is True
    assert there.values() == ([f'"{VALUE}"'] if work == "add" else [])
    assert sent == [True, False][:lost]


@pytest.mark.parametrize(
    ("options", "kind", "said", "hint"),
    [
        (
            {"key": None},
            RemoteError,
            "refuses unsigned updates of kiro-app-1.contoso.example .REFUSED",
            "dns.secret",
        ),
        (
            {"secret": WRONG},
            RemoteError,
            "the key provisioner has another secret there .BADSIG",
            "dns.secret",
        ),
        (
            {"key": "nobodys"},
            RemoteError,
            "it knows no key nobodys with the algorithm hmac-sha256 .BADKEY",
            "dns.key",
        ),
        (
            {"algorithm": "hmac-sha512"},
            RemoteError,
            "with the algorithm hmac-sha512 .BADKEY",
            "dns.algorithm",
        ),
        (
            {"key": "mail-only"},
            PermissionDeniedError,
            "mail-only may not change TXT",
            "grant mail-only updates of TXT",
        ),
        (
            {"server": f"ns2.{ZONE}"},
            PermissionDeniedError,
            "the zone's primary is ns1.contoso.example",
            "grant",
        ),
        (
            {"server": "a.nic.example"},
            RemoteNotFoundError,
            "the name server a.nic.example .* does not have the zone contoso.example",
            "dns.server",
        ),
        ({"zone": f"sub.{ZONE}"}, RemoteNotFoundError, "no zone sub.contoso.example", "dns.zone"),
        (
            {"zone": f"sub.{ZONE}", "server": f"ns1.{ZONE}"},
            RemoteNotFoundError,
            "has kiro-app-1.contoso.example in the zone contoso.example, not in sub.contoso.example .NOTAUTH",
            "set dns.zone to contoso.example",
        ),
    ],
)
@pytest.mark.parametrize("method", ["check", "add"])
def test_what_is_refused(there, options, kind, said, hint, method):
    sandbox.add_key(there.store, "mail-only", types=["MX"])
    mine = there.writer(**options)
    if method == "check":
        said = said.replace(" .NOTAUTH", "")
    with pytest.raises(kind, match=said) as caught:
        asyncio.run(mine.add(RECORD) if method == "add" else mine.check(WORLD, RECORD))
    assert hint in caught.value.hint
    assert there.values() == []


def test_a_server_that_the_playbook_names_may_be_known_only_here(there, monkeypatch):
    def known(host, *_, **__):
        if host != "ns.internal":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (address, 0))]

    address, port = there.addresses()[f"ns1.{ZONE}"]
    monkeypatch.setattr(socket, "getaddrinfo", known)
    keys = {"provider": "rfc2136", "port": port}
    mine = writer(DnsSection(server="ns.internal", **keys), ZONE, resolvers=(), limits=QUICK)
    assert asyncio.run(mine.values(RECORD)) == ()
    assert mine.where == f"the name server ns.internal ({address}:{port})"
    with pytest.raises(RemoteNotFoundError, match=r"ns9\.internal has no address: .*not known"):
        asyncio.run(writer(DnsSection(server="ns9.internal", **keys), ZONE).values(RECORD))


def test_a_primary_that_nobody_can_look_up(there):
    with pytest.raises(UnreachableError, match="no resolver answered") as caught:
        asyncio.run(writer(DnsSection(provider="rfc2136"), ZONE, resolvers=()).values(RECORD))
    assert "dns.server" in caught.value.hint


@pytest.mark.parametrize(
    ("mode", "kind", "said"),
    [
        ("drop", UnreachableError, "no answer"),
        ("servfail", RemoteError, "SERVFAIL"),
        ("lame", RemoteNotFoundError, "does not have the zone"),
    ],
)
def test_a_server_that_is_not_well(there, mode, kind, said):
    sandbox.configure(there.store, f"ns1.{ZONE}", {"mode": mode})
    with pytest.raises(kind, match=said) as caught:
        asyncio.run(there.writer().add(RECORD))
    assert caught.value.hint


def test_a_server_without_tcp_is_asked_by_datagrams(there):
    sandbox.configure(there.store, f"ns1.{ZONE}", {"tcp": False})
    assert asyncio.run(there.writer().add(RECORD)) is True


def test_a_clock_that_is_wrong(there, monkeypatch):
    """Only what is asked is signed an hour late: client and server have the clock of one process."""
    import time

    real, wire = time.time, dns.message.Message.to_wire

    def late(self, *arguments, **options):
        with monkeypatch.context() as context:
            if not self.flags & dns.flags.QR:
                context.setattr(time, "time", lambda: real() - 3600)
            return wire(self, *arguments, **options)

    monkeypatch.setattr(dns.message.Message, "to_wire", late)
    with pytest.raises(RemoteError, match=r"the clocks differ: this computer's is 3\d\d\d s behind .BADTIME"):
        asyncio.run(there.writer().add(RECORD))


def scripted(change) -> RemoteError:
    """The error of a writer without a key to a server whose answers are changed."""

    async def story() -> None:
        async with serving(Scripted(ZONE, {f"{ZONE} NS": [f"ns1.{ZONE}."]}, change=change)) as (server,):
            keys = DnsSection(provider="rfc2136", server="127.0.0.1", port=server.port)
            await writer(keys, ZONE, limits=QUICK).add(RECORD)

    with pytest.raises(RemoteError) as caught:
        asyncio.run(story())
    return caught.value


@pytest.mark.parametrize(
    ("flaw", "said"),
    [("unsigned", "the answer is not signed"), ("forged", "the signature of the answer is wrong")],
)
def test_an_answer_that_is_not_signed_by_the_server_is_not_believed(there, monkeypatch, flaw, said):
    real = SignedServer._exchanged

    async def between(self, wire, *, stream):
        answer = await real(self, wire, stream=stream)
        if flaw == "unsigned":
            return dns.message.make_response(dns.message.from_wire(wire, keyring=False))
        mac = answer.tsig[0].mac
        answer.wire = answer.wire.replace(mac, mac[::-1])
        return answer

    monkeypatch.setattr(SignedServer, "_exchanged", between)
    with pytest.raises(RemoteError, match=said) as caught:
        asyncio.run(there.writer().add(RECORD))
    assert "middlebox" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "said", "hint"),
    [
        ("NOTIMP", "takes no dynamic updates (NOTIMP)", "primary"),
        ("SERVFAIL", f"could not change {NAME} (SERVFAIL)", "log"),
        ("NOTZONE", "refuses unsigned updates", "dns.key"),
        ("REFUSED", "refuses unsigned updates", "dns.key"),
    ],
)
def test_what_a_server_says_to_an_update(code, said, hint):
    def change(query, response):
        if query.opcode() == dns.opcode.UPDATE:
            response = dns.message.make_response(query)
            response.set_rcode(dns.rcode.from_text(code))
        return response

    error = scripted(change)
    assert said in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("world", "said"),
    [
        ({"servers": (NameServer(name="ns.fabrikam.example"),)}, "the public DNS asks ns.fabrikam.example"),
        ({"zone": "example"}, "the public DNS has contoso.example in the zone example"),
        ({"registered": False, "zone": None, "problem": "contoso.example does not exist"}, "does not exist"),
    ],
)
def test_a_zone_that_the_world_does_not_see_is_refused(there, world, said):
    with pytest.raises(RefusedError, match=said) as caught:
        asyncio.run(there.writer().check(WORLD.model_copy(update=world), RECORD))
    assert caught.value.hint


@pytest.mark.parametrize("secret", ["hunter2!", "qqqqq"])
def test_a_secret_that_is_not_base64_is_not_shown(secret):
    keys = DnsSection(provider="rfc2136", key="provisioner", secret=secret)
    with pytest.raises(UsageError, match="the secret of the key provisioner is not base64") as caught:
        writer(keys, ZONE)
    assert secret not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
