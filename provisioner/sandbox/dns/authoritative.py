"""The authoritative name servers: which zone and which version of it answers a query."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from provisioner.sandbox.dns import updates, zones
from provisioner.sandbox.dns.messages import make_response
from provisioner.sandbox.dns.presentation import parse_name
from provisioner.sandbox.dns.server_options import Override, ServerOptions
from provisioner.sandbox.dns.zone_lookup import ZoneLookup
from provisioner.sandbox.store import Store

_MAX_CACHED = 64
_UNSUPPORTED = (dns.rdatatype.AXFR, dns.rdatatype.IXFR, dns.rdatatype.MAILA, dns.rdatatype.MAILB)


class AuthoritativeServers:
    """All authoritative name servers of the sandbox; each query names the server."""

    def __init__(self, store: Store) -> None:
        """Serve the zones of a store."""
        self._store = store
        self._lookups: OrderedDict[tuple[str, tuple[Override, ...]], ZoneLookup] = OrderedDict()
        self._lock = threading.Lock()

    def respond(self, host: str, query: dns.message.Message, options: ServerOptions) -> dns.message.Message:
        """Respond to a query or an update.

        Args:
            host: name of the server.
            query: the message, its TSIG verified.
            options: options of the server.
        """
        if query.opcode() == dns.opcode.UPDATE:
            return updates.process_update(self._store, host, query)
        if query.opcode() != dns.opcode.QUERY:
            return make_response(query, dns.rcode.NOTIMP)
        if len(query.question) != 1:
            return make_response(query, dns.rcode.FORMERR)
        question = query.question[0]
        zone = self._find_zone(host, question.name, question.rdtype)
        if zone is None or question.rdclass != dns.rdataclass.IN or question.rdtype in _UNSUPPORTED:
            return make_response(query, dns.rcode.REFUSED)
        if options.mode == "lame":
            return _upward_referral(query)
        result = self._lookup(zone, options).lookup(question.name, question.rdtype)
        response = make_response(query, result.rcode)
        if result.authoritative:
            response.flags |= dns.flags.AA
        response.answer, response.authority = result.answer, result.authority
        response.additional = result.additional
        return response

    def _find_zone(self, host: str, qname: dns.name.Name, qtype: dns.rdatatype.RdataType) -> str | None:
        """The closest zone of a server that contains a name; for DS the parent zone, if the server has it as well."""
        served = [zone["name"] for zone in self._store.all("zone") if host in zone["servers"]]
        if qtype == dns.rdatatype.DS:
            parents = [zone for zone in served if parse_name(zone) != qname]
            return zones.longest_enclosing_name(qname, parents) or zones.longest_enclosing_name(qname, served)
        return zones.longest_enclosing_name(qname, served)

    def _lookup(self, zone: str, options: ServerOptions) -> ZoneLookup:
        stored = zones.versions(self._store, zone)
        newest_creation = time.time() - options.lag_seconds
        available = [version for version in stored if version.created <= newest_creation] or stored[:1]
        lookup = self._parse(available[-1], options.overrides)
        if options.frozen_serial is not None:
            for version in reversed(available):
                lookup = self._parse(version, options.overrides)
                if lookup.soa.serial <= options.frozen_serial:
                    break
        return lookup

    def _parse(self, version: zones.Version, overrides: tuple[Override, ...]) -> ZoneLookup:
        key = (version.key, overrides)
        with self._lock:
            lookup = self._lookups.get(key)
            if lookup is None:
                contents = zones.version_contents(self._store, version)
                lookup = self._lookups[key] = ZoneLookup(parse_name(version.zone), contents, overrides)
                if len(self._lookups) > _MAX_CACHED:
                    self._lookups.popitem(last=False)
            self._lookups.move_to_end(key)
        return lookup


def _upward_referral(query: dns.message.Message) -> dns.message.Message:
    """The response of a lame server: a referral to the root, without the AA bit."""
    response = make_response(query)
    root = dns.rrset.from_text(dns.name.root, 518400, "IN", "NS", "a.root-servers.net.")
    response.authority = [root]
    return response
