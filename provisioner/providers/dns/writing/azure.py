"""The TXT records of a zone in Azure DNS.

dns-lexicon signs in and finds the zone; it does not make the changes, since it turns several strings of one value into
several records.

Source: Azure DNS REST API 2018-05-01, Record Sets: TXTRecords is a list of records, each a list of strings; PATCH
keeps what it does not name (the TTL, metadata).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from provisioner.providers.dns.names import APEX
from provisioner.providers.dns.notation import character_strings

from .zone_records import LexiconRecords, TxtEntry

_NOT_FOUND: Final = 404


class AzureRecords(LexiconRecords):
    """Azure DNS. The content of an entry is the JSON of its strings."""

    provider: Any

    def servers(self) -> Sequence[str]:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        records = self._properties("NS", self.provider.domain).get("NSRecords", ())
        return [record["nsdname"].rstrip(".").lower() for record in records]

    def entries(self, name: str) -> Sequence[TxtEntry]:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        properties = self._properties("TXT", name)
        return [
            TxtEntry(json.dumps(record["value"]), "".join(record["value"]), properties["TTL"])
            for record in properties.get("TXTRecords", ())
        ]

    def add(self, name: str, value: str, ttl: int, existing: Sequence[TxtEntry]) -> None:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        record = {"value": list(character_strings(value))}
        if existing:
            self._patch(name, [*map(_record, existing), record])
        else:
            body = {"properties": {"TTL": ttl, "TXTRecords": [record]}}
            self._request("PUT", self._path("TXT", name), body)

    def remove(self, name: str, entry: TxtEntry, existing: Sequence[TxtEntry]) -> None:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        if remaining := [_record(candidate) for candidate in existing if candidate != entry]:
            self._patch(name, remaining)
        else:
            self._request("DELETE", self._path("TXT", name))

    def _patch(self, name: str, records: list[dict[str, list[str]]]) -> None:
        self._request("PATCH", self._path("TXT", name), {"properties": {"TXTRecords": records}})

    def _properties(self, rdtype: str, name: str) -> dict[str, Any]:
        """The properties of a record set; empty if it does not exist."""
        try:
            properties: dict[str, Any] = self._request("GET", self._path(rdtype, name))["properties"]
        except Exception as error:
            if getattr(getattr(error, "response", None), "status_code", None) == _NOT_FOUND:
                return {}
            raise
        return properties

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.provider._request(method, path, body)  # noqa: SLF001 - it has the token, zone and API version

    def _path(self, rdtype: str, name: str) -> str:
        return f"/{rdtype}/{name.removesuffix(self.provider.domain).rstrip('.') or APEX}"


def _record(entry: TxtEntry) -> dict[str, list[str]]:
    return {"value": json.loads(entry.content)}
