"""The zones of an admin's domains in the sandbox's DNS, and the lookups of Kiro's resolver."""

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
"""Public suffixes that exist in the sandbox's DNS only."""
_TIMEOUT: Final = 10.0  # seconds, for a busy machine
_log = logging.getLogger(__name__)


def create_zone(store: Store, domain: str) -> None:
    """Create the zone of a domain, unless another zone contains it.

    A zone that was removed later is not created again. Private and internal names get no zone, as in the public DNS.
    """
    name = _registrable_domain(domain)
    with store.transaction():
        if name is None or store.get("hosted", name) is not None:
            return
        store.put("hosted", name, {"name": name})
        if not any(_is_within(f"{name}.", zone) for zone in _domain_zones(store)):
            add_zone(store, f"{name}.")


def zone_containing(store: Store, name: str) -> str | None:
    """The zone of a domain that contains a name, with its final dot, or None."""
    candidates = [zone for zone in _domain_zones(store) if _is_within(f"{name.rstrip('.')}.", zone)]
    return max(candidates, key=len, default=None)


def update_key(store: Store) -> TsigKey:
    """The key that may change every zone's records."""
    return next(key for key in tsig_keys(store) if key.name == UPDATE_KEY)


def lookup_txt(service: Dns, name: str) -> list[str]:
    """The TXT values of a name, from Kiro's resolver; empty when the lookup fails."""
    address, _, port = service.resolvers()[RESOLVERS[0]].partition(":")
    query = dns.message.make_query(name, dns.rdatatype.TXT)
    try:
        response, _ = dns.query.udp_with_fallback(query, address, _TIMEOUT, int(port))
    except (dns.exception.DNSException, OSError) as error:
        _log.debug("Kiro's resolver: %s", error)
        return []
    rrsets = [rrset for rrset in response.answer if rrset.rdtype == dns.rdatatype.TXT]
    return [b"".join(record.strings).decode(errors="replace") for rrset in rrsets for record in rrset]


def _domain_zones(store: Store) -> list[str]:
    """All zones except the root and the top-level domains."""
    return [zone for zone in zone_names(store) if zone.count(".") > 1]


def _is_within(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")


def _registrable_domain(domain: str) -> str | None:
    """The domain to register for a name; None if the public DNS cannot have it."""
    for suffix in SUFFIXES:
        if domain.endswith(f".{suffix}"):
            return ".".join(domain.split(".")[-2:])
    registrable = _public_suffix_list().privatesuffix(domain)
    return registrable if isinstance(registrable, str) else None


@cache
def _public_suffix_list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - start-up time

    return PublicSuffixList(accept_unknown=False, only_icann=True)
