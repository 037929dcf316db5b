"""The difference between a desired and an existing resource, field by field."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo

from .resource import (
    CONTAINS,
    CREATE_ONLY,
    READ_ONLY,
    SECRET,
    UNORDERED,
    KeyedBy,
    Model,
    Reference,
    Resource,
    WriteOnlySecret,
)

HIDDEN = "(secret)"
CHANGED = "(secret, changed)"


class FieldChange(Model):
    """One field that differs. Values are JSON; the value of a secret is never among them."""

    name: str = Field(description="Name of the field.")
    before: Any = Field(default=None, description="Value in the tenant; in diff, on the left side.")
    after: Any = Field(default=None, description="Value in the playbook; in diff, on the right side.")


def initial_fields(desired: Resource) -> tuple[FieldChange, ...]:
    """The managed fields of a resource that does not exist yet."""
    return tuple(
        FieldChange(name=name, after=HIDDEN if SECRET in info.metadata else display_value(value))
        for name, info in desired.writable_fields().items()
        if (value := getattr(desired, name)) is not None
    )


def changed_fields(desired: Resource, existing: Resource) -> tuple[FieldChange, ...]:
    """The managed fields whose existing value differs from the desired one."""
    changes = []
    for name, info in desired.writable_fields().items():
        after, before = getattr(desired, name), getattr(existing, name)
        if after is None or CREATE_ONLY in info.metadata:
            continue
        if SECRET in info.metadata:
            if isinstance(after, SecretStr) and secret_differs(after, before):
                changes.append(FieldChange(name=name, before=HIDDEN, after=CHANGED))
            continue
        target = merge(after, before, info)
        if target != before:
            changes.append(FieldChange(name=name, before=display_value(before), after=display_value(target)))
    return tuple(changes)


def secret_differs(desired: SecretStr, existing: Any) -> bool:
    """Whether a secret must be written: it is not set, or its known value is another one.

    A secret that is set, cannot be read back and was never written by this machine may or may not differ. It counts
    as unchanged.
    """
    if not isinstance(existing, WriteOnlySecret):
        return True
    return existing.matches(desired.get_secret_value()) is False


def merge(desired: Any, existing: Any, info: FieldInfo) -> Any:
    """The value to write so that the field has its desired value, according to the marks of the field."""
    keyed = next((mark for mark in info.metadata if isinstance(mark, KeyedBy)), None)
    if keyed:
        return _merge_by_key(desired, existing or (), keyed.name)
    if CONTAINS in info.metadata:
        present = existing or ()
        return (*present, *(element for element in desired if element not in present))
    if UNORDERED in info.metadata and existing is not None:
        return existing if sorted(map(repr, desired)) == sorted(map(repr, existing)) else desired
    return desired


def _merge_by_key(desired: tuple[Any, ...], existing: tuple[Any, ...], by: str) -> tuple[Any, ...]:
    by_key = {getattr(element, by): element for element in desired}
    remaining = [
        overlay(element, by_key[key]) if key in by_key else element
        for element in existing
        if (key := getattr(element, by)) in by_key or not getattr(element, "owned", False)
    ]
    present = {getattr(element, by) for element in existing}
    return (*remaining, *(element for key, element in by_key.items() if key not in present))


def overlay(base: Any, top: Any) -> Any:
    """The base model with every value that the top model sets."""
    update = {
        name: value
        for name in type(top).model_fields
        if (value := getattr(top, name)) is not None and name in top.model_fields_set
    }
    return base.model_copy(update=update)


def display_value(value: Any) -> Any:
    """The value as JSON for display: references by their description, secrets hidden."""
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
