"""The zones of an admin's domains in the sandbox's DNS, and how Kiro looks names up there."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Final

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from provisioner.sandbox.dns import add_zone, tsig_keys, zone_names
from provisioner.sandbox.dns.seed import RESOLVERS, UPDATE_KEY

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

    from provisioner.sandbox.dns import Dns
    from provisioner.sandbox.dns.tsig_keys import TsigKey
    from provisioner.sandbox.store import Store

SUFFIXES: Final = ("example",)
"""Top-level domains that only the sandbox's root has."""
_TIMEOUT: Final = 2.0
_log = logging.getLogger(__name__)


def host(store: Store, domain: str) -> None:
    """Make the zone of somebody's domain, once, where the public DNS could have it and none encloses it yet.

    Private and internal names stay unknown, as they are to the world.
    """
    name = _registrable(domain)
    with store.transaction():
        if name is None or store.get("hosted", name) is not None:
            return
        store.put("hosted", name, {"name": name})
        if not any(_within(f"{name}.", zone) for zone in _own(store)):
            add_zone(store, f"{name}.")


def zone_of(store: Store, name: str) -> str | None:
    """The zone of a domain that a name is in, with its final dot; None: no zone has it."""
    inside = [zone for zone in _own(store) if _within(f"{name.rstrip('.')}.", zone)]
    return max(inside, key=len) if inside else None


def update_key(store: Store) -> TsigKey:
    """The key that may change every zone's records."""
    return next(key for key in tsig_keys(store) if key.name == UPDATE_KEY)


def txt_values(names: Dns, name: str) -> list[str]:
    """What Kiro's resolver says of a name; nothing when it cannot be asked."""
    address, _, port = names.resolvers()[RESOLVERS[0]].partition(":")
    query = dns.message.make_query(name, dns.rdatatype.TXT)
    try:
        answer, _ = dns.query.udp_with_fallback(query, address, _TIMEOUT, int(port))
    except (dns.exception.DNSException, OSError) as problem:
        _log.debug("Kiro's resolver: %s", problem)
        return []
    found = [rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.TXT]
    return [b"".join(record.strings).decode(errors="replace") for rrset in found for record in rrset]


def _own(store: Store) -> list[str]:
    """Zones of domains, not the root and the top-level domains."""
    return [zone for zone in zone_names(store) if zone.count(".") > 1]


def _within(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")


def _registrable(domain: str) -> str | None:
    """What somebody would register; None for what the public DNS cannot have."""
    for suffix in SUFFIXES:
        if domain.endswith(f".{suffix}"):
            return ".".join(domain.split(".")[-2:])
    found = _listed().privatesuffix(domain)
    return found if isinstance(found, str) else None


@cache
def _listed() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - start-up time

    return PublicSuffixList(accept_unknown=False, only_icann=True)
