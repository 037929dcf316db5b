"""Rules about the domain itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.core.check import Severity
from provisioner.providers.dns.context import Rules, Said, Sight
from provisioner.providers.dns.names import decoded, within
from provisioner.providers.dns.resources import MAX_DOMAINS, TOKEN_HOURS, USUAL_LABEL
from provisioner.providers.dns.suffixes import Sort

rule = Rules()

ROW: Final = "Used a private or internal TLD for domain verification"
_WORKAROUND: Final = (
    "verify a publicly resolvable domain or subdomain that you control instead, or register the public domain of the "
    "e-mail addresses that people sign in with"
)
_LATE: Final = 4


@rule("dns-domain-private", Severity.HIGH, ROW)
def domain_private(sight: Sight) -> Iterator[Said]:
    """The domain is one that the public DNS can have

    Symptom: The domain stays Pending in the Kiro console and never becomes Verified.

    Why: Kiro looks the TXT record up in the public DNS, where private, internal and special-use names do not exist.

    Fix: Verify a publicly resolvable domain or subdomain instead, or register the public e-mail domain that people
    sign in with.

    Source: Kiro, Entra guide, step 3 and Troubleshooting; IANA, Special-Use Domain Names; RFC 6761; RFC 6762.
    """
    found = sight.standing
    if found.sort in {Sort.PRIVATE, Sort.SPECIAL_USE, Sort.UNDELEGATED} and not sight.seen:
        yield Said(
            f"{decoded(sight.record.key)} cannot be verified: {found.reason}",
            _WORKAROUND,
            (("domain", sight.record.key), ("suffix", found.suffix)),
        )


@rule("dns-domain-public-suffix", Severity.HIGH)
def domain_public_suffix(sight: Sight) -> Iterator[Said]:
    """The domain is not one under which others register theirs

    Symptom: Nobody can make the record; the domain stays Pending.

    Why: The domain is a public suffix, such as co.uk.

    Fix: Name the whole domain, such as example.co.uk.

    Source: publicsuffix.org, ICANN section of the list.
    """
    if sight.standing.sort is Sort.SUFFIX and not sight.seen:
        yield Said(
            f"{sight.record.key} is a public suffix: others register domains below it",
            f"name the whole domain, such as example.{sight.record.key}",
            (("domain", sight.record.key),),
        )


@rule("dns-domain-unregistered", Severity.HIGH)
def domain_unregistered(sight: Sight) -> Iterator[Said]:
    """The domain is registered

    Symptom: The domain stays Pending; looking it up says NXDOMAIN.

    Why: Nobody registered it, it expired, or its name is misspelled in the playbook.

    Fix: Correct the name, or register or renew the domain.

    Source: RFC 8020; Kiro, Entra guide, step 3.
    """
    registrable = sight.standing.registrable
    if registrable and sight.zone and sight.zone.registered is False:
        yield Said(
            f"{decoded(registrable)} does not exist in the public DNS (NXDOMAIN)",
            "correct the domain's name in the playbook, or register or renew it",
            (("registrable domain", registrable), ("zone", sight.zone.problem)),
        )


@rule("dns-domains-too-many", Severity.HIGH)
def domains_too_many(sight: Sight) -> Iterator[Said]:
    """A profile has ten domains at most

    Symptom: The Kiro console does not accept another domain.

    Why: A Kiro profile supports at most ten domains.

    Fix: Leave out domains that nobody signs in with.

    Source: Kiro, Entra guide, Domain configuration notes.
    """
    names = sorted({sight.record.key, *(other.key for other in sight.others)})
    if len(names) > MAX_DOMAINS and sight.record.key == names[0]:  # said once, of the first
        yield Said(
            f"{len(names)} domains are wanted; a Kiro profile supports {MAX_DOMAINS}",
            "leave out domains that nobody signs in with",
            (("domains", names),),
        )


@rule("dns-domain-in-two-playbooks", Severity.HIGH)
def domain_in_two_playbooks(sight: Sight) -> Iterator[Said]:
    """The domain is in one playbook only

    Symptom: The Kiro console refuses to add the domain, or people are led to another profile than expected.

    Why: A domain can be associated with one Kiro profile, whether it is verified or not.

    Fix: Keep it in the playbook of the profile that its people sign in to.

    Source: Kiro, Entra guide, step 3, domain uniqueness; that two playbooks are two profiles is an assumption.
    """
    if sight.elsewhere:
        yield Said(
            f"{sight.record.key} is in other playbooks too: {', '.join(sight.elsewhere)}",
            "keep it in one: a domain belongs to one Kiro profile",
            (("domain", sight.record.key), ("playbooks", list(sight.elsewhere))),
        )


@rule("dns-parent-and-child", Severity.LOW)
def parent_and_child(sight: Sight) -> Iterator[Said]:
    """No domain is above or below another one

    Symptom: One of the two stays Pending although its record can be seen.

    Why: Not known. In the report, a subdomain had been verified before; deleting and adding the domain again did
    not help. That the two conflict is a guess: the issue is unresolved.

    Fix: If one stays Pending for more than a day although doctor sees its record, ask AWS Support, and name the issue.

    Source: kirodotdev/Kiro issue 6167 (open).
    """
    below = sorted(other.key for other in sight.others if within(other.key, sight.record.key))
    below = [name for name in below if name != sight.record.key]
    if below:
        yield Said(
            f"{', '.join(below)} is below {sight.record.key}; somebody reports that such a domain stayed Pending "
            "(kirodotdev/Kiro issue 6167, unresolved: whether this is the cause is not known)",
            "if one of them stays Pending for more than a day although its record is visible, ask AWS Support",
            (("domain", sight.record.key), ("below it", below)),
        )


@rule("dns-token-overdue", Severity.MEDIUM)
def token_overdue(sight: Sight) -> Iterator[Said]:
    """The record was made within 24 hours of adding the domain

    Symptom: The domain stays Pending although the record is there.

    Why: The guide wants the record within 24 hours of adding the domain. Whether the token expires then is not
    documented.

    Fix: If the console still says Pending, remove the domain there, add it again, and use the new value. If that does
    not help, ask AWS Support (kirodotdev/Kiro issue 6167 is unresolved).

    Source: Kiro, Entra guide, step 3.
    """
    issued = sight.record.issued
    if issued is None or sight.now is None:
        return
    hours = (sight.now - issued).total_seconds() / 3600
    evidence = (("issued", issued.isoformat()), ("hours ago", round(hours, 1)))
    again = "remove the domain in the Kiro console, add it again and use the new value"
    if hours > TOKEN_HOURS and not sight.published:
        yield Said(
            f"the value was issued {hours:.0f} hours ago, and the record is not there yet", again, evidence
        )
    elif hours > TOKEN_HOURS:
        yield Said(
            f"the value was issued {hours:.0f} hours ago; the record is there, if it was made in time",
            f"only if the console still says Pending: {again}; then ask AWS Support",
            evidence,
            Severity.LOW,
        )
    elif hours > TOKEN_HOURS - _LATE and not sight.published:
        yield Said(
            f"{TOKEN_HOURS - hours:.1f} hours are left to make the record",
            f"make it now: {sight.wanted}",
            evidence,
        )


@rule("dns-label-unusual", Severity.LOW)
def label_unusual(sight: Sight) -> Iterator[Said]:
    """The record's label is as in the guide

    Symptom: The domain may stay Pending.

    Why: The guide names records with "a prefix such as kiro-app-1". Which other names Kiro looks at is not documented;
    records at the domain itself have been seen in public DNS data.

    Fix: record: kiro-app-1, unless this one is known to work.

    Source: Kiro, Entra guide, step 3.
    """
    label = sight.record.label
    if not label.startswith(USUAL_LABEL):
        yield Said(
            f"the record is to be at {label!r}; the guide has {USUAL_LABEL}1",
            f"if the domain stays Pending, use {USUAL_LABEL}1 (record: in the playbook)",
            (("record", label),),
        )
