"""Propagation of a record: which servers have it, and how long caches may hide it. Pure.

A resolver that was queried before the record existed caches its absence for the negative TTL (RFC 2308, section 5); one
that was queried before a change caches the old value for its TTL.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from provisioner.core.resource import Resource

from .context import DomainContext, build_contexts, servers_of
from .observations import Answer, ServerRole
from .resources import DomainRecord


class PropagationState(StrEnum):
    """Which servers have the record."""

    EVERYWHERE = "everywhere"
    CACHED = "cached"
    """Every server of the zone has it; some resolver does not return it yet."""
    PARTIAL = "partial"
    """Some servers of the zone have it."""
    MISSING = "missing"
    UNKNOWN = "unknown"
    """No server could be queried, or the value is unknown."""


@dataclass(frozen=True)
class Propagation:
    """The propagation of a record.

    Attributes:
        seconds: until the record is visible everywhere, at most, if that is known; for a missing record, counted from its
            creation.
        message: the same as a sentence.
    """

    state: PropagationState
    seconds: int | None
    message: str


def zone_negative_ttl(domain: DomainContext) -> int | None:
    """Seconds for which resolvers cache the absence of a name in the zone; None if no server returned the SOA record."""
    zone = domain.zone.name if domain.zone else None
    return max(
        (
            answer.soa.negative_ttl
            for answer in domain.answers
            if answer.soa and answer.role is ServerRole.AUTHORITATIVE and answer.usable
            if zone in {None, answer.soa.zone}
        ),
        default=None,
    )


def seconds_until_expired(domain: DomainContext, answers: Iterable[Answer]) -> int | None:
    """Seconds until the last of these cached answers of resolvers expires; None if that is unknown."""
    times = (_seconds_until_expired(domain, answer) for answer in answers)
    return max((seconds for seconds in times if seconds is not None), default=None)


def _seconds_until_expired(domain: DomainContext, answer: Answer) -> int | None:
    """A negative answer is also bounded by the time since the record was published: some resolvers return a full TTL."""
    full = zone_negative_ttl(domain) if answer.negative else answer.ttl
    remaining = answer.soa.negative_ttl if answer.negative and answer.soa else full
    if remaining is None or domain.now is None:
        return remaining
    expiry = answer.at + timedelta(seconds=remaining)
    if answer.negative and full is not None and (published := _published_since(domain)):
        expiry = min(expiry, published + timedelta(seconds=full))
    return _seconds_between(domain.now, expiry)


def seconds_until_visible(domain: DomainContext) -> int | None:
    """Seconds for which any resolver may still cache the absence of the record; None if that is unknown."""
    full = zone_negative_ttl(domain)
    if full is None or domain.now is None:
        return full
    expiry = (_published_since(domain) or domain.now) + timedelta(seconds=full)
    return _seconds_between(domain.now, expiry)


def propagation(domain: DomainContext) -> Propagation:
    """The propagation of a domain's record."""
    authoritative, resolvers = domain.authoritative_answers, domain.resolver_answers
    if domain.record.value is None:
        message = "the value is not known yet: the Kiro console shows it"
        return Propagation(PropagationState.UNKNOWN, None, message)
    if not authoritative and not resolvers:
        message = f"no server could be queried for {domain.record.name}"
        return Propagation(PropagationState.UNKNOWN, None, message)
    if domain.published:
        return _published(domain)
    if not authoritative and all(map(domain.has_value, resolvers)):
        message = "the public resolvers return the record; the zone's own servers could not be queried"
        return Propagation(PropagationState.EVERYWHERE, None, message)
    if having := sum(map(domain.has_value, authoritative)):
        message = f"{having} of {len(authoritative)} servers of the zone have the record"
        return Propagation(PropagationState.PARTIAL, seconds_until_visible(domain), message)
    negative_ttl = zone_negative_ttl(domain)
    message = f"no server has the record{_missing_for(domain)}"
    if negative_ttl is not None:
        message += f"; once created, it is visible everywhere within {negative_ttl} s"
    return Propagation(PropagationState.MISSING, negative_ttl, message)


def propagation_by_domain(
    records: Iterable[DomainRecord], observations: Iterable[Resource]
) -> dict[str, Propagation]:
    """The propagation of each record, by domain; see :func:`.context.build_contexts` for the arguments."""
    return {domain.name: propagation(domain) for domain in build_contexts(records, observations)}


def _published(domain: DomainContext) -> Propagation:
    behind = [answer for answer in domain.resolver_answers if not domain.has_value(answer)]
    if behind:
        seconds = seconds_until_expired(domain, behind)
        message = f"every server of the zone has the record; {servers_of(behind)} not yet"
        if seconds is not None:
            message += f": visible within {seconds} s"
        return Propagation(PropagationState.CACHED, seconds, message)
    seconds = seconds_until_visible(domain) if domain.history and domain.history.first_seen_missing else None
    message = "every server of the zone has the record"
    if domain.resolver_answers:
        message = "visible on every server that was queried"
    if seconds:
        message += f"; other resolvers may cache its absence for up to {seconds} s"
    return Propagation(PropagationState.EVERYWHERE, seconds, message)


def _missing_for(domain: DomainContext) -> str:
    """How long it has been missing, if earlier lookups show that."""
    since = domain.history.first_seen_missing if domain.history else None
    if domain.now is None or since is None:
        return ""
    seconds = math.floor((domain.now - since).total_seconds())
    return f" (missing for {seconds} s)" if seconds > 0 else ""


def _published_since(domain: DomainContext) -> datetime | None:
    return domain.history.present_everywhere_since if domain.history else None


def _seconds_between(now: datetime, end: datetime) -> int:
    return max(0, math.ceil((end - now).total_seconds()))
