"""Plans: the changes between a desired state and a snapshot. Plain data, made by a pure function.

A drift report shows the same plan without applying it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

from .diff import FieldChange, changed_fields, initial_fields, merge
from .guards import Guards, Refusal, find_refusals
from .manual_step import ManualStep
from .resource import CONTAINS, IMMUTABLE, Address, AnyResource, KeyedBy, Model, Resource, resolve
from .snapshot import Snapshot
from .unmanaged import UnmanagedRule, is_unmanaged, without_unmanaged


class Action(StrEnum):
    """What a change does."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    NOOP = "noop"
    WAITING = "waiting"

    @property
    def glyph(self) -> str:
        """The sign of the action in a printed plan."""
        return _GLYPHS[self]


_GLYPHS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "±",
    Action.DELETE: "-",
    Action.NOOP: "=",
    Action.WAITING: "…",
}

R = TypeVar("R", bound=Resource)
WRITES = frozenset({Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE})


class DesiredState(Model):
    """The desired state of a tenant.

    Attributes:
        resources: the resources, each with the fields that are managed.
        exhaustive: kinds of which only the listed resources should exist; the others are deleted, within the guards.
        orphaned: kinds of objects that something earlier left behind, such as an interrupted run; all of them are
            deleted, and the limit of removals does not count them.
        absent: addresses of resources that should not exist.
        unmanaged: resources and fields that plans ignore.
    """

    resources: tuple[AnyResource, ...] = ()
    exhaustive: frozenset[str] = frozenset()
    orphaned: frozenset[str] = frozenset()
    absent: tuple[Address, ...] = ()
    unmanaged: tuple[UnmanagedRule, ...] = ()

    def __or__(self, other: DesiredState) -> DesiredState:
        """Both states together. A resource that is in both has the fields of both; ``other`` takes precedence."""
        by_address = {resource.address: resource for resource in self.resources}
        for resource in other.resources:
            base = by_address.get(resource.address)
            by_address[resource.address] = _combine(base, resource) if base else resource
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
        before: the existing resource, or None.
        after: the desired resource, or None if it is deleted.
        fields: the fields that differ.
        why: a reason, or the title of a manual step; empty if the fields say it all.
        depends_on: addresses of changes that are made first.
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
        """Whether it writes to the tenant."""
        return self.action in WRITES

    def desired(self, kind: type[R]) -> R:
        """The desired resource, which must be of this kind."""
        if not isinstance(self.after, kind):
            raise TypeError(f"{self.address}: expected {kind.__name__}, got {type(self.after).__name__}")
        return self.after


class Plan(Model):
    """The changes in an order in which they can be made, no-ops included.

    Attributes:
        refusals: the reasons why it must not be applied; empty if it may be applied.
        warnings: what the admin should know in addition; the engine adds them.
    """

    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that write to the tenant."""
        return tuple(change for change in self.changes if change.writes)

    @property
    def waiting(self) -> tuple[Change, ...]:
        """The pending manual steps, and the changes that wait for them."""
        return tuple(change for change in self.changes if change.action is Action.WAITING)

    @property
    def pending_steps(self) -> tuple[ManualStep, ...]:
        """The pending manual steps, in order."""
        return tuple(change.after for change in self.waiting if isinstance(change.after, ManualStep))

    @cached_property
    def summary(self) -> dict[str, int]:
        """Number of changes by action, in the order of the actions."""
        counts = Counter(change.action for change in self.changes)
        return {action.value: counts[action] for action in Action}

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the actions, addresses and shown values of the pending changes: 16 hexadecimal digits.

        The values of secrets are not in it, and neither are changes that wait for a manual step.
        """
        writes = [
            (change.action, change.address, [field.model_dump() for field in change.fields])
            for change in self.pending
        ]
        return hashlib.sha256(json.dumps(writes, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def stages(self) -> Iterator[tuple[Change, ...]]:
        """The pending changes in stages: a stage depends on earlier stages only."""
        stage_of: dict[Address, int] = {}
        stages: dict[int, list[Change]] = defaultdict(list)
        for change in self.changes:
            stage = max((stage_of.get(address, 0) for address in change.depends_on), default=0)
            if change.writes:
                stage += 1
                stages[stage].append(change)
            stage_of[change.address] = stage
        return (tuple(stages[number]) for number in sorted(stages))


def make_plan(desired: DesiredState, snapshot: Snapshot, guards: Guards | None = None) -> Plan:
    """Compare a desired state with a snapshot.

    Args:
        desired: the desired state.
        snapshot: the existing resources.
        guards: the limits; the defaults if None.

    Raises:
        ValueError: resources depend on each other in a circle.
    """
    existing = snapshot.by_address
    managed = tuple(without_unmanaged(desired.resources, desired.unmanaged, existing))
    by_address = {resource.address: resolve(resource, existing) for resource in managed}
    changes = {resource.address: _change(resource, snapshot) for resource in _in_order(managed, by_address)}
    for resource, why in _to_delete(desired, snapshot, by_address):
        changes[resource.address] = _deletion(resource, why, changes)
    changes = _with_waiting(changes)
    return Plan(
        changes=tuple(changes.values()),
        refusals=tuple(find_refusals(changes, desired, snapshot, guards or Guards())),
    )


def _combine(base: Resource, other: Resource) -> Resource:
    update: dict[str, Any] = {"depends_on": tuple(dict.fromkeys(base.depends_on + other.depends_on))}
    for name, info in type(other).model_fields.items():
        value = getattr(other, name)
        if name in ("key", "depends_on") or value is None or name not in other.model_fields_set:
            continue
        is_merged = CONTAINS in info.metadata or any(isinstance(mark, KeyedBy) for mark in info.metadata)
        update[name] = merge(value, getattr(base, name), info) if is_merged else value
    return base.model_copy(update=update)


def _in_order(resources: Iterable[Resource], by_address: dict[Address, Resource]) -> Iterator[Resource]:
    """The resources as they are in ``by_address``, dependencies first.

    Only the given resources still have the references that tell what depends on what.
    """
    graph = {
        resource.address: [address for address in _dependencies(resource) if address in by_address]
        for resource in resources
    }
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ValueError(f"resources depend on each other: {' -> '.join(error.args[1])}") from error
    return (by_address[address] for address in order)


def _dependencies(resource: Resource) -> tuple[Address, ...]:
    references = (reference.address for reference in resource.references())
    addresses = dict.fromkeys((*resource.depends_on, *references))
    addresses.pop(resource.address, None)  # a field may refer to the resource's own id
    return tuple(addresses)


def _change(resource: Resource, snapshot: Snapshot) -> Change:
    depends_on = _dependencies(resource)
    if isinstance(resource, ManualStep):
        is_done = _is_done(resource, snapshot)
        return Change(
            action=Action.NOOP if is_done else Action.WAITING,
            address=resource.address,
            after=resource,
            why="" if is_done else resource.title,
            depends_on=depends_on,
        )
    existing = snapshot.by_address.get(resource.address)
    fields = changed_fields(resource, existing) if existing else initial_fields(resource)
    return Change(
        action=_action(resource, existing, fields),
        address=resource.address,
        before=existing,
        after=resource,
        fields=fields,
        depends_on=depends_on,
    )


def _action(resource: Resource, existing: Resource | None, fields: tuple[FieldChange, ...]) -> Action:
    writable = resource.writable_fields()
    if existing is None:
        return Action.CREATE if writable else Action.NOOP  # a kind without writable fields is only looked up
    if any(IMMUTABLE in writable[field.name].metadata and field.before for field in fields):
        return Action.REPLACE
    return Action.UPDATE if fields else Action.NOOP


def _is_done(step: ManualStep, snapshot: Snapshot) -> bool:
    return step.completed or any(
        getattr(snapshot.by_address.get(proof.address), proof.field, None) for proof in step.proofs
    )


def _to_delete(
    desired: DesiredState, snapshot: Snapshot, listed: Collection[Address]
) -> Iterator[tuple[Resource, str]]:
    """The existing resources to delete, each with the reason: those that are not listed, then absent ones."""
    reasons = {
        **dict.fromkeys(desired.exhaustive, "the playbook does not list it"),
        **dict.fromkeys(desired.orphaned, "it is left over"),
    }
    unlisted = {
        address: reasons[resource.kind]
        for address, resource in snapshot.by_address.items()
        if resource.kind in reasons and address not in listed and address not in desired.absent
    }
    for address, why in (unlisted | dict.fromkeys(desired.absent, "")).items():
        if address in snapshot.by_address and not is_unmanaged(desired.unmanaged, address):
            yield snapshot.by_address[address], why


def _deletion(resource: Resource, why: str, earlier: Iterable[Address]) -> Change:
    """Deletions come last, one after the other, once every other change that need not wait is made."""
    return Change(
        action=Action.DELETE,
        address=resource.address,
        before=resource,
        depends_on=tuple(earlier),
        why=why,
    )


def _with_waiting(changes: dict[Address, Change]) -> dict[Address, Change]:
    """Mark the changes that depend on a pending manual step as waiting. Deletions do not wait."""
    step_of: dict[Address, Address] = {}
    result = dict(changes)
    for address, change in changes.items():
        step = next((step_of[other] for other in change.depends_on if other in step_of), None)
        if change.action is Action.WAITING:
            step_of[address] = step or address
        elif step and change.writes and change.action is not Action.DELETE:
            step_of[address] = step
            waiting = {"action": Action.WAITING, "why": f"waits for {step}"}
            result[address] = change.model_copy(update=waiting)
    return result
