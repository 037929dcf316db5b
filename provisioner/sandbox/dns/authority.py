"""A name server: which zone a question belongs to, which version of it this server has, and what it says."""

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

from provisioner.sandbox.dns import exchange, updates, zone_data
from provisioner.sandbox.dns.behaviour import Behaviour, Lie
from provisioner.sandbox.dns.text import kept, parsed
from provisioner.sandbox.dns.view import View
from provisioner.sandbox.store import Store

_MOST_VIEWS = 64
_UNSERVED = (dns.rdatatype.AXFR, dns.rdatatype.IXFR, dns.rdatatype.MAILA, dns.rdatatype.MAILB)


class Authority:
    """Every name server of the sandbox; which of them speaks is said with each query."""

    def __init__(self, store: Store) -> None:
        """Serve the zones of a store."""
        self._store = store
        self._views: OrderedDict[tuple[str, tuple[Lie, ...]], View] = OrderedDict()
        self._guard = threading.Lock()

    def answer(self, host: str, query: dns.message.Message, behaviour: Behaviour) -> dns.message.Message:
        """Answer a query or carry out an update.

        Args:
            host: the name server that was asked.
            query: what was asked, its signature checked.
            behaviour: how this server behaves.
        """
        if query.opcode() == dns.opcode.UPDATE:
            return updates.carry_out(self._store, host, query)
        if query.opcode() != dns.opcode.QUERY:
            return exchange.blank(query, dns.rcode.NOTIMP)
        if len(query.question) != 1:
            return exchange.blank(query, dns.rcode.FORMERR)
        question = query.question[0]
        zone = self._zone(host, question.name, question.rdtype)
        if zone is None or question.rdclass != dns.rdataclass.IN or question.rdtype in _UNSERVED:
            return exchange.blank(query, dns.rcode.REFUSED)
        if behaviour.mode == "lame":
            return _upward(query)
        said = self._view(zone, behaviour).answer(question.name, question.rdtype)
        response = exchange.blank(query, said.rcode)
        if said.authoritative:
            response.flags |= dns.flags.AA
        response.answer, response.authority = said.answer, said.authority
        response.additional = said.additional
        return response

    def _zone(self, host: str, qname: dns.name.Name, qtype: dns.rdatatype.RdataType) -> str | None:
        """The closest zone above a name that a server has; for DS the one above the cut, if it has that too."""
        served = [parsed(zone["name"]) for zone in self._store.all("zone") if host in zone["servers"]]
        above = [zone for zone in served if qname.is_subdomain(zone)]
        if qtype == dns.rdatatype.DS and len(above) > 1:
            above = [zone for zone in above if zone != qname]
        return kept(max(above, key=len)) if above else None

    def _view(self, zone: str, behaviour: Behaviour) -> View:
        remembered = zone_data.versions(self._store, zone)
        shown = [version for version in remembered if version.at <= time.time() - behaviour.lag_seconds]
        view = self._read((shown or remembered[:1])[-1], behaviour.lies)
        if behaviour.frozen_serial is not None:
            for version in reversed(shown or remembered[:1]):
                view = self._read(version, behaviour.lies)
                if view.soa.serial <= behaviour.frozen_serial:
                    break
        return view

    def _read(self, version: zone_data.Version, lies: tuple[Lie, ...]) -> View:
        key = (version.key, lies)
        with self._guard:
            view = self._views.get(key)
            if view is None:
                contents = zone_data.contents_of(self._store, version)
                view = self._views[key] = View(parsed(version.zone), contents, lies)
                if len(self._views) > _MOST_VIEWS:
                    self._views.popitem(last=False)
            self._views.move_to_end(key)
        return view


def _upward(query: dns.message.Message) -> dns.message.Message:
    """What a server says of a zone that it was never told of: not authoritative, "ask the root"."""
    response = exchange.blank(query)
    root = dns.rrset.from_text(dns.name.root, 518400, "IN", "NS", "a.root-servers.net.")
    response.authority = [root]
    return response
