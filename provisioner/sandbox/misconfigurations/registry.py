"""What the faults of every provider are registered in, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from provisioner.sandbox.store import Document

View = TypeVar("View")


class NothingToBreakError(Exception):
    """The tenant has nothing yet that this fault could be put in."""


class Faults(dict[str, Callable[[View], None]], Generic[View]):
    """Faults by the name under which they are asked for; each acts on a view of a tenant."""

    def __call__(self, name: str) -> Callable[[Callable[[View], None]], Callable[[View], None]]:
        """Register the decorated function."""

        def register(function: Callable[[View], None]) -> Callable[[View], None]:
            self[name] = function
            return function

        return register


def last(found: list[Document], otherwise: str) -> Document:
    if not found:
        raise NothingToBreakError(otherwise)
    return found[-1]


def ago(**past: float) -> str:
    return (datetime.now(UTC) - timedelta(**past)).strftime("%Y-%m-%dT%H:%M:%SZ")
