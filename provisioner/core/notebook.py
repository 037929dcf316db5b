"""What a provider may write down on this machine, and find again in a later run."""

from __future__ import annotations

from typing import Any, Protocol


class Notebook(Protocol):
    """A place for notes that are not the state: they only help to find, or to compare, what the tenant holds.

    Losing it costs nothing but convenience. Secrets never go in.
    """

    def recall(self, name: str) -> Any:
        """The JSON value noted under a name, or None."""

    def note(self, name: str, value: Any) -> None:
        """Note a JSON value; None forgets it. It is on disk when this returns."""

    def back_up(self, name: str, value: Any) -> str:
        """Keep a JSON value for good and return where it is."""
