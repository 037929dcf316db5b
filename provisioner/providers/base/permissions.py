"""What a provider's operations need: permissions, scopes, by whatever name the vendor gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from provisioner.core.provider import PermissionStatus

WRITE_METHODS: Final = "POST|PATCH|PUT|DELETE"


@dataclass(frozen=True)
class RequiredPermission:
    """One thing the product does, and what any one of which lets it.

    Attributes:
        purpose: what for, in a few words.
        any_of: permissions, the least first.
        calls: which requests it covers: methods and the beginning of the path, as regular expressions.
        commands: the commands that do it; where that is only doctor, a check is skipped without it.
    """

    purpose: str
    any_of: tuple[str, ...]
    calls: tuple[tuple[str, str], ...]
    commands: tuple[str, ...] = ("plan", "apply", "drift", "doctor")


def permissions_for(needs: Iterable[RequiredPermission], method: str, path: str) -> tuple[str, ...]:
    """Permissions of which any one lets this request through; empty when unknown."""
    for need in needs:
        for methods, pattern in need.calls:
            if method in methods.split("|") and re.match(pattern, path):
                return need.any_of
    return ()


def missing_permissions(
    needs: Iterable[RequiredPermission], permissions: frozenset[str]
) -> tuple[RequiredPermission, ...]:
    """The needs that none of the permissions meets."""
    return tuple(need for need in needs if permissions.isdisjoint(need.any_of))


def permission_statuses(
    needs: Iterable[RequiredPermission], permissions: frozenset[str] | None
) -> tuple[PermissionStatus, ...]:
    """The needs, each with whether it is met; None where the credentials do not tell."""
    return tuple(
        PermissionStatus(
            purpose=need.purpose,
            any_of=need.any_of,
            commands=need.commands,
            granted=None if permissions is None else not permissions.isdisjoint(need.any_of),
        )
        for need in needs
    )
