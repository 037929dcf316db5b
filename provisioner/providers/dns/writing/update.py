"""Dynamic update of a name server (RFC 2136): one record at a time, never a whole set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.rrset
import dns.tsig
import dns.update

from provisioner.core.errors import PermissionDeniedError, RemoteError, RemoteNotFoundError, UnreachableError
from provisioner.providers.dns import responses
from provisioner.providers.dns.names import character_strings
from provisioner.providers.dns.observations import Zone
from provisioner.providers.dns.playbook import DnsSection
from provisioner.providers.dns.resources import DEFAULT_TTL, DomainRecord
from provisioner.providers.dns.servers import Endpoint, Limits, ServerMap

from .location import confirm
from .primary import Search, primary
from .signed import LostAnswerError, SignedServer, signing_key

_PROBE = "provisioner: a value that nobody has"
Txt = dns.rdtypes.ANY.TXT.TXT


class UpdateWriter:
    """Writes to the primary name server of a zone.

    Args:
        keys: what the playbook says.
        zone: the zone's name.
        resolvers: whom to ask for the primary where the playbook names none.
        servers: other addresses and ports for name servers.
        limits: how long to wait.

    Raises:
        UsageError: the key's name or secret is none.
    """

    def __init__(
        self,
        keys: DnsSection,
        zone: str,
        *,
        resolvers: Sequence[Endpoint],
        servers: ServerMap,
        limits: Limits,
    ) -> None:
        self._keys = keys
        self._zone = zone
        self._search = Search(resolvers, servers, limits)
        self._key = signing_key(keys)
        self._found: SignedServer | None = None

    @property
    def where(self) -> str:
        """For people: ``the name server 192.0.2.1``."""
        if self._found is not None:
            return self._found.where
        return f"the name server {self._keys.server or f'of {self._zone}'}"

    async def check(self, zone: Zone, record: DomainRecord) -> None:
        """See :class:`~provisioner.providers.dns.writing.Writer`.

        Asks to delete a record that is not there: that changes nothing, but needs the same rights.
        """
        servers = await self._ask(self._zone, "NS")
        names = [responses.text_of(server.target) for server in responses.own(servers, self._zone, "NS")]
        if not names or not servers.flags & dns.flags.AA:
            raise await self._not_ours(record)
        confirm(self.where, self._zone, names, zone)
        probe = self._update()
        probe.delete(_name(record), _txt(_PROBE))
        await self._sent(probe, record)

    async def values(self, record: DomainRecord) -> tuple[str, ...]:
        """See :class:`~provisioner.providers.dns.writing.Writer`."""
        return tuple(sorted({_joined(value) for value in await self._look(record) or ()}))

    async def add(self, record: DomainRecord) -> bool:
        """See :class:`~provisioner.providers.dns.writing.Writer`. The TTL of values that are there already stays."""
        assert record.value is not None
        value = record.value

        def needed(there: dns.rrset.RRset | None) -> dns.update.UpdateMessage | None:
            if value in map(_joined, there or ()):
                return None
            update = self._update()
            update.add(_name(record), record.ttl or DEFAULT_TTL if there is None else there.ttl, _txt(value))
            return update

        return await self._change(record, needed)

    async def remove(self, record: DomainRecord, value: str) -> bool:
        """See :class:`~provisioner.providers.dns.writing.Writer`."""

        def needed(there: dns.rrset.RRset | None) -> dns.update.UpdateMessage | None:
            gone = [one for one in there or () if _joined(one) == value]
            if not gone:
                return None
            update = self._update()
            for one in gone:
                update.delete(_name(record), one)
            return update

        return await self._change(record, needed)

    async def close(self) -> None:
        """Nothing stays open."""

    async def _server(self) -> SignedServer:
        if self._found is None:
            keys = self._keys
            endpoint = await primary(self._zone, keys.server, keys.port, self._search)
            self._found = SignedServer(endpoint, self._key, self._search.limits.stream)
        return self._found

    def _update(self) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(dns.name.from_text(self._zone))

    async def _change(
        self,
        record: DomainRecord,
        needed: Callable[[dns.rrset.RRset | None], dns.update.UpdateMessage | None],
    ) -> bool:
        """Make a change whose answer may be lost: look before each attempt, and after the last.

        Args:
            record: whose name it is about.
            needed: the update, from the TXT records that are there; None: there is nothing to do.
        """
        lost: LostAnswerError | None = None
        for stream in (True, False):
            update = needed(await self._look(record))
            if update is None:
                return lost is not None
            try:
                await self._sent(update, record, stream=stream)
                lost = None
                break
            except LostAnswerError as error:
                lost = error
        there = await self._look(record)
        if needed(there) is None:
            return True
        if lost is not None:
            raise UnreachableError(f"{lost.message}; looked, and it was not done", hint=lost.hint) from lost
        raise RemoteError(
            f"{self.where}: took the update of {record.name}, but it has no effect; there is "
            f"{', '.join(repr(_joined(one)) for one in there or ()) or 'no TXT record'}",
            hint=f"look whether {record.name} is an alias (CNAME), beside which nothing can stand (RFC 2136, 3.4.2.2)",
        )

    async def _look(self, record: DomainRecord) -> dns.rrset.RRset | None:
        """The TXT records that the server itself has, signed: what it shows may depend on the key (views)."""
        answer = await self._ask(record.name, "TXT")
        if not answer.flags & dns.flags.AA:
            raise await self._not_ours(record)
        return next(
            (
                found
                for found in answer.answer
                if found.name == _name(record) and found.rdtype == dns.rdatatype.TXT
            ),
            None,
        )

    async def _ask(self, name: str, kind: str) -> dns.message.Message:
        server = await self._server()
        query = dns.message.make_query(name, kind)
        query.flags = dns.flags.Flag(0)
        try:
            answer = await server.ask(query)
        except LostAnswerError:
            answer = await server.ask(query, stream=False)
        if answer.rcode() == dns.rcode.SERVFAIL:
            raise RemoteError(
                f"{self.where}: cannot answer the question for {name} {kind} (SERVFAIL)",
                code="SERVFAIL",
                hint="look into the name server's log",
            )
        return answer

    async def _sent(
        self, update: dns.update.UpdateMessage, record: DomainRecord, *, stream: bool = True
    ) -> None:
        server = await self._server()
        try:
            answer = await server.ask(update, stream=stream)
        except RemoteError as error:
            if error.code != "BADKEY":
                raise
            # It knows the key, with which it was asked before: so Knot refuses what the key's ACL does not allow.
            raise await self._denied(record, error.code) from error
        if answer.rcode() != dns.rcode.NOERROR:
            raise await self._refusal(answer, record)

    async def _refusal(self, answer: dns.message.Message, record: DomainRecord) -> RemoteError:
        """The error for an update that was not made (RFC 2136, section 2.2)."""
        code = dns.rcode.to_text(answer.rcode())
        match answer.rcode():
            case dns.rcode.REFUSED:
                return await self._denied(record, code)
            case dns.rcode.NOTAUTH | dns.rcode.NOTZONE:
                return await self._not_ours(record, code)
            case dns.rcode.NOTIMP | dns.rcode.FORMERR:
                message = f"takes no dynamic updates ({code})"
                hint = "set dns.server to the zone's primary, or remove dns: and make the record by hand"
            case _:
                message = f"could not change {record.name} ({code})"
                hint = "look into the name server's log: its zone file or journal may not be writable"
        return RemoteError(f"{self.where}: {message}", code=code, hint=hint)

    async def _denied(self, record: DomainRecord, code: str) -> RemoteError:
        """The error for an update that this server does not take from us; secondaries take none from anybody."""
        found = responses.own(await self._ask(self._zone, "SOA"), self._zone, "SOA")
        primary_name = f"; the zone's primary is {responses.text_of(found[0].mname)}" if found else ""
        if self._key is None:
            return RemoteError(
                f"{self.where}: refuses unsigned updates of {record.name} ({code}){primary_name}",
                code=code,
                hint="set dns.key and dns.secret",
            )
        key = self._keys.key
        return PermissionDeniedError(
            f"{self.where}: the key {key} may not change TXT records at {record.name} ({code}){primary_name}",
            permissions=(f"{key} updates of TXT at {record.name} (BIND: update-policy; Knot: acl)",),
            code=code,
        )

    async def _not_ours(self, record: DomainRecord, code: str = "") -> RemoteError:
        """The error for a zone that the server does not have, or in which the name is not."""
        answer = await self._ask(record.name, "SOA")
        soa = responses.soa_of(answer) if answer.flags & dns.flags.AA else None
        told = f" ({code})" if code else ""
        if soa is None:
            message = f"does not have the zone {self._zone}{told}"
            hint = "set dns.server to the zone's primary name server"
        elif soa.zone == self._zone:
            return await self._denied(
                record, code
            )  # Knot's answer to unsigned updates, and of some secondaries
        else:
            message = f"has {record.name} in the zone {soa.zone}, not in {self._zone}{told}"
            hint = f"set dns.zone to {soa.zone}"
        return RemoteNotFoundError(f"{self.where}: {message}", code=code, hint=hint)


def _name(record: DomainRecord) -> dns.name.Name:
    return dns.name.from_text(record.name)


def _txt(value: str) -> Txt:
    strings = [text.encode() for text in character_strings(value)]
    return Txt(dns.rdataclass.IN, dns.rdatatype.TXT, strings)


def _joined(record: dns.rdata.Rdata) -> str:
    assert isinstance(record, Txt)
    return b"".join(record.strings).decode(errors="backslashreplace")
