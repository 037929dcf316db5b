"""Problems of public resolvers: cached answers, failed validation, and no answer."""

from __future__ import annotations

import dns.rdatatype

from provisioner.sandbox.dns.behaviour import Behaviour, behave
from provisioner.sandbox.dns.cache import Cache, Remembered, flush
from provisioner.sandbox.dns.resolving import declare
from provisioner.sandbox.dns.text import parsed
from provisioner.sandbox.dns.view import View
from provisioner.sandbox.dns.zone_data import records

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
    record, name = domain.record, parsed(domain.record.name)
    before = records(domain.store, record.zone)
    texts = before[record.name]["TXT"]
    texts["data"] = [*(text for text in texts["data"] if text != record.data), *data]
    answer = View(parsed(record.zone), before).answer(name, dns.rdatatype.TXT)
    entry = Remembered(answer.rcode, next(iter(answer.answer), None), next(iter(answer.authority), None))
    flush(domain.store)
    for host in domain.resolvers:
        Cache(domain.store, host).keep(name, dns.rdatatype.TXT, entry)


@misconfiguration("dns-dnssec-bogus")
def _dnssec_bogus(domain: VerifiedDomain) -> None:
    """An admin moved the zone to another DNS provider, and left the DS record of the former one."""
    declare(domain.store, domain.record.zone, "bogus")


@misconfiguration("dns-resolver-unreachable")
def _resolver_unreachable(domain: VerifiedDomain) -> None:
    """One of the public resolvers does not answer."""
    behave(domain.store, domain.resolvers[-1], Behaviour(mode="drop"))
