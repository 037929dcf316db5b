"""The local store: hints that a provider keeps on this machine between runs."""

from __future__ import annotations

from typing import Any, Protocol


class LocalStore(Protocol):
    """Keeps hints: they help to find or compare what the tenant holds, and are not its state.

    A lost hint costs convenience only. Secrets are never stored.
    """

    def get(self, name: str) -> Any:
        """The JSON value of a hint, or None."""

    def put(self, name: str, value: Any) -> None:
        """Store a JSON value, or delete the hint when the value is None. It is on disk when this returns."""

    def back_up(self, name: str, value: Any) -> str:
        """Store a JSON value permanently and return its path."""
