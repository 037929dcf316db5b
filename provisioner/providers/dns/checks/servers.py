"""Rules about the servers: those of the zone, and public resolvers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from provisioner.core.check import Severity
from provisioner.providers.dns.context import Rules, Said, Sight, evidence_of, told
from provisioner.providers.dns.observations import Answer, Failure, Place, Role
from provisioner.providers.dns.propagation import negative_ttl, remembered

rule = Rules()

_LONG_MEMORY: Final = 3600


def _by_server(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = defaultdict(list)
    for one in answers:
        found[one.server].append(one)
    return found


def _silent(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """Servers none of whose addresses answered. One family of addresses may be out of reach for the asker."""
    return {
        server: found
        for server, found in _by_server(answers).items()
        if all(one.failure not in {None, Failure.TRUNCATED} for one in found)
    }


def _holding(answer: Answer) -> Any:
    return sorted(value.joined for value in answer.values) or told(answer)


@rule("dns-servers-disagree", Severity.HIGH)
def servers_disagree(sight: Sight) -> Iterator[Said]:
    """All name servers of the zone say the same

    Symptom: The domain is verified at one attempt and not at another, or stays Pending.

    Why: A change has not reached all servers yet, a secondary does not transfer the zone, or the delegation names
    servers of an earlier provider.

    Fix: Wait some minutes after a change; then look at the servers that are behind.

    Source: RFC 1034, section 4.3.5; RFC 1912, section 2.8.
    """
    views = {one.who: _holding(one) for one in sight.authoritative}
    if len({repr(view) for view in views.values()}) > 1:
        behind = [one.who for one in sight.authoritative if not sight.holds(one)]
        some = 0 < len(behind) < len(views)
        yield Said(
            f"the servers of the zone disagree about {sight.record.name}"
            + (f": {', '.join(behind)} without the wanted value" if some else ""),
            "wait some minutes if it was just changed; else see why those servers do not have the zone's current "
            "version, or whether the delegation names servers of an earlier provider",
            evidence_of(sight.authoritative),
        )


@rule("dns-server-lame", Severity.MEDIUM)
def server_lame(sight: Sight) -> Iterator[Said]:
    """Every name server of the zone knows it

    Symptom: Looking the record up fails now and then.

    Why: A server is named for the zone and does not have it (REFUSED, SERVFAIL, or an answer without authority).

    Fix: Remove the server from the delegation, or set the zone up there.

    Source: RFC 9499, section 7, lame delegation; RFC 1912, section 2.8.
    """
    asked = sight.at(Place.RECORD, Role.AUTHORITATIVE)
    lame = [one for one in asked if one.failure is None and not one.said]
    if lame:
        names = sorted({one.who for one in lame})
        yield Said(
            f"{', '.join(names)} answers without knowing the zone",
            "remove it from the zone's name servers at the registrar, or set the zone up on it",
            tuple(
                (one.who, f"{one.rcode}, {'' if one.authoritative else 'not '}authoritative") for one in lame
            ),
            None if sight.authoritative else Severity.HIGH,
        )


@rule("dns-server-unreachable", Severity.MEDIUM)
def server_unreachable(sight: Sight) -> Iterator[Said]:
    """Every name server of the zone answers

    Symptom: Looking the record up is slow or fails now and then.

    Why: A name server does not answer, or the network this runs in does not let DNS out.

    Fix: See to the server, or remove it from the delegation. If none answers, try from another network.

    Source: RFC 2182, section 3.
    """
    asked = sight.at(Place.RECORD, Role.AUTHORITATIVE)
    silent = _silent(asked)
    if silent:
        everybody = len(silent) == len(_by_server(asked))
        step = "see to it, or remove it from the zone's name servers"
        if everybody:
            step = "none answers: see whether this network lets DNS out (UDP and TCP port 53), else see to the servers"
        yield Said(
            f"{', '.join(sorted(silent))} does not answer",
            step,
            evidence_of(one for found in silent.values() for one in found),
            Severity.HIGH if everybody else None,
        )


@rule("dns-server-without-address", Severity.MEDIUM)
def server_without_address(sight: Sight) -> Iterator[Said]:
    """Every name server of the zone has an address

    Symptom: Looking the record up is slow or fails now and then.

    Why: The zone names a server that does not exist, often after a change of provider.

    Fix: Correct or remove the name server.

    Source: RFC 1912, section 2.8.
    """
    bare = [server for server in (sight.zone.servers if sight.zone else ()) if not server.addresses]
    if bare:
        yield Said(
            f"{', '.join(server.name for server in bare)} has no address that could be found",
            "correct or remove it at the registrar and in the zone",
            tuple((server.name, server.problem) for server in bare),
        )


@rule("dns-zone-not-found", Severity.MEDIUM)
def zone_not_found(sight: Sight) -> Iterator[Said]:
    """The zone's name servers are known

    Symptom: Nothing can be told about the record but what public resolvers say.

    Why: No resolver told which servers the zone has: the domain is registered without name servers, or none of the
    configured resolvers can be reached from this network.

    Fix: Set name servers for the domain; or choose resolvers that can be reached, DNS over HTTPS among them.

    Source: RFC 1034, section 4.2.1.
    """
    zone = sight.zone
    if zone and zone.zone is None and zone.registered is not False and sight.standing.resolvable:
        yield Said(
            f"the name servers of {sight.record.key} could not be found: {zone.problem}",
            "set name servers for the domain, or choose resolvers that this network reaches, such as "
            "https://dns.google/dns-query",
            (("zone", zone.problem),),
        )


@rule("dns-resolvers-lag", Severity.LOW)
def resolvers_lag(sight: Sight) -> Iterator[Said]:
    """Public resolvers see the record

    Symptom: The record is made, and the domain stays Pending for a while.

    Why: Resolvers that asked before it existed remember its absence for the zone's negative TTL.

    Fix: Wait.

    Source: RFC 2308, section 5.
    """
    behind = [one for one in sight.cached if one.missing]
    if sight.published and behind:
        times = [left for one in behind if (left := remembered(sight, one)) is not None]
        when = f"visible in the latest in {max(times)} s" if times else "how long it takes cannot be told"
        yield Said(
            f"all servers of the zone have the record; {', '.join(one.server for one in behind)} not yet: {when}",
            "wait, and verify in the Kiro console then",
            evidence_of(behind),
        )


@rule("dns-negative-ttl-long", Severity.LOW)
def negative_ttl_long(sight: Sight) -> Iterator[Said]:
    """The absence of a record is not remembered for hours

    Symptom: A new record takes hours to be seen.

    Why: The zone's negative TTL, the lesser of its SOA record's TTL and last field, is long.

    Fix: Make the record before anybody asks for it; or lower the last field of the SOA record.

    Source: RFC 2308, section 5.
    """
    seconds = negative_ttl(sight)
    if seconds is not None and seconds > _LONG_MEMORY and not sight.published:
        soa = next(one.soa for one in sight.answers if one.soa and one.soa.negative_ttl == seconds)
        yield Said(
            f"resolvers remember for {seconds} s that a name in {soa.zone} does not exist",
            "do not look the record up before it is made, or lower the last field of the zone's SOA record first",
            (("SOA minimum", soa.minimum), ("SOA TTL", soa.ttl)),
        )


@rule("dns-dnssec-bogus", Severity.HIGH)
def dnssec_bogus(sight: Sight) -> Iterator[Said]:
    """The zone's signatures are valid

    Symptom: Some resolvers fail with SERVFAIL where others answer; the domain stays Pending.

    Why: DNSSEC validation fails: signatures are expired, or the parent's DS record is of an earlier key or provider.

    Fix: Sign the zone anew, or correct or remove the DS record at the registrar.

    Source: RFC 4035, section 5; RFC 8914, section 4.
    """
    bogus = [one for one in sight.at(Place.RECORD, Role.RESOLVER) if one.bogus]
    if bogus:
        yield Said(
            f"{', '.join(one.server for one in bogus)} refuses the zone: DNSSEC validation fails",
            "sign the zone anew, or correct or remove the DS record at the registrar; dnsviz.net shows where it breaks",
            tuple((one.who, ", ".join((one.rcode or "", *one.extended))) for one in bogus),
        )


@rule("dns-resolver-unreachable", Severity.LOW)
def resolver_unreachable(sight: Sight) -> Iterator[Said]:
    """The public resolvers can be asked

    Symptom: Whether the world sees the record cannot be told from here.

    Why: The network does not let DNS out to others, or the resolver fails.

    Fix: Choose DNS over HTTPS, or another resolver.

    Source: RFC 8484.
    """
    asked = sight.at(Place.RECORD, Role.RESOLVER)
    failed = [one for one in asked if not one.said and not one.bogus]
    if failed:
        yield Said(
            f"{', '.join(one.server for one in failed)} could not tell",
            "choose DNS over HTTPS, such as https://dns.google/dns-query, or another resolver",
            evidence_of(failed),
            Severity.MEDIUM if len(failed) == len(asked) else None,
        )


@rule("dns-tcp-blocked", Severity.MEDIUM)
def tcp_blocked(sight: Sight) -> Iterator[Said]:
    """Long answers arrive

    Symptom: The record is there, and some cannot look it up.

    Why: The name has so many TXT records that an answer does not fit in a datagram, and the server does not answer
    over TCP.

    Fix: Use a label with fewer records, or open TCP port 53 at the server.

    Source: RFC 7766, section 5; RFC 9210.
    """
    cut = [one for one in sight.at(Place.RECORD) if one.failure is Failure.TRUNCATED]
    if cut:
        yield Said(
            f"the answer of {', '.join(one.who for one in cut)} needs TCP, which fails",
            "use a label of its own for the record (kiro-app-1), or let TCP port 53 through to the server",
            evidence_of(cut),
        )
