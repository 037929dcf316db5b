"""The TXT records of a zone in Route 53. A record set is replaced only while it is as it was seen.

dns-lexicon finds the credentials; it is not used for the changes, since it hides errors of Route 53, overwrites the
whole set, and sees several strings of one value as part of it.

Source: Amazon Route 53 API Reference, ChangeResourceRecordSets: a DELETE names the exact values and TTL, the changes of
a batch are made together or not at all; Developer Guide, TXT record type: every string in quotation marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provisioner.core.errors import RefusedError, RemoteNotFoundError

from .notation import joined, quoted
from .zone_records import Entry, LexiconRecords


class Route53Records(LexiconRecords):
    """Route 53; the ids of entries are not used."""

    provider: Any
    _zone_id: str

    def servers(self) -> Sequence[str]:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`.

        Those that serve the zone, and those that its NS records name: there may be vanity names.
        """
        apex = self._record_sets(self.provider.domain, "NS")
        named = [record["Value"] for found in apex for record in found["ResourceRecords"]]
        return [name.rstrip(".").lower() for name in (*self._delegation_set(self._zone_id), *named)]

    def entries(self, name: str) -> Sequence[Entry]:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        sets = self._record_sets(name, "TXT")
        if any("SetIdentifier" in found or "AliasTarget" in found for found in sets):
            raise RefusedError(
                f"{name} has TXT records under a routing policy, or an alias record, which only a person can change well",
                hint="make the record in the Route 53 console",
            )
        return [
            Entry(record["Value"], joined(record["Value"]), found["TTL"])
            for found in sets
            for record in found["ResourceRecords"]
        ]

    def add(self, name: str, value: str, ttl: int, there: Sequence[Entry]) -> None:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        self._replace(name, there, (*there, Entry(quoted(value), value, ttl)))

    def remove(self, name: str, entry: Entry, there: Sequence[Entry]) -> None:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        self._replace(name, there, [one for one in there if one != entry])

    def _open(self) -> None:
        """Find the hosted zone: the one that the settings name, or else the public one of that name."""
        if zone_id := self.provider._get_provider_option("zone_id"):  # noqa: SLF001 - what dns-lexicon's own classes use
            self._zone_id = zone_id
            self._expect_name(self.provider.r53_client.get_hosted_zone(Id=zone_id)["HostedZone"])
            return
        private = str(self.provider.private_zone or "false").lower() in {"true", "yes"}
        zones = self._zones_of_that_name()
        fitting = [zone for zone in zones if zone["Config"]["PrivateZone"] is private]
        if len(fitting) > 1:
            ids = "; ".join(
                f"{_id(zone)}, served by {', '.join(self._delegation_set(zone['Id']))}" for zone in fitting
            )
            raise RefusedError(
                f"Route 53 has {len(fitting)} hosted zones {self.provider.domain}: {ids}",
                hint="set options: zone_id under dns: to the one that the domain's registrar delegates to",
            )
        if not fitting:
            found = ", ".join(f"{_id(zone)} ({_kind(zone)})" for zone in zones)
            raise RemoteNotFoundError(
                f"Route 53 has no {'private' if private else 'public'} hosted zone {self.provider.domain} in this "
                f"account{f'; of that name there is {found}' if found else ''}{self._others(zones)}",
                hint="use the credentials of the account that has the zone, or set dns.zone to its name",
            )
        self._zone_id = fitting[0]["Id"]

    def _expect_name(self, zone: dict[str, Any]) -> None:
        if zone["Name"].rstrip(".") != self.provider.domain:
            raise RemoteNotFoundError(
                f"Route 53's hosted zone {_id(zone)} is {zone['Name'].rstrip('.')} ({_kind(zone)}), "
                f"not {self.provider.domain}",
                hint="correct options: zone_id under dns:, or set dns.zone",
            )

    def _zones_of_that_name(self) -> list[dict[str, Any]]:
        """The list is sorted by name and begins where it is told to."""
        name = f"{self.provider.domain}."
        found: list[dict[str, Any]] = []
        start: dict[str, str] = {"DNSName": name}
        while True:
            page = self.provider.r53_client.list_hosted_zones_by_name(**start)
            fitting = [zone for zone in page["HostedZones"] if zone["Name"] == name]
            found += fitting
            if not page.get("IsTruncated") or len(fitting) < len(page["HostedZones"]):
                return found
            start = {"DNSName": page["NextDNSName"], "HostedZoneId": page["NextHostedZoneId"]}

    def _others(self, known: list[dict[str, Any]]) -> str:
        """Zones that the account has instead, for a message."""
        if known:
            return ""
        zones = self.provider.r53_client.list_hosted_zones(MaxItems="10")["HostedZones"]
        names = ", ".join(f"{zone['Name'].rstrip('.')} ({_id(zone)}, {_kind(zone)})" for zone in zones)
        return f"; it has {names}" if names else ", nor any other"

    def _delegation_set(self, zone_id: str) -> list[str]:
        """Private zones have none."""
        answer = self.provider.r53_client.get_hosted_zone(Id=zone_id)
        return list(answer.get("DelegationSet", {}).get("NameServers", ()))

    def _record_sets(self, name: str, kind: str) -> list[dict[str, Any]]:
        """The list begins at a name and a type; several sets where there is a routing policy."""
        found = self.provider.r53_client.list_resource_record_sets(
            HostedZoneId=self._zone_id, StartRecordName=name, StartRecordType=kind, MaxItems="10"
        )["ResourceRecordSets"]
        return [one for one in found if one["Type"] == kind and one["Name"].rstrip(".") == name]

    def _replace(self, name: str, before: Sequence[Entry], after: Sequence[Entry]) -> None:
        sets = (("DELETE", before), ("CREATE", after))
        changes = [
            {"Action": action, "ResourceRecordSet": _set(name, entries)}
            for action, entries in sets
            if entries
        ]
        self.provider.r53_client.change_resource_record_sets(
            HostedZoneId=self._zone_id, ChangeBatch={"Comment": "provisioner", "Changes": changes}
        )


def _set(name: str, entries: Sequence[Entry]) -> dict[str, Any]:
    return {
        "Name": f"{name}.",
        "Type": "TXT",
        "TTL": entries[0].ttl,
        "ResourceRecords": [{"Value": entry.content} for entry in entries],
    }


def _id(zone: dict[str, Any]) -> str:
    return str(zone["Id"]).removeprefix("/hostedzone/")


def _kind(zone: dict[str, Any]) -> str:
    return "private" if zone["Config"]["PrivateZone"] else "public"
