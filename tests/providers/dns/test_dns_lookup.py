"""The look at the DNS, against name servers on loopback."""

from __future__ import annotations

import asyncio
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from provisioner.providers.dns.checks import diagnose
from provisioner.providers.dns.lookup import look
from provisioner.providers.dns.names import parse_domain, record_name
from provisioner.providers.dns.observations import Answer, Failure, Place, Role, Zone
from provisioner.providers.dns.propagation import State, progress
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import Endpoint, Limits, resolver
from tests.providers.dns.name_server import NameServer, serving

VALUE = "kiro-site-verification=11111111-2222-3333-4444-555555555555"
RECORD = "kiro-app-1.example.net TXT"
QUICK = Limits(datagram=0.2, stream=0.5, budget=5)


def wanted(domain: str = "example.net", label: str = "kiro-app-1", value: str = VALUE) -> DomainRecord:
    name = record_name(label, parse_domain(domain))
    return DomainRecord(key=domain, label=name.label, name=name.name, value=value)


def zone(count: int = 2, domain: str = "example.net") -> dict[str, list[str]]:
    names = [f"ns{number}.example.net." for number in range(1, count + 1)]
    return {f"{domain} NS": names, f"{domain} A": ["192.0.2.1"]}


def cache(records, **more) -> NameServer:
    return NameServer("", records, authoritative=False, **more)


def looked(resolvers, authoritative, *records, limits=QUICK, **more):
    """One look; the authoritative servers are ns1, ns2, ..."""

    async def run():
        async with serving(*resolvers, *authoritative):
            servers = {
                f"ns{number}.example.net": ("127.0.0.1", server.port)
                for number, server in enumerate(authoritative, 1)
            }
            asked = [resolver(f"127.0.0.1:{server.port}") for server in resolvers]
            return await look(records or (wanted(),), resolvers=asked, servers=servers, limits=limits, **more)

    return asyncio.run(run())


def answers(seen, role=Role.AUTHORITATIVE, place=Place.RECORD) -> list[Answer]:
    return [one for one in seen if isinstance(one, Answer) and (one.role, one.place) == (role, place)]


def ids(seen, *records) -> set[str]:
    return {one.id for one in diagnose(records or (wanted(),), seen)}


def test_everything_is_asked_and_told():
    records = {**zone(), RECORD: [f'"{VALUE[:20]}" "{VALUE[20:]}"']}
    seen = looked([cache(records)], [NameServer(records=records), NameServer(records=records)])
    (found,) = (one for one in seen if isinstance(one, Zone))
    assert (found.zone, found.registered) == ("example.net", True)
    assert [server.name for server in found.servers] == ["ns1.example.net", "ns2.example.net"]
    for one in answers(seen):
        assert (one.rcode, one.ttl, one.authoritative, one.failure) == ("NOERROR", 300, True, None)
        assert one.values[0].strings == (VALUE[:20], VALUE[20:])
        assert one.values[0].joined == VALUE
        assert 0 < one.elapsed_ms < 1000
    places = {place: {one.name for one in answers(seen, place=place)} for place in Place}
    assert places == {
        Place.RECORD: {"kiro-app-1.example.net"},
        Place.APEX: {"example.net"},
        Place.GUESS: {"kiro-app-2.example.net"},
        Place.DOUBLED: {"kiro-app-1.example.net.example.net"},
    }
    assert len(answers(seen, Role.RESOLVER)) == 1
    assert ids(seen) == {"dns-value-split"}
    assert progress((wanted(),), seen)["example.net"].state is State.EVERYWHERE


def test_what_is_missing_comes_with_the_time_for_which_that_is_remembered():
    records = zone()
    seen = looked([cache(records)], [NameServer(records=records, minimum=900)] * 1)
    (one,) = answers(seen)
    assert (one.rcode, one.missing) == ("NXDOMAIN", True)
    assert one.soa
    assert (one.soa.zone, one.soa.minimum, one.soa.negative_ttl) == ("example.net", 900, 900)
    (apex,) = answers(seen, place=Place.APEX)
    assert (apex.rcode, apex.missing) == ("NOERROR", True)
    told = progress((wanted(),), seen)["example.net"]
    assert (told.state, told.seconds) == (State.MISSING, 900)


def test_an_alias_is_followed_as_far_as_the_answer_goes():
    records = {**zone(), "kiro-app-1.example.net CNAME": ["elsewhere.example.org."]}
    seen = looked(
        [cache({**records, "elsewhere.example.org TXT": ['"other"']})], [NameServer(records=records)]
    )
    assert answers(seen)[0].cnames == ("elsewhere.example.org",)
    (cached,) = answers(seen, Role.RESOLVER)
    assert (cached.cnames, cached.values[0].joined) == (("elsewhere.example.org",), "other")
    assert "dns-cname-in-the-way" in ids(seen)


def test_a_long_answer_comes_over_tcp():
    records = {**zone(), RECORD: [f'"{VALUE}"', *(f'"{number:04}{"x" * 200}"' for number in range(30))]}
    (one,) = answers(looked([cache(records)], [NameServer(records=records)]))
    assert (one.truncated, one.tcp, len(one.values)) == (True, True, 31)


def test_a_long_answer_without_tcp_is_a_failure_of_its_own():
    records = {**zone(), RECORD: [f'"{number:04}{"x" * 200}"' for number in range(30)]}
    seen = looked([cache(records)], [NameServer(records=records, tcp=False)])
    (one,) = answers(seen)
    assert (one.failure, one.rcode) == (Failure.TRUNCATED, None)
    assert "dns-tcp-blocked" in ids(seen)


def test_a_server_that_does_not_know_edns_is_asked_without():
    records = {**zone(), RECORD: [f'"{VALUE}"']}
    (one,) = answers(looked([cache(records)], [NameServer(records=records, no_edns=True)]))
    assert (one.edns, one.values[0].joined) == (False, VALUE)


def test_servers_that_fail_are_told_apart():
    records = {**zone(4), RECORD: [f'"{VALUE}"']}
    lame, dropping = NameServer(None), NameServer(records=records, drop=True)
    seen = looked(
        [cache(records)], [NameServer(records=records), lame, dropping, NameServer(records=zone(4))]
    )
    good, refused, silent, behind = answers(seen)
    assert good.said
    assert (refused.rcode, refused.said) == ("REFUSED", False)
    assert (silent.failure, silent.rcode) == (Failure.TIMEOUT, None)
    assert behind.missing
    assert {"dns-server-lame", "dns-server-unreachable", "dns-servers-disagree"} <= ids(seen)


def test_a_port_where_nobody_listens_is_unreachable_or_silent():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    records = zone(1)

    async def run():
        async with serving(cache(records)) as (server,):
            return await look(
                (wanted(),),
                resolvers=[resolver(f"127.0.0.1:{server.port}")],
                servers={"ns1.example.net": ("127.0.0.1", port)},
                limits=QUICK,
            )

    (one,) = answers(asyncio.run(run()))
    assert one.failure in {Failure.UNREACHABLE, Failure.TIMEOUT}


def test_what_a_validating_resolver_refuses_is_asked_again_without_validation():
    def validating(query, response):
        if not query.flags & dns.flags.CD:
            failed = dns.message.make_response(query)
            failed.set_rcode(dns.rcode.SERVFAIL)
            failed.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.SIGNATURE_EXPIRED, "too old")])
            return failed
        return response

    records = {**zone(1), RECORD: [f'"{VALUE}"']}
    seen = looked([cache(records, change=validating)], [NameServer(records=records)])
    (one,) = answers(seen, Role.RESOLVER)
    assert (one.rcode, one.bogus, one.extended) == ("SERVFAIL", True, ("7: too old",))
    assert ids(seen) == {"dns-dnssec-bogus", "dns-domain-private"}  # example.net is reserved


def test_a_resolver_that_only_fails_is_not_bogus():
    def failing(query, response):
        failed = dns.message.make_response(query)
        failed.set_rcode(dns.rcode.SERVFAIL)
        return failed

    records = {**zone(1), RECORD: [f'"{VALUE}"']}
    seen = looked([cache(records), cache(records, change=failing)], [NameServer(records=records)])
    assert [one.bogus for one in answers(seen, Role.RESOLVER)] == [False, False]
    assert ids(seen) == {"dns-resolver-unreachable"}


def test_an_unregistered_domain_is_found_out():
    seen = looked([NameServer("net", {"other.net A": ["192.0.2.1"]}, authoritative=False)], [])
    (found,) = (one for one in seen if isinstance(one, Zone))
    assert (found.zone, found.registered) == (None, False)


def test_nobody_answers_and_nothing_is_raised():
    seen = looked([cache({}, drop=True)], [])
    (found,) = (one for one in seen if isinstance(one, Zone))
    assert (found.zone, found.registered, found.problem) == (None, None, "no resolver answered")
    assert answers(seen, Role.RESOLVER)[0].failure is Failure.TIMEOUT
    assert progress((wanted(),), seen)["example.net"].state is State.UNKNOWN


def test_the_budget_bounds_everything():
    begun = time.monotonic()
    seen = looked([cache({}, drop=True)], [], limits=Limits(datagram=5, budget=0.3))
    assert time.monotonic() - begun < 2
    assert {one.failure for one in answers(seen, Role.RESOLVER)} == {Failure.BUDGET}


def test_addresses_are_looked_up_where_they_are_not_known():
    records = {**zone(1), "ns1.example.net A": ["192.0.2.53"], "ns1.example.net AAAA": ["2001:db8::53"]}

    async def run():
        async with serving(cache(records), NameServer(records=records)) as (server, own):
            servers = dict.fromkeys(("192.0.2.53", "2001:db8::53"), ("127.0.0.1", own.port))
            asked = [resolver(f"127.0.0.1:{server.port}")]
            return await look((wanted(),), resolvers=asked, servers=servers, limits=QUICK)

    seen = asyncio.run(run())
    (found,) = (one for one in seen if isinstance(one, Zone))
    assert found.servers[0].addresses == ("192.0.2.53", "2001:db8::53")
    assert len(answers(seen)) == 1  # both addresses are one endpoint here


def test_a_server_without_address_is_told():
    records = zone(1)
    seen = looked([cache(records)], [])
    assert "dns-server-without-address" in ids(seen)


def test_a_delegated_label_is_a_zone_of_its_own():
    records = {**zone(1), "kiro-app-1.example.net NS": ["ns1.example.net."], RECORD: [f'"{VALUE}"']}
    seen = looked([cache(records)], [NameServer(records=records)])
    (found,) = (one for one in seen if isinstance(one, Zone))
    assert found.zone == "kiro-app-1.example.net"


def test_resolvers_are_not_made_to_remember_that_the_record_is_missing():
    records = zone(1)
    public = cache(records)
    seen = looked([public], [NameServer(records=records)], early=False)
    assert not answers(seen, Role.RESOLVER)
    assert not [asked for asked in public.asked if asked.startswith("kiro-app-1")]
    assert answers(seen)[0].missing


def test_values_that_are_no_text_are_shown_somehow():
    records = {**zone(1), RECORD: ['"\\255\\000x"', '"b\\195\\188cher"']}
    (one,) = answers(looked([cache(records)], [NameServer(records=records)]))
    assert [value.joined for value in one.values] == ["\\xff\x00x", "b\u00fccher"]


def test_ten_domains_on_four_servers_take_about_as_long_as_the_slowest_answer():
    domains = [f"d{number}.net" for number in range(10)]
    records = {key: value for domain in domains for key, value in zone(4, domain).items()}
    servers = [NameServer("", records, wait=0.1) for _ in range(4)]
    begun = time.monotonic()
    seen = looked(
        [cache(records, wait=0.1)], servers, *map(wanted, domains), limits=Limits(datagram=2, budget=10)
    )
    elapsed = time.monotonic() - begun
    assert len(answers(seen)) == 40
    assert all(one.said for one in answers(seen))
    assert elapsed < 1.5


def test_one_server_that_never_answers_costs_its_timeout_once():
    domains = [f"d{number}.net" for number in range(10)]
    records = {key: value for domain in domains for key, value in zone(4, domain).items()}
    servers = [NameServer("", records), *(NameServer("", records) for _ in range(2)), NameServer(drop=True)]
    begun = time.monotonic()
    seen = looked([cache(records)], servers, *map(wanted, domains), limits=Limits(datagram=0.4, budget=10))
    assert time.monotonic() - begun < 2.5
    assert sum(one.failure is Failure.TIMEOUT for one in answers(seen)) == 10


class TestOverHttps:
    """DNS over HTTPS; plain HTTP on loopback."""

    @pytest.fixture
    def url(self):
        server = cache({**zone(1), RECORD: [f'"{VALUE}"']})

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                assert self.headers["Content-Type"] == "application/dns-message"
                query = dns.message.from_wire(self.rfile.read(int(self.headers["Content-Length"])))
                assert query.id == 0
                octets = server.answer(query).to_wire()
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

    def seen(self, url):
        return asyncio.run(look((wanted(),), resolvers=[resolver(url)], limits=QUICK))

    def test_it_answers(self, url):
        (one,) = answers(self.seen(f"{url}/dns-query"), Role.RESOLVER)
        assert (one.values[0].joined, one.location) == (VALUE, f"{url}/dns-query")

    def test_an_http_error_is_told(self, url):
        (one,) = answers(self.seen(f"{url}/elsewhere"), Role.RESOLVER)
        assert (one.failure, one.detail) == (Failure.REFUSED_HTTP, "HTTP status 403")

    def test_nobody_there_is_told(self):
        (one,) = answers(self.seen("http://127.0.0.1:1/dns-query"), Role.RESOLVER)
        assert one.failure is Failure.UNREACHABLE


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
    assert resolver(text) == Endpoint(text, Role.RESOLVER, host, port)


@pytest.mark.parametrize(
    "text", ["dns.google", "http://dns.google/dns-query", "https://", "1.1.1.1:99999", ""]
)
def test_what_is_no_resolver_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        resolver(text)
