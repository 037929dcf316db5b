"""The permissions that a provider's requests need, by the vendor's names: Graph permissions, OAuth scopes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from provisioner.core.provider import PermissionStatus

WRITE_METHODS: Final = "POST|PATCH|PUT|DELETE"


@dataclass(frozen=True)
class RequiredPermission:
    """One task of the product, and the permissions for it.

    Attributes:
        purpose: the task, in a few words.
        any_of: permissions of which any one is enough, the least privileged first.
        calls: the requests of the task: methods and the beginning of the path, as regular expressions. Empty where
            the reader names the permission itself.
        commands: the commands that do the task. Without the permission, those tasks fail; if only doctor does it,
            checks are skipped instead.
    """

    purpose: str
    any_of: tuple[str, ...]
    calls: tuple[tuple[str, str], ...] = ()
    commands: tuple[str, ...] = ("plan", "apply", "drift", "doctor")


def permissions_for(required: Iterable[RequiredPermission], method: str, path: str) -> tuple[str, ...]:
    """Permissions of which any one is enough for a request; empty when unknown."""
    for permission in required:
        for methods, pattern in permission.calls:
            if method in methods.split("|") and re.match(pattern, path):
                return permission.any_of
    return ()


def missing_permissions(
    required: Iterable[RequiredPermission], granted: frozenset[str]
) -> tuple[RequiredPermission, ...]:
    """The required permissions of which none is granted."""
    return tuple(permission for permission in required if granted.isdisjoint(permission.any_of))


def permission_statuses(
    required: Iterable[RequiredPermission], granted: frozenset[str] | None
) -> tuple[PermissionStatus, ...]:
    """The required permissions, each with whether it is granted; None where that cannot be read."""
    return tuple(
        PermissionStatus(
            purpose=permission.purpose,
            any_of=permission.any_of,
            commands=permission.commands,
            granted=None if granted is None else not granted.isdisjoint(permission.any_of),
        )
        for permission in required
    )
