"""What follows from what was seen: whether a record is there, what is outdated, what cannot be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from provisioner.core.snapshot import Problem, ProblemKind

from .context import Sight, is_token
from .observations import Place
from .playbook import DomainEntry
from .resources import PREFIX, DomainRecord, OutdatedValue


def observed(sight: Sight) -> DomainRecord | None:
    """The record as it is: there when any witness has it, published when all have it."""
    holding = [one for one in sight.witnesses if sight.holds(one)]
    if not holding:
        return None
    return sight.record.model_copy(update={"published": len(holding) == len(sight.witnesses)})


def outdated(sight: Sight) -> Iterator[OutdatedValue]:
    """Other verification values at the record's own name."""
    values = {value.joined for one in sight.knowing(Place.RECORD) for value in one.values}
    for value in sorted(values):
        if value != sight.record.value and is_token(value):
            yield OutdatedValue(
                key=f"{sight.record.key}/{value}",
                domain=sight.record.key,
                name=sight.record.name,
                value=value,
            )


def impossible(sight: Sight) -> Problem | None:
    """A domain that nobody can verify, by the lists and by the public DNS alike."""
    if sight.standing.resolvable or sight.zone is None or sight.zone.registered is not False:
        return None
    return Problem(
        kind=ProblemKind.UNUSABLE,
        address=sight.record.address,
        message=f"{sight.record.key} cannot be verified: {sight.standing.reason}, and the public DNS does not have it",
        hint="name a public domain that you control, or that of the e-mail addresses that people sign in with",
    )


def unusual(keys: DomainEntry) -> Iterator[str]:
    """What may be a mistake in the value."""
    if keys.value is not None and not keys.value.startswith(PREFIX):
        yield (
            f"the value of {keys.name} does not begin with {PREFIX}, as those that were seen do: "
            "is it exactly what the console shows?"
        )


def history(sight: Sight, earlier: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """When the record was first missing and first there.

    Args:
        sight: what is seen now.
        earlier: what this function returned before.
        now: the moment.

    Returns:
        ``{"value", "first_missing", "first_present"}``, moments in ISO 8601 or None.
    """
    told = dict(earlier) if earlier.get("value") == sight.record.value else {}
    found = {"value": sight.record.value, "first_missing": None, "first_present": None, **told}
    if sight.published:
        found["first_present"] = found["first_present"] or now.isoformat()
    elif sight.witnesses:
        found["first_present"] = None
        if not any(map(sight.holds, sight.witnesses)):
            found["first_missing"] = found["first_missing"] or now.isoformat()
    return found
