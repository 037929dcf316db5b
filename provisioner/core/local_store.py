"""The local store: hints that a provider keeps on this machine between runs."""

from __future__ import annotations

from typing import Any, Final, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from provisioner.core.errors import UsageError

T = TypeVar("T")

DAMAGED_HINTS: Final = "delete hints.json in the state directory (PROVISIONER_STATE_DIR): it only holds hints, and the tenant is read again"


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


def read_hint(store: LocalStore, name: str, shape: type[T]) -> T | None:
    """A hint as the type that it was stored as; None if there is none.

    Args:
        store: holds the hint.
        name: of the hint.
        shape: a pydantic model, or another type that pydantic knows.

    Raises:
        UsageError: the hint has another form.
    """
    value = store.get(name)
    try:
        return None if value is None else TypeAdapter(shape).validate_python(value)
    except ValidationError as error:
        raise UsageError(f"the stored hint {name!r} is damaged", hint=DAMAGED_HINTS) from error
