"""How long it takes at most until everybody sees the record. Pure.

A resolver that asked before the record existed remembers its absence for the negative TTL (RFC 2308, section 5); one
that saw an older value remembers that for the TTL.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from provisioner.core.resource import Resource
from provisioner.providers.dns.observations import Answer, Role
from provisioner.providers.dns.resources import DomainRecord

from .context import Sight, sights


class State(StrEnum):
    """How far the record has come."""

    EVERYWHERE = "everywhere"
    SPREADING = "spreading"
    """The zone's servers have it; some resolver does not see it yet."""
    PARTLY = "partly"
    """Some of the zone's servers have it."""
    MISSING = "missing"
    UNKNOWN = "unknown"
    """Nobody could be asked, or nobody told the value."""


@dataclass(frozen=True)
class Visibility:
    """How far the record has come.

    Attributes:
        seconds: within which it is visible at the latest, where that can be told; for a missing record, counted
            from its making.
        message: the same for people.
    """

    state: State
    seconds: int | None
    message: str


def negative_ttl(sight: Sight) -> int | None:
    """For how many seconds the absence of a name in the zone is remembered; None: no server told."""
    zone = sight.zone.zone if sight.zone else None
    found = [
        one.soa.negative_ttl
        for one in sight.answers
        if one.soa and one.role is Role.AUTHORITATIVE and one.said and zone in {None, one.soa.zone}
    ]
    return max(found, default=None)


def remembered(sight: Sight, answer: Answer) -> int | None:
    """For how many seconds a resolver goes on saying what it said; None: no telling.

    Bounded by the time since all servers of the zone have the record, since some resolvers tell a full TTL.
    """
    full = negative_ttl(sight) if answer.missing else answer.ttl
    left = answer.soa.negative_ttl if answer.missing and answer.soa else full
    if left is None or sight.now is None:
        return left
    ends = [_later(answer.at, left)]
    if answer.missing and full is not None and (present := _present(sight)):
        ends.append(_later(present, full))
    return _seconds(min(ends), sight.now)


def everybody(sight: Sight) -> int | None:
    """For how many seconds resolvers that nobody asked may still remember the record's absence; None: no telling."""
    full = negative_ttl(sight)
    if full is None or sight.now is None:
        return full
    return _seconds(_later(_present(sight) or sight.now, full), sight.now)


def visibility(sight: Sight) -> Visibility:
    """How far the record has come."""
    holding = [one for one in sight.authoritative if sight.holds(one)]
    if sight.record.value is None:
        return Visibility(State.UNKNOWN, None, "the value is not known yet: the Kiro console shows it")
    if not sight.witnesses:
        return Visibility(State.UNKNOWN, None, f"nobody could be asked about {sight.record.name}")
    if sight.published:
        return _published(sight)
    if not sight.authoritative and sight.cached and all(map(sight.holds, sight.cached)):
        message = "the public resolvers see it; the zone's own servers could not be asked"
        return Visibility(State.EVERYWHERE, None, message)
    if holding:
        message = f"{len(holding)} of {len(sight.authoritative)} servers of the zone have it"
        return Visibility(State.PARTLY, everybody(sight), message)
    full = negative_ttl(sight)
    message = f"no server has it{_since(sight)}"
    if full is not None:
        message += f"; once made, it is visible everywhere within {full} s"
    return Visibility(State.MISSING, full, message)


def _published(sight: Sight) -> Visibility:
    behind = [one for one in sight.cached if not sight.holds(one)]
    if behind:
        times = [left for one in behind if (left := remembered(sight, one)) is not None]
        seconds = max(times, default=None)
        message = f"all servers of the zone have it; {', '.join(one.server for one in behind)} not yet"
        if seconds is not None:
            message += f": visible in the latest in {seconds} s"
        return Visibility(State.SPREADING, seconds, message)
    seconds = everybody(sight) if sight.history and sight.history.first_missing else None
    where = "visible everywhere that was asked" if sight.cached else "all servers of the zone have it"
    if seconds:
        where += f"; others may remember for {seconds} s at most that it was missing"
    return Visibility(State.EVERYWHERE, seconds, where)


def _since(sight: Sight) -> str:
    """For how long it has been missing, if earlier looks tell."""
    if sight.now is None or sight.history is None or sight.history.first_missing is None:
        return ""
    seconds = math.floor((sight.now - sight.history.first_missing).total_seconds())
    return f" since {seconds} s" if seconds > 0 else ""


def _present(sight: Sight) -> datetime | None:
    return sight.history.first_present if sight.history else None


def _later(moment: datetime, seconds: float) -> datetime:
    return moment + timedelta(seconds=seconds)


def _seconds(end: datetime, now: datetime) -> int:
    return max(0, math.ceil((end - now).total_seconds()))


def progress(
    wanted: Iterable[DomainRecord], seen: Iterable[Resource], now: datetime | None = None
) -> dict[str, Visibility]:
    """How far each domain's record has come, by domain; for waiting. See :func:`.context.sights` for the arguments."""
    return {sight.record.key: visibility(sight) for sight in sights(wanted, seen, now)}
