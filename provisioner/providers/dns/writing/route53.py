"""The TXT records of a zone in Route 53. A record set is replaced only if it has not changed since it was read.

dns-lexicon finds the credentials; it does not make the changes, since it hides errors of Route 53, overwrites the whole
set, and takes several strings of one value for parts of the value.

Source: Amazon Route 53 API Reference, ChangeResourceRecordSets: a DELETE names the exact values and TTL, the changes of
a batch are made together or not at all; Developer Guide, TXT record type: every string in quotation marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provisioner.core.errors import RefusedError, RemoteNotFoundError
from provisioner.providers.dns.notation import route53_strings, unquote

from .zone_records import LexiconRecords, TxtEntry


class Route53Records(LexiconRecords):
    """Route 53; the ids of entries are not used."""

    provider: Any
    _zone_id: str

    def servers(self) -> Sequence[str]:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`.

        The servers of the delegation set and those in the NS records: the latter may be vanity names.
        """
        record_sets = self._record_sets(self.provider.domain, "NS")
        hosts = [record["Value"] for record_set in record_sets for record in record_set["ResourceRecords"]]
        return [host.rstrip(".").lower() for host in (*self._delegation_set(self._zone_id), *hosts)]

    def entries(self, name: str) -> Sequence[TxtEntry]:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        record_sets = self._record_sets(name, "TXT")
        if any("SetIdentifier" in record_set or "AliasTarget" in record_set for record_set in record_sets):
            raise RefusedError(
                f"{name} has TXT records under a routing policy, or an alias record, which apply does not change",
                hint="create the record in the Route 53 console",
            )
        return [
            TxtEntry(record["Value"], unquote(record["Value"]), record_set["TTL"])
            for record_set in record_sets
            for record in record_set["ResourceRecords"]
        ]

    def add(self, name: str, value: str, ttl: int, existing: Sequence[TxtEntry]) -> None:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        self._replace(name, existing, (*existing, TxtEntry(route53_strings(value), value, ttl)))

    def remove(self, name: str, entry: TxtEntry, existing: Sequence[TxtEntry]) -> None:
        """See :class:`~provisioner.providers.dns.writing.zone_records.ZoneRecords`."""
        remaining = [candidate for candidate in existing if candidate != entry]
        self._replace(name, existing, remaining)

    def _open(self) -> None:
        """Find the hosted zone: the one in the settings, or else the public one of that name."""
        if zone_id := self.provider._get_provider_option("zone_id"):  # noqa: SLF001 - what dns-lexicon's own classes use
            self._zone_id = zone_id
            self._require_name(self.provider.r53_client.get_hosted_zone(Id=zone_id)["HostedZone"])
            return
        private = str(self.provider.private_zone or "false").lower() in {"true", "yes"}
        zones = self._zones_of_that_name()
        candidates = [zone for zone in zones if zone["Config"]["PrivateZone"] is private]
        if len(candidates) > 1:
            descriptions = (
                f"{_id(zone)}, served by {', '.join(self._delegation_set(zone['Id']))}" for zone in candidates
            )
            raise RefusedError(
                f"Route 53 has {len(candidates)} hosted zones {self.provider.domain}: {'; '.join(descriptions)}",
                hint="set options: zone_id under dns: to the one that the domain's registrar delegates to",
            )
        if not candidates:
            same_name = ", ".join(f"{_id(zone)} ({_visibility(zone)})" for zone in zones)
            raise RemoteNotFoundError(
                f"Route 53 has no {'private' if private else 'public'} hosted zone {self.provider.domain} in this "
                f"account{f'; zones of that name: {same_name}' if same_name else self._other_zones()}",
                hint="use the credentials of the account that has the zone, or set dns.zone to its name",
            )
        self._zone_id = candidates[0]["Id"]

    def _require_name(self, zone: dict[str, Any]) -> None:
        if zone["Name"].rstrip(".") != self.provider.domain:
            raise RemoteNotFoundError(
                f"Route 53's hosted zone {_id(zone)} is {zone['Name'].rstrip('.')} ({_visibility(zone)}), "
                f"not {self.provider.domain}",
                hint="correct options: zone_id under dns:, or set dns.zone",
            )

    def _zones_of_that_name(self) -> list[dict[str, Any]]:
        """The pages are sorted by name and start at the requested one."""
        name = f"{self.provider.domain}."
        zones: list[dict[str, Any]] = []
        start: dict[str, str] = {"DNSName": name}
        while True:
            page = self.provider.r53_client.list_hosted_zones_by_name(**start)
            matching = [zone for zone in page["HostedZones"] if zone["Name"] == name]
            zones += matching
            if not page.get("IsTruncated") or len(matching) < len(page["HostedZones"]):
                return zones
            start = {"DNSName": page["NextDNSName"], "HostedZoneId": page["NextHostedZoneId"]}

    def _other_zones(self) -> str:
        """The account's zones of other names, for a message."""
        zones = self.provider.r53_client.list_hosted_zones(MaxItems="10")["HostedZones"]
        names = ", ".join(f"{zone['Name'].rstrip('.')} ({_id(zone)}, {_visibility(zone)})" for zone in zones)
        return f"; it has {names}" if names else ", nor any other"

    def _delegation_set(self, zone_id: str) -> list[str]:
        """The name servers of a zone; private zones have none."""
        response = self.provider.r53_client.get_hosted_zone(Id=zone_id)
        return list(response.get("DelegationSet", {}).get("NameServers", ()))

    def _record_sets(self, name: str, rdtype: str) -> list[dict[str, Any]]:
        """The record sets of a name and type: several under a routing policy. The list starts at the name and type."""
        record_sets = self.provider.r53_client.list_resource_record_sets(
            HostedZoneId=self._zone_id, StartRecordName=name, StartRecordType=rdtype, MaxItems="10"
        )["ResourceRecordSets"]
        return [
            record_set
            for record_set in record_sets
            if record_set["Type"] == rdtype and record_set["Name"].rstrip(".") == name
        ]

    def _replace(self, name: str, before: Sequence[TxtEntry], after: Sequence[TxtEntry]) -> None:
        changes = [
            {"Action": action, "ResourceRecordSet": _record_set(name, entries)}
            for action, entries in (("DELETE", before), ("CREATE", after))
            if entries
        ]
        self.provider.r53_client.change_resource_record_sets(
            HostedZoneId=self._zone_id, ChangeBatch={"Comment": "provisioner", "Changes": changes}
        )


def _record_set(name: str, entries: Sequence[TxtEntry]) -> dict[str, Any]:
    return {
        "Name": f"{name}.",
        "Type": "TXT",
        "TTL": entries[0].ttl,
        "ResourceRecords": [{"Value": entry.content} for entry in entries],
    }


def _id(zone: dict[str, Any]) -> str:
    return str(zone["Id"]).removeprefix("/hostedzone/")


def _visibility(zone: dict[str, Any]) -> str:
    return "private" if zone["Config"]["PrivateZone"] else "public"
