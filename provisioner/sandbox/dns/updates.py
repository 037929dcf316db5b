"""Dynamic update (RFC 2136), signed with TSIG: who may, whether the prerequisites hold, and what it does to the zone."""

from __future__ import annotations

from collections.abc import Sequence

import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset
import dns.serial
import dns.update

from provisioner.sandbox.dns import exchange, keyring, zone_data
from provisioner.sandbox.dns.keyring import Grant
from provisioner.sandbox.dns.text import data, kept, parsed
from provisioner.sandbox.dns.zone_data import Contents
from provisioner.sandbox.store import Store

_APEX_TYPES = frozenset({"SOA", "NS"})
_Node = dict[str, dict[str, object]]


class _Failed(Exception):  # noqa: N818 (it carries an answer)
    """The update stops with this code."""

    def __init__(self, rcode: dns.rcode.Rcode) -> None:
        super().__init__(rcode)
        self.rcode = rcode


def carry_out(store: Store, host: str, query: dns.message.Message) -> dns.message.Message:
    """Change a zone, or say why not; all of it or nothing.

    Args:
        store: the DNS's store.
        host: the server that was asked; only a zone's primary takes updates, the others refuse (as BIND does unless it is
            told to forward them).
        query: the update, its signature checked if it has one.

    Returns:
        The answer: REFUSED for one that is not signed or that the key's policy does not cover, NOTAUTH for a zone that
        this server does not have, NOTZONE for a name outside the zone, YXDOMAIN and its like for prerequisites.
    """
    assert isinstance(query, dns.update.UpdateMessage)
    try:
        zone = _zone(store, host, query)
        grant = _permitted(store, query, zone)
        origin = parsed(zone)
        _prescan(query, origin)
        with store.transaction():
            contents = zone_data.records(store, zone)
            _check(query.prerequisite, origin, contents)
            _check_policy(grant, query.update, contents, zone)
            zone_data.edit(store, zone, lambda now: _apply(query.update, zone, now))
    except _Failed as failed:
        return exchange.blank(query, failed.rcode)
    except ValueError:
        return exchange.blank(query, dns.rcode.REFUSED)
    return exchange.blank(query)


def _zone(store: Store, host: str, query: dns.update.UpdateMessage) -> str:
    if len(query.zone) != 1:
        raise _Failed(dns.rcode.FORMERR)
    found = store.get("zone", kept(query.zone[0].name))
    if found is None or host not in found["servers"]:
        raise _Failed(dns.rcode.NOTAUTH)
    if host != found["servers"][0]:
        raise _Failed(dns.rcode.REFUSED)
    return str(found["name"])


def _permitted(store: Store, query: dns.update.UpdateMessage, zone: str) -> Grant:
    grant = keyring.find(store, query.keyname) if query.keyname is not None else None
    if grant is None or not grant.covers_zone(zone):
        raise _Failed(dns.rcode.REFUSED)
    return grant


def _prescan(query: dns.update.UpdateMessage, origin: dns.name.Name) -> None:
    """RFC 2136 sections 3.2.1 and 3.4.1: names inside the zone; no type that cannot be stored."""
    for rrset in [*query.prerequisite, *query.update]:
        if not rrset.name.is_subdomain(origin):
            raise _Failed(dns.rcode.NOTZONE)
    for rrset in query.update:
        whole_name = rrset.rdtype == dns.rdatatype.ANY and rrset.deleting == dns.rdataclass.ANY
        if dns.rdatatype.is_metatype(rrset.rdtype) and not whole_name:
            raise _Failed(dns.rcode.FORMERR)


def _check(prerequisites: Sequence[dns.rrset.RRset], origin: dns.name.Name, contents: Contents) -> None:
    """RFC 2136 section 3.2.5."""
    wanted: dict[tuple[str, str], set[dns.rdata.Rdata]] = {}
    for rrset in prerequisites:
        node = contents.get(kept(rrset.name), {})
        any_type = rrset.rdtype == dns.rdatatype.ANY
        there = bool(node) if any_type else rrset.rdtype.name in node
        if rrset.deleting == dns.rdataclass.ANY and not there:
            raise _Failed(dns.rcode.NXDOMAIN if any_type else dns.rcode.NXRRSET)
        if rrset.deleting == dns.rdataclass.NONE and there:
            raise _Failed(dns.rcode.YXDOMAIN if any_type else dns.rcode.YXRRSET)
        if rrset.deleting is None:
            wanted.setdefault((kept(rrset.name), rrset.rdtype.name), set()).update(rrset)
    for (name, kind), rdatas in wanted.items():
        found = contents.get(name, {}).get(kind, {"data": []})["data"]
        if {data(dns.rdatatype.from_text(kind), value, origin) for value in found} != rdatas:
            raise _Failed(dns.rcode.NXRRSET)


def _check_policy(grant: Grant, changes: Sequence[dns.rrset.RRset], contents: Contents, zone: str) -> None:
    """Every type that would change has to be granted; for a whole name, every type that is there (as BIND does)."""
    for rrset in changes:
        touched = [rrset.rdtype.name]
        if rrset.rdtype == dns.rdatatype.ANY:
            name = kept(rrset.name)
            touched = [kind for kind in contents.get(name, {}) if name != zone or kind not in _APEX_TYPES]
        if not all(grant.covers_type(dns.rdatatype.from_text(kind)) for kind in touched):
            raise _Failed(dns.rcode.REFUSED)


def _apply(changes: Sequence[dns.rrset.RRset], zone: str, contents: Contents) -> None:
    """RFC 2136 section 3.4.2, in the order of the changes."""
    for rrset in changes:
        name = kept(rrset.name)
        node = contents.setdefault(name, {})
        if rrset.deleting is None:
            _add(node, rrset)
        elif rrset.deleting == dns.rdataclass.NONE:
            _delete_one(node, rrset, apex=name == zone)
        else:
            _delete_sets(node, rrset.rdtype, apex=name == zone)


def _add(node: _Node, rrset: dns.rrset.RRset) -> None:
    kind, value = rrset.rdtype.name, rrset[0].to_text()
    others = {each for each, found in node.items() if found["data"]} - {kind}
    if others if kind == "CNAME" else "CNAME" in others:
        return  # silently ignored (RFC 2136 section 3.4.2.2)
    old = node.get(kind)
    if kind == "SOA":
        if old is None or not _newer(rrset, old):
            return
        old = None
    if kind in ("CNAME", "DNAME"):
        old = None
    values = _values(old) if old else []
    node[kind] = {"ttl": rrset.ttl, "data": list(dict.fromkeys([*values, value]))}


def _newer(rrset: dns.rrset.RRset, old: dict[str, object]) -> bool:
    theirs, ours = rrset[0], data(dns.rdatatype.SOA, _values(old)[0], dns.name.root)
    assert isinstance(theirs, dns.rdtypes.ANY.SOA.SOA)
    assert isinstance(ours, dns.rdtypes.ANY.SOA.SOA)
    return bool(dns.serial.Serial(theirs.serial) > dns.serial.Serial(ours.serial))


def _delete_one(node: _Node, rrset: dns.rrset.RRset, *, apex: bool) -> None:
    """One record; never the SOA, nor the last NS of the zone."""
    kind, value = rrset.rdtype.name, rrset[0].to_text()
    found = node.get(kind)
    if found is None or kind == "SOA":
        return
    values = [each for each in _values(found) if each != value]
    if apex and kind == "NS" and not values:
        return
    found["data"] = values


def _delete_sets(node: _Node, rdtype: dns.rdatatype.RdataType, *, apex: bool) -> None:
    """A whole set, or all of them; never the zone's own SOA and NS."""
    for kind in list(node):
        if rdtype in (dns.rdatatype.ANY, dns.rdatatype.from_text(kind)) and not (
            apex and kind in _APEX_TYPES
        ):
            del node[kind]


def _values(found: dict[str, object]) -> list[str]:
    values = found["data"]
    assert isinstance(values, list)
    return values
