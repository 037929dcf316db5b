"""Snapshots: everything that was read from a tenant, as data.

Plans, checks and drift are computed from a snapshot and a desired state alone. A snapshot converts to JSON and back, so
it can be saved, replayed and used as a test fixture.
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
    """A kind of resource that could not be read.

    Attributes:
        kind: the kind.
        reason: the message of the remote system.
        permissions: any one of these permissions, or this licence, would allow the read.
    """

    kind: str
    reason: str
    permissions: tuple[str, ...] = ()


class ProblemKind(StrEnum):
    """Why a resource that the playbook names cannot be used."""

    AMBIGUOUS = "ambiguous"
    MISSING = "missing"
    UNUSABLE = "unusable"


class Problem(Model):
    """A resource that the playbook names and that is missing, ambiguous or unusable, such as one of another playbook.

    Attributes:
        candidates: one line for each remote object that the name matches.
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
    def _parse_resources(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValueError("expected a list of resources")  # noqa: TRY004 - pydantic wants this one
        return tuple(_parse_resource(element) for element in value)

    @model_serializer(mode="wrap")
    def _with_kinds(self, serialize: Any) -> dict[str, Any]:
        data = cast("dict[str, Any]", serialize(self))
        for resource, saved in zip(self.resources, data["resources"], strict=True):
            saved["kind"] = resource.kind
        return data

    @cached_property
    def by_address(self) -> dict[Address, Resource]:
        return {resource.address: resource for resource in self.resources}

    def get(self, kind: type[R], key: str) -> R | None:
        """The resource of this kind and key, or None."""
        return cast("R | None", self.by_address.get(f"{kind.kind}/{key}"))

    def require(self, kind: type[R], key: str) -> R:
        """The resource of this kind and key, which the order of the plan guarantees to exist.

        Raises:
            LookupError: it does not exist.
        """
        resource = self.get(kind, key)
        if resource is None:
            raise LookupError(f"{kind.kind}/{key} does not exist yet: the order of the plan is wrong")
        return resource

    def all(self, kind: type[R]) -> tuple[R, ...]:
        """Every resource of this kind."""
        return tuple(resource for resource in self.resources if isinstance(resource, kind))

    def first(self, kind: type[R]) -> R | None:
        """The resource of a kind that has at most one, or None."""
        return next(iter(self.all(kind)), None)

    def gap_for(self, kind: str) -> Gap | None:
        """The gap of a kind, or None if it was read."""
        return next((gap for gap in self.gaps if gap.kind == kind), None)

    def problem_for(self, address: Address) -> Problem | None:
        """The problem with a resource that the playbook names, or None."""
        return next((problem for problem in self.problems if problem.address == address), None)

    def updated(self, resources: Iterable[Resource], removed: Iterable[Address] = ()) -> Snapshot:
        """The snapshot after writes: these resources replace those with the same address; references are resolved.

        Args:
            resources: the resources after the latest writes.
            removed: addresses of deleted resources.
        """
        merged = {**self.by_address, **{resource.address: resource for resource in resources}}
        for address in removed:
            merged.pop(address, None)
        known = {address: resolve(resource, merged) for address, resource in merged.items()}
        return Snapshot(resources=tuple(known.values()), gaps=self.gaps, problems=self.problems)


def _parse_resource(element: Any) -> Any:
    if isinstance(element, BaseModel) or not isinstance(element, dict):
        return element
    fields = dict(element)
    kind = KINDS.get(fields.pop("kind", ""))
    if kind is None:
        raise ValueError(f"unknown kind of resource: {element.get('kind')!r}")
    return kind.model_validate(fields)
