"""Rules about where the record is."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import Severity
from provisioner.providers.dns.context import Rules, Said, Sight, evidence_of
from provisioner.providers.dns.names import APEX
from provisioner.providers.dns.observations import Answer, Place
from provisioner.providers.dns.propagation import negative_ttl

rule = Rules()


def _elsewhere(sight: Sight, *places: Place) -> list[Answer]:
    """Answers that have the value at another place, if it is not where it belongs."""
    if sight.published or any(map(sight.holds, sight.witnesses)):
        return []
    return [one for place in places for one in sight.knowing(place) if sight.holds(one)]


@rule("dns-record-missing", Severity.HIGH)
def record_missing(sight: Sight) -> Iterator[Said]:
    """The TXT record is there

    Symptom: The domain stays Pending in the Kiro console.

    Why: No server of the zone has a TXT record at that name. NXDOMAIN says that there is no such name at all, NODATA
    that the name has other records.

    Fix: Make the record, in the public zone if the domain has a private one too.

    Source: Kiro, Entra guide, step 3; RFC 2308, section 2.
    """
    if not sight.witnesses or not all(one.missing for one in sight.witnesses):
        return
    if sight.zone and sight.zone.registered is False:
        return
    if _elsewhere(sight, Place.DOUBLED, Place.APEX, Place.GUESS):
        return
    rcodes = {one.rcode for one in sight.witnesses}
    what = "the name has other records, but no TXT (NODATA)"
    if rcodes == {"NXDOMAIN"}:
        what = "there is no such name (NXDOMAIN)"
    elif "NXDOMAIN" in rcodes:
        what = "some servers know no such name (NXDOMAIN), others no TXT record of it (NODATA)"
    step = f"make it: {sight.wanted}"
    if (seconds := negative_ttl(sight)) is not None:
        step += f"; it is visible everywhere within {seconds} s after that, the time for which absence is remembered"
    yield Said(f"{sight.record.name}: {what}", step, evidence_of(sight.witnesses), mended=True)


@rule("dns-record-doubled", Severity.HIGH)
def record_doubled(sight: Sight) -> Iterator[Said]:
    """The domain is not twice in the record's name

    Symptom: The record is in the DNS provider's list, and yet nobody sees it.

    Why: The full name was given to a provider that adds the domain itself: the record is at name.domain.domain.

    Fix: Give the label only, or the full name with a dot at its end.

    Source: RFC 1035, section 5.1: a name without a dot at its end is relative.
    """
    if found := _elsewhere(sight, Place.DOUBLED):
        name, domain = found[0].name, sight.record.key
        yield Said(
            f"the record is at {name}: the domain is there twice",
            f"rename it: the DNS provider adds {domain} itself, so give it only {sight.record.label!r}",
            evidence_of((*found, *sight.witnesses)),
            mended=True,
        )


@rule("dns-record-at-apex", Severity.HIGH)
def record_at_apex(sight: Sight) -> Iterator[Said]:
    """The record is at its label, not at the domain itself

    Symptom: The value can be looked up at the domain, and the playbook wants it below.

    Why: The name was left empty when the record was made. The guide has a prefix; whether Kiro also looks at the domain
    itself is not documented.

    Fix: Make it at the label; or, if the console says Verified already, write record: "@" in the playbook.

    Source: Kiro, Entra guide, step 3.
    """
    if sight.record.label != APEX and (found := _elsewhere(sight, Place.APEX)):
        yield Said(
            f"the value is at {sight.record.key} itself, not at {sight.record.name}",
            f'make it at {sight.record.name}; or write record: "@" in the playbook if the console says Verified',
            evidence_of((*found, *sight.witnesses)),
            mended=True,
        )


@rule("dns-record-at-other-label", Severity.MEDIUM)
def record_at_other_label(sight: Sight) -> Iterator[Said]:
    """The record is at the label of the playbook

    Symptom: The value can be looked up, and the playbook wants it at another name.

    Why: It was made with another prefix.

    Fix: Name that label in the playbook, or make the record at the one that is there.

    Source: Kiro, Entra guide, step 3: "a prefix such as kiro-app-1".
    """
    found = _elsewhere(sight, Place.GUESS)
    if sight.record.label == APEX:
        found = [*found, *_elsewhere(sight, Place.APEX)]
    if found:
        label = found[0].name.removesuffix(f".{sight.record.key}")
        yield Said(
            f"the value is at {found[0].name}, not at {sight.record.name}",
            f"write record: {label} in the playbook, or make it at {sight.record.name}",
            evidence_of((*found, *sight.witnesses)),
            mended=True,
        )


@rule("dns-cname-in-the-way", Severity.HIGH)
def cname_in_the_way(sight: Sight) -> Iterator[Said]:
    """No alias stands at the record's name

    Symptom: The DNS provider refuses the TXT record, or it is made and nobody sees it.

    Why: The name, or a wildcard above it, is an alias (CNAME); a name with an alias has no other records.

    Fix: Remove the alias, or use another label such as kiro-app-2.

    Source: RFC 1034, section 3.6.2; RFC 2181, section 10.1.
    """
    found = [one for one in sight.witnesses if one.cnames and not sight.holds(one)]
    if found:
        yield Said(
            f"{sight.record.name} is an alias of {found[0].cnames[0]}, so it can have no TXT record",
            "remove the alias (or the wildcard it comes from), or use another label: record: kiro-app-2",
            evidence_of(found),
        )
