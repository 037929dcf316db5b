"""The checks of domains, by theme. A new check is one function here and its case files in the tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from provisioner.core.check import Check
from provisioner.core.resource import Resource
from provisioner.providers.dns.context import Diagnosis, sights
from provisioner.providers.dns.resources import DomainRecord

from . import domains, email_domains, location, servers, values

RULES: Final = (*domains.rule, *location.rule, *values.rule, *servers.rule)
"""All rules, causes before consequences."""

CHECKS: Final[tuple[Check, ...]] = (*(rule.check for rule in RULES), *email_domains.check)
"""The checks of domains, causes before consequences."""


def diagnose(
    wanted: Iterable[DomainRecord], seen: Iterable[Resource], now: datetime | None = None
) -> tuple[Diagnosis, ...]:
    """What is wrong with the domains of one profile, the gravest first.

    Args:
        wanted: their records.
        seen: what was observed.
        now: the moment from which a countdown counts; that of the last answer when None.
    """
    found = [
        diagnosis for sight in sights(wanted, seen, now) for rule in RULES for diagnosis in rule.run(sight)
    ]
    return tuple(sorted(found, key=lambda said: -said.severity))
