"""The state of a domain's record, derived from DNS answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel

from provisioner.core.snapshot import Problem, ProblemKind

from .context import DomainContext, verification_values
from .resources import DomainRecord, OutdatedValue


def _checked_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Time = Annotated[str, AfterValidator(_checked_time)]


class StoredHistory(BaseModel):
    """The result of :func:`update_history` as a hint stores it."""

    value: str | None = None
    first_seen_missing: Time | None = None
    present_everywhere_since: Time | None = None


def existing_record(domain: DomainContext) -> DomainRecord | None:
    """The record, if any of the best answers has it; ``published`` if all of them do."""
    having = [domain.has_value(answer) for answer in domain.best_answers()]
    return domain.record.model_copy(update={"published": all(having)}) if any(having) else None


def outdated_values(domain: DomainContext) -> Iterator[OutdatedValue]:
    """Other verification values at the record's own name."""
    for name, value in sorted(set(verification_values(domain.best_answers()))):
        if value != domain.record.value:
            yield OutdatedValue(key=f"{domain.name}/{value}", domain=domain.name, name=name, value=value)


def unusable_domain(domain: DomainContext) -> Problem | None:
    """The problem of a domain that cannot be verified, neither by the suffix lists nor by the public DNS."""
    if domain.classification.resolvable or domain.zone is None or domain.zone.registered is not False:
        return None
    return Problem(
        kind=ProblemKind.UNUSABLE,
        address=domain.address,
        message=f"{domain.name} cannot be verified: {domain.classification.reason}, and the public DNS does not have it",
        hint="name a public domain that you control, or the domain of the e-mail addresses that people sign in with",
    )


def update_history(domain: DomainContext, earlier: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """When the record was first seen missing, and since when every server has had it.

    Args:
        domain: the current answers.
        earlier: the previous result of this function; ignored if it is about another value.
        now: current time.

    Returns:
        ``{"value", "first_seen_missing", "present_everywhere_since"}``, times in ISO 8601 or None.
    """
    value = domain.record.value
    history = {"value": value, "first_seen_missing": None, "present_everywhere_since": None}
    if earlier.get("value") == value:
        history |= earlier
    answers = domain.best_answers()
    if domain.published:
        history["present_everywhere_since"] = history["present_everywhere_since"] or now.isoformat()
    elif answers:
        history["present_everywhere_since"] = None
        if not any(map(domain.has_value, answers)):
            history["first_seen_missing"] = history["first_seen_missing"] or now.isoformat()
    return history
