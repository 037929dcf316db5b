"""Drift: the category of a pending change, and the existing values that the playbook does not mention."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pydantic import Field

from .diff import FieldChange, display_value
from .plan import Action, Change, DesiredState
from .resource import SECRET, SECURITY, Address, Model, Resource
from .snapshot import Snapshot
from .unmanaged import without_unmanaged


class Category(StrEnum):
    """What drift, or a finding, concerns."""

    SECURITY = "security"
    CONFIGURATION = "configuration"


class UnmanagedValue(Model):
    """The value of an existing field that the playbook does not mention."""

    address: Address = Field(description="The resource.")
    field: str = Field(description="Name of the field.")
    value: Any = Field(default=None, description="Its value in the tenant.")


def drift_category(change: Change) -> Category:
    """The category of a pending change.

    SECURITY if a field marked ``SECURITY`` differs (for a list: if the tenant's has elements that the playbook's
    lacks), or if a resource that grants access is to be deleted. CONFIGURATION otherwise.
    """
    resource = change.before or change.after
    if resource is None:
        return Category.CONFIGURATION
    if change.action is Action.DELETE and resource.grants_access:
        return Category.SECURITY
    if change.action in (Action.UPDATE, Action.REPLACE):
        security_fields = (field for field in change.fields if _is_security(resource, field))
        if any(_may_grant_more(field) for field in security_fields):
            return Category.SECURITY
    return Category.CONFIGURATION


def unmanaged_values(desired: DesiredState, snapshot: Snapshot) -> Iterator[UnmanagedValue]:
    """Values that exist and that the playbook does not mention, for the kinds that it manages at all."""
    managed = without_unmanaged(desired.resources, desired.unmanaged, snapshot.by_address)
    by_address = {resource.address: resource for resource in managed}
    kinds = {resource.kind for resource in desired.resources}
    for resource in (existing for existing in snapshot.resources if existing.kind in kinds):
        desired_resource = by_address.get(resource.address)
        for name, info in resource.writable_fields().items():
            value = getattr(resource, name)
            is_managed = desired_resource is not None and getattr(desired_resource, name) is not None
            if not is_managed and value not in (None, ()) and SECRET not in info.metadata:
                yield UnmanagedValue(address=resource.address, field=name, value=display_value(value))


def _is_security(resource: Resource, field: FieldChange) -> bool:
    info = resource.writable_fields().get(field.name)
    return info is not None and SECURITY in info.metadata


def _may_grant_more(field: FieldChange) -> bool:
    """Whether the existing value may grant more than the desired one; assumed unless both are lists."""
    if isinstance(field.before, list) and isinstance(field.after, list):
        return any(element not in field.after for element in field.before)
    return True
