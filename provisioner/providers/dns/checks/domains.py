"""Checks of the domain itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation
from provisioner.providers.dns.context import domain_contexts
from provisioner.providers.dns.names import to_unicode, within
from provisioner.providers.dns.observations import Answer
from provisioner.providers.dns.resources import CREATE_WITHIN_HOURS, LABEL_PREFIX, MAX_DOMAINS
from provisioner.providers.dns.suffixes import DomainKind

check = CheckRegistry()

_VENDOR_ROW: Final = "Used a private or internal TLD for domain verification"
_WORKAROUND: Final = (
    "verify a publicly resolvable domain or subdomain that you control instead, or register the public domain of the "
    "e-mail addresses that people sign in with"
)
_WARNING_HOURS: Final = 4
_NEVER_PUBLIC: Final = frozenset({DomainKind.PRIVATE, DomainKind.SPECIAL_USE, DomainKind.UNDELEGATED})


@check("dns-domain-private", reads=(Answer,), severity=Severity.HIGH, troubleshooting_row=_VENDOR_ROW)
def domain_private(context: CheckContext) -> Iterator[Violation]:
    """The public DNS can have the domain

    Symptom: The domain stays Pending in the Kiro console and never becomes Verified.

    Why: Kiro looks the TXT record up in the public DNS, where private, internal and special-use names do not exist.

    Fix: Verify a publicly resolvable domain or subdomain instead, or register the public e-mail domain that people
    sign in with.

    Source: Kiro, Entra guide, step 3 and Troubleshooting; IANA, Special-Use Domain Names; RFC 6761; RFC 6762.
    """
    for domain in domain_contexts(context):
        place = domain.classification
        if place.kind in _NEVER_PUBLIC and not any(map(domain.has_value, domain.resolver_answers)):
            yield Violation(
                f"{to_unicode(domain.name)} cannot be verified: {place.reason}; {_WORKAROUND}",
                domain.address,
                (("domain", domain.name), ("suffix", place.suffix)),
            )


@check("dns-domain-public-suffix", reads=(Answer,), severity=Severity.HIGH)
def domain_public_suffix(context: CheckContext) -> Iterator[Violation]:
    """The domain is not a public suffix

    Symptom: The record cannot be created; the domain stays Pending.

    Why: The domain is a public suffix, such as co.uk: others register their domains below it.

    Fix: Name the whole domain, such as example.co.uk.

    Source: publicsuffix.org, ICANN section of the list.
    """
    for domain in domain_contexts(context):
        is_suffix = domain.classification.kind is DomainKind.PUBLIC_SUFFIX
        if is_suffix and not any(map(domain.has_value, domain.resolver_answers)):
            yield Violation(
                f"{domain.name} is a public suffix: others register domains below it; "
                f"name the whole domain, such as example.{domain.name}",
                domain.address,
                (("domain", domain.name),),
            )


@check("dns-domain-unregistered", reads=(Answer,), severity=Severity.HIGH)
def domain_unregistered(context: CheckContext) -> Iterator[Violation]:
    """The domain is registered

    Symptom: The domain stays Pending; lookups return NXDOMAIN.

    Why: The domain was never registered, it expired, or the playbook has a typo in its name.

    Fix: Correct the name, or register or renew the domain.

    Source: RFC 8020; Kiro, Entra guide, step 3.
    """
    for domain in domain_contexts(context):
        registrable = domain.classification.registrable
        if registrable and domain.zone and domain.zone.registered is False:
            yield Violation(
                f"{to_unicode(registrable)} does not exist in the public DNS (NXDOMAIN); "
                "correct the domain in the playbook, or register or renew it",
                domain.address,
                (("registrable domain", registrable), ("zone", domain.zone.problem)),
            )


@check("dns-domains-too-many", reads=(Answer,), severity=Severity.HIGH)
def domains_too_many(context: CheckContext) -> Iterator[Violation]:
    """A profile has ten domains at most

    Symptom: The Kiro console does not accept another domain.

    Why: A Kiro profile supports at most ten domains.

    Fix: Remove domains that no one signs in with.

    Source: Kiro, Entra guide, Domain configuration notes.
    """
    domains = sorted(domain_contexts(context), key=lambda domain: domain.name)
    if len(domains) > MAX_DOMAINS:
        yield Violation(
            f"the playbook has {len(domains)} domains, but a Kiro profile supports {MAX_DOMAINS}; "
            "remove domains that no one signs in with",
            domains[0].address,
            (("domains", [domain.name for domain in domains]),),
        )


@check("dns-domain-in-two-playbooks", reads=(Answer,), severity=Severity.HIGH)
def domain_in_two_playbooks(context: CheckContext) -> Iterator[Violation]:
    """The domain is in one playbook only

    Symptom: The Kiro console refuses to add the domain, or people sign in to another profile than expected.

    Why: A domain can be associated with one Kiro profile, whether it is verified or not.

    Fix: Keep it in the playbook of the profile that its people sign in to.

    Source: Kiro, Entra guide, step 3, domain uniqueness; that two playbooks are two profiles is an assumption.
    """
    for domain in domain_contexts(context):
        if domain.other_playbooks:
            yield Violation(
                f"{domain.name} is also in {', '.join(domain.other_playbooks)}; "
                "keep it in one playbook: a domain belongs to one Kiro profile",
                domain.address,
                (("domain", domain.name), ("playbooks", list(domain.other_playbooks))),
            )


@check("dns-parent-and-child", reads=(Answer,), severity=Severity.LOW)
def parent_and_child(context: CheckContext) -> Iterator[Violation]:
    """No domain is a subdomain of another one

    Symptom: One of the two stays Pending although its record is visible.

    Why: Unknown. In the report, a subdomain had been verified before; deleting and adding the domain again did not help.
    That the two conflict is a guess: the issue is unresolved.

    Fix: If one stays Pending for more than a day although doctor finds its record, ask AWS Support, and name the issue.

    Source: kirodotdev/Kiro issue 6167 (open).
    """
    for domain in domain_contexts(context):
        names = sorted(record.key for record in domain.other_records)
        below = [name for name in names if within(name, domain.name) and name != domain.name]
        if below:
            yield Violation(
                f"{', '.join(below)} {'is a subdomain' if len(below) == 1 else 'are subdomains'} of {domain.name}; "
                "if one of them stays Pending for more than a day although its record is visible, ask AWS Support "
                "(kirodotdev/Kiro issue 6167 reports such a case; the cause is unknown)",
                domain.address,
                (("domain", domain.name), ("subdomains", below)),
            )


@check("dns-token-overdue", reads=(Answer,), severity=Severity.MEDIUM)
def token_overdue(context: CheckContext) -> Iterator[Violation]:
    """The record was created within 24 hours of adding the domain

    Symptom: The domain stays Pending although the record exists.

    Why: Kiro's guide asks for the record within 24 hours of adding the domain. Whether the verification value expires
    then is not documented.

    Fix: If the console still shows Pending, remove the domain there, add it again, and use the new value. If that does
    not help, ask AWS Support (kirodotdev/Kiro issue 6167 is unresolved).

    Source: Kiro, Entra guide, step 3.
    """
    again = "remove the domain in the Kiro console, add it again and use the new value"
    for domain in domain_contexts(context):
        issued = domain.record.issued
        if issued is None or domain.now is None:
            continue
        hours = (domain.now - issued).total_seconds() / 3600
        severity = None
        if hours > CREATE_WITHIN_HOURS and domain.published:
            message = (
                f"the value was issued {hours:.0f} hours ago, and the record exists; "
                f"if the console still shows Pending, {again}; then ask AWS Support"
            )
            severity = Severity.LOW
        elif hours > CREATE_WITHIN_HOURS:
            message = (
                f"the value was issued {hours:.0f} hours ago, and the record does not exist yet; {again}"
            )
        elif hours > CREATE_WITHIN_HOURS - _WARNING_HOURS and not domain.published:
            message = f"{CREATE_WITHIN_HOURS - hours:.1f} hours are left to create the record; create {domain.record_text}"
        else:
            continue
        evidence = (("issued", issued.isoformat()), ("hours ago", round(hours, 1)))
        yield Violation(message, domain.address, evidence, severity=severity)


@check("dns-label-unusual", reads=(Answer,), severity=Severity.LOW)
def label_unusual(context: CheckContext) -> Iterator[Violation]:
    """The record's label is as in Kiro's guide

    Symptom: The domain may stay Pending.

    Why: Kiro's guide names records with "a prefix such as kiro-app-1". Which other names Kiro queries is not documented;
    records at the domain itself occur in public DNS data.

    Fix: Set record: kiro-app-1 in the playbook, unless this label is known to work.

    Source: Kiro, Entra guide, step 3.
    """
    for domain in domain_contexts(context):
        label = domain.record.label
        if not label.startswith(LABEL_PREFIX):
            yield Violation(
                f"the record's label is {label!r}, while Kiro's guide uses {LABEL_PREFIX}1; "
                f"if the domain stays Pending, set record: {LABEL_PREFIX}1 in the playbook",
                domain.address,
                (("record", label),),
            )
