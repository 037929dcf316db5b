"""Checks of the servers: those of the zone, and public resolvers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation
from provisioner.providers.dns.context import (
    answer_evidence,
    answer_summary,
    domain_contexts,
    servers_of,
)
from provisioner.providers.dns.observations import Answer, QueryFailure, QueryPurpose, ServerRole
from provisioner.providers.dns.propagation import seconds_until_expired, zone_negative_ttl

check = CheckRegistry()

_MAX_NEGATIVE_TTL: Final = 3600
_DNS_OVER_HTTPS: Final = "such as https://dns.google/dns-query"


def _by_server(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    servers: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        servers[answer.server].append(answer)
    return servers


def _labels(answers: Iterable[Answer]) -> str:
    return ", ".join(answer.server_label for answer in answers)


def _content(answer: Answer) -> Any:
    return sorted(value.joined for value in answer.values) or answer_summary(answer)


@check("dns-servers-disagree", reads=(Answer,), severity=Severity.HIGH)
def servers_disagree(context: CheckContext) -> Iterator[Violation]:
    """All name servers of the zone return the same

    Symptom: The domain is verified at one attempt and not at another, or stays Pending.

    Why: A change has not reached all servers yet, a secondary does not transfer the zone, or the delegation names
    servers of an earlier provider.

    Fix: Wait some minutes after a change; then check the servers that are behind.

    Source: RFC 1034, section 4.3.5; RFC 1912, section 2.8.
    """
    for domain in domain_contexts(context):
        answers = domain.authoritative_answers
        if len({repr(_content(answer)) for answer in answers}) < 2:
            continue
        behind = [answer for answer in answers if not domain.has_value(answer)]
        message = f"the servers of the zone disagree about {domain.record.name}"
        if 0 < len(behind) < len(answers):
            message += f": the expected value is missing on {_labels(behind)}"
        message += (
            "; wait some minutes if it was just changed, otherwise check why servers do not have the zone's current "
            "version, or whether the delegation names servers of an earlier provider"
        )
        yield Violation(message, domain.address, answer_evidence(answers))


@check("dns-server-lame", reads=(Answer,), severity=Severity.MEDIUM)
def server_lame(context: CheckContext) -> Iterator[Violation]:
    """Every name server of the zone serves it

    Symptom: Lookups of the record fail now and then.

    Why: The delegation names a server that does not serve the zone (REFUSED, SERVFAIL, or a response without authority).

    Fix: Remove the server from the delegation, or set the zone up there.

    Source: RFC 9499, section 7, lame delegation; RFC 1912, section 2.8.
    """
    for domain in domain_contexts(context):
        lame = [
            answer
            for answer in domain.answers_for(QueryPurpose.RECORD, ServerRole.AUTHORITATIVE)
            if answer.failure is None and not answer.usable
        ]
        if lame:
            names = sorted({answer.server_label for answer in lame})
            yield Violation(
                f"the zone is not served by {', '.join(names)}; "
                "correct the zone's name servers at the registrar, or set the zone up there",
                domain.address,
                tuple(
                    (
                        answer.server_label,
                        f"{answer.rcode}, {'' if answer.authoritative else 'not '}authoritative",
                    )
                    for answer in lame
                ),
                severity=None if domain.authoritative_answers else Severity.HIGH,
            )


@check("dns-server-unreachable", reads=(Answer,), severity=Severity.MEDIUM)
def server_unreachable(context: CheckContext) -> Iterator[Violation]:
    """Every name server of the zone responds

    Symptom: Lookups of the record are slow, or fail now and then.

    Why: A name server does not respond, or the network of this machine blocks DNS.

    Fix: Repair the server, or remove it from the delegation. If none responds, try from another network.

    Source: RFC 2182, section 3.
    """
    for domain in domain_contexts(context):
        servers = _by_server(domain.answers_for(QueryPurpose.RECORD, ServerRole.AUTHORITATIVE))
        # A server counts if no address responds: this machine may reach only IPv4 or only IPv6.
        silent = {
            server: answers
            for server, answers in servers.items()
            if all(answer.failure not in {None, QueryFailure.TRUNCATED} for answer in answers)
        }
        if not silent:
            continue
        step = "repair the server, or remove it from the zone's name servers"
        if len(silent) == len(servers):
            step = "check whether this network allows DNS (UDP and TCP port 53), then check the servers"
        yield Violation(
            f"no response from {', '.join(sorted(silent))}; {step}",
            domain.address,
            answer_evidence(answer for answers in silent.values() for answer in answers),
            severity=Severity.HIGH if len(silent) == len(servers) else None,
        )


@check("dns-server-without-address", reads=(Answer,), severity=Severity.MEDIUM)
def server_without_address(context: CheckContext) -> Iterator[Violation]:
    """Every name server of the zone has an address

    Symptom: Lookups of the record are slow, or fail now and then.

    Why: The zone names a server that does not exist, often after a change of provider.

    Fix: Correct or remove the name server.

    Source: RFC 1912, section 2.8.
    """
    for domain in domain_contexts(context):
        servers = domain.zone.servers if domain.zone else ()
        without = [server for server in servers if not server.addresses]
        if without:
            yield Violation(
                f"no address was found for {', '.join(server.name for server in without)}; "
                "correct the name servers at the registrar and in the zone",
                domain.address,
                tuple((server.name, server.problem) for server in without),
            )


@check("dns-zone-not-found", reads=(Answer,), severity=Severity.MEDIUM)
def zone_not_found(context: CheckContext) -> Iterator[Violation]:
    """The zone's name servers are known

    Symptom: Only the answers of public resolvers are known.

    Why: No resolver returned the name servers of the zone: the domain is registered without name servers, or this
    network reaches none of the configured resolvers.

    Fix: Set name servers for the domain; or choose resolvers that this network reaches, such as DNS over HTTPS.

    Source: RFC 1034, section 4.2.1.
    """
    for domain in domain_contexts(context):
        zone = domain.zone
        if zone is None or zone.name is not None:
            continue
        if zone.registered is not False and domain.classification.resolvable:
            yield Violation(
                f"the name servers of {domain.name} were not found: {zone.problem}; "
                f"set name servers for the domain, or choose resolvers that this network reaches, {_DNS_OVER_HTTPS}",
                domain.address,
                (("zone", zone.problem),),
            )


@check("dns-resolvers-lag", reads=(Answer,), severity=Severity.LOW)
def resolvers_lag(context: CheckContext) -> Iterator[Violation]:
    """Public resolvers return the record

    Symptom: The record was created, and the domain stays Pending for a while.

    Why: Resolvers that were queried before it existed cache its absence for the zone's negative TTL.

    Fix: Wait.

    Source: RFC 2308, section 5.
    """
    for domain in domain_contexts(context):
        behind = [answer for answer in domain.resolver_answers if answer.negative]
        if domain.published and behind:
            seconds = seconds_until_expired(domain, behind)
            step = "wait" if seconds is None else f"wait up to {seconds} s"
            yield Violation(
                f"every server of the zone has the record, but its absence is still cached by {servers_of(behind)}; "
                f"{step}, then verify the domain in the Kiro console",
                domain.address,
                answer_evidence(behind),
            )


@check("dns-negative-ttl-long", reads=(Answer,), severity=Severity.LOW)
def negative_ttl_long(context: CheckContext) -> Iterator[Violation]:
    """The negative TTL is one hour at most

    Symptom: A new record takes hours to become visible.

    Why: The zone's negative TTL, the lesser of its SOA record's TTL and last field, is long.

    Fix: Create the record before anyone queries it; or lower the last field of the SOA record.

    Source: RFC 2308, section 5.
    """
    for domain in domain_contexts(context):
        seconds = zone_negative_ttl(domain)
        if seconds is not None and seconds > _MAX_NEGATIVE_TTL and not domain.published:
            records = (answer.soa for answer in domain.answers if answer.soa)
            soa = next(record for record in records if record.negative_ttl == seconds)
            yield Violation(
                f"resolvers cache for {seconds} s that a name in {soa.zone} does not exist; "
                "do not query the record before it exists, or first lower the last field of the zone's SOA record",
                domain.address,
                (("SOA minimum", soa.minimum), ("SOA TTL", soa.ttl)),
            )


@check("dns-dnssec-bogus", reads=(Answer,), severity=Severity.HIGH)
def dnssec_bogus(context: CheckContext) -> Iterator[Violation]:
    """The zone's signatures are valid

    Symptom: Some resolvers return SERVFAIL where others answer; the domain stays Pending.

    Why: DNSSEC validation fails: signatures are expired, or the parent's DS record is of an earlier key or provider.

    Fix: Sign the zone again, or correct or remove the DS record at the registrar.

    Source: RFC 4035, section 5; RFC 8914, section 4.
    """
    for domain in domain_contexts(context):
        answers = domain.answers_for(QueryPurpose.RECORD, ServerRole.RESOLVER)
        if bogus := [answer for answer in answers if answer.bogus]:
            yield Violation(
                f"DNSSEC validation of the zone fails at {servers_of(bogus)}; "
                "sign the zone again, or correct or remove the DS record at the registrar; dnsviz.net shows the error",
                domain.address,
                tuple(
                    (answer.server_label, ", ".join((answer.rcode or "", *answer.extended_errors)))
                    for answer in bogus
                ),
            )


@check("dns-resolver-unreachable", reads=(Answer,), severity=Severity.LOW)
def resolver_unreachable(context: CheckContext) -> Iterator[Violation]:
    """The public resolvers answer

    Symptom: Whether public resolvers return the record is unknown.

    Why: The network blocks DNS to other servers, or the resolver fails.

    Fix: Choose DNS over HTTPS, or another resolver.

    Source: RFC 8484.
    """
    for domain in domain_contexts(context):
        answers = domain.answers_for(QueryPurpose.RECORD, ServerRole.RESOLVER)
        failed = [answer for answer in answers if not answer.usable and not answer.bogus]
        if failed:
            yield Violation(
                f"no usable answer from {servers_of(failed)}; "
                f"choose DNS over HTTPS, {_DNS_OVER_HTTPS}, or another resolver",
                domain.address,
                answer_evidence(failed),
                severity=Severity.MEDIUM if len(failed) == len(answers) else None,
            )


@check("dns-tcp-blocked", reads=(Answer,), severity=Severity.MEDIUM)
def tcp_blocked(context: CheckContext) -> Iterator[Violation]:
    """Long responses arrive

    Symptom: The record exists, but some clients cannot look it up.

    Why: The name has so many TXT records that the response does not fit in a datagram, and the server does not respond
    over TCP.

    Fix: Use a label with fewer records, or open TCP port 53 on the server.

    Source: RFC 7766, section 5; RFC 9210.
    """
    for domain in domain_contexts(context):
        answers = domain.answers_for(QueryPurpose.RECORD)
        truncated = [answer for answer in answers if answer.failure is QueryFailure.TRUNCATED]
        if truncated:
            yield Violation(
                f"responses of {_labels(truncated)} need TCP, which fails; "
                "use a separate label for the record (kiro-app-1), or allow TCP port 53 to the server",
                domain.address,
                answer_evidence(truncated),
            )
