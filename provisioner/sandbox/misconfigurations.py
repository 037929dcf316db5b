"""Named misconfigurations: what people do to a tenant, for `provisioner sandbox break`.

Each one is a function under the id of the check that reports it. Its docstring states in one sentence what was done. Most
functions change the stored documents as the vendor's console would. Where the misconfiguration is a consequence, such as a
quarantine, the function sets up its cause and runs provisioning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

View = TypeVar("View")
Candidate = TypeVar("Candidate")


class NothingToBreakError(Exception):
    """The tenant has nothing yet that this misconfiguration applies to."""


class Misconfigurations(dict[str, Callable[[View], None]], Generic[View]):
    """Misconfigurations of one vendor by id; each changes a view of the tenant."""

    def __init__(self, view: Callable[..., View]) -> None:
        """Create an empty registry.

        Args:
            view: makes a view from the arguments of `apply`: stores, and the name of the target or None for the newest.
        """
        super().__init__()
        self._view = view

    def __call__(self, check_id: str) -> Callable[[Callable[[View], None]], Callable[[View], None]]:
        """Decorator that registers a misconfiguration under the id of its check."""

        def register(function: Callable[[View], None]) -> Callable[[View], None]:
            self[check_id] = function
            return function

        return register

    def apply(self, check_id: str, *view: Any) -> None:
        """Apply a misconfiguration to the view that is made from these arguments.

        Raises:
            KeyError: there is no such misconfiguration.
            NothingToBreakError: the tenant has nothing that it applies to.
        """
        self[check_id](self._view(*view))

    def describe(self, check_id: str) -> str:
        """What a misconfiguration does, in one sentence."""
        return " ".join((self[check_id].__doc__ or check_id).split())


def first(candidates: Iterable[Candidate], reason: str) -> Candidate:
    """The first of some candidates.

    Raises:
        NothingToBreakError: there are none; `reason` is its message.
    """
    for candidate in candidates:
        return candidate
    raise NothingToBreakError(reason)


def newest(candidates: list[Candidate], reason: str) -> Candidate:
    """The last of some candidates: a store lists its documents oldest first.

    Raises:
        NothingToBreakError: there are none; `reason` is its message.
    """
    return first(reversed(candidates), reason)


def existing(candidate: Candidate | None, reason: str) -> Candidate:
    """A candidate that may be None.

    Raises:
        NothingToBreakError: it is None; `reason` is its message.
    """
    if candidate is None:
        raise NothingToBreakError(reason)
    return candidate


def no_application(name: str | None) -> str:
    """The message when there is no application with a name, or none at all."""
    return f"there is no application named {name!r}" if name else "there is no application yet"


def ago(**duration: float) -> str:
    """The time that long ago, as an RFC 3339 timestamp in UTC; takes the arguments of `timedelta`."""
    return (datetime.now(UTC) - timedelta(**duration)).strftime("%Y-%m-%dT%H:%M:%SZ")
