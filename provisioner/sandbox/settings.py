"""Settings of the sandbox: what `provisioner sandbox set NAME=VALUE` changes. Each is stated once, with its reader and parser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.store import Store

_LARGEST = 60_000


@dataclass(frozen=True)
class Setting:
    """A setting that is stored under its own name.

    Attributes:
        name: as it is typed.
        help: what it changes, in a few words.
        parse: turns the typed text into the value; raises ValueError.
        default: the value of a fresh sandbox.
    """

    name: str
    help: str
    parse: Callable[[str], Any]
    default: Any

    def read(self, store: Store) -> Any:
        """The value."""
        return store.setting(self.name, self.default)

    def write(self, store: Store, text: str) -> None:
        """Store a typed value.

        Raises:
            ValueError: the text is not a valid value.
        """
        store.set(self.name, self.parse(text))


def parse_number(text: str) -> float:
    """A number from 0 to 60000."""
    number = float(text)
    if not 0 <= number <= _LARGEST:
        raise ValueError(f"expected a number from 0 to {_LARGEST}")
    return number


def parse_flag(text: str) -> bool:
    """``true`` or ``false``."""
    return choice("true", "false")(text) == "true"


def choice(*allowed: str) -> Callable[[str], str]:
    """A parser that accepts some words only."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"expected {' or '.join(allowed)}")
        return text

    return parse


def parse_subset(text: str, allowed: Iterable[str]) -> list[str]:
    """Names from a comma-separated list, sorted.

    Raises:
        ValueError: a name is not among the allowed ones.
    """
    names = {part.strip() for part in text.split(",") if part.strip()}
    if unknown := names - set(allowed):
        raise ValueError(f"not granted in the first place: {', '.join(sorted(unknown))}")
    return sorted(names)


LATENCY_MS = Setting("latency_ms", "milliseconds before every response", parse_number, 0)
LAG_SECONDS = Setting("lag_seconds", "seconds for which replicas disagree after a write", parse_number, 0)
CONSOLE = Setting(
    "console",
    "automatic: simulated admins do manual steps at once; manual: you do them",
    choice("automatic", "manual"),
    "automatic",
)
STRICT_SCIM = Setting(
    "strict_scim", "true: Kiro applies all rules of AWS IAM Identity Center", parse_flag, False
)

SHARED = (LATENCY_MS, LAG_SECONDS, CONSOLE, STRICT_SCIM)
"""Settings of the whole sandbox; each vendor adds its own."""
