"""Judges what was seen of a domain. Pure.

Each rule is a function whose docstring has the sections of a check; :data:`CHECKS` are the same rules for doctor.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from provisioner.core.resource import Resource
from provisioner.providers.dns.resources import DomainRecord

from . import answering, domains, placement, values
from .countdown import State, Visibility, visibility
from .sight import Diagnosis, Sight, sights

RULES: Final = (*domains.rule, *placement.rule, *values.rule, *answering.rule)
"""All rules, causes before consequences."""

CHECKS: Final = tuple(rule.check for rule in RULES)
"""The rules as checks over a look's ``DomainRecord`` (desired) and observations (snapshot)."""

__all__ = ["CHECKS", "RULES", "Diagnosis", "State", "Visibility", "diagnose", "progress", "sights"]


def diagnose(
    wanted: Iterable[DomainRecord], seen: Iterable[Resource], now: datetime | None = None
) -> tuple[Diagnosis, ...]:
    """What is wrong with the domains of one profile, the gravest first.

    Args:
        wanted: their records.
        seen: what was observed.
        now: the moment from which a countdown counts; that of the last answer when None.
    """
    found = [said for sight in sights(wanted, seen, now) for said in judge(sight)]
    return tuple(sorted(found, key=lambda said: -said.severity))


def judge(sight: Sight) -> tuple[Diagnosis, ...]:
    """What is wrong with one domain, in the order of the rules."""
    return tuple(said for rule in RULES for said in rule.run(sight))


def progress(
    wanted: Iterable[DomainRecord], seen: Iterable[Resource], now: datetime | None = None
) -> dict[str, Visibility]:
    """How far each domain's record has come, by domain; for waiting. See :func:`diagnose` for the arguments."""
    return {sight.record.key: visibility(sight) for sight in sights(wanted, seen, now)}
