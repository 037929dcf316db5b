"""The TXT records of a zone at a vendor, by way of dns-lexicon. Synchronous; raises whatever the vendor's library does."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from lexicon.interfaces import Provider

from provisioner.core.errors import RefusedError

from .failures import is_answer
from .notation import joined

for _old in ("cli", "discovery", "parser"):
    sys.modules.pop(
        f"lexicon.{_old}", None
    )  # old names of modules; they warn whoever looks over what is loaded

LOGGER: Final = logging.getLogger("lexicon")
"""It writes whole records and answers; nothing of it goes to the terminal."""

_BROAD: Final = {"internetbs": "removes every TXT record of the name"}
"""What the deletion of a record by its id does at some vendors (dns-lexicon 3.25)."""
_SINGLE: Final = {"duckdns"}
"""Vendors that have one TXT value for a name: another one replaces it (dns-lexicon 3.25)."""


class VendorSaidNoError(Exception):
    """dns-lexicon reports a failure as False, and its reason to the log.

    Args:
        reason: what it logged.
    """


@dataclass(frozen=True)
class Entry:
    """One TXT value at a name.

    Attributes:
        content: in the vendor's notation.
        value: joined.
        ttl: seconds, where the vendor tells.
        id: the vendor's, or dns-lexicon's; several values may share it.
    """

    content: str
    value: str
    ttl: int | None = None
    id: str | None = None


class ZoneRecords(Protocol):
    """What can be done with the records of one zone, which is open."""

    def servers(self) -> Sequence[str]:
        """Host names of the zone's name servers; none: the vendor does not tell."""

    def entries(self, name: str) -> Sequence[Entry]:
        """The TXT values at a name."""

    def add(self, name: str, value: str, ttl: int, there: Sequence[Entry]) -> None:
        """Add a value.

        Args:
            name: the full name.
            value: the value.
            ttl: seconds.
            there: what is there already.
        """

    def remove(self, name: str, entry: Entry, there: Sequence[Entry]) -> None:
        """Remove a value; see ``add``."""


class LexiconRecords:
    """Any vendor that dns-lexicon knows.

    Args:
        provider: dns-lexicon's, not yet authenticated.
        settings: the settings it was made with; ``ttl`` is written there before each change.
    """

    def __init__(self, provider: Provider, settings: MutableMapping[str, Any]) -> None:
        self.provider = provider
        self._settings = settings
        self._open()

    def servers(self) -> Sequence[str]:
        """See :class:`ZoneRecords`. Classes that know no NS records stumble, or find none."""
        try:
            found = self._listed("NS", self.provider.domain)
        except Exception as error:
            if is_answer(error):
                raise
            return []
        return [content.rstrip(".").lower() for record in found for content in _contents(record)]

    def entries(self, name: str) -> Sequence[Entry]:
        """See :class:`ZoneRecords`."""
        return [
            Entry(content, joined(content), _seconds(record.get("ttl")), record.get("id"))
            for record in self._listed("TXT", name)
            for content in _contents(record)
        ]

    def add(self, name: str, value: str, ttl: int, there: Sequence[Entry]) -> None:
        """See :class:`ZoneRecords`."""
        if there and self.provider.provider_name in _SINGLE:
            raise RefusedError(
                f"{name} has the TXT value {there[0].value!r}, and this vendor keeps only one: it would be lost",
                hint="remove it yourself if nobody needs it",
            )
        self._settings["ttl"] = ttl
        with _overheard() as said:
            _succeeded(self.provider.create_record("TXT", name, value), said)

    def remove(self, name: str, entry: Entry, there: Sequence[Entry]) -> None:
        """See :class:`ZoneRecords`.

        By content, where the vendor finds exactly this one by it; else by an id that no other value has.
        """
        if entry.ttl is not None:
            self._settings["ttl"] = entry.ttl
        found = self._listed("TXT", name, entry.content)
        vendor = self.provider.provider_name
        with _overheard() as said:
            if [content for record in found for content in _contents(record)] == [entry.content]:
                done = self.provider.delete_record(None, "TXT", name, entry.content)
            elif entry.id and [one.id for one in there].count(entry.id) == 1 and vendor not in _BROAD:
                done = self.provider.delete_record(entry.id, "TXT", name, entry.content)
            else:
                raise RefusedError(
                    f"{name}: this vendor offers no way to remove only {entry.value!r}",
                    hint="remove it yourself in the vendor's console",
                )
            _succeeded(done, said)

    def _open(self) -> None:
        """Authenticate, and find the zone."""
        self.provider.authenticate()

    def _listed(self, kind: str, name: str, content: str | None = None) -> list[dict[str, Any]]:
        """Records of a name; some vendors' lists hold more than was asked for, or relative names."""
        relative = name.removesuffix(self.provider.domain).rstrip(".")
        names = {name, relative or "@", relative}
        found = self.provider.list_records(kind, name, content)
        return [
            record
            for record in found
            if record["type"] == kind and str(record["name"]).rstrip(".").lower() in names
        ]


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What dns-lexicon logs meanwhile as a warning or worse."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    LOGGER.addHandler(handler)
    try:
        yield said
    finally:
        LOGGER.removeHandler(handler)


def _succeeded(result: Any, said: Iterable[str]) -> None:
    if result is False:
        raise VendorSaidNoError("; ".join(said) or "dns-lexicon does not say why")


def _contents(record: dict[str, Any]) -> list[str]:
    """Several where a vendor's list has whole sets."""
    content = record["content"]
    return [str(one) for one in content] if isinstance(content, list) else [str(content)]


def _seconds(ttl: Any) -> int | None:
    return int(ttl) if str(ttl).isdigit() else None
