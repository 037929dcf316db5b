"""What differs between a desired and an observed resource, field by field."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from .resource import (
    CONTAINS,
    CREATE_ONLY,
    KEYED,
    READ_ONLY,
    SECRET,
    UNORDERED,
    Model,
    Reference,
    Resource,
    WriteOnlySecret,
)

HIDDEN = "(secret)"
CHANGED = "(secret, changed)"
UNREADABLE = "(secret, cannot be read back)"


class FieldChange(Model):
    """One field that would change. Values are JSON; a secret's value is never in it."""

    name: str
    before: Any = None
    after: Any = None


def initial_fields(desired: Resource) -> tuple[FieldChange, ...]:
    """Every managed field of a resource that does not exist yet."""
    return tuple(
        FieldChange(name=name, after=HIDDEN if SECRET in info.metadata else display_value(value))
        for name, info in desired.managed_fields().items()
        if (value := getattr(desired, name)) is not None
    )


def changed_fields(desired: Resource, observed: Resource) -> tuple[FieldChange, ...]:
    """The managed fields whose observed value is not the desired one."""
    changes = []
    for name, info in desired.managed_fields().items():
        wanted, found = getattr(desired, name), getattr(observed, name)
        if wanted is None or CREATE_ONLY in info.metadata:
            continue
        if SECRET in info.metadata:
            if isinstance(wanted, SecretStr) and secret_differs(wanted, found):
                changes.append(FieldChange(name=name, before=HIDDEN, after=CHANGED))
            continue
        target = merge(wanted, found, info)
        if target != found:
            changes.append(FieldChange(name=name, before=display_value(found), after=display_value(target)))
    return tuple(changes)


def secret_differs(wanted: SecretStr, found: Any) -> bool:
    """Whether a secret must be written: it is missing, or known to be another one.

    A secret that is set but cannot be read back, and that this machine never wrote, is not a difference: it is
    unknowable, and said so by whoever prints the plan.
    """
    return not isinstance(found, WriteOnlySecret) or found.matches(wanted.get_secret_value()) is False


def merge(wanted: Any, found: Any, info: FieldInfo) -> Any:
    """The value to write so that the wanted one holds, given what is there."""
    keyed = next((mark for mark in info.metadata if isinstance(mark, KEYED)), None)
    if keyed:
        return _merged_by_key(wanted, found or (), keyed.by)
    if CONTAINS in info.metadata:
        present = found or ()
        return (*present, *(element for element in wanted if element not in present))
    if UNORDERED in info.metadata and found is not None:
        return found if sorted(map(repr, wanted)) == sorted(map(repr, found)) else wanted
    return wanted


def _merged_by_key(wanted: tuple[Any, ...], found: tuple[Any, ...], by: str) -> tuple[Any, ...]:
    desired = {getattr(element, by): element for element in wanted}
    kept = [
        overlay(element, desired[key]) if key in desired else element
        for element in found
        if (key := getattr(element, by)) in desired or not getattr(element, "owned", False)
    ]
    present = {getattr(element, by) for element in found}
    return (*kept, *(element for key, element in desired.items() if key not in present))


def overlay(base: Any, top: Any) -> Any:
    """The base model with every value the top one sets."""
    update = {
        name: value
        for name in type(top).model_fields
        if (value := getattr(top, name)) is not None and name in top.model_fields_set
    }
    return base.model_copy(update=update)


def display_value(value: Any) -> Any:
    """The value as JSON for people: references by their description, secrets hidden."""
    if isinstance(value, SecretStr | WriteOnlySecret):
        return HIDDEN
    if isinstance(value, Reference):
        return str(value)
    if isinstance(value, tuple | list):
        return [display_value(element) for element in value]
    if isinstance(value, Model):
        return {
            name: display_value(element)
            for name, info in type(value).model_fields.items()
            if READ_ONLY not in info.metadata and (element := getattr(value, name)) is not None
        }
    return value
