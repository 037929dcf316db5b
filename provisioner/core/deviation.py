"""What a deviation from the playbook means: for security, or for how things work; and whether somebody lets it pass. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from .diff import FieldChange, shown
from .leaving import ShortText, managed, matches, refuse_unknown
from .plan import Action, Change, Desired
from .resource import SECRET, SECURITY, Address, Model, Resource
from .snapshot import Snapshot


class Category(StrEnum):
    """What is at stake."""

    SECURITY = "security"
    CONFIGURATION = "configuration"


class Unmanaged(Model):
    """A field of a resource that is there, and that the playbook leaves alone."""

    address: Address
    field: str
    value: Any = None


class Waiver(Model):
    """Something that is let pass for a while."""

    on: ShortText | None = Field(
        default=None,
        description="Address of the resource as plan shows it, such as entra-application/kiro; * stands for anything.",
    )
    fields: tuple[ShortText, ...] = Field(
        default=(), description="Only if nothing but these fields of it differs. Absent: whatever differs."
    )
    check: ShortText | None = Field(
        default=None, description="Id of a check of doctor, instead of a resource."
    )
    reason: ShortText = Field(description="Why it is let pass.")
    owner: ShortText = Field(description="Who answers for it.")
    expires: date = Field(description="The last day on which it counts, such as 2027-01-31.")

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if self.on is None and self.check is None:
            raise ValueError("expected on: (an address), check: (a check's id), or both")
        if self.fields and self.on is None:
            raise ValueError("fields: needs on:, the resource that has them")
        if self.on is not None and self.check is None:
            refuse_unknown(self.on, self.fields)
        return self

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return today > self.expires

    def covers_change(self, change: Change) -> bool:
        """Whether it is about a change that is pending or waits."""
        if self.check is not None or self.on is None or not matches(self.on, change.address):
            return False
        return not self.fields or {field.name for field in change.fields} <= set(self.fields)

    def covers_finding(self, check: str, address: str) -> bool:
        """Whether it is about a finding."""
        return self.check == check and (self.on is None or matches(self.on, address))


def covering(waivers: Iterable[Waiver], change: Change) -> Waiver | None:
    """The waiver for a change, the one that lasts longest; None: there is none."""
    return max(
        (one for one in waivers if one.covers_change(change)), key=lambda one: one.expires, default=None
    )


def letting_pass(waivers: Iterable[Waiver], check: str, address: str) -> Waiver | None:
    """The waiver for a finding, the one that lasts longest; None: there is none."""
    found = (one for one in waivers if one.covers_finding(check, address))
    return max(found, key=lambda one: one.expires, default=None)


def category(change: Change) -> Category:
    """What a deviation means.

    A difference in a field that is marked ``SECURITY`` is a matter of security; in a list, only what is there besides. So is a
    resource that lets somebody in and that nobody asked for.
    """
    resource = change.before or change.after
    if change.action is Action.DELETE and resource is not None and resource.admits:
        return Category.SECURITY
    if change.action in (Action.UPDATE, Action.REPLACE) and resource is not None:
        marked = (field for field in change.fields if _marked(resource, field))
        if any(_widened(field) for field in marked):
            return Category.SECURITY
    return Category.CONFIGURATION


def unmanaged(desired: Desired, snapshot: Snapshot) -> Iterator[Unmanaged]:
    """What was read and nobody asked for: fields that the playbook leaves alone, and resources that it does not name.

    Only of the kinds that it is about at all.
    """
    resources = managed(desired.resources, desired.left_alone, snapshot.by_address)
    wanted = {resource.address: resource for resource in resources}
    kinds = {resource.kind for resource in desired.resources}
    for resource in (found for found in snapshot.resources if found.kind in kinds):
        asked = wanted.get(resource.address)
        for name, info in resource.managed().items():
            found = getattr(resource, name)
            left_alone = asked is None or getattr(asked, name) is None
            if left_alone and found not in (None, ()) and SECRET not in info.metadata:
                yield Unmanaged(address=resource.address, field=name, value=shown(found))


def _marked(resource: Resource, field: FieldChange) -> bool:
    info = resource.managed().get(field.name)
    return info is not None and SECURITY in info.metadata


def _widened(field: FieldChange) -> bool:
    if isinstance(field.before, list) and isinstance(field.after, list):
        return any(element not in field.after for element in field.before)
    return True
