"""Dynamic updates of a name server: the messages sent, and the errors."""

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
from provisioner.providers.dns.observations import NameServer, ServerRole, Zone
from provisioner.providers.dns.playbook import DnsSection
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import DnsConnection, Endpoint, Limits, ServerOverrides
from provisioner.providers.dns.writing import RecordWriter, record_writer
from provisioner.providers.dns.writing.signed import SignedServer
from provisioner.sandbox import dns as sandbox
from tests.providers.dns.name_server import NameServer as Scripted
from tests.providers.dns.name_server import serving

ZONE = "contoso.example"
NAME = f"kiro-app-1.{ZONE}"
VALUE = "kiro-site-verification=abc"
RECORD = DomainRecord(key=ZONE, label="kiro-app-1", name=NAME, value=VALUE, ttl=60)
PUBLIC_ZONE = Zone(key=ZONE, name=ZONE, servers=(NameServer(name=f"ns1.{ZONE}"),), registered=True)
WRONG = base64.b64encode(b"another secret").decode()
LIMITS = Limits(udp_timeout=30, tcp_timeout=30, budget=120)
"""For servers that respond: on a busy machine, too."""
SHORT = Limits(udp_timeout=1, tcp_timeout=1)
"""For servers that do not."""


class Sandbox:
    """The sandbox's DNS, and writers to it."""

    def __init__(self, service: sandbox.Dns) -> None:
        self.service = service
        self.store = service.store

    def writer(
        self,
        key: str | None = "provisioner",
        zone: str = ZONE,
        server: str | None = None,
        limits: Limits = LIMITS,
        **keys,
    ) -> RecordWriter:
        secrets = {grant.name: grant.secret for grant in sandbox.tsig_keys(self.store)}
        signature = {"key": key, "secret": secrets.get(f"{key}.", WRONG)} | keys if key else {}
        section = DnsSection(provider="rfc2136", server=server, **signature)
        resolvers = [Endpoint(name, ServerRole.RESOLVER, name) for name in ("resolver1", "resolver2")]
        return record_writer(section, zone, DnsConnection(resolvers, self.addresses(), limits=limits))

    def addresses(self) -> ServerOverrides:
        endpoints = self.service.name_servers() | self.service.resolvers()
        parts = {host.rstrip("."): endpoint.rpartition(":") for host, endpoint in endpoints.items()}
        return {host: (address, int(port)) for host, (address, _, port) in parts.items()}

    def values(self, name: str = NAME) -> list[str]:
        return sandbox.records(self.store, ZONE).get(f"{name}.", {}).get("TXT", {"data": []})["data"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox.Dns(tmp_path) as service:
        yield Sandbox(service.start())


def test_the_primary_comes_from_the_soa_record(running):
    writer = running.writer()
    asyncio.run(writer.check(PUBLIC_ZONE, RECORD))
    assert asyncio.run(writer.add(RECORD)) is True
    assert running.values() == [f'"{VALUE}"']
    assert writer.title.startswith("the name server ns1.contoso.example (127.0.0.1:")


def test_a_check_writes_nothing(running):
    before = sandbox.serial(running.store, ZONE)
    asyncio.run(running.writer("provisioner-txt").check(PUBLIC_ZONE, RECORD))
    assert sandbox.serial(running.store, ZONE) == before


def test_a_value_is_added_once(running):
    writer = running.writer("provisioner-txt")
    assert asyncio.run(writer.add(RECORD)) is True
    before = sandbox.serial(running.store, ZONE)
    assert asyncio.run(writer.add(RECORD)) is False
    assert asyncio.run(writer.remove(RECORD, "kiro-site-verification=old")) is False
    assert sandbox.serial(running.store, ZONE) == before


def test_a_value_is_removed_in_every_split(running):
    sandbox.add_record(
        running.store, ZONE, "kiro-app-1", "TXT", '"kiro-site-" "verification=abc"', f'"{VALUE}"', '"x"'
    )
    assert asyncio.run(running.writer().values(RECORD)) == (VALUE, "x")
    assert asyncio.run(running.writer().remove(RECORD, VALUE)) is True
    assert running.values() == ['"x"']


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    others=st.lists(
        st.lists(st.binary(min_size=1, max_size=255), min_size=1, max_size=3),
        max_size=5,
        unique_by=b"".join,
    )
)
def test_any_other_values_survive(running, others):
    sandbox.remove_record(running.store, ZONE, "kiro-app-1", "TXT")
    if others:
        sandbox.add_record(
            running.store, ZONE, "kiro-app-1", "TXT", *(sandbox.txt(*strings) for strings in others)
        )
    before = running.values()
    assert asyncio.run(running.writer().add(RECORD)) is True
    assert sorted(running.values()) == sorted([*before, f'"{VALUE}"'])
    assert asyncio.run(running.writer().remove(RECORD, VALUE)) is True
    assert running.values() == before


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("work", ["add", "remove"])
def test_an_update_without_response_is_repeated_only_after_a_read(running, monkeypatch, work, lost):
    """If the read shows the change, it is not repeated; otherwise it is sent once more."""
    writer = running.writer(limits=SHORT)
    if work == "remove":
        sandbox.add_record(running.store, ZONE, "kiro-app-1", "TXT", f'"{VALUE}"')
    sent: list[bool] = []
    real = SignedServer.send

    async def send(self, message, *, tcp=True):
        if not isinstance(message, dns.update.UpdateMessage):
            return await real(self, message, tcp=tcp)
        sent.append(tcp)
        mode = "drop" if len(sent) < lost else "drop-after" if len(sent) == lost else "answer"
        sandbox.configure(running.store, f"ns1.{ZONE}", {"mode": mode})
        try:
            return await real(self, message, tcp=tcp)
        finally:
            sandbox.configure(running.store, f"ns1.{ZONE}")

    monkeypatch.setattr(SignedServer, "send", send)
    change = writer.add(RECORD) if work == "add" else writer.remove(RECORD, VALUE)
    assert asyncio.run(change) is True
    assert running.values() == ([f'"{VALUE}"'] if work == "add" else [])
    assert sent == [True, False][:lost]


@pytest.mark.parametrize(
    ("options", "error", "message", "hint"),
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
            "the server has another secret for the key provisioner .BADSIG",
            "dns.secret",
        ),
        (
            {"key": "unknown"},
            RemoteError,
            "it has no key unknown with the algorithm hmac-sha256 .BADKEY",
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
def test_a_refused_change(running, options, error, message, hint, method):
    sandbox.add_key(running.store, "mail-only", types=["MX"])
    writer = running.writer(**options)
    if method == "check":
        message = message.replace(" .NOTAUTH", "")
    with pytest.raises(error, match=message) as caught:
        asyncio.run(writer.add(RECORD) if method == "add" else writer.check(PUBLIC_ZONE, RECORD))
    assert hint in caught.value.hint
    assert running.values() == []


def test_a_server_of_the_playbook_may_be_known_to_this_machine_only(running, monkeypatch):
    def known(host, *_, **__):
        if host != "ns.internal":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (address, 0))]

    address, port = running.addresses()[f"ns1.{ZONE}"]
    monkeypatch.setattr(socket, "getaddrinfo", known)
    keys = {"provider": "rfc2136", "port": port}
    section = DnsSection(server="ns.internal", **keys)
    writer = record_writer(section, ZONE, DnsConnection(resolvers=(), limits=LIMITS))
    assert asyncio.run(writer.values(RECORD)) == ()
    assert writer.title == f"the name server ns.internal ({address}:{port})"
    with pytest.raises(RemoteNotFoundError, match=r"ns9\.internal has no address: .*not known"):
        asyncio.run(record_writer(DnsSection(server="ns9.internal", **keys), ZONE).values(RECORD))


def test_a_primary_that_no_resolver_returns():
    writer = record_writer(DnsSection(provider="rfc2136"), ZONE, DnsConnection(resolvers=()))
    with pytest.raises(UnreachableError, match="no resolver responded") as caught:
        asyncio.run(writer.values(RECORD))
    assert "dns.server" in caught.value.hint


@pytest.mark.parametrize(
    ("mode", "error", "message"),
    [
        ("drop", UnreachableError, "no response"),
        ("servfail", RemoteError, "SERVFAIL"),
        ("lame", RemoteNotFoundError, "does not have the zone"),
    ],
)
def test_a_failing_server(running, mode, error, message):
    sandbox.configure(running.store, f"ns1.{ZONE}", {"mode": mode})
    with pytest.raises(error, match=message) as caught:
        asyncio.run(running.writer(limits=SHORT).add(RECORD))
    assert caught.value.hint


def test_a_server_without_tcp_is_updated_over_udp(running):
    sandbox.configure(running.store, f"ns1.{ZONE}", {"tcp": False})
    assert asyncio.run(running.writer().add(RECORD)) is True


def test_a_wrong_clock(running, monkeypatch):
    """Only queries and updates are signed an hour early: client and server share the clock of one process."""
    import time

    real, wire = time.time, dns.message.Message.to_wire

    def late(self, *arguments, **options):
        with monkeypatch.context() as context:
            if not self.flags & dns.flags.QR:
                context.setattr(time, "time", lambda: real() - 3600)
            return wire(self, *arguments, **options)

    monkeypatch.setattr(dns.message.Message, "to_wire", late)
    with pytest.raises(RemoteError, match=r"the clocks differ: this computer's is 3\d\d\d s behind .BADTIME"):
        asyncio.run(running.writer().add(RECORD))


def scripted(change) -> RemoteError:
    """The error of a writer without a key for a server with changed responses."""

    async def story() -> None:
        async with serving(Scripted(ZONE, {f"{ZONE} NS": [f"ns1.{ZONE}."]}, change=change)) as (server,):
            section = DnsSection(provider="rfc2136", server="127.0.0.1", port=server.port)
            await record_writer(section, ZONE, DnsConnection(limits=LIMITS)).add(RECORD)

    with pytest.raises(RemoteError) as caught:
        asyncio.run(story())
    return caught.value


@pytest.mark.parametrize(
    ("flaw", "message"),
    [("unsigned", "the response is not signed"), ("forged", "the signature of the response is wrong")],
)
def test_a_response_that_the_server_did_not_sign_is_refused(running, monkeypatch, flaw, message):
    real = SignedServer._exchange

    async def tamper(self, wire, *, tcp):
        response = await real(self, wire, tcp=tcp)
        if flaw == "unsigned":
            return dns.message.make_response(dns.message.from_wire(wire, keyring=False))
        mac = response.tsig[0].mac
        response.wire = response.wire.replace(mac, mac[::-1])
        return response

    monkeypatch.setattr(SignedServer, "_exchange", tamper)
    with pytest.raises(RemoteError, match=message) as caught:
        asyncio.run(running.writer().add(RECORD))
    assert "middlebox" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        ("NOTIMP", "takes no dynamic updates (NOTIMP)", "primary"),
        ("SERVFAIL", f"could not change {NAME} (SERVFAIL)", "log"),
        ("NOTZONE", "refuses unsigned updates", "dns.key"),
        ("REFUSED", "refuses unsigned updates", "dns.key"),
    ],
)
def test_an_update_that_the_server_rejects(code, message, hint):
    def change(query, response):
        if query.opcode() == dns.opcode.UPDATE:
            response = dns.message.make_response(query)
            response.set_rcode(dns.rcode.from_text(code))
        return response

    error = scripted(change)
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"servers": (NameServer(name="ns.fabrikam.example"),)},
            "the public DNS delegates it to ns.fabrikam.example",
        ),
        ({"name": "example"}, "in the public DNS, contoso.example is in the zone example"),
        ({"registered": False, "name": None, "problem": "contoso.example does not exist"}, "does not exist"),
    ],
)
def test_a_zone_that_the_public_dns_does_not_use_is_refused(running, fields, message):
    with pytest.raises(RefusedError, match=message) as caught:
        asyncio.run(running.writer().check(PUBLIC_ZONE.model_copy(update=fields), RECORD))
    assert caught.value.hint


@pytest.mark.parametrize("secret", ["hunter2!", "qqqqq"])
def test_a_secret_that_is_not_base64_is_not_shown(secret):
    section = DnsSection(provider="rfc2136", key="provisioner", secret=secret)
    with pytest.raises(UsageError, match="the secret of the key provisioner is not base64") as caught:
        record_writer(section, ZONE)
    assert secret not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
