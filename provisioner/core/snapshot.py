"""A snapshot: everything that was read from a tenant, at one moment, as data.

Diff, checks and drift are pure functions of it. It is JSON both ways, so it can be saved, replayed and used as a
test fixture.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar, cast

from pydantic import BaseModel, field_validator, model_serializer

from .resource import KINDS, Address, AnyResource, Model, Resource, resolve

R = TypeVar("R", bound=Resource)


class Gap(Model):
    """Something that could not be read, and why.

    Attributes:
        kind: the kind of resource.
        reason: what the remote system said.
        needs: permissions of which any one would be enough, or the licence.
    """

    kind: str
    reason: str
    permissions: tuple[str, ...] = ()


class ProblemKind(StrEnum):
    """Why a resource the playbook names could not be told apart."""

    AMBIGUOUS = "ambiguous"
    MISSING = "missing"
    UNUSABLE = "foreign"


class Problem(Model):
    """A resource the playbook names that is missing, ambiguous, or somebody else's.

    Attributes:
        candidates: one line for each remote object that was meant, or could be.
    """

    kind: ProblemKind
    address: Address
    message: str
    hint: str = ""
    candidates: tuple[str, ...] = ()


class Snapshot(Model):
    """What was read. Addresses are unique."""

    resources: tuple[AnyResource, ...] = ()
    gaps: tuple[Gap, ...] = ()
    problems: tuple[Problem, ...] = ()

    @field_validator("resources", mode="before")
    @classmethod
    def _revive(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValueError("expected a list of resources")  # noqa: TRY004 - pydantic wants this one
        return tuple(_revive(element) for element in value)

    @model_serializer(mode="wrap")
    def _name_kinds(self, serialize: Any) -> dict[str, Any]:
        data = cast("dict[str, Any]", serialize(self))
        for resource, saved in zip(self.resources, data["resources"], strict=True):
            saved["kind"] = resource.kind
        return data

    @cached_property
    def by_address(self) -> dict[Address, Resource]:
        return {resource.address: resource for resource in self.resources}

    def get(self, kind: type[R], key: str) -> R | None:
        """The resource of this kind and key, if it exists."""
        return cast("R | None", self.by_address.get(f"{kind.kind}/{key}"))

    def require(self, kind: type[R], key: str) -> R:
        """The resource of this kind and key, which is known to be there by now."""
        found = self.get(kind, key)
        if found is None:
            raise LookupError(f"{kind.kind}/{key} is not known yet: the order of the plan is wrong")
        return found

    def all(self, kind: type[R]) -> tuple[R, ...]:
        """Every resource of this kind."""
        return tuple(resource for resource in self.resources if isinstance(resource, kind))

    def first(self, kind: type[R]) -> R | None:
        """The first resource of a kind that has at most one."""
        return next(iter(self.all(kind)), None)

    def gap_for(self, kind: str) -> Gap | None:
        """Why this kind could not be read, or None when it was."""
        return next((gap for gap in self.gaps if gap.kind == kind), None)

    def problem_for(self, address: Address) -> Problem | None:
        return next((problem for problem in self.problems if problem.address == address), None)

    def updated(self, resources: Iterable[Resource], removed: Iterable[Address] = ()) -> Snapshot:
        """A snapshot in which these resources replace those of the same address, references resolved.

        Args:
            resources: the resources after the latest writes.
            removed: addresses of deleted resources.
        """
        merged = {**self.by_address, **{resource.address: resource for resource in resources}}
        for address in removed:
            merged.pop(address, None)
        known = {address: resolve(resource, merged) for address, resource in merged.items()}
        return Snapshot(resources=tuple(known.values()), gaps=self.gaps, problems=self.problems)


def _revive(element: Any) -> Any:
    if isinstance(element, BaseModel) or not isinstance(element, dict):
        return element
    fields = dict(element)
    kind = KINDS.get(fields.pop("kind", ""))
    if kind is None:
        raise ValueError(f"unknown kind of resource: {element.get('kind')!r}")
    return kind.model_validate(fields)
