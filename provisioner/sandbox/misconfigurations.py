"""Named misconfigurations: what people do to a tenant, for `provisioner sandbox break`.

Each one is a function under the id of the check that reports it; its docstring states, in one sentence, what was done. Most
change the stored documents as the vendor's console would. Where the misconfiguration is a consequence, such as a
quarantine, the function sets up its cause and runs provisioning.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from provisioner.sandbox.store import Document

View = TypeVar("View")


class NothingToBreakError(Exception):
    """The tenant has nothing yet that this misconfiguration applies to."""


class Misconfigurations(dict[str, Callable[[View], None]], Generic[View]):
    """Misconfigurations of one vendor by id; each changes a view of the tenant."""

    def __init__(self, view: Callable[..., View]) -> None:
        """An empty registry; `view` makes a view from stores and the name of the target, or None for the newest."""
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


def newest(documents: list[Document], reason: str) -> Document:
    """The last of some documents.

    Raises:
        NothingToBreakError: there are none; `reason` is its message.
    """
    if not documents:
        raise NothingToBreakError(reason)
    return documents[-1]


def ago(**duration: float) -> str:
    """The time that long ago, as an RFC 3339 timestamp in UTC; takes the arguments of `timedelta`."""
    return (datetime.now(UTC) - timedelta(**duration)).strftime("%Y-%m-%dT%H:%M:%SZ")
