"""Lookups, against name servers on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from provisioner.core.check import CheckContext, Status
from provisioner.core.plan import DesiredState
from provisioner.core.snapshot import Snapshot
from provisioner.providers.dns.checks import CHECKS, email_domains
from provisioner.providers.dns.lookup import look_up
from provisioner.providers.dns.names import parse_domain, record_name
from provisioner.providers.dns.observations import Answer, QueryFailure, QueryPurpose, ServerRole, Zone
from provisioner.providers.dns.propagation import PropagationState, propagation_by_domain
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import DnsConnection, Endpoint, Limits, parse_resolver
from tests.providers.dns.name_server import NameServer, serving

VALUE = "kiro-site-verification=11111111-2222-3333-4444-555555555555"
RECORD = "kiro-app-1.example.net TXT"
PATIENT = Limits(udp_timeout=60, tcp_timeout=60, budget=300)
"""For servers that respond: on a busy machine, too."""
SILENT = Limits(udp_timeout=1, tcp_timeout=60, budget=300)
"""For servers that do not."""


def desired(domain: str = "example.net", label: str = "kiro-app-1", value: str = VALUE) -> DomainRecord:
    name = record_name(label, parse_domain(domain))
    return DomainRecord(key=domain, label=name.label, name=name.name, value=value)


def zone(count: int = 2, domain: str = "example.net") -> dict[str, list[str]]:
    names = [f"ns{number}.example.net." for number in range(1, count + 1)]
    return {f"{domain} NS": names, f"{domain} A": ["192.0.2.1"]}


def resolver(records, **behaviour) -> NameServer:
    return NameServer("", records, authoritative=False, **behaviour)


def lookup(resolvers, authoritative, *records, limits=PATIENT, overrides=None, **options):
    """Look up records; the authoritative servers are ns1, ns2, ..."""

    async def run():
        async with serving(*resolvers, *authoritative):
            addresses = {
                f"ns{number}.example.net": ("127.0.0.1", server.port)
                for number, server in enumerate(authoritative, 1)
            }
            connection = DnsConnection(
                resolvers=[parse_resolver(f"127.0.0.1:{server.port}") for server in resolvers],
                overrides=addresses if overrides is None else overrides(authoritative),
                limits=limits,
            )
            return await look_up(records or (desired(),), connection, **options)

    return asyncio.run(run())


def answers(observations, role=ServerRole.AUTHORITATIVE, purpose=QueryPurpose.RECORD) -> list[Answer]:
    return [
        answer
        for answer in observations
        if isinstance(answer, Answer) and (answer.role, answer.purpose) == (role, purpose)
    ]


def only_zone(observations) -> Zone:
    (observed,) = (resource for resource in observations if isinstance(resource, Zone))
    return observed


def failing(observations, *records) -> set[str]:
    """The checks that fail."""
    context = CheckContext(Snapshot(resources=observations), DesiredState(resources=records or (desired(),)))
    checks = [check for check in CHECKS if check not in email_domains.check]
    findings = [finding for check in checks for finding in check.run(context)]
    return {finding.check for finding in findings if finding.status is Status.FAIL}


def test_every_server_is_queried_at_every_name():
    records = {**zone(), RECORD: [f'"{VALUE[:20]}" "{VALUE[20:]}"']}
    servers = [NameServer(records=records), NameServer(records=records)]
    observations = lookup([resolver(records)], servers)
    observed = only_zone(observations)
    assert (observed.name, observed.registered) == ("example.net", True)
    assert [server.name for server in observed.servers] == ["ns1.example.net", "ns2.example.net"]
    for answer in answers(observations):
        assert (answer.rcode, answer.ttl, answer.authoritative, answer.failure) == (
            "NOERROR",
            300,
            True,
            None,
        )
        assert answer.values[0].strings == (VALUE[:20], VALUE[20:])
        assert answer.values[0].joined == VALUE
        assert answer.elapsed_ms > 0
    names = {
        purpose: {answer.name for answer in answers(observations, purpose=purpose)}
        for purpose in QueryPurpose
    }
    assert names == {
        QueryPurpose.RECORD: {"kiro-app-1.example.net"},
        QueryPurpose.APEX: {"example.net"},
        QueryPurpose.OTHER_LABEL: {"kiro-app-2.example.net"},
        QueryPurpose.DOUBLED: {"kiro-app-1.example.net.example.net"},
    }
    assert len(answers(observations, ServerRole.RESOLVER)) == 1
    assert failing(observations) == {"dns-value-split"}
    propagation = propagation_by_domain((desired(),), observations)["example.net"]
    assert propagation.state is PropagationState.EVERYWHERE


def test_a_negative_response_has_the_negative_ttl():
    records = zone()
    observations = lookup([resolver(records)], [NameServer(records=records, minimum=900)])
    (answer,) = answers(observations)
    assert (answer.rcode, answer.negative) == ("NXDOMAIN", True)
    assert answer.soa
    assert (answer.soa.zone, answer.soa.minimum, answer.soa.negative_ttl) == ("example.net", 900, 900)
    (apex,) = answers(observations, purpose=QueryPurpose.APEX)
    assert (apex.rcode, apex.negative) == ("NOERROR", True)
    propagation = propagation_by_domain((desired(),), observations)["example.net"]
    assert (propagation.state, propagation.seconds) == (PropagationState.MISSING, 900)


def test_a_cname_chain_is_followed_within_the_response():
    records = {**zone(), "kiro-app-1.example.net CNAME": ["elsewhere.example.org."]}
    observations = lookup(
        [resolver({**records, "elsewhere.example.org TXT": ['"other"']})], [NameServer(records=records)]
    )
    assert answers(observations)[0].cnames == ("elsewhere.example.org",)
    (cached,) = answers(observations, ServerRole.RESOLVER)
    assert (cached.cnames, cached.values[0].joined) == (("elsewhere.example.org",), "other")
    assert "dns-cname-in-the-way" in failing(observations)


def test_a_cname_loop_ends():
    def loop(query, response):
        if query.question[0].rdtype.name == "TXT":
            name = query.question[0].name
            response.answer = [dns.rrset.from_text(name, 300, "IN", "CNAME", name.to_text())]
        return response

    records = zone(1)
    observations = lookup([resolver(records)], [NameServer(records=records, change=loop)])
    (answer,) = answers(observations)
    assert (answer.cnames, answer.values) == (("kiro-app-1.example.net",), ())
    assert "dns-cname-in-the-way" in failing(observations)


def test_a_long_response_comes_over_tcp():
    records = {**zone(), RECORD: [f'"{VALUE}"', *(f'"{number:04}{"x" * 200}"' for number in range(30))]}
    server = NameServer(records=records)
    (answer,) = answers(lookup([resolver(records)], [server]))
    assert (answer.truncated, len(answer.values)) == (True, 31)
    assert server.queries.count(RECORD) == 2


def test_a_long_response_without_tcp_is_a_separate_failure():
    records = {**zone(), RECORD: [f'"{number:04}{"x" * 200}"' for number in range(30)]}
    server = NameServer(records=records, tcp=False)
    observations = lookup([resolver(records)], [server])
    (answer,) = answers(observations)
    assert (answer.failure, answer.rcode, answer.truncated) == (QueryFailure.TRUNCATED, None, True)
    assert server.queries.count(RECORD) == 2
    assert "dns-tcp-blocked" in failing(observations)


def test_a_server_that_does_not_support_edns_is_queried_without():
    records = {**zone(), RECORD: [f'"{VALUE}"']}
    server = NameServer(records=records, no_edns=True)
    (answer,) = answers(lookup([resolver(records)], [server]))
    assert (answer.edns, answer.values[0].joined) == (False, VALUE)
    assert server.queries.count(RECORD) == 2


def test_failures_of_servers_are_distinguished():
    records = {**zone(4), RECORD: [f'"{VALUE}"']}
    lame, silent, behind = NameServer(None), NameServer(drop=True), NameServer(records=zone(4))
    observations = lookup(
        [resolver(records)], [NameServer(records=records), lame, silent, behind], limits=SILENT
    )
    first, second, third, fourth = answers(observations)
    assert first.usable
    assert (second.rcode, second.usable) == ("REFUSED", False)
    assert (third.failure, third.rcode) == (QueryFailure.TIMEOUT, None)
    assert fourth.negative
    assert {"dns-server-lame", "dns-server-unreachable", "dns-servers-disagree"} <= failing(observations)


def test_a_closed_port_is_unreachable_or_silent():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    closed = {"ns1.example.net": ("127.0.0.1", port)}
    observations = lookup([resolver(zone(1))], [], limits=SILENT, overrides=lambda _: closed)
    (answer,) = answers(observations)
    assert answer.failure in {QueryFailure.UNREACHABLE, QueryFailure.TIMEOUT}


def test_a_response_that_fails_validation_is_queried_again_without_validation():
    def validate(query, response):
        if not query.flags & dns.flags.CD:
            failed = dns.message.make_response(query)
            failed.set_rcode(dns.rcode.SERVFAIL)
            failed.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.SIGNATURE_EXPIRED, "too old")])
            return failed
        return response

    records = {**zone(1), RECORD: [f'"{VALUE}"']}
    observations = lookup([resolver(records, change=validate)], [NameServer(records=records)])
    (answer,) = answers(observations, ServerRole.RESOLVER)
    assert (answer.rcode, answer.bogus, answer.extended_errors) == ("SERVFAIL", True, ("7: too old",))
    assert failing(observations) == {"dns-dnssec-bogus", "dns-domain-private"}  # example.net is reserved


def test_a_resolver_that_fails_anyway_is_not_bogus():
    def fail(query, response):
        failed = dns.message.make_response(query)
        failed.set_rcode(dns.rcode.SERVFAIL)
        return failed

    records = {**zone(1), RECORD: [f'"{VALUE}"']}
    resolvers = [resolver(records), resolver(records, change=fail)]
    observations = lookup(resolvers, [NameServer(records=records)])
    assert [answer.bogus for answer in answers(observations, ServerRole.RESOLVER)] == [False, False]
    assert failing(observations) == {"dns-resolver-unreachable"}


def test_an_unregistered_domain():
    observations = lookup([NameServer("net", {"other.net A": ["192.0.2.1"]}, authoritative=False)], [])
    observed = only_zone(observations)
    assert (observed.name, observed.registered) == (None, False)


def test_without_any_response_nothing_is_raised():
    observations = lookup([resolver({}, drop=True)], [], limits=SILENT)
    observed = only_zone(observations)
    assert (observed.name, observed.registered, observed.problem) == (None, None, "no resolver responded")
    assert answers(observations, ServerRole.RESOLVER)[0].failure is QueryFailure.TIMEOUT
    propagation = propagation_by_domain((desired(),), observations)["example.net"]
    assert propagation.state is PropagationState.UNKNOWN


def test_the_budget_ends_every_query():
    observations = lookup([resolver({}, drop=True)], [], limits=Limits(udp_timeout=60, budget=0.3))
    resolver_answers = answers(observations, ServerRole.RESOLVER)
    assert {answer.failure for answer in resolver_answers} == {QueryFailure.BUDGET}


def test_unknown_addresses_of_name_servers_are_looked_up():
    records = {**zone(1), "ns1.example.net A": ["192.0.2.53"], "ns1.example.net AAAA": ["2001:db8::53"]}
    public, server = resolver(records), NameServer(records=records)

    def by_address(servers):
        return dict.fromkeys(("192.0.2.53", "2001:db8::53"), ("127.0.0.1", servers[0].port))

    observations = lookup([public], [server], overrides=by_address)
    assert only_zone(observations).servers[0].addresses == ("192.0.2.53", "2001:db8::53")
    assert len(answers(observations)) == 1  # both addresses are the same endpoint here
    assert [public.queries.count(f"ns1.example.net {rdtype}") for rdtype in ("A", "AAAA")] == [1, 1]


def test_a_name_server_without_address():
    records = zone(1)
    assert "dns-server-without-address" in failing(lookup([resolver(records)], []))


def test_a_delegated_label_is_a_zone():
    records = {**zone(1), "kiro-app-1.example.net NS": ["ns1.example.net."], RECORD: [f'"{VALUE}"']}
    observations = lookup([resolver(records)], [NameServer(records=records)])
    assert only_zone(observations).name == "kiro-app-1.example.net"


def test_resolvers_are_not_queried_for_a_record_that_is_missing():
    records = zone(1)
    public = resolver(records)
    observations = lookup([public], [NameServer(records=records)], always_query_resolvers=False)
    assert answers(observations)[0].negative
    assert public.queries == ["example.net NS"]


def test_resolvers_are_queried_once_every_server_of_the_zone_has_the_record():
    records = {**zone(1), RECORD: [f'"{VALUE}"']}
    public = resolver(records)
    observations = lookup([public], [NameServer(records=records)], always_query_resolvers=False)
    assert answers(observations, ServerRole.RESOLVER)[0].values[0].joined == VALUE
    assert public.queries[0] == "example.net NS"
    assert Counter(public.queries) == Counter(
        [
            "example.net NS",
            RECORD,
            "example.net TXT",
            "kiro-app-2.example.net TXT",
            "kiro-app-1.example.net.example.net TXT",
        ]
    )


def test_values_that_are_not_utf_8_are_escaped():
    records = {**zone(1), RECORD: ['"\\255\\000x"', '"b\\195\\188cher"']}
    (answer,) = answers(lookup([resolver(records)], [NameServer(records=records)]))
    assert [value.joined for value in answer.values] == ["\\xff\x00x", "b\u00fccher"]


DOMAINS = [f"d{number}.net" for number in range(10)]
NAMES = 4
"""Queried names of a domain: the record, the domain, another label, and the doubled name."""


def zones(count: int) -> dict[str, list[str]]:
    return {key: value for domain in DOMAINS for key, value in zone(count, domain).items()}


def test_all_queries_of_ten_domains_are_in_flight_at_once():
    """A server here responds only when it has received all its queries: one after the other would never end."""
    queries = len(DOMAINS) * NAMES
    servers = [NameServer("", zones(4), hold_until=queries) for _ in range(4)]
    public = resolver(zones(4))
    limits = Limits(udp_timeout=60, budget=300, concurrency=4 * queries + 1)
    observations = lookup([public], servers, *map(desired, DOMAINS), limits=limits)
    assert len(answers(observations)) == 40
    assert all(answer.usable for answer in answers(observations))
    for server in servers:
        assert len(server.queries) == len(set(server.queries)) == queries
    assert len(public.queries) == len(set(public.queries))
    assert Counter(query.split()[1] for query in public.queries) == {"NS": 2 * len(DOMAINS), "TXT": queries}


def test_no_more_queries_are_in_flight_than_the_limit():
    queries = len(DOMAINS) * NAMES
    in_flight, most = 0, 0

    class Counting(NameServer):
        async def reply(self, wire, *, tcp):
            nonlocal in_flight, most
            in_flight += 1
            most = max(most, in_flight)
            await asyncio.sleep(0.01)
            in_flight -= 1
            return await super().reply(wire, tcp=tcp)

    server = Counting("", zones(1))
    limits = Limits(udp_timeout=60, budget=300, concurrency=8)
    observations = lookup([resolver(zones(1))], [server], *map(desired, DOMAINS), limits=limits)
    assert all(answer.usable for answer in answers(observations))
    assert len(server.queries) == queries
    assert most <= 8


def test_a_silent_server_costs_its_timeouts_once():
    """Its queries wait at the same time: one after the other, they would exceed the budget."""
    servers = [*(NameServer("", zones(4)) for _ in range(3)), NameServer(drop=True)]
    limits = Limits(udp_timeout=1, budget=30)
    observations = lookup([resolver(zones(4))], servers, *map(desired, DOMAINS), limits=limits)
    failures = Counter(answer.failure for answer in answers(observations))
    assert failures == {None: 30, QueryFailure.TIMEOUT: 10}
    assert set(Counter(servers[3].queries).values()) == {limits.udp_attempts}


class TestOverHttps:
    """DNS over HTTPS; plain HTTP on loopback."""

    @pytest.fixture
    def url(self):
        server = resolver({**zone(1), RECORD: [f'"{VALUE}"']})

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                assert self.headers["Content-Type"] == "application/dns-message"
                query = dns.message.from_wire(self.rfile.read(int(self.headers["Content-Length"])))
                assert query.id == 0
                octets = server.respond(query).to_wire()
                self.send_response(200 if self.path == "/dns-query" else 403)
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def log_message(self, *_):
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
            thread = Thread(target=listening.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{listening.server_port}"
            listening.shutdown()
            thread.join()

    def answer(self, url) -> Answer:
        connection = DnsConnection(resolvers=[parse_resolver(url)], limits=PATIENT)
        (answer,) = answers(asyncio.run(look_up((desired(),), connection)), ServerRole.RESOLVER)
        return answer

    def test_the_response(self, url):
        answer = self.answer(f"{url}/dns-query")
        assert (answer.values[0].joined, answer.location) == (VALUE, f"{url}/dns-query")

    def test_an_http_error(self, url):
        answer = self.answer(f"{url}/elsewhere")
        assert (answer.failure, answer.detail) == (QueryFailure.HTTP_ERROR, "HTTP status 403")

    def test_no_server(self):
        assert self.answer("http://127.0.0.1:1/dns-query").failure is QueryFailure.UNREACHABLE


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("1.1.1.1", "1.1.1.1", 53),
        ("127.0.0.1:5353", "127.0.0.1", 5353),
        ("::1", "::1", 53),
        ("[::1]:5353", "::1", 5353),
        ("[::1]", "::1", 53),
    ],
)
def test_a_resolver_is_an_address(text, host, port):
    assert parse_resolver(text) == Endpoint(text, ServerRole.RESOLVER, host, port)


@pytest.mark.parametrize(
    "text", ["dns.google", "http://dns.google/dns-query", "https://", "1.1.1.1:99999", ""]
)
def test_an_invalid_resolver_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        parse_resolver(text)
