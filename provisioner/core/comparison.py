"""Comparisons of two integrations: playbooks, snapshots, or one of each. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import Field, SecretStr

from .diff import CHANGED, HIDDEN, FieldChange, display_value, initial_fields
from .guards import Guards
from .manual_step import ManualStep
from .plan import Action, DesiredState, make_plan
from .resource import SECRET, UNORDERED, Address, AnyResource, Model, Reference, Resource
from .snapshot import Snapshot
from .unmanaged import UnmanagedRule, without_unmanaged

_TENANT_IDS: Final = ("id", "app_id", "client_id", "tenant_id")
"""Fields with identifiers that each tenant assigns itself."""
_SHORTEST_ID: Final = 12


class Side(Model):
    """One of the two integrations.

    Attributes:
        name: the name of the integration, which is the key of many of its resources.
        resources: the desired resources of a playbook, or the existing ones of a snapshot.
        is_snapshot: the resources exist; a missing resource does not exist. Otherwise it is not managed.
        exhaustive: for a playbook, kinds that should have no other resources.
        unmanaged: for a playbook, what may exist anyway.
    """

    name: str
    resources: tuple[AnyResource, ...] = ()
    is_snapshot: bool = False
    exhaustive: frozenset[str] = frozenset()
    unmanaged: tuple[UnmanagedRule, ...] = ()

    @classmethod
    def of_playbook(cls, name: str, desired: DesiredState) -> Side:
        """The desired resources of a playbook, without the unmanaged ones."""
        addresses = frozenset(resource.address for resource in desired.resources)
        return cls(
            name=name,
            resources=tuple(without_unmanaged(desired.resources, desired.unmanaged, addresses)),
            exhaustive=desired.exhaustive,
            unmanaged=desired.unmanaged,
        )

    @classmethod
    def of_snapshot(cls, name: str, snapshot: Snapshot) -> Side:
        """The existing resources of a snapshot."""
        return cls(name=name, resources=snapshot.resources, is_snapshot=True)


class Difference(Model):
    """A resource that differs between the sides."""

    address: Address = Field(description="Address of the resource, with the name of the left side.")
    where: Literal["left", "right", "both"] = Field(description="The side on which it exists.")
    fields: tuple[FieldChange, ...] = Field(
        default=(), description="The fields that differ: before on the left side, after on the right."
    )


def compare(left: Side, right: Side) -> tuple[Difference, ...]:
    """The differences, in the order of the left side.

    The names of the integrations and the identifiers that a tenant assigns are not compared.
    """
    right = _renamed_side(right, left.name)
    if left.is_snapshot and not right.is_snapshot:
        return tuple(_playbook_against_snapshot(right, left, playbook_is_left=False))
    if right.is_snapshot and not left.is_snapshot:
        return tuple(_playbook_against_snapshot(left, right, playbook_is_left=True))
    return tuple(_same_type(left, right))


def _playbook_against_snapshot(
    playbook: Side, snapshot: Side, *, playbook_is_left: bool
) -> Iterator[Difference]:
    """The pending changes of a plan are the differences."""
    desired = DesiredState(
        resources=playbook.resources, exhaustive=playbook.exhaustive, unmanaged=playbook.unmanaged
    )
    plan = make_plan(desired, Snapshot(resources=snapshot.resources), Guards())
    playbook_side, snapshot_side = ("left", "right") if playbook_is_left else ("right", "left")
    for change in plan.changes:
        if change.action is Action.NOOP or isinstance(change.after, ManualStep):
            continue
        where = "both"
        if change.before is None or change.after is None:
            where = playbook_side if change.before is None else snapshot_side
        fields = tuple(map(_swapped, change.fields)) if playbook_is_left else change.fields
        yield Difference.model_validate({"address": change.address, "where": where, "fields": fields})


def _swapped(field: FieldChange) -> FieldChange:
    return FieldChange(name=field.name, before=field.after, after=field.before)


def _same_type(left: Side, right: Side) -> Iterator[Difference]:
    """Two playbooks or two snapshots, field by field."""
    on_left, on_right = _comparable(left), _comparable(right)
    for address in dict.fromkeys((*on_left, *on_right)):
        first, second = on_left.get(address), on_right.get(address)
        if first and second:
            if fields := tuple(_differing_fields(first, second, left, right)):
                yield Difference(address=address, where="both", fields=fields)
        elif first:
            yield Difference(
                address=address, where="left", fields=tuple(map(_swapped, initial_fields(first)))
            )
        elif second:
            yield Difference(address=address, where="right", fields=initial_fields(second))


def _comparable(side: Side) -> dict[Address, Resource]:
    return {
        resource.address: resource
        for resource in side.resources
        if resource.writable_fields() and not isinstance(resource, ManualStep)
    }


def _differing_fields(first: Resource, second: Resource, left: Side, right: Side) -> Iterator[FieldChange]:
    left_ids, right_ids = _assigned_ids(left), _assigned_ids(right)
    for name, info in first.writable_fields().items():
        value, other = getattr(first, name), getattr(second, name)
        if SECRET in info.metadata:
            if _comparable_secret(value) != _comparable_secret(other):
                hidden = _hidden(other) if value is None else CHANGED
                yield FieldChange(name=name, before=_hidden(value), after=hidden)
            continue
        before = _with_neutral_ids(display_value(value), left_ids)
        after = _with_neutral_ids(display_value(other), right_ids)
        is_same = _sorted(before) == _sorted(after) if UNORDERED in info.metadata else before == after
        if not is_same:
            yield FieldChange(name=name, before=before, after=after)


def _comparable_secret(value: Any) -> Any:
    """The value of a secret if it is known, otherwise whether it is set."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value is not None


def _hidden(value: Any) -> str | None:
    return None if value is None else HIDDEN


def _sorted(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, list) else value


def _assigned_ids(side: Side) -> dict[str, str]:
    """Identifiers that the tenant assigned, each with a description that is equal in every tenant."""
    if not side.is_snapshot:
        return {}
    descriptions: dict[str, str] = {}
    for resource in side.resources:
        for name in _TENANT_IDS:
            value = getattr(resource, name, None)
            if isinstance(value, str) and len(value) >= _SHORTEST_ID:
                descriptions.setdefault(value, f"({name} of {resource.address})")
    return descriptions


def _with_neutral_ids(value: Any, descriptions: Mapping[str, str]) -> Any:
    """JSON in which identifiers that the tenant assigned are replaced by their descriptions."""
    if isinstance(value, dict):
        return {
            name: _with_neutral_ids(inner, descriptions)
            for name, inner in value.items()
            if name not in _TENANT_IDS
        }
    if isinstance(value, list):
        return [_with_neutral_ids(inner, descriptions) for inner in value]
    if isinstance(value, str) and descriptions:
        return re.sub(r"[A-Za-z0-9-]{12,}", lambda match: descriptions.get(match[0], match[0]), value)
    return value


def _renamed_side(side: Side, name: str) -> Side:
    """The side as if its integration had another name."""
    if side.name == name:
        return side
    return side.model_copy(
        update={"name": name, "resources": tuple(_renamed(side.resources, side.name, name))}
    )


def _renamed(resources: Iterable[Resource], old: str, new: str) -> Iterator[Resource]:
    for resource in resources:
        fields = {
            field: _with_name(getattr(resource, field), old, new) for field in type(resource).model_fields
        }
        yield resource.model_copy(update={**fields, "key": new if resource.key == old else resource.key})


def _with_name(value: Any, old: str, new: str) -> Any:
    """The value with the other name in its references and markers."""
    if isinstance(value, Reference):
        kind, _, key = value.address.partition("/")
        return value.model_copy(update={"address": f"{kind}/{new if key == old else key}"})
    if isinstance(value, tuple):
        return tuple(_with_name(element, old, new) for element in value)
    if isinstance(value, Model):
        fields = {field: _with_name(getattr(value, field), old, new) for field in type(value).model_fields}
        return value.model_copy(update=fields)
    if isinstance(value, str):
        return re.sub(rf"(?<=provisioner[-:]){re.escape(old)}(?![a-z0-9-])", new, value)
    return value
