"""Problems of public resolvers: cached answers, failed validation, and no answer."""

from __future__ import annotations

import dns.rdatatype

from provisioner.sandbox.dns.cache import Cache, LookupResult, flush
from provisioner.sandbox.dns.presentation import parse_name
from provisioner.sandbox.dns.resolver import set_security_status
from provisioner.sandbox.dns.server_options import ServerOptions, configure
from provisioner.sandbox.dns.zone_lookup import ZoneLookup
from provisioner.sandbox.dns.zones import records
from provisioner.sandbox.misconfigurations import newest

from .domain import VerifiedDomain, misconfiguration
from .values import another_token


@misconfiguration("dns-resolvers-lag")
def _resolvers_lag(domain: VerifiedDomain) -> None:
    """An admin looked up the record before it was created, and the resolvers cached that it does not exist."""
    _cache(domain)


@misconfiguration("dns-value-cached")
def _value_cached(domain: VerifiedDomain) -> None:
    """An admin corrected the value, and the resolvers still cache the former one."""
    _cache(domain, another_token())


def _cache(domain: VerifiedDomain, *data: str) -> None:
    """Fill the resolvers' caches with the zone's answer for other TXT records instead of the verification record, or none."""
    record, name = domain.record, parse_name(domain.record.name)
    before = records(domain.store, record.zone)
    texts = before[record.name]["TXT"]
    texts["data"] = [*(text for text in texts["data"] if text != record.data), *data]
    answer = ZoneLookup(parse_name(record.zone), before).lookup(name, dns.rdatatype.TXT)
    entry = LookupResult(answer.rcode, next(iter(answer.answer), None), next(iter(answer.authority), None))
    flush(domain.store)
    for host in domain.resolvers:
        Cache(domain.store, host).put(name, dns.rdatatype.TXT, entry)


@misconfiguration("dns-dnssec-bogus")
def _dnssec_bogus(domain: VerifiedDomain) -> None:
    """An admin moved the zone to another DNS provider, and left the DS record of the former one."""
    set_security_status(domain.store, domain.record.zone, "bogus")


@misconfiguration("dns-resolver-unreachable")
def _resolver_unreachable(domain: VerifiedDomain) -> None:
    """One of the public resolvers does not answer."""
    configure(domain.store, newest(domain.resolvers, "there is no resolver"), ServerOptions(mode="drop"))
