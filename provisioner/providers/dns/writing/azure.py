"""The TXT records of a zone in Azure DNS.

dns-lexicon signs in and finds the zone; it is not used for the changes, since it makes several strings of one value
several records.

Source: Azure DNS REST API 2018-05-01, Record Sets: TXTRecords is a list of records, each a list of strings; PATCH
leaves what it does not name (the TTL, metadata) as it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from provisioner.providers.dns.names import APEX, character_strings

from .zone_records import Entry, LexiconRecords

_NOT_FOUND: Final = 404


class AzureRecords(LexiconRecords):
    """Azure DNS. An entry's content is the JSON of its strings."""

    provider: Any

    def servers(self) -> Sequence[str]:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        found = self._properties("NS", self.provider.domain).get("NSRecords", ())
        return [record["nsdname"].rstrip(".").lower() for record in found]

    def entries(self, name: str) -> Sequence[Entry]:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        properties = self._properties("TXT", name)
        return [
            Entry(json.dumps(record["value"]), "".join(record["value"]), properties["TTL"])
            for record in properties.get("TXTRecords", ())
        ]

    def add(self, name: str, value: str, ttl: int, there: Sequence[Entry]) -> None:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        new = {"value": list(character_strings(value))}
        if there:
            self._patch(name, [*map(_record, there), new])
        else:
            body = {"properties": {"TTL": ttl, "TXTRecords": [new]}}
            self._request("PUT", self._path("TXT", name), body)

    def remove(self, name: str, entry: Entry, there: Sequence[Entry]) -> None:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        if rest := [_record(one) for one in there if one != entry]:
            self._patch(name, rest)
        else:
            self._request("DELETE", self._path("TXT", name))

    def _patch(self, name: str, records: list[dict[str, list[str]]]) -> None:
        self._request("PATCH", self._path("TXT", name), {"properties": {"TXTRecords": records}})

    def _properties(self, kind: str, name: str) -> dict[str, Any]:
        """Of a record set; empty if there is none."""
        try:
            properties: dict[str, Any] = self._request("GET", self._path(kind, name))["properties"]
        except Exception as error:
            if getattr(getattr(error, "response", None), "status_code", None) == _NOT_FOUND:
                return {}
            raise
        return properties

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.provider._request(method, path, body)  # noqa: SLF001 - knows token, zone and API version

    def _path(self, kind: str, name: str) -> str:
        return f"/{kind}/{name.removesuffix(self.provider.domain).rstrip('.') or APEX}"


def _record(entry: Entry) -> dict[str, list[str]]:
    return {"value": json.loads(entry.content)}
