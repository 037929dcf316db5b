"""Checks of the record's value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation
from provisioner.providers.dns.context import (
    DomainContext,
    answer_evidence,
    domain_contexts,
    servers_of,
    verification_values,
)
from provisioner.providers.dns.notation import MAX_STRING
from provisioner.providers.dns.observations import Answer, QueryPurpose
from provisioner.providers.dns.propagation import seconds_until_expired
from provisioner.providers.dns.resources import VALUE_PREFIX

from .value_errors import value_error

check = CheckRegistry()

_MAX_TTL: Final = 86400


def _answers_without_value(domain: DomainContext) -> list[Answer]:
    """Usable answers that have TXT records, but not the expected value.

    They are those of the zone's servers, or those of the resolvers if no server of the zone answered.
    """
    if domain.record.value is None:
        return []
    return [answer for answer in domain.best_answers() if answer.values and not domain.has_value(answer)]


@check("dns-value-malformed", reads=(Answer,), severity=Severity.HIGH)
def value_malformed(context: CheckContext) -> Iterator[Violation]:
    """The value is exactly as the console shows it

    Symptom: The record exists, and the domain stays Pending.

    Why: The value has something added or missing: quotation marks, spaces, its beginning or its end.

    Fix: Correct the value in the DNS. Quotation marks belong to the notation of zone files and of Route 53; elsewhere
    they become part of the value.

    Source: Kiro, Entra guide, step 3; RFC 1035, section 5.1; Amazon Route 53, TXT record type.
    """
    for domain in domain_contexts(context):
        answers, expected = _answers_without_value(domain), domain.record.value or ""
        for actual in dict.fromkeys(value.joined for answer in answers for value in answer.values):
            if error := value_error(actual, expected):
                yield Violation(
                    f"the value at {domain.record.name} {error}; correct it to exactly {expected}",
                    domain.address,
                    (("actual", actual), ("expected", expected), *answer_evidence(answers)),
                    domain.fix,
                )


@check("dns-value-other", reads=(Answer,), severity=Severity.HIGH)
def value_other(context: CheckContext) -> Iterator[Violation]:
    """The value is the one that the Kiro console shows

    Symptom: A TXT record exists, and the domain stays Pending.

    Why: It has another verification value: one issued before the domain was removed and added again, or that of another
    profile. Or the name has TXT records for other purposes only.

    Fix: Replace another verification value with the one that the console shows now. Otherwise add that value; the other
    TXT records may stay.

    Source: Kiro, Entra guide, step 3.
    """
    for domain in domain_contexts(context):
        expected = domain.record.value or ""
        answers = [
            answer
            for answer in _answers_without_value(domain)
            if not any(value_error(value.joined, expected) for value in answer.values)
        ]
        if not answers:
            continue
        if any(verification_values(answers)):
            message = (
                f"{domain.record.name} has another {VALUE_PREFIX} value than the expected one; "
                f"replace it with {expected}, or correct the playbook if the console shows the other value"
            )
        else:
            message = (
                f"{domain.record.name} has TXT records, but no {VALUE_PREFIX} value; "
                f"add the expected value to them: {domain.record_text}"
            )
        evidence = (("expected", expected), *answer_evidence(answers))
        yield Violation(message, domain.address, evidence, domain.fix)


@check("dns-value-split", reads=(Answer,), severity=Severity.LOW)
def value_split(context: CheckContext) -> Iterator[Violation]:
    """The value is one string

    Symptom: Usually none: clients join the strings of a TXT record.

    Why: A TXT record has strings of up to 255 octets; this value was split unnecessarily. A client that does not join
    them, or puts spaces between them, reads another value. What Kiro does is not documented.

    Fix: Enter it as one string.

    Source: RFC 1035, section 3.3.14; RFC 7208, section 3.3, for how SPF joins strings.
    """
    for domain in domain_contexts(context):
        expected = domain.record.value
        split = [
            (answer, value.strings)
            for answer in domain.best_answers()
            for value in answer.values
            if value.joined == expected and len(value.strings) > 1
        ]
        if split and expected and len(expected.encode()) <= MAX_STRING:
            strings = list(split[0][1])
            yield Violation(
                f"the value is split into {len(strings)} strings; "
                "if the domain stays Pending, enter it as one string",
                domain.address,
                (("strings", strings), *answer_evidence(answer for answer, _ in split)),
            )


@check("dns-tokens-several", reads=(Answer,), severity=Severity.MEDIUM)
def tokens_several(context: CheckContext) -> Iterator[Violation]:
    """The current verification value is the only one

    Symptom: The domain stays Pending although the record exists.

    Why: Values of earlier attempts remain, at the same name or at another label under which such a record is often
    created. Which of them Kiro reads is not documented.

    Fix: Remove the values that the console no longer shows; the verified domain of another profile may need its own.

    Source: kirodotdev/Kiro issue 6167 (open); Kiro, Entra guide, step 3.
    """
    for domain in domain_contexts(context):
        answers = (answer for purpose in QueryPurpose for answer in domain.best_answers(purpose))
        values = sorted(set(verification_values(answers)))
        others = sum(value != domain.record.value for _, value in values)
        if len(values) < 2 or not others or not domain.record.value:
            continue
        message = (
            f"{others} other {VALUE_PREFIX} value{' exists' if others == 1 else 's exist'}; "
            "remove what the Kiro console no longer shows"
        )
        if domain.record.dns_provider:
            message += (
                "; set outdated: remove for the domain in the playbook, and apply removes those at "
                f"{domain.record.name} (not at other names)"
            )
        yield Violation(message, domain.address, tuple((f"{name} TXT", value) for name, value in values))


@check("dns-value-cached", reads=(Answer,), severity=Severity.LOW)
def value_cached(context: CheckContext) -> Iterator[Violation]:
    """Public resolvers return the current value

    Symptom: The value was corrected, and the domain stays Pending for a while.

    Why: Resolvers cache the old value until its TTL expires.

    Fix: Wait.

    Source: RFC 1035, section 3.2.1, TTL.
    """
    for domain in domain_contexts(context):
        stale = [
            answer for answer in domain.resolver_answers if answer.values and not domain.has_value(answer)
        ]
        if domain.published and stale:
            seconds = seconds_until_expired(domain, stale)
            step = "wait until its TTL expires" if seconds is None else f"wait up to {seconds} s"
            yield Violation(
                f"an old value is still cached by {servers_of(stale)}; {step}",
                domain.address,
                answer_evidence(stale),
            )


@check("dns-ttl-long", reads=(Answer,), severity=Severity.LOW)
def ttl_long(context: CheckContext) -> Iterator[Violation]:
    """The record's TTL is one day at most

    Symptom: A corrected record takes days to become visible.

    Why: Resolvers cache the record for its TTL. It is longer than the 24 hours within which Kiro's guide asks for the
    record.

    Fix: Set a TTL of 300 seconds until the domain is verified.

    Source: RFC 1035, section 3.2.1, TTL; Kiro, Entra guide, step 3.
    """
    for domain in domain_contexts(context):
        for answer in domain.authoritative_answers:
            if answer.values and (answer.ttl or 0) > _MAX_TTL:
                yield Violation(
                    f"the record's TTL is {answer.ttl} s; set it to 300 until the domain is verified",
                    domain.address,
                    (("ttl", answer.ttl), *answer_evidence([answer])),
                )
                break
