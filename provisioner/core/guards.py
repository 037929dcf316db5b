"""Guards: the limits of a plan, and the reasons why they refuse it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from .resource import Address, Model
from .snapshot import ProblemKind, Snapshot
from .unmanaged import is_unmanaged

if TYPE_CHECKING:
    from .plan import Change, DesiredState


class Refusal(Model):
    """The reason why a guard refuses a plan."""

    reason: str = Field(description="What the plan would do, or what it lacks.")
    hint: str = Field(default="", description="What to do next.")
    candidates: tuple[str, ...] = Field(
        default=(), description="The objects of an ambiguous match, one line each."
    )
    missing: bool = Field(
        default=False, description="The plan needs something that does not exist, rather than being unsafe."
    )


class Guards(Model):
    """Limits of a plan.

    Attributes:
        max_removals: the largest share (0 to 1) of the existing resources of an exhaustive kind, such as group
            assignments, that a plan may delete; one removal is always allowed.
        protected: kinds of which nothing may be deleted, each with the consequence and how to allow it.
        protected_fields: fields such as ``kind.field`` that may not change once they have a value, each with the
            consequence and how to allow it.
        refusals: reasons to refuse the plan that are known before it is made.
    """

    max_removals: float = 0.3
    protected: Mapping[str, str] = {}
    protected_fields: Mapping[str, str] = {}
    refusals: tuple[Refusal, ...] = ()


def find_refusals(
    changes: Mapping[Address, Change], desired: DesiredState, snapshot: Snapshot, guards: Guards
) -> Iterator[Refusal]:
    """Every reason to refuse a plan.

    Args:
        changes: the changes of the plan, by address.
        desired: the desired state.
        snapshot: the existing resources.
        guards: the limits.
    """
    yield from guards.refusals
    yield from _lookup_problems(changes, snapshot)
    yield from _missing_dependencies(changes, desired)
    yield from _replacements(changes)
    yield from _protected(changes, guards)
    yield from _protected_fields(changes, guards)
    yield from _too_many_removals(changes, snapshot, desired.exhaustive, guards)


def _lookup_problems(changes: Mapping[Address, Change], snapshot: Snapshot) -> Iterator[Refusal]:
    for problem in snapshot.problems:
        if problem.address in changes:
            yield Refusal(
                reason=problem.message,
                hint=problem.hint,
                candidates=problem.candidates,
                missing=problem.kind is ProblemKind.MISSING,
            )


def _missing_dependencies(changes: Mapping[Address, Change], desired: DesiredState) -> Iterator[Refusal]:
    """An unmanaged resource that does not exist has no id that others could refer to."""
    for change in changes.values():
        for reference in change.after.references() if change.writes and change.after else ():
            if reference.address not in changes and is_unmanaged(desired.unmanaged, reference.address):
                yield Refusal(
                    reason=f"{change.address} needs {reference.address}, which is unmanaged and does not exist",
                    hint=f"remove {reference.address} from unmanaged:, or add {change.address} to it",
                )


def _replacements(changes: Mapping[Address, Change]) -> Iterator[Refusal]:
    """Nothing is replaced: whatever refers to the existing resource would be lost."""
    for change in changes.values():
        if change.action == "replace":
            names = ", ".join(field.name for field in change.fields)
            yield Refusal(
                reason=f"{change.address} would have to be replaced: {names} cannot change once it is set",
                hint="correct the playbook, or delete the existing one yourself",
            )


def _protected(changes: Mapping[Address, Change], guards: Guards) -> Iterator[Refusal]:
    for change in changes.values():
        if change.action == "delete" and change.kind in guards.protected:
            yield Refusal(reason=f"{change.address} would be deleted", hint=guards.protected[change.kind])


def _protected_fields(changes: Mapping[Address, Change], guards: Guards) -> Iterator[Refusal]:
    for change in changes.values():
        for field in change.fields if change.action == "update" else ():
            hint = guards.protected_fields.get(f"{change.kind}.{field.name}")
            if hint and field.before is not None:
                yield Refusal(
                    reason=f"{change.address}: {field.name} would change from {field.before} to {field.after}",
                    hint=hint,
                )


def _too_many_removals(
    changes: Mapping[Address, Change], snapshot: Snapshot, guarded: frozenset[str], guards: Guards
) -> Iterator[Refusal]:
    removed = Counter(
        change.kind for change in changes.values() if change.action == "delete" and change.kind in guarded
    )
    existing = Counter(resource.kind for resource in snapshot.resources)
    for kind, count in removed.items():
        if count > 1 and count > guards.max_removals * existing[kind]:
            yield Refusal(
                reason=f"{count} of {existing[kind]} existing {kind} resources would be deleted, "
                f"more than the allowed {guards.max_removals:.0%}",
                hint="check the playbook; if it is right, allow it with --max-removals 100%",
            )
