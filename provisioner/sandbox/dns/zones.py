"""Zones in the store: their name servers, their records, and the earlier versions that a lagging secondary may have.

A zone is transferred as a whole (RFC 1034 section 4.3.5), so it is versioned as a whole: each change writes a new version
with a higher serial, and a secondary that lags behind serves an earlier one.

Kinds: ``zone`` (key: its name), ``version`` (key: ``zone|number|time``), ``server`` (key: its host name).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.serial

from provisioner.sandbox.dns.presentation import canonical, parse_name, parse_rdata, parse_type
from provisioner.sandbox.store import Document, Store

LOOPBACK: Final = "127.0.0.1"
SOA_TTL: Final = 3600
_TTL: Final = 300
_DEFAULT_SERVERS = ("ns1", "ns2", "ns3")
_MAX_LAG_SECONDS = 86400.0
_MAX_VERSIONS = 500
_SINGLETON_TYPES = frozenset({dns.rdatatype.SOA, dns.rdatatype.CNAME, dns.rdatatype.DNAME})

Contents = dict[str, dict[str, dict[str, Any]]]
"""Records by owner name and type: ``{"contoso.example.": {"TXT": {"ttl": 300, "data": ['"a"']}}}``."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a zone.

    Attributes:
        zone: name of the zone.
        key: its unique key in the store.
        created: when it was created, in epoch seconds.
    """

    zone: str
    key: str
    created: float


def add_zone(
    store: Store, zone: str, *, servers: Sequence[str] = (), negative_ttl: int = 900, delegated: bool = True
) -> None:
    """Create a zone with SOA, NS, and the addresses of name servers inside the zone.

    Args:
        store: the DNS store.
        zone: its name.
        servers: host names of its name servers, the primary first; by default ns1, ns2 and ns3 of the zone. A name
            without a final dot is relative to the zone.
        negative_ttl: the SOA's MINIMUM field, the TTL of negative answers (RFC 2308 section 4).
        delegated: whether the closest enclosing zone gets its NS records and glue.

    Raises:
        ValueError: the zone exists, or a name is invalid.
    """
    origin = parse_name(zone)
    hosts = [parse_name(host, origin) for host in servers or _DEFAULT_SERVERS]
    key = canonical(origin)
    with store.transaction():
        if store.get("zone", key) is not None:
            raise ValueError(f"the zone {key} exists")
        for host in map(canonical, hosts):
            if store.get("server", host) is None:
                store.put("server", host, {"host": host, "role": "authority", "port": None})
        store.put("zone", key, {"name": key, "servers": [canonical(host) for host in hosts]})
        _write_version(store, key, _apex_contents(origin, hosts, negative_ttl))
        if delegated:
            delegate(store, key)


def remove_zone(store: Store, zone: str) -> None:
    """Remove a zone, its delegation, and the name servers that serve no other zone.

    Raises:
        ValueError: the zone does not exist.
    """
    with store.transaction():
        removed = _find_zone(store, zone)
        key = removed["name"]
        parent = parent_zone(store, key)
        if parent is not None:
            edit_zone(store, parent, lambda contents: _remove_delegation(contents, key))
        store.delete("zone", key)
        store.delete_many("version", store.keys("version", f"{key}|"))
        used = {host for other in store.all("zone") for host in other["servers"]}
        for host in set(removed["servers"]) - used:
            store.delete("server", host)
            store.delete("serverOptions", host)


def delegate(store: Store, zone: str) -> None:
    """Write the NS records and the glue of a zone into its parent zone, if the store has one.

    Raises:
        ValueError: the zone does not exist.
    """
    child = _find_zone(store, zone)
    key, hosts = child["name"], child["servers"]
    parent = parent_zone(store, key)
    if parent is None:
        return

    def add_delegation(contents: Contents) -> None:
        _remove_delegation(contents, key)
        contents.setdefault(key, {})["NS"] = {"ttl": SOA_TTL, "data": list(hosts)}
        _add_addresses(contents, parse_name(key), hosts)

    edit_zone(store, parent, add_delegation)


def zone_names(store: Store) -> list[str]:
    """The names of all zones, oldest first."""
    return [zone["name"] for zone in store.all("zone")]


def parent_zone(store: Store, zone: str) -> str | None:
    """The closest enclosing zone, or None."""
    origin = parse_name(zone)
    return longest_enclosing_name(origin, [name for name in zone_names(store) if name != canonical(origin)])


def longest_enclosing_name(name: dns.name.Name, candidates: Sequence[str]) -> str | None:
    """The longest of some names that is a name itself or above it, in canonical form; None without any."""
    enclosing = [candidate for candidate in map(parse_name, candidates) if name.is_subdomain(candidate)]
    return canonical(max(enclosing, key=len)) if enclosing else None


def records(store: Store, zone: str) -> Contents:
    """The records of the current version of a zone.

    Raises:
        ValueError: the zone does not exist.
    """
    return version_contents(store, _current_version(store, _find_zone(store, zone)["name"]))


def serial(store: Store, zone: str) -> int:
    """The serial of the current version of a zone.

    Raises:
        ValueError: the zone does not exist.
    """
    key = _find_zone(store, zone)["name"]
    return _soa(records(store, key), key).serial


def add_record(store: Store, zone: str, name: str, rdtype: str, *values: str, ttl: int = _TTL) -> None:
    """Add records to an RRset; existing records remain and get the new TTL.

    Args:
        store: the DNS store.
        zone: the zone.
        name: the owner name; relative to the zone without a final dot, ``@`` for the apex, ``*`` for a wildcard.
        rdtype: record type, such as ``TXT``.
        values: data of the records in presentation format; see `txt` for TXT records.
        ttl: TTL in seconds.

    Raises:
        ValueError: the zone does not exist, the name is outside it, the data is invalid, or a CNAME would exist beside other
            records (RFC 1034 section 3.6.2).
    """
    origin, owner = _parse_owner(store, zone, name)
    kind = parse_type(rdtype)
    added = [parse_rdata(kind, value, origin).to_text() for value in values]

    def add(contents: Contents) -> None:
        node = contents.setdefault(owner, {})
        others = set(node) - {kind.name}
        if others and (kind == dns.rdatatype.CNAME or "CNAME" in others):
            raise ValueError(f"{owner} cannot have a CNAME beside other records")
        existing = node.get(kind.name, {"data": []})["data"]
        data = list(dict.fromkeys([*existing, *added]))
        if kind in _SINGLETON_TYPES and len(data) > 1:
            data = added[-1:]
        node[kind.name] = {"ttl": ttl, "data": data}

    edit_zone(store, canonical(origin), add)


def remove_record(store: Store, zone: str, name: str, rdtype: str, *values: str) -> None:
    """Remove the records with these values, or the whole RRset without values; missing records are ignored.

    Raises:
        ValueError: the zone does not exist, the name is outside it, or the data is invalid.
    """
    origin, owner = _parse_owner(store, zone, name)
    kind = parse_type(rdtype)
    removed = {parse_rdata(kind, value, origin).to_text() for value in values}

    def remove(contents: Contents) -> None:
        rrset = contents.get(owner, {}).get(kind.name)
        if rrset is not None:
            rrset["data"] = [value for value in rrset["data"] if removed and value not in removed]

    edit_zone(store, canonical(origin), remove)


def edit_zone(store: Store, zone: str, change: Callable[[Contents], None]) -> bool:
    """Change a zone in one transaction and increase its serial, unless the change sets it.

    Args:
        store: the DNS store.
        zone: its name in canonical form.
        change: changes the contents in place; RRsets without data are removed afterwards.

    Returns:
        whether the zone changed.

    Raises:
        ValueError: the zone would have no SOA or NS records.
    """
    with store.transaction():
        version = _current_version(store, zone)
        before, after = version_contents(store, version), version_contents(store, version)
        change(after)
        _remove_empty_rrsets(after)
        if after == before:
            return False
        apex = after.get(zone, {})
        if not {"SOA", "NS"} <= set(apex):
            raise ValueError(f"{zone} needs a SOA and NS records")
        if apex["SOA"] == before[zone]["SOA"]:
            soa = _soa(after, zone)
            next_serial = dns.serial.Serial(soa.serial) + 1
            apex["SOA"]["data"] = [soa.replace(serial=next_serial.value or 1).to_text()]
        _write_version(store, zone, after)
    return True


def version_contents(store: Store, version: Version) -> Contents:
    """A copy of the records of a version."""
    document = store.get("version", version.key)
    assert document is not None
    contents: Contents = document["contents"]
    return contents


def versions(store: Store, zone: str) -> list[Version]:
    """The stored versions of a zone, oldest first; at least one."""
    keys = store.keys("version", f"{zone}|")
    return [Version(zone, key, float(key.rpartition("|")[2])) for key in keys]


def _current_version(store: Store, zone: str) -> Version:
    """The version of the primary."""
    return versions(store, zone)[-1]


def _find_zone(store: Store, name: str) -> Document:
    key = canonical(parse_name(name))
    zone = store.get("zone", key)
    if zone is None:
        raise ValueError(f"there is no zone {key}; there are {', '.join(zone_names(store)) or 'none'}")
    return zone


def _parse_owner(store: Store, zone: str, name: str) -> tuple[dns.name.Name, str]:
    """The origin of a zone, and an owner name inside it."""
    origin = parse_name(_find_zone(store, zone)["name"])
    owner = parse_name(name, origin)
    if not owner.is_subdomain(origin):
        raise ValueError(f"{canonical(owner)} is outside the zone {canonical(origin)}")
    return origin, canonical(owner)


def _apex_contents(origin: dns.name.Name, hosts: Sequence[dns.name.Name], negative_ttl: int) -> Contents:
    key, names = canonical(origin), [canonical(host) for host in hosts]
    mailbox = canonical(parse_name("hostmaster", origin))
    soa = f"{names[0]} {mailbox} 1 7200 900 1209600 {negative_ttl}"
    contents: Contents = {
        key: {"SOA": {"ttl": SOA_TTL, "data": [soa]}, "NS": {"ttl": SOA_TTL, "data": names}}
    }
    _add_addresses(contents, origin, names)
    return contents


def _add_addresses(contents: Contents, origin: dns.name.Name, hosts: Sequence[str]) -> None:
    """Add the addresses of the name servers inside a zone."""
    for host in hosts:
        if parse_name(host).is_subdomain(origin):
            contents.setdefault(host, {})["A"] = {"ttl": SOA_TTL, "data": [LOOPBACK]}


def _remove_delegation(contents: Contents, child: str) -> None:
    """Remove a delegation and its glue from the contents of the parent zone."""
    zone_cut = parse_name(child)
    contents.get(child, {}).pop("NS", None)
    for name in [name for name in contents if parse_name(name).is_subdomain(zone_cut)]:
        contents[name].pop("A", None)


def _remove_empty_rrsets(contents: Contents) -> None:
    for name in list(contents):
        contents[name] = {rdtype: rrset for rdtype, rrset in contents[name].items() if rrset["data"]}
        if not contents[name]:
            del contents[name]


def _soa(contents: Contents, zone: str) -> dns.rdtypes.ANY.SOA.SOA:
    soa = parse_rdata(dns.rdatatype.SOA, contents[zone]["SOA"]["data"][0])
    assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)
    return soa


def _write_version(store: Store, zone: str, contents: Contents) -> None:
    """Store the next version, and delete those that no secondary can have any more."""
    now = time.time()
    stored = versions(store, zone)
    number = int(stored[-1].key.split("|")[-2]) + 1 if stored else 1
    store.put("version", f"{zone}|{number:010d}|{now:.6f}", {"contents": contents})
    # A lagging secondary has a version until the lag after its successor was created.
    successors = [*stored[1:], Version(zone, "", now)][: len(stored)]
    expired = {
        version.key
        for version, successor in zip(stored, successors, strict=True)
        if now - successor.created > _MAX_LAG_SECONDS
    }
    store.delete_many("version", expired | {version.key for version in stored[:-_MAX_VERSIONS]})
