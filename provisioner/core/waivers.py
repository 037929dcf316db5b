"""Waivers: drift and findings that a playbook accepts until a date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Self

from pydantic import Field, model_validator

from .plan import Change
from .resource import Model
from .unmanaged import ShortText, address_matches, check_known


class Waiver(Model):
    """One entry of the playbook's ``waivers:`` list."""

    resource: ShortText | None = Field(
        default=None,
        description="Address of the resource as plan shows it, such as entra-application/kiro; * matches anything.",
    )
    fields: tuple[ShortText, ...] = Field(
        default=(), description="Only if no other fields of it differ. Absent: whatever differs."
    )
    check: ShortText | None = Field(
        default=None,
        description="Id of a check of doctor: waives its findings, for one resource if resource is given.",
    )
    reason: ShortText = Field(description="Why it is waived.")
    owner: ShortText = Field(description="Who is responsible for the waiver.")
    expires: date = Field(description="The last day of the waiver, such as 2027-01-31.")

    @model_validator(mode="after")
    def _has_subject(self) -> Self:
        if self.resource is None and self.check is None:
            raise ValueError("expected resource: (an address), check: (id of a check), or both")
        if self.fields and self.resource is None:
            raise ValueError("fields: needs resource:, the address of the resource that has them")
        if self.resource is not None and self.check is None:
            check_known(self.resource, self.fields)
        return self

    def expired(self, today: date) -> bool:
        """Whether its last day has passed."""
        return today > self.expires

    def covers_change(self, change: Change) -> bool:
        """Whether it waives a pending change."""
        if self.check is not None or self.resource is None:
            return False
        if not address_matches(self.resource, change.address):
            return False
        return not self.fields or {field.name for field in change.fields} <= set(self.fields)

    def covers_finding(self, check: str, address: str) -> bool:
        """Whether it waives a finding."""
        return self.check == check and (self.resource is None or address_matches(self.resource, address))


def waiver_for(waivers: Iterable[Waiver], change: Change) -> Waiver | None:
    """The waiver that covers a change; of several, the one that expires last."""
    covering = (waiver for waiver in waivers if waiver.covers_change(change))
    return max(covering, key=lambda waiver: waiver.expires, default=None)


def waiver_for_finding(waivers: Iterable[Waiver], check: str, address: str) -> Waiver | None:
    """The waiver that covers a finding; of several, the one that expires last."""
    covering = (waiver for waiver in waivers if waiver.covers_finding(check, address))
    return max(covering, key=lambda waiver: waiver.expires, default=None)
