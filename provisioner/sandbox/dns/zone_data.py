"""Zones in the store: who serves them, what is in them, and every version that a slow server may still show.

A zone is transferred as a whole (RFC 1034 section 4.3.5), so it is versioned as a whole: each change writes a new version
with a higher serial, and a server that lags serves an older one.

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

from provisioner.sandbox.dns.text import data, kept, parsed, type_of
from provisioner.sandbox.store import Document, Store

ADDRESS: Final = "127.0.0.1"
TTL: Final = 300
SOA_TTL: Final = 3600
MINIMUM: Final = 900
"""Seconds for which a resolver may remember that something does not exist (RFC 2308 section 4)."""

_DEFAULT_SERVERS = ("ns1", "ns2", "ns3")
_REMEMBERED_SECONDS = 86400.0  # how long a replaced version can still be served by a server that lags
_MOST_VERSIONS = 500

Contents = dict[str, dict[str, dict[str, Any]]]
"""Records by owner name and type: ``{"contoso.example.": {"TXT": {"ttl": 300, "data": ['"a"']}}}``."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a zone.

    Attributes:
        zone: the zone's name.
        key: its key in the store; no two versions ever have the same.
        at: when it was made.
    """

    zone: str
    key: str
    at: float


def add_zone(
    store: Store, zone: str, *, servers: Sequence[str] = (), minimum: int = MINIMUM, delegated: bool = True
) -> None:
    """Create a zone with SOA, NS, and the addresses of those servers that lie inside it.

    Args:
        store: the DNS's store.
        zone: its name.
        servers: host names of its name servers, the primary first; by default ns1, ns2 and ns3 of the zone. A name
            without a final dot is relative to the zone.
        minimum: the SOA's minimum: for how long "no such record" may be remembered.
        delegated: whether the closest enclosing zone gets its NS records and glue.

    Raises:
        ValueError: it exists, or a name is none.
    """
    origin = parsed(zone)
    hosts = [parsed(host, origin) for host in servers or _DEFAULT_SERVERS]
    key = kept(origin)
    with store.transaction():
        if store.get("zone", key) is not None:
            raise ValueError(f"the zone {key} exists")
        for host in hosts:
            if store.get("server", kept(host)) is None:
                store.put("server", kept(host), {"host": kept(host), "role": "authority", "port": None})
        store.put("zone", key, {"name": key, "servers": [kept(host) for host in hosts]})
        _write(store, key, _fresh(origin, hosts, minimum))
        if delegated:
            delegate(store, key)


def remove_zone(store: Store, zone: str) -> None:
    """Remove a zone, its delegation, and the servers that serve nothing else.

    Raises:
        ValueError: there is no such zone.
    """
    with store.transaction():
        gone = _zone(store, zone)
        key = gone["name"]
        above = parent(store, key)
        if above is not None:
            edit(store, above, lambda contents: _undelegate(contents, key))
        store.delete("zone", key)
        store.delete_many("version", store.keys("version", f"{key}|"))
        busy = {host for each in store.all("zone") for host in each["servers"]}
        for host in set(gone["servers"]) - busy:
            store.delete("server", host)
            store.delete("behaviour", host)


def delegate(store: Store, zone: str) -> None:
    """Write a zone's NS records, and glue where it is needed, into the closest zone above it; nothing without one.

    Raises:
        ValueError: there is no such zone.
    """
    child = _zone(store, zone)
    key, hosts = child["name"], child["servers"]
    above = parent(store, key)
    if above is None:
        return
    origin = parsed(key)

    def write(contents: Contents) -> None:
        _undelegate(contents, key)
        contents.setdefault(key, {})["NS"] = {"ttl": SOA_TTL, "data": list(hosts)}
        for host in hosts:
            if parsed(host).is_subdomain(origin):
                contents.setdefault(host, {})["A"] = {"ttl": SOA_TTL, "data": [ADDRESS]}

    edit(store, above, write)


def zones(store: Store) -> list[str]:
    """The names of all zones, oldest first."""
    return [zone["name"] for zone in store.all("zone")]


def parent(store: Store, zone: str) -> str | None:
    """The closest zone that encloses another one, or None."""
    origin = parsed(zone)
    above = [parsed(name) for name in zones(store)]
    above = [name for name in above if origin != name and origin.is_subdomain(name)]
    return kept(max(above, key=len)) if above else None


def records(store: Store, zone: str) -> Contents:
    """What the newest version of a zone holds.

    Raises:
        ValueError: there is no such zone.
    """
    return contents_of(store, newest(store, _zone(store, zone)["name"]))


def serial(store: Store, zone: str) -> int:
    """The serial of a zone's newest version.

    Raises:
        ValueError: there is no such zone.
    """
    key = _zone(store, zone)["name"]
    return _soa(records(store, key), key).serial


def add_record(store: Store, zone: str, name: str, rdtype: str, *values: str, ttl: int = TTL) -> None:
    """Add records to the set at a name; what is there stays, and takes the new TTL.

    Args:
        store: the DNS's store.
        zone: the zone.
        name: the owner; relative to the zone without a final dot, ``@`` for the zone itself, ``*`` for a wildcard.
        rdtype: such as ``TXT``.
        values: each as in a zone file; see `txt` for the data of TXT records.
        ttl: seconds.

    Raises:
        ValueError: there is no such zone, the name is outside it, or the data make no sense; a CNAME beside other data
            (RFC 1034 section 3.6.2).
    """
    origin, owner = _owner(store, zone, name)
    kind = type_of(rdtype)
    new = [data(kind, value, origin).to_text() for value in values]

    def write(contents: Contents) -> None:
        node = contents.setdefault(owner, {})
        others = set(node) - {kind.name}
        if others and (kind == dns.rdatatype.CNAME or "CNAME" in others):
            raise ValueError(f"{owner} cannot have a CNAME beside other records")
        old = node.get(kind.name, {"data": []})["data"]
        node[kind.name] = {"ttl": ttl, "data": list(dict.fromkeys([*old, *new]))}
        if kind in _SINGLE and len(node[kind.name]["data"]) > 1:
            node[kind.name]["data"] = new[-1:]

    edit(store, kept(origin), write)


def remove_record(store: Store, zone: str, name: str, rdtype: str, *values: str) -> None:
    """Remove records at a name: those given, or the whole set; what is not there is not missed.

    Raises:
        ValueError: as `add_record`.
    """
    origin, owner = _owner(store, zone, name)
    kind = type_of(rdtype)
    gone = {data(kind, value, origin).to_text() for value in values}

    def write(contents: Contents) -> None:
        found = contents.get(owner, {}).get(kind.name)
        if found is not None:
            found["data"] = [value for value in found["data"] if gone and value not in gone]

    edit(store, kept(origin), write)


def edit(store: Store, zone: str, change: Callable[[Contents], None]) -> bool:
    """Change a zone in one step; its serial is raised when anything changed and the change did not raise it.

    Args:
        store: the DNS's store.
        zone: its name as it is kept.
        change: changes the contents in place; an empty set of records is removed.

    Returns:
        Whether anything changed.

    Raises:
        ValueError: the zone would be left without SOA or NS.
    """
    with store.transaction():
        before = contents_of(store, newest(store, zone))
        after = contents_of(store, newest(store, zone))
        change(after)
        _tidy(after)
        if after == before:
            return False
        apex = after.get(zone, {})
        if not {"SOA", "NS"} <= set(apex):
            raise ValueError(f"{zone} needs a SOA and NS records")
        if apex["SOA"] == before[zone]["SOA"]:
            soa = _soa(after, zone)
            raised = dns.serial.Serial(soa.serial) + 1
            apex["SOA"]["data"] = [soa.replace(serial=raised.value or 1).to_text()]
        _write(store, zone, after)
    return True


def contents_of(store: Store, version: Version) -> Contents:
    """What a version holds; the caller may change it."""
    found = store.get("version", version.key)
    assert found is not None
    contents: Contents = found["contents"]
    return contents


def newest(store: Store, zone: str) -> Version:
    """The version that the primary serves."""
    return versions(store, zone)[-1]


def versions(store: Store, zone: str) -> list[Version]:
    """The versions that are remembered, oldest first; at least one."""
    return [Version(zone, key, float(key.rpartition("|")[2])) for key in store.keys("version", f"{zone}|")]


_SINGLE = frozenset({dns.rdatatype.SOA, dns.rdatatype.CNAME, dns.rdatatype.DNAME})


def _zone(store: Store, name: str) -> Document:
    key = kept(parsed(name))
    found = store.get("zone", key)
    if found is None:
        raise ValueError(f"there is no zone {key}; there are {', '.join(zones(store)) or 'none'}")
    return found


def _owner(store: Store, zone: str, name: str) -> tuple[dns.name.Name, str]:
    origin = parsed(_zone(store, zone)["name"])
    owner = parsed(name, origin)
    if not owner.is_subdomain(origin):
        raise ValueError(f"{kept(owner)} is outside the zone {kept(origin)}")
    return origin, kept(owner)


def _fresh(origin: dns.name.Name, hosts: Sequence[dns.name.Name], minimum: int) -> Contents:
    key = kept(origin)
    mailbox = kept(parsed("hostmaster", origin))
    soa = f"{kept(hosts[0])} {mailbox} 1 7200 900 1209600 {minimum}"
    contents: Contents = {
        key: {
            "SOA": {"ttl": SOA_TTL, "data": [soa]},
            "NS": {"ttl": SOA_TTL, "data": [kept(host) for host in hosts]},
        }
    }
    for host in hosts:
        if host.is_subdomain(origin):
            contents.setdefault(kept(host), {})["A"] = {"ttl": SOA_TTL, "data": [ADDRESS]}
    return contents


def _undelegate(contents: Contents, child: str) -> None:
    """Take a delegation and the glue below it out of the parent's contents."""
    cut = parsed(child)
    contents.get(child, {}).pop("NS", None)
    for name in [name for name in contents if parsed(name).is_subdomain(cut)]:
        contents[name].pop("A", None)


def _tidy(contents: Contents) -> None:
    for name in list(contents):
        contents[name] = {kind: found for kind, found in contents[name].items() if found["data"]}
        if not contents[name]:
            del contents[name]


def _soa(contents: Contents, zone: str) -> dns.rdtypes.ANY.SOA.SOA:
    soa = data(dns.rdatatype.SOA, contents[zone]["SOA"]["data"][0], dns.name.root)
    assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)
    return soa


def _write(store: Store, zone: str, contents: Contents) -> None:
    """Write the next version, and forget those that nobody can be shown any more."""
    now = time.time()
    old = versions(store, zone)
    number = int(old[-1].key.split("|")[-2]) + 1 if old else 1
    store.put("version", f"{zone}|{number:010d}|{now:.6f}", {"contents": contents})
    # A version is still shown until its successor is older than the lag.
    successors = [*old[1:], Version(zone, "", now)][: len(old)]
    stale = [
        version.key
        for version, successor in zip(old, successors, strict=True)
        if now - successor.at > _REMEMBERED_SECONDS
    ]
    store.delete_many("version", {*stale, *(version.key for version in old[:-_MOST_VERSIONS])})
