"""The kinds that a provider manages: one row per kind; and the fields that a change of one sets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from provisioner.core.plan import Change, Plan
from provisioner.core.provider import Outcome
from provisioner.core.resource import Address, Resource
from provisioner.core.snapshot import Snapshot

from .permissions import RequiredPermission

Write = Callable[[Any, Change, Snapshot], Awaitable[Outcome]]
"""A method of the provider's writer: it makes one change, given the state so far."""


@dataclass(frozen=True)
class ManagedKind:
    """One kind of resource of a provider.

    Attributes:
        kind: the kind.
        section: the playbook key that asks for it; empty when no key does.
        write: creates, updates and deletes it; None for a kind that is only looked up.
        permissions: the permissions that its writes need; all of them.
    """

    kind: type[Resource]
    section: str = ""
    write: Write | None = None
    permissions: tuple[RequiredPermission, ...] = ()


def changed_field_names(change: Change) -> set[str]:
    """Names of the fields that a change sets."""
    return {field.name for field in change.fields}


def section_of(kinds: Iterable[ManagedKind], address: Address) -> str:
    """The playbook key that asks for a resource; empty when no key does."""
    kind = address.partition("/")[0]
    return next((row.section for row in kinds if row.kind.kind == kind), "")


def permissions_for_plan(kinds: Iterable[ManagedKind], plan: Plan) -> tuple[RequiredPermission, ...]:
    """The permissions that the writes of a plan need, each once."""
    rows = {row.kind.kind: row for row in kinds}
    needed = (row.permissions for change in plan.pending if (row := rows.get(change.kind)))
    return tuple(dict.fromkeys(permission for permissions in needed for permission in permissions))
