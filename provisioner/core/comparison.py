"""Two integrations compared: as playbooks want them, or as they were read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import SecretStr

from .diff import CHANGED, HIDDEN, FieldChange, display_value, initial_fields
from .manual_step import ManualStep
from .plan import Action, DesiredState, Guards, make_plan
from .resource import SECRET, UNORDERED, Address, AnyResource, Model, Reference, Resource
from .snapshot import Snapshot
from .unmanaged import UnmanagedRule, without_unmanaged

_GIVEN: Final = ("id", "app_id", "client_id", "tenant_id")
"""Fields in which a tenant gives a name of its own to what is the same elsewhere."""
_SHORTEST_ID: Final = 12


class Side(Model):
    """One of the two.

    Attributes:
        name: the integration's; it is in the addresses of what there is one of.
        resources: as they are wanted, or as they were read.
        read: they were read, so what is not among them is not there; otherwise it is not managed.
        exhaustive: of what is wanted, kinds of which there should be no others.
        left_alone: what may be there all the same.
    """

    name: str
    resources: tuple[AnyResource, ...] = ()
    read: bool = False
    exhaustive: frozenset[str] = frozenset()
    left_alone: tuple[UnmanagedRule, ...] = ()

    @classmethod
    def wanted(cls, name: str, desired: DesiredState) -> Side:
        """What a playbook asks for, without what it leaves alone."""
        everything = frozenset(one.address for one in desired.resources)
        resources = tuple(without_unmanaged(desired.resources, desired.unmanaged, everything))
        return cls(
            name=name, resources=resources, exhaustive=desired.exhaustive, left_alone=desired.unmanaged
        )

    @classmethod
    def found(cls, name: str, snapshot: Snapshot) -> Side:
        """What was read."""
        return cls(name=name, resources=snapshot.resources, read=True)


class Difference(Model):
    """A resource that is not the same on both sides.

    Attributes:
        address: with the name of the left side.
        where: on which side it is.
        fields: those that differ, ``before`` on the left and ``after`` on the right.
    """

    address: Address
    where: Literal["left", "right", "both"]
    fields: tuple[FieldChange, ...] = ()


def compare(left: Side, right: Side) -> tuple[Difference, ...]:
    """What is not the same, in the order of the left side.

    The names of the two integrations do not count, nor do the identifiers that a tenant gives.
    """
    right = _renamed_side(right, left.name)
    if left.read and not right.read:
        return tuple(_against(right, left, turned=True))
    if right.read and not left.read:
        return tuple(_against(left, right, turned=False))
    return tuple(_alike(left, right))


def _against(wanted: Side, found: Side, *, turned: bool) -> Iterator[Difference]:
    """What is wanted against what was read: a plan."""
    desired = DesiredState(
        resources=wanted.resources, exhaustive=wanted.exhaustive, unmanaged=wanted.left_alone
    )
    plan = make_plan(desired, Snapshot(resources=found.resources), Guards())
    for change in plan.changes:
        if change.action is Action.NOOP or isinstance(change.after, ManualStep):
            continue
        where: Literal["wanted", "found", "both"] = "both"
        if change.before is None or change.after is None:
            where = "wanted" if change.before is None else "found"
        sides = {
            "wanted": "right" if turned else "left",
            "found": "left" if turned else "right",
            "both": "both",
        }
        fields = change.fields if turned else tuple(_turned(field) for field in change.fields)
        yield Difference.model_validate({"address": change.address, "where": sides[where], "fields": fields})


def _turned(field: FieldChange) -> FieldChange:
    return FieldChange(name=field.name, before=field.after, after=field.before)


def _alike(left: Side, right: Side) -> Iterator[Difference]:
    """Two of a sort, field by field."""
    ours, theirs = _comparable(left), _comparable(right)
    for address in dict.fromkeys((*ours, *theirs)):
        here, there = ours.get(address), theirs.get(address)
        if here and there:
            if fields := tuple(_differing(here, there, left, right)):
                yield Difference(address=address, where="both", fields=fields)
        elif here:
            yield Difference(address=address, where="left", fields=tuple(map(_turned, initial_fields(here))))
        elif there:
            yield Difference(address=address, where="right", fields=initial_fields(there))


def _comparable(side: Side) -> dict[Address, Resource]:
    """What somebody could want to be otherwise; what is only ever looked at tells of the moment."""
    return {
        resource.address: resource
        for resource in side.resources
        if resource.managed_fields() and not isinstance(resource, ManualStep)
    }


def _differing(here: Resource, there: Resource, left: Side, right: Side) -> Iterator[FieldChange]:
    ours, theirs = _given(left), _given(right)
    for name, info in here.managed_fields().items():
        first, second = getattr(here, name), getattr(there, name)
        if SECRET in info.metadata:
            if _secret(first) != _secret(second):
                yield FieldChange(
                    name=name, before=_hidden(first), after=CHANGED if first else _hidden(second)
                )
            continue
        before, after = _neutral(display_value(first), ours), _neutral(display_value(second), theirs)
        same = _sorted(before) == _sorted(after) if UNORDERED in info.metadata else before == after
        if not same:
            yield FieldChange(name=name, before=before, after=after)


def _secret(value: Any) -> Any:
    """What can be compared of a secret: its value where it is known, else whether there is one."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value is not None


def _hidden(value: Any) -> str | None:
    return None if value is None else HIDDEN


def _sorted(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, list) else value


def _given(side: Side) -> dict[str, str]:
    """Identifiers that the tenant gave, with what they are of."""
    if not side.read:
        return {}
    given: dict[str, str] = {}
    for resource in side.resources:
        for name in _GIVEN:
            value = getattr(resource, name, None)
            if isinstance(value, str) and len(value) >= _SHORTEST_ID:
                given.setdefault(value, f"({name} of {resource.address})")
    return given


def _neutral(value: Any, given: Mapping[str, str]) -> Any:
    """JSON in which given identifiers are called by what they are of."""
    if isinstance(value, dict):
        return {name: _neutral(inner, given) for name, inner in value.items() if name not in _GIVEN}
    if isinstance(value, list):
        return [_neutral(inner, given) for inner in value]
    if isinstance(value, str) and given:
        return re.sub(r"[A-Za-z0-9-]{12,}", lambda found: given.get(found[0], found[0]), value)
    return value


def _renamed_side(side: Side, name: str) -> Side:
    """The same side as if its integration had this name."""
    if side.name == name:
        return side
    return side.model_copy(
        update={"name": name, "resources": tuple(_renamed(side.resources, side.name, name))}
    )


def _renamed(resources: Iterable[Resource], old: str, new: str) -> Iterator[Resource]:
    for resource in resources:
        changes = {
            field: _readdressed(getattr(resource, field), old, new) for field in type(resource).model_fields
        }
        yield resource.model_copy(update={**changes, "key": new if resource.key == old else resource.key})


def _readdressed(value: Any, old: str, new: str) -> Any:
    """The same with references, and the marker, under the other name."""
    if isinstance(value, Reference):
        kind, _, key = value.address.partition("/")
        return value.model_copy(update={"address": f"{kind}/{new if key == old else key}"})
    if isinstance(value, tuple):
        return tuple(_readdressed(element, old, new) for element in value)
    if isinstance(value, Model):
        return value.model_copy(
            update={
                field: _readdressed(getattr(value, field), old, new) for field in type(value).model_fields
            }
        )
    if isinstance(value, str):
        return re.sub(rf"(?<=provisioner[-:]){re.escape(old)}(?![a-z0-9-])", new, value)
    return value
