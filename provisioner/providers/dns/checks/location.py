"""Checks of the name at which the record is."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation
from provisioner.providers.dns.context import DomainContext, answer_evidence, domain_contexts
from provisioner.providers.dns.names import APEX
from provisioner.providers.dns.observations import Answer, QueryPurpose
from provisioner.providers.dns.propagation import zone_negative_ttl

check = CheckRegistry()


def _misplaced(domain: DomainContext, *purposes: QueryPurpose) -> list[Answer]:
    """Answers for other names that have the value, if no answer for the record's own name has it."""
    if any(map(domain.has_value, domain.best_answers())):
        return []
    return [
        answer for purpose in purposes for answer in domain.best_answers(purpose) if domain.has_value(answer)
    ]


def _violation(domain: DomainContext, misplaced: list[Answer], message: str) -> Violation:
    evidence = answer_evidence((*misplaced, *domain.best_answers()))
    return Violation(message, domain.address, evidence, domain.fix)


@check("dns-record-missing", reads=(Answer,), severity=Severity.HIGH)
def record_missing(context: CheckContext) -> Iterator[Violation]:
    """The TXT record exists

    Symptom: The domain stays Pending in the Kiro console.

    Why: No server of the zone has a TXT record at that name. NXDOMAIN means that the name does not exist, NODATA that it
    has other records only.

    Fix: Create the record; in the public zone, if the domain also has a private one.

    Source: Kiro, Entra guide, step 3; RFC 2308, section 2.
    """
    for domain in domain_contexts(context):
        answers = domain.best_answers()
        if not answers or not all(answer.negative for answer in answers):
            continue
        if domain.zone and domain.zone.registered is False:
            continue
        if _misplaced(domain, QueryPurpose.DOUBLED, QueryPurpose.APEX, QueryPurpose.OTHER_LABEL):
            continue
        rcodes = {answer.rcode for answer in answers}
        problem = "the name has other records, but no TXT record (NODATA)"
        if rcodes == {"NXDOMAIN"}:
            problem = "the name does not exist (NXDOMAIN)"
        elif "NXDOMAIN" in rcodes:
            problem = (
                "on some servers the name does not exist (NXDOMAIN), on others it has no TXT record (NODATA)"
            )
        message = f"{domain.record.name}: {problem}; create {domain.record_text}"
        if (seconds := zone_negative_ttl(domain)) is not None:
            message += f"; it is visible everywhere within {seconds} s after that, the zone's negative TTL"
        yield Violation(message, domain.address, answer_evidence(answers), domain.fix)


@check("dns-record-doubled", reads=(Answer,), severity=Severity.HIGH)
def record_doubled(context: CheckContext) -> Iterator[Violation]:
    """The record's name does not contain the domain twice

    Symptom: The DNS provider lists the record, but lookups do not find it.

    Why: The DNS provider appends the domain to names, and was given the full name: the record is at
    name.domain.domain.

    Fix: Enter the label only, or the full name with a trailing dot.

    Source: RFC 1035, section 5.1: a name without a trailing dot is relative.
    """
    for domain in domain_contexts(context):
        if misplaced := _misplaced(domain, QueryPurpose.DOUBLED):
            message = (
                f"the record is at {misplaced[0].name}, which contains the domain twice; rename it: the DNS provider "
                f"appends {domain.name}, so enter only {domain.record.label!r}"
            )
            yield _violation(domain, misplaced, message)


@check("dns-record-at-apex", reads=(Answer,), severity=Severity.HIGH)
def record_at_apex(context: CheckContext) -> Iterator[Violation]:
    """The record is at its label, not at the domain itself

    Symptom: The value is at the domain itself, while the playbook expects it at a label below.

    Why: The name was left empty when the record was created. Kiro's guide uses a prefix; whether Kiro also
    queries the domain itself is not documented.

    Fix: Create it at the label; or, if the console already shows Verified, set record: "@" in the playbook.

    Source: Kiro, Entra guide, step 3.
    """
    for domain in domain_contexts(context):
        if domain.record.label != APEX and (misplaced := _misplaced(domain, QueryPurpose.APEX)):
            message = (
                f"the value is at {domain.name} itself, not at {domain.record.name}; create it at {domain.record.name}, "
                'or set record: "@" in the playbook if the console shows Verified'
            )
            yield _violation(domain, misplaced, message)


@check("dns-record-at-other-label", reads=(Answer,), severity=Severity.MEDIUM)
def record_at_other_label(context: CheckContext) -> Iterator[Violation]:
    """The record is at the label of the playbook

    Symptom: The value is at another name than the one in the playbook.

    Why: It was created with another prefix.

    Fix: Set that label in the playbook, or create the record at the label of the playbook.

    Source: Kiro, Entra guide, step 3: "a prefix such as kiro-app-1".
    """
    for domain in domain_contexts(context):
        misplaced = _misplaced(domain, QueryPurpose.OTHER_LABEL)
        if domain.record.label == APEX:
            misplaced += _misplaced(domain, QueryPurpose.APEX)
        if misplaced:
            name = misplaced[0].name
            message = (
                f"the value is at {name}, not at {domain.record.name}; "
                f"set record: {name.removesuffix(f'.{domain.name}')} in the playbook, or create it at {domain.record.name}"
            )
            yield _violation(domain, misplaced, message)


@check("dns-cname-in-the-way", reads=(Answer,), severity=Severity.HIGH)
def cname_in_the_way(context: CheckContext) -> Iterator[Violation]:
    """The record's name has no CNAME record

    Symptom: The DNS provider refuses the TXT record, or accepts it and lookups do not find it.

    Why: The name, or a wildcard above it, has a CNAME record; a name with a CNAME record has no other records.

    Fix: Remove the CNAME record, or use another label such as kiro-app-2.

    Source: RFC 1034, section 3.6.2; RFC 2181, section 10.1.
    """
    for domain in domain_contexts(context):
        aliases = [
            answer for answer in domain.best_answers() if answer.cnames and not domain.has_value(answer)
        ]
        if aliases:
            yield Violation(
                f"{domain.record.name} is an alias (CNAME) of {aliases[0].cnames[0]}, so it can have no TXT record; "
                "remove the CNAME record or the wildcard that it comes from, or set record: kiro-app-2 in the playbook",
                domain.address,
                answer_evidence(aliases),
            )
