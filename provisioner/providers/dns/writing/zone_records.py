"""The TXT records of a zone at a vendor, through dns-lexicon. Synchronous; raises the exceptions of the vendor's library."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from lexicon.interfaces import Provider

from provisioner.core.errors import RefusedError
from provisioner.providers.dns.notation import unquote

from .failures import is_remote_failure

for _deprecated in ("cli", "discovery", "parser"):
    sys.modules.pop(f"lexicon.{_deprecated}", None)  # they warn whenever the loaded modules are inspected

LOGGER: Final = logging.getLogger("lexicon")
"""dns-lexicon logs whole records and responses; none of it may reach the terminal."""

_DELETES_ALL: Final = {"internetbs"}
"""Vendors whose deletion by id removes every TXT record of the name (dns-lexicon 3.25)."""
_SINGLE_VALUE: Final = {"duckdns"}
"""Vendors that store one TXT value per name: a new value replaces it (dns-lexicon 3.25)."""


class LexiconFailedError(Exception):
    """dns-lexicon returned False; the reason is only in its log.

    Args:
        reason: the logged warnings and errors.
    """


@dataclass(frozen=True)
class TxtEntry:
    """One TXT value at a name.

    Attributes:
        content: in the vendor's notation.
        value: the value itself, strings joined.
        ttl: seconds, if the vendor returns it.
        id: the vendor's, or dns-lexicon's; several values may share it.
    """

    content: str
    value: str
    ttl: int | None = None
    id: str | None = None


class ZoneRecords(Protocol):
    """The records of one zone."""

    def servers(self) -> Sequence[str]:
        """Host names of the zone's name servers; empty if the vendor does not return them."""

    def entries(self, name: str) -> Sequence[TxtEntry]:
        """The TXT values at a name."""

    def add(self, name: str, value: str, ttl: int, existing: Sequence[TxtEntry]) -> None:
        """Add a value.

        Args:
            name: the full name.
            value: the value.
            ttl: seconds.
            existing: the existing values.
        """

    def remove(self, name: str, entry: TxtEntry, existing: Sequence[TxtEntry]) -> None:
        """Remove a value; see ``add``."""


class LexiconRecords:
    """The records at any vendor that dns-lexicon supports.

    Args:
        provider: an instance of dns-lexicon's class, not authenticated yet.
        settings: its settings; ``ttl`` is set there before each change.
    """

    def __init__(self, provider: Provider, settings: MutableMapping[str, Any]) -> None:
        self.provider = provider
        self._settings = settings
        self._open()

    def servers(self) -> Sequence[str]:
        """See :class:`ZoneRecords`. Classes that do not support NS records fail, or return none."""
        try:
            records = self._list("NS", self.provider.domain)
        except Exception as error:
            if is_remote_failure(error):
                raise
            return []
        return [content.rstrip(".").lower() for record in records for content in _contents(record)]

    def entries(self, name: str) -> Sequence[TxtEntry]:
        """See :class:`ZoneRecords`."""
        return [
            TxtEntry(content, unquote(content), _seconds(record.get("ttl")), record.get("id"))
            for record in self._list("TXT", name)
            for content in _contents(record)
        ]

    def add(self, name: str, value: str, ttl: int, existing: Sequence[TxtEntry]) -> None:
        """See :class:`ZoneRecords`."""
        if existing and self.provider.provider_name in _SINGLE_VALUE:
            raise RefusedError(
                f"{name} has the TXT value {existing[0].value!r}, and this vendor stores only one: it would be lost",
                hint="remove that value yourself if it is not needed",
            )
        self._settings["ttl"] = ttl
        with _captured_log() as log:
            _require_success(self.provider.create_record("TXT", name, value), log)

    def remove(self, name: str, entry: TxtEntry, existing: Sequence[TxtEntry]) -> None:
        """See :class:`ZoneRecords`.

        By content, if the vendor finds exactly this value by it; otherwise by an id that no other value has.
        """
        if entry.ttl is not None:
            self._settings["ttl"] = entry.ttl
        matching = [
            content for record in self._list("TXT", name, entry.content) for content in _contents(record)
        ]
        has_own_id = entry.id and [candidate.id for candidate in existing].count(entry.id) == 1
        with _captured_log() as log:
            if matching == [entry.content]:
                result = self.provider.delete_record(None, "TXT", name, entry.content)
            elif has_own_id and self.provider.provider_name not in _DELETES_ALL:
                result = self.provider.delete_record(entry.id, "TXT", name, entry.content)
            else:
                raise RefusedError(
                    f"{name}: this vendor offers no way to remove only {entry.value!r}",
                    hint="remove it yourself in the vendor's console",
                )
            _require_success(result, log)

    def _open(self) -> None:
        """Authenticate, and find the zone."""
        self.provider.authenticate()

    def _list(self, rdtype: str, name: str, content: str | None = None) -> list[dict[str, Any]]:
        """The records of a name; some vendors return more than that, or relative names."""
        relative = name.removesuffix(self.provider.domain).rstrip(".")
        names = {name, relative or "@", relative}
        return [
            record
            for record in self.provider.list_records(rdtype, name, content)
            if record["type"] == rdtype and str(record["name"]).rstrip(".").lower() in names
        ]


@contextmanager
def _captured_log() -> Iterator[list[str]]:
    """The warnings and errors that dns-lexicon logs meanwhile."""
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    LOGGER.addHandler(handler)
    try:
        yield messages
    finally:
        LOGGER.removeHandler(handler)


def _require_success(result: Any, log: Iterable[str]) -> None:
    if result is False:
        raise LexiconFailedError("; ".join(log) or "dns-lexicon reports no reason")


def _contents(record: dict[str, Any]) -> list[str]:
    """The contents of a record; some vendors return whole record sets."""
    content = record["content"]
    return [str(value) for value in content] if isinstance(content, list) else [str(content)]


def _seconds(ttl: Any) -> int | None:
    return int(ttl) if str(ttl).isdigit() else None
