"""The plan: what would have to change so that the tenant is as the playbook says. Data, no closures.

A plan is a pure function of what is desired and of a snapshot. Drift is a plan nobody applies.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

from .diff import FieldChange, changed_fields, initial_fields, merge, overlay
from .manual_step import ManualStep
from .resource import CONTAINS, IMMUTABLE, KEYED, Address, AnyResource, Model, Resource, resolve
from .snapshot import ProblemKind, Snapshot
from .unmanaged import UnmanagedRule, is_unmanaged, without_unmanaged


class Action(StrEnum):
    """What a change does; the glyph is its picture."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    NOOP = "noop"
    WAITING = "waiting"

    @property
    def glyph(self) -> str:
        return {"create": "+", "update": "~", "replace": "±", "delete": "-", "noop": "=", "waiting": "…"}[
            self
        ]


R = TypeVar("R", bound=Resource)
WRITES = frozenset({Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE})


class DesiredState(Model):
    """What should be.

    Attributes:
        resources: the resources, each with the fields that are managed.
        exhaustive: kinds of which there should be no others than these.
        leftovers: kinds of which there should be none: debris of this product's own.
        absent: addresses that should not exist.
        left_alone: what of all this is passed over by plans; checks see it.
    """

    resources: tuple[AnyResource, ...] = ()
    exhaustive: frozenset[str] = frozenset()
    orphaned: frozenset[str] = frozenset()
    absent: tuple[Address, ...] = ()
    unmanaged: tuple[UnmanagedRule, ...] = ()

    def __or__(self, other: DesiredState) -> DesiredState:
        """Both together; where both speak of one resource, their fields are merged and the other's word wins."""
        by_address = {resource.address: resource for resource in self.resources}
        for resource in other.resources:
            base = by_address.get(resource.address)
            by_address[resource.address] = _combined(base, resource) if base else resource
        return DesiredState(
            resources=tuple(by_address.values()),
            exhaustive=self.exhaustive | other.exhaustive,
            orphaned=self.orphaned | other.orphaned,
            absent=tuple(dict.fromkeys(self.absent + other.absent)),
            unmanaged=tuple(dict.fromkeys(self.unmanaged + other.unmanaged)),
        )


class Change(Model):
    """One node of a plan.

    Attributes:
        before: the resource as it was read, or None.
        after: the resource as it should be, or None when it is to go.
        fields: what differs.
        why: one sentence, where the fields do not say it all.
        needs: addresses whose changes come first.
    """

    action: Action
    address: Address
    before: AnyResource | None = None
    after: AnyResource | None = None
    fields: tuple[FieldChange, ...] = ()
    why: str = ""
    depends_on: tuple[Address, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of the resource."""
        return self.address.partition("/")[0]

    @property
    def writes(self) -> bool:
        return self.action in WRITES

    def desired(self, kind: type[R]) -> R:
        """What should be, as a resource of the expected kind."""
        if not isinstance(self.after, kind):
            raise TypeError(f"{self.address}: expected {kind.__name__}, got {type(self.after).__name__}")
        return self.after


class Refusal(Model):
    """Why a guard refuses the plan.

    Attributes:
        missing: the plan relies on something that does not exist, rather than being unsafe.
    """

    reason: str
    hint: str = ""
    candidates: tuple[str, ...] = ()
    missing: bool = False


class Guards(Model):
    """Limits within which a plan may be applied.

    Attributes:
        max_removals: the largest share (0 to 1) of the existing resources of one kind that a plan may delete;
            a single removal is always allowed.
        protected: kinds of which nothing may be deleted, with what that would do and how to allow it.
    """

    max_removals: float = 0.3
    protected: Mapping[str, str] = {}


class Plan(Model):
    """Changes in the order in which they can be made, no-ops included.

    Attributes:
        refusals: why it may not be applied; empty when it may.
        warnings: what the author should know besides.
    """

    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that would write something."""
        return tuple(change for change in self.changes if change.writes)

    @property
    def waiting(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action is Action.WAITING)

    @property
    def pending_steps(self) -> tuple[ManualStep, ...]:
        """The human steps that wait, in order."""
        return tuple(change.after for change in self.waiting if isinstance(change.after, ManualStep))

    @cached_property
    def summary(self) -> dict[str, int]:
        """How many changes there are of each action, in the order of the actions."""
        counts = Counter(change.action for change in self.changes)
        return {action.value: counts[action] for action in Action}

    @cached_property
    def fingerprint(self) -> str:
        """A digest of what would be written: the same plan again has the same one."""
        writes = [
            (change.action, change.address, [field.model_dump() for field in change.fields])
            for change in self.pending
        ]
        return hashlib.sha256(json.dumps(writes, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def stages(self) -> Iterator[tuple[Change, ...]]:
        """The writing changes in groups: those of one group need only what earlier groups did.

        What stands between two changes and writes nothing, such as a human step that was done, keeps them in order too.
        """
        pending = {change.address: change for change in self.pending}
        sorter = TopologicalSorter({change.address: change.depends_on for change in self.changes})
        sorter.prepare()
        ready: list[Address] = []
        while sorter.is_active():
            found = sorter.get_ready()
            idle = [address for address in found if address not in pending]
            ready += [address for address in found if address in pending]
            if idle:
                sorter.done(*idle)
                continue
            yield tuple(pending[address] for address in ready)
            sorter.done(*ready)
            ready = []


def make_plan(desired: DesiredState, snapshot: Snapshot, guards: Guards | None = None) -> Plan:
    """Decide what to change.

    Args:
        desired: what should be.
        snapshot: what is.
        guards: the limits; defaults apply when None.
    """
    there = snapshot.by_address
    resources = tuple(without_unmanaged(desired.resources, desired.unmanaged, there))
    wanted = {resource.address: resolve(resource, there) for resource in resources}
    changes = {resource.address: _change(resource, snapshot) for resource in _ordered(resources, wanted)}
    for gone in _superfluous(desired, snapshot, wanted):
        changes[gone.address] = _deletion(gone, changes)
    changes = _with_waiting(changes)
    guards = guards or Guards()
    return Plan(
        changes=tuple(changes.values()),
        refusals=(
            *_unresolved(wanted, snapshot),
            *_bereft(changes, desired),
            *_replacements(changes),
            *_protected(changes, guards),
            *_too_many_removals(changes, snapshot, desired.exhaustive, guards),
        ),
    )


def _combined(base: Resource, other: Resource) -> Resource:
    update: dict[str, Any] = {"depends_on": tuple(dict.fromkeys(base.depends_on + other.depends_on))}
    for name, info in type(other).model_fields.items():
        value = getattr(other, name)
        if name in ("key", "depends_on") or value is None or name not in other.model_fields_set:
            continue
        collects = CONTAINS in info.metadata or any(isinstance(mark, KEYED) for mark in info.metadata)
        update[name] = merge(value, getattr(base, name), info) if collects else value
    return base.model_copy(update=update)


def _ordered(resources: Iterable[Resource], wanted: dict[Address, Resource]) -> Iterator[Resource]:
    """Dependencies first; otherwise in the order given."""
    graph = {
        resource.address: [need for need in _needs(resource) if need in wanted] for resource in resources
    }
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ValueError(
            f"resources depend on each other in a circle: {' -> '.join(error.args[1])}"
        ) from error
    return (wanted[address] for address in order)


def _needs(resource: Resource) -> tuple[Address, ...]:
    addresses = dict.fromkeys((*resource.depends_on, *(ref.address for ref in resource.references())))
    addresses.pop(resource.address, None)  # its own id, say, inside one of its own fields
    return tuple(addresses)


def _change(resource: Resource, snapshot: Snapshot) -> Change:
    needs = _needs(resource)
    if isinstance(resource, ManualStep):
        action = Action.NOOP if _done(resource, snapshot) else Action.WAITING
        why = "" if action is Action.NOOP else resource.title
        return Change(action=action, address=resource.address, after=resource, why=why, depends_on=needs)
    observed = snapshot.by_address.get(resource.address)
    fields = changed_fields(resource, observed) if observed else initial_fields(resource)
    action = _action(resource, observed, fields)
    return Change(
        action=action,
        address=resource.address,
        before=observed,
        after=resource,
        fields=fields,
        depends_on=needs,
    )


def _action(resource: Resource, observed: Resource | None, fields: tuple[FieldChange, ...]) -> Action:
    if observed is None:
        return Action.CREATE if resource.managed_fields() else Action.NOOP  # some are only looked up
    if any(IMMUTABLE in resource.managed_fields()[field.name].metadata and field.before for field in fields):
        return Action.REPLACE
    return Action.UPDATE if fields else Action.NOOP


def _done(step: ManualStep, snapshot: Snapshot) -> bool:
    return step.completed or any(
        getattr(snapshot.by_address.get(proof.address), proof.field, None) for proof in step.proofs
    )


def _superfluous(
    desired: DesiredState, snapshot: Snapshot, wanted: dict[Address, Resource]
) -> Iterator[Resource]:
    """What should go: leftovers, the unlisted ones of exhaustive kinds, then the absent ones in the order given."""
    kinds = desired.exhaustive | desired.orphaned
    kept = {*wanted, *desired.absent}
    unlisted = (
        address
        for address, resource in snapshot.by_address.items()
        if resource.kind in kinds and address not in kept
    )
    for address in (*unlisted, *desired.absent):
        if address in snapshot.by_address and not is_unmanaged(desired.unmanaged, address):
            yield snapshot.by_address[address]


def _deletion(resource: Resource, earlier: Iterable[Address]) -> Change:
    """Deletions come last, one after the other: first what is new is in place, then what is old goes."""
    return Change(
        action=Action.DELETE,
        address=resource.address,
        before=resource,
        depends_on=tuple(earlier),
        why="is there, but should not be",
    )


def _with_waiting(changes: dict[Address, Change]) -> dict[Address, Change]:
    """Everything that would write but stands behind an open human step waits for it."""
    blocked: dict[Address, str] = {}
    result = {}
    for address, change in changes.items():
        opener = next((blocked[need] for need in change.depends_on if need in blocked), None)
        if change.action is Action.DELETE:
            opener = None
        waits = change.action is Action.WAITING or (change.writes and opener is not None)
        if waits:
            blocked[address] = opener or address
        held = change.writes and opener is not None
        result[address] = (
            change.model_copy(update={"action": Action.WAITING, "why": f"waits for {opener}"})
            if held
            else change
        )
    return result


def _unresolved(wanted: dict[Address, Resource], snapshot: Snapshot) -> Iterator[Refusal]:
    for problem in snapshot.problems:
        if problem.address in wanted:
            yield Refusal(
                reason=problem.message,
                hint=problem.hint,
                candidates=problem.candidates,
                missing=problem.kind is ProblemKind.MISSING,
            )


def _bereft(changes: dict[Address, Change], desired: DesiredState) -> Iterator[Refusal]:
    """What is left alone and not there cannot give its id to others."""
    for change in changes.values():
        for ref in change.after.references() if change.writes and change.after else ():
            if ref.address not in changes and is_unmanaged(desired.unmanaged, ref.address):
                yield Refusal(
                    reason=f"{change.address} needs {ref.address}, which the playbook leaves alone and which is not there",
                    hint="take it out of unmanaged:, or add the other one",
                )


def _replacements(changes: dict[Address, Change]) -> Iterator[Refusal]:
    """Nothing is replaced without being asked: what hangs on the old one would be lost."""
    for change in changes.values():
        if change.action is Action.REPLACE:
            names = ", ".join(field.name for field in change.fields)
            yield Refusal(
                reason=f"{change.address} would have to be replaced: {names} cannot be changed once it is set",
                hint="correct the playbook, or delete the old one yourself",
            )


def _protected(changes: dict[Address, Change], guards: Guards) -> Iterator[Refusal]:
    for change in changes.values():
        kind = change.address.partition("/")[0]
        if change.action is Action.DELETE and kind in guards.protected:
            yield Refusal(reason=f"{change.address} would be removed", hint=guards.protected[kind])


def _too_many_removals(
    changes: dict[Address, Change], snapshot: Snapshot, guarded: frozenset[str], guards: Guards
) -> Iterator[Refusal]:
    removed = Counter(
        change.before.kind
        for change in changes.values()
        if change.action is Action.DELETE and change.before and change.before.kind in guarded
    )
    existing = Counter(resource.kind for resource in snapshot.resources)
    for kind, count in removed.items():
        if count > 1 and count > guards.max_removals * existing[kind]:
            yield Refusal(
                reason=f"{count} of {existing[kind]} existing {kind} would be removed, "
                f"more than the allowed {guards.max_removals:.0%}",
                hint="check the playbook; if it is right, allow it with --max-removals 100%",
            )


__all__ = ["Action", "Change", "DesiredState", "Guards", "Plan", "Refusal", "make_plan", "overlay"]
