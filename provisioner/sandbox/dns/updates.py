"""Dynamic update (RFC 2136) with TSIG: permissions, prerequisites, and the changes of the zone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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

from provisioner.sandbox.dns import zones
from provisioner.sandbox.dns.messages import make_response
from provisioner.sandbox.dns.presentation import canonical, parse_name, parse_rdata
from provisioner.sandbox.dns.tsig_keys import TsigKey, find_key
from provisioner.sandbox.dns.zones import Contents
from provisioner.sandbox.store import Store

_APEX_TYPES = frozenset({"SOA", "NS"})
_Node = dict[str, dict[str, Any]]


class _UpdateError(Exception):
    """The update fails with an RCODE."""

    def __init__(self, rcode: dns.rcode.Rcode) -> None:
        super().__init__(rcode)
        self.rcode = rcode


def process_update(store: Store, host: str, query: dns.message.Message) -> dns.message.Message:
    """Process an update message atomically.

    Args:
        store: the DNS store.
        host: name of the server; only the primary of a zone accepts updates, a secondary refuses them (as BIND does without
            ``allow-update-forwarding``).
        query: the update message, its TSIG verified if it has one.

    Returns:
        the response: REFUSED for an unsigned update or one that the key's policy does not allow, NOTAUTH for a zone that the
        server does not have, NOTZONE for a name outside the zone, YXDOMAIN and the like for prerequisites.
    """
    assert isinstance(query, dns.update.UpdateMessage)
    try:
        zone = _check_zone_section(store, host, query)
        key = _check_key(store, query, zone)
        origin = parse_name(zone)
        _prescan(query, origin)
        with store.transaction():
            contents = zones.records(store, zone)
            _check_prerequisites(query.prerequisite, origin, contents)
            _check_policy(key, query.update, contents, zone)
            zones.edit_zone(store, zone, lambda current: _apply(query.update, zone, current))
    except _UpdateError as error:
        return make_response(query, error.rcode)
    except ValueError:
        return make_response(query, dns.rcode.REFUSED)
    return make_response(query)


def _check_zone_section(store: Store, host: str, query: dns.update.UpdateMessage) -> str:
    """RFC 2136 section 3.1; returns the name of the zone."""
    if len(query.zone) != 1:
        raise _UpdateError(dns.rcode.FORMERR)
    zone = store.get("zone", canonical(query.zone[0].name))
    if zone is None or host not in zone["servers"]:
        raise _UpdateError(dns.rcode.NOTAUTH)
    if host != zone["servers"][0]:
        raise _UpdateError(dns.rcode.REFUSED)
    return str(zone["name"])


def _check_key(store: Store, query: dns.update.UpdateMessage, zone: str) -> TsigKey:
    """RFC 2136 section 3.3."""
    key = find_key(store, query.keyname) if query.keyname is not None else None
    if key is None or not key.allows_zone(zone):
        raise _UpdateError(dns.rcode.REFUSED)
    return key


def _prescan(query: dns.update.UpdateMessage, origin: dns.name.Name) -> None:
    """RFC 2136 sections 3.2.1 and 3.4.1: names inside the zone, and no meta-types."""
    for rrset in [*query.prerequisite, *query.update]:
        if not rrset.name.is_subdomain(origin):
            raise _UpdateError(dns.rcode.NOTZONE)
    for rrset in query.update:
        deletes_name = rrset.rdtype == dns.rdatatype.ANY and rrset.deleting == dns.rdataclass.ANY
        if dns.rdatatype.is_metatype(rrset.rdtype) and not deletes_name:
            raise _UpdateError(dns.rcode.FORMERR)


def _check_prerequisites(
    prerequisites: Sequence[dns.rrset.RRset], origin: dns.name.Name, contents: Contents
) -> None:
    """RFC 2136 section 3.2.5."""
    required: dict[tuple[str, str], set[dns.rdata.Rdata]] = {}
    for rrset in prerequisites:
        node = contents.get(canonical(rrset.name), {})
        any_type = rrset.rdtype == dns.rdatatype.ANY
        exists = bool(node) if any_type else rrset.rdtype.name in node
        if rrset.deleting == dns.rdataclass.ANY and not exists:
            raise _UpdateError(dns.rcode.NXDOMAIN if any_type else dns.rcode.NXRRSET)
        if rrset.deleting == dns.rdataclass.NONE and exists:
            raise _UpdateError(dns.rcode.YXDOMAIN if any_type else dns.rcode.YXRRSET)
        if rrset.deleting is None:
            required.setdefault((canonical(rrset.name), rrset.rdtype.name), set()).update(rrset)
    for (name, rdtype), rdatas in required.items():
        data = contents.get(name, {}).get(rdtype, {"data": []})["data"]
        if {parse_rdata(dns.rdatatype.from_text(rdtype), value, origin) for value in data} != rdatas:
            raise _UpdateError(dns.rcode.NXRRSET)


def _check_policy(key: TsigKey, changes: Sequence[dns.rrset.RRset], contents: Contents, zone: str) -> None:
    """The key must allow every changed type; to delete a name, every type that the name has (as in BIND)."""
    for rrset in changes:
        changed_types = [rrset.rdtype.name]
        if rrset.rdtype == dns.rdatatype.ANY:
            name = canonical(rrset.name)
            node = contents.get(name, {})
            changed_types = [rdtype for rdtype in node if name != zone or rdtype not in _APEX_TYPES]
        if not all(key.allows_type(dns.rdatatype.from_text(rdtype)) for rdtype in changed_types):
            raise _UpdateError(dns.rcode.REFUSED)


def _apply(changes: Sequence[dns.rrset.RRset], zone: str, contents: Contents) -> None:
    """RFC 2136 section 3.4.2, in the order of the update section."""
    for rrset in changes:
        name = canonical(rrset.name)
        node = contents.setdefault(name, {})
        if rrset.deleting is None:
            _add(node, rrset)
        elif rrset.deleting == dns.rdataclass.NONE:
            _delete_record(node, rrset, apex=name == zone)
        else:
            _delete_rrsets(node, rrset.rdtype, apex=name == zone)


def _add(node: _Node, rrset: dns.rrset.RRset) -> None:
    rdtype, value = rrset.rdtype.name, rrset[0].to_text()
    others = {name for name, existing in node.items() if existing["data"]} - {rdtype}
    if others if rdtype == "CNAME" else "CNAME" in others:
        return  # silently ignored (RFC 2136 section 3.4.2.2)
    data: list[str] = node.get(rdtype, {"data": []})["data"]
    if rdtype == "SOA" and (rdtype not in node or not _increases_serial(rrset, data[0])):
        return
    if rdtype in ("SOA", "CNAME", "DNAME"):
        data = []
    node[rdtype] = {"ttl": rrset.ttl, "data": list(dict.fromkeys([*data, value]))}


def _increases_serial(rrset: dns.rrset.RRset, current: str) -> bool:
    new_soa, current_soa = rrset[0], parse_rdata(dns.rdatatype.SOA, current)
    assert isinstance(new_soa, dns.rdtypes.ANY.SOA.SOA)
    assert isinstance(current_soa, dns.rdtypes.ANY.SOA.SOA)
    return bool(dns.serial.Serial(new_soa.serial) > dns.serial.Serial(current_soa.serial))


def _delete_record(node: _Node, rrset: dns.rrset.RRset, *, apex: bool) -> None:
    """Delete one record, but neither the SOA nor the last NS record of the zone."""
    rdtype, value = rrset.rdtype.name, rrset[0].to_text()
    if rdtype not in node or rdtype == "SOA":
        return
    remaining = [existing for existing in node[rdtype]["data"] if existing != value]
    if apex and rdtype == "NS" and not remaining:
        return
    node[rdtype]["data"] = remaining


def _delete_rrsets(node: _Node, rdtype: dns.rdatatype.RdataType, *, apex: bool) -> None:
    """Delete an RRset or all RRsets of a name, but not the SOA and NS records of the zone."""
    for name in list(node):
        matches = rdtype in (dns.rdatatype.ANY, dns.rdatatype.from_text(name))
        if matches and not (apex and name in _APEX_TYPES):
            del node[name]
