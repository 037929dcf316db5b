"""Dynamic update of a name server (RFC 2136): one record at a time, never a whole set."""

from __future__ import annotations

from collections.abc import Callable

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
from provisioner.providers.dns.notation import character_strings
from provisioner.providers.dns.observations import Zone
from provisioner.providers.dns.playbook import DnsSection
from provisioner.providers.dns.resources import DEFAULT_TTL, DomainRecord
from provisioner.providers.dns.servers import DnsConnection

from .delegation import check_delegation
from .primary import primary_server
from .signed import LostResponseError, SignedServer, signing_key

_PROBE = "provisioner: a value that does not exist"
Txt = dns.rdtypes.ANY.TXT.TXT


class UpdateWriter:
    """Writes to the primary name server of a zone.

    Args:
        section: the ``dns:`` section of the playbook.
        zone: the zone's name.
        connection: the DNS that returns the zone's primary, if the playbook names none.

    Raises:
        UsageError: the key's name or secret is invalid.
    """

    def __init__(self, section: DnsSection, zone: str, connection: DnsConnection) -> None:
        self._section = section
        self._zone = zone
        self._connection = connection
        self._key = signing_key(section)
        self._primary: SignedServer | None = None

    @property
    def title(self) -> str:
        """For messages: ``the name server 192.0.2.1``."""
        if self._primary is not None:
            return self._primary.title
        return f"the name server {self._section.server or f'of {self._zone}'}"

    async def check(self, zone: Zone, record: DomainRecord) -> None:
        """See :class:`~provisioner.providers.dns.writing.RecordWriter`.

        Requests the deletion of a record that does not exist: that changes nothing, but needs the same permission.
        """
        response = await self._query(self._zone, "NS")
        ns_records = responses.records_at(response, self._zone, "NS")
        if not ns_records or not response.flags & dns.flags.AA:
            raise await self._wrong_zone(record)
        servers = [responses.name_text(ns_record.target) for ns_record in ns_records]
        check_delegation(self.title, self._zone, servers, zone)
        probe = self._new_update()
        probe.delete(_owner(record), _txt(_PROBE))
        await self._send_update(probe, record)

    async def values(self, record: DomainRecord) -> tuple[str, ...]:
        """See :class:`~provisioner.providers.dns.writing.RecordWriter`."""
        return tuple(sorted({_value(txt) for txt in await self._read(record) or ()}))

    async def add(self, record: DomainRecord) -> bool:
        """See :class:`~provisioner.providers.dns.writing.RecordWriter`. The TTL of existing values stays."""
        assert record.value is not None
        value = record.value

        def update_for(existing: dns.rrset.RRset | None) -> dns.update.UpdateMessage | None:
            if value in map(_value, existing or ()):
                return None
            ttl = record.ttl or DEFAULT_TTL if existing is None else existing.ttl
            update = self._new_update()
            update.add(_owner(record), ttl, _txt(value))
            return update

        return await self._change(record, update_for)

    async def remove(self, record: DomainRecord, value: str) -> bool:
        """See :class:`~provisioner.providers.dns.writing.RecordWriter`."""

        def update_for(existing: dns.rrset.RRset | None) -> dns.update.UpdateMessage | None:
            to_delete = [txt for txt in existing or () if _value(txt) == value]
            if not to_delete:
                return None
            update = self._new_update()
            for txt in to_delete:
                update.delete(_owner(record), txt)
            return update

        return await self._change(record, update_for)

    async def close(self) -> None:
        """No connection stays open."""

    async def _server(self) -> SignedServer:
        if self._primary is None:
            section, connection = self._section, self._connection
            endpoint = await primary_server(self._zone, section.server, section.port, connection)
            self._primary = SignedServer(endpoint, self._key, connection.limits.tcp_timeout)
        return self._primary

    def _new_update(self) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(dns.name.from_text(self._zone))

    async def _change(
        self,
        record: DomainRecord,
        update_for: Callable[[dns.rrset.RRset | None], dns.update.UpdateMessage | None],
    ) -> bool:
        """Make a change whose response may be lost: read before each attempt, and after the last.

        Args:
            record: the record at whose name to make the change.
            update_for: the update, given the existing TXT records; None if no change is needed.
        """
        lost: LostResponseError | None = None
        for tcp in (True, False):
            update = update_for(await self._read(record))
            if update is None:
                return lost is not None
            try:
                await self._send_update(update, record, tcp=tcp)
                lost = None
                break
            except LostResponseError as error:
                lost = error
        existing = await self._read(record)
        if update_for(existing) is None:
            return True
        if lost is not None:
            raise UnreachableError(f"{lost.message}; the change was not made", hint=lost.hint) from lost
        values = ", ".join(repr(_value(txt)) for txt in existing or ()) or "none"
        raise RemoteError(
            f"{self.title}: accepted the update of {record.name}, but it has no effect; TXT values: {values}",
            hint=f"check whether {record.name} is an alias (CNAME), which excludes other records (RFC 2136, 3.4.2.2)",
        )

    async def _read(self, record: DomainRecord) -> dns.rrset.RRset | None:
        """The TXT records on the server itself. The query is signed: a view may depend on the key."""
        response = await self._query(record.name, "TXT")
        if not response.flags & dns.flags.AA:
            raise await self._wrong_zone(record)
        return response.get_rrset(response.answer, _owner(record), dns.rdataclass.IN, dns.rdatatype.TXT)

    async def _query(self, name: str, rdtype: str) -> dns.message.Message:
        server = await self._server()
        query = dns.message.make_query(name, rdtype, flags=dns.flags.Flag(0))
        try:
            response = await server.send(query)
        except LostResponseError:
            response = await server.send(query, tcp=False)
        if response.rcode() == dns.rcode.SERVFAIL:
            raise RemoteError(
                f"{self.title}: the query for {name} {rdtype} fails (SERVFAIL)",
                code="SERVFAIL",
                hint="check the name server's log",
            )
        return response

    async def _send_update(
        self, update: dns.update.UpdateMessage, record: DomainRecord, *, tcp: bool = True
    ) -> None:
        server = await self._server()
        try:
            response = await server.send(update, tcp=tcp)
        except RemoteError as error:
            if error.code != "BADKEY":
                raise
            # The server has the key, which signed an earlier query: Knot reports what the key's ACL forbids as BADKEY.
            raise await self._denied(record, error.code) from error
        if response.rcode() != dns.rcode.NOERROR:
            raise await self._update_error(response, record)

    async def _update_error(self, response: dns.message.Message, record: DomainRecord) -> RemoteError:
        """The error for an update that was not made (RFC 2136, section 2.2)."""
        code = dns.rcode.to_text(response.rcode())
        match response.rcode():
            case dns.rcode.REFUSED:
                return await self._denied(record, code)
            case dns.rcode.NOTAUTH | dns.rcode.NOTZONE:
                return await self._wrong_zone(record, code)
            case dns.rcode.NOTIMP | dns.rcode.FORMERR:
                message = f"takes no dynamic updates ({code})"
                hint = "set dns.server to the zone's primary, or remove dns: and create the record yourself"
            case _:
                message = f"could not change {record.name} ({code})"
                hint = "check the name server's log: its zone file or journal may not be writable"
        return RemoteError(f"{self.title}: {message}", code=code, hint=hint)

    async def _denied(self, record: DomainRecord, code: str) -> RemoteError:
        """The error for an update that this server refuses; a secondary refuses every update."""
        soa = responses.records_at(await self._query(self._zone, "SOA"), self._zone, "SOA")
        primary = f"; the zone's primary is {responses.name_text(soa[0].mname)}" if soa else ""
        if self._key is None:
            return RemoteError(
                f"{self.title}: refuses unsigned updates of {record.name} ({code}){primary}",
                code=code,
                hint="set dns.key and dns.secret",
            )
        key = self._section.key
        return PermissionDeniedError(
            f"{self.title}: the key {key} may not change TXT records at {record.name} ({code}){primary}",
            permissions=(f"{key} updates of TXT at {record.name} (BIND: update-policy; Knot: acl)",),
            code=code,
        )

    async def _wrong_zone(self, record: DomainRecord, code: str = "") -> RemoteError:
        """The error if the server does not have the zone, or the name is in another zone of it."""
        response = await self._query(record.name, "SOA")
        soa = responses.soa_of(response) if response.flags & dns.flags.AA else None
        suffix = f" ({code})" if code else ""
        if soa is None:
            message = f"does not have the zone {self._zone}{suffix}"
            hint = "set dns.server to the zone's primary name server"
        elif soa.zone == self._zone:  # unsigned updates on Knot, and on some secondaries
            return await self._denied(record, code)
        else:
            message = f"has {record.name} in the zone {soa.zone}, not in {self._zone}{suffix}"
            hint = f"set dns.zone to {soa.zone}"
        return RemoteNotFoundError(f"{self.title}: {message}", code=code, hint=hint)


def _owner(record: DomainRecord) -> dns.name.Name:
    return dns.name.from_text(record.name)


def _txt(value: str) -> Txt:
    strings = [text.encode() for text in character_strings(value)]
    return Txt(dns.rdataclass.IN, dns.rdatatype.TXT, strings)


def _value(record: dns.rdata.Rdata) -> str:
    assert isinstance(record, Txt)
    return b"".join(record.strings).decode(errors="backslashreplace")
