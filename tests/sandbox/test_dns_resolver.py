"""The sandbox's resolvers: recursion, cache, and DNSSEC status."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import pytest

from provisioner.sandbox.dns import (
    Dns,
    Override,
    ServerOptions,
    add_record,
    add_zone,
    configure,
    flush,
    prefer_server,
    remove_record,
    set_clock_offset,
    set_security_status,
    txt,
)
from tests.sandbox.dns_fixtures import NS1, NS2, NS3, ZONE, Client, rcode, values

ONE, TWO = "resolver1.", "resolver2."
KIRO = f"kiro.{ZONE}"


@pytest.fixture
def store(dns_client: Client):
    dns_client.set_resolver_timeout()
    return dns_client.service.store


@pytest.mark.parametrize("tcp", [False, True])
def test_a_name_is_resolved_from_the_root_down(dns_client: Client, store, tcp):
    add_record(store, ZONE, "kiro", "TXT", txt("here"))
    response = dns_client.query(KIRO, host=ONE, tcp=tcp)
    assert values(response) == ['"here"']
    assert response.flags & dns.flags.RA
    assert not response.flags & dns.flags.AA


def test_a_delegation_is_followed(dns_client: Client, store):
    add_zone(store, f"deep.{ZONE}")
    add_record(store, f"deep.{ZONE}", "@", "TXT", txt("down here"))
    dns_client.service.refresh()
    assert values(dns_client.query(f"deep.{ZONE}", host=ONE)) == ['"down here"']


@pytest.mark.parametrize("name", ["unregistered.example.", "corp.internal.", "contoso.com."])
def test_a_name_without_delegation_does_not_exist(dns_client: Client, store, name):
    response = dns_client.query(name, host=ONE)
    assert rcode(response) == "NXDOMAIN"
    assert response.authority[0].name.to_text() == ("example." if name.endswith("example.") else ".")


def test_a_positive_answer_is_cached_for_its_ttl(dns_client: Client, store):
    add_record(store, ZONE, "kiro", "TXT", txt("old"), ttl=100)
    assert dns_client.query(KIRO, host=ONE).answer[0].ttl == 100
    remove_record(store, ZONE, "kiro", "TXT")
    add_record(store, ZONE, "kiro", "TXT", txt("new"), ttl=100)
    set_clock_offset(store, 60)
    again = dns_client.query(KIRO, host=ONE)
    assert values(again) == ['"old"']
    assert again.answer[0].ttl == 40
    assert values(dns_client.query(KIRO, host=TWO)) == ['"new"']  # each resolver has its own cache
    set_clock_offset(store, 101)
    assert values(dns_client.query(KIRO, host=ONE)) == ['"new"']


def test_a_negative_answer_is_cached_for_the_ttl_of_the_soa(dns_client: Client, store):
    assert rcode(dns_client.query(KIRO, host=ONE)) == "NXDOMAIN"
    add_record(store, ZONE, "kiro", "TXT", txt("new"))
    set_clock_offset(store, 899)
    again = dns_client.query(KIRO, host=ONE)
    assert rcode(again) == "NXDOMAIN"
    assert again.authority[0].ttl <= 2
    assert (
        rcode(dns_client.query(KIRO, "A", host=ONE)) == "NXDOMAIN"
    )  # a name that does not exist has no record of any type
    set_clock_offset(store, 901)
    assert values(dns_client.query(KIRO, host=ONE)) == ['"new"']


def test_nodata_is_cached_for_one_type(dns_client: Client, store):
    assert (
        rcode(dns_client.query(f"mail.{ZONE}", host=ONE)),
        values(dns_client.query(f"mail.{ZONE}", "A", ONE)),
    ) == (
        "NOERROR",
        ["192.0.2.25"],
    )
    add_record(store, ZONE, "mail", "TXT", txt("new"))
    assert values(dns_client.query(f"mail.{ZONE}", host=ONE)) == []


def test_flushing_a_cache(dns_client: Client, store):
    for resolver in (ONE, TWO):
        dns_client.query(KIRO, host=resolver)
    add_record(store, ZONE, "kiro", "TXT", txt("new"))
    flush(store, ONE)
    assert values(dns_client.query(KIRO, host=ONE)) == ['"new"']
    assert rcode(dns_client.query(KIRO, host=TWO)) == "NXDOMAIN"
    flush(store)
    assert values(dns_client.query(KIRO, host=TWO)) == ['"new"']


def test_the_cache_survives_the_process(tmp_path):
    with Dns(tmp_path) as first:
        client = Client(first.start())
        client.set_resolver_timeout()
        client.query(KIRO, host=ONE)
        add_record(first.store, ZONE, "kiro", "TXT", txt("new"))
    with Dns(tmp_path) as second:
        assert rcode(Client(second.start()).query(KIRO, host=ONE)) == "NXDOMAIN"


def test_a_cname_is_followed_across_zones(dns_client: Client, store):
    add_zone(store, "fabrikam.example")
    add_record(store, "fabrikam.example", "target", "TXT", txt("there"))
    add_record(store, ZONE, "kiro", "CNAME", "target.fabrikam.example.")
    add_record(store, ZONE, "dangling", "CNAME", "nothing.fabrikam.example.")
    add_record(store, ZONE, "loop", "CNAME", "loop")
    dns_client.service.refresh()
    for _ in ("resolved", "cached"):
        assert values(dns_client.query(KIRO, host=ONE)) == ['"there"', "target.fabrikam.example."]
        dangling = dns_client.query(f"dangling.{ZONE}", host=ONE)
        assert (rcode(dangling), values(dangling)) == ("NXDOMAIN", ["nothing.fabrikam.example."])
    assert rcode(dns_client.query(f"loop.{ZONE}", host=ONE)) == "SERVFAIL"


@pytest.mark.parametrize(
    "broken",
    [
        ServerOptions(mode="drop"),
        ServerOptions(mode="refuse"),
        ServerOptions(mode="servfail"),
        ServerOptions(mode="lame"),
        ServerOptions(edns="drop"),
    ],
    ids=lambda options: f"{options.mode}-{options.edns}",
)
def test_an_unusable_name_server_is_skipped(dns_client: Client, store, broken):
    dns_client.set_resolver_timeout(1)
    prefer_server(store, ONE, NS1)
    configure(store, NS1, broken)
    assert values(dns_client.query(f"mail.{ZONE}", "A", ONE)) == ["192.0.2.25"]
    for host in (NS2, NS3):
        configure(store, host, broken)
    set_clock_offset(store, 100_000)
    failed = dns_client.query(f"mail.{ZONE}", "A", ONE, use_edns=0)
    assert rcode(failed) == "SERVFAIL"
    assert failed.options[0].code == dns.edns.EDECode.NO_REACHABLE_AUTHORITY


@pytest.mark.parametrize("options", [{"mode": "truncate"}, {"edns": "formerr"}, {"edns": "ignore"}])
def test_a_resolver_falls_back_to_tcp_and_to_queries_without_edns(dns_client: Client, store, options):
    for host in (NS1, NS2, NS3):
        configure(store, host, options)
    assert values(dns_client.query(f"mail.{ZONE}", "A", ONE)) == ["192.0.2.25"]


def test_a_resolver_returns_the_response_of_the_server_that_it_queries(dns_client: Client, store):
    add_record(store, ZONE, "kiro", "TXT", txt("true"))
    configure(store, NS2, ServerOptions(overrides=(Override(KIRO, "TXT", (txt("false"),)),)))
    prefer_server(store, ONE, NS2)
    prefer_server(store, TWO, NS1)
    assert values(dns_client.query(KIRO, host=ONE)) == ['"false"']
    assert values(dns_client.query(KIRO, host=TWO)) == ['"true"']
    with pytest.raises(ValueError, match="there is no resolver"):
        prefer_server(store, NS1, NS2)


def test_name_servers_are_queried_in_rotation(dns_client: Client, store):
    for number, host in enumerate((NS1, NS2, NS3)):
        configure(store, host, ServerOptions(overrides=(Override(KIRO, "TXT", (txt(str(number)),), ttl=0),)))
    assert {values(dns_client.query(KIRO, host=ONE))[0] for _ in range(3)} == {'"0"', '"1"', '"2"'}


def test_bogus_is_servfail_unless_checking_is_disabled(dns_client: Client, store):
    set_security_status(store, ZONE, "bogus")
    failed = dns_client.query(f"mail.{ZONE}", "A", ONE, use_edns=0)
    assert rcode(failed) == "SERVFAIL"
    assert failed.options[0].code == dns.edns.EDECode.DNSSEC_BOGUS
    assert dns_client.query(f"mail.{ZONE}", "A", ONE).edns == -1
    unchecked = dns_client.query(f"mail.{ZONE}", "A", ONE, flags=dns.flags.RD | dns.flags.CD)
    assert values(unchecked) == ["192.0.2.25"]
    assert unchecked.flags & dns.flags.CD
    set_security_status(store, ZONE, "insecure")
    assert rcode(dns_client.query(f"mail.{ZONE}", "A", ONE)) == "NOERROR"
    with pytest.raises(ValueError, match="unknown status"):
        set_security_status(store, ZONE, "perhaps")


def test_secure_responses_have_ad_for_queries_with_ad_or_do(dns_client: Client, store):
    set_security_status(store, ".", "bogus")
    set_security_status(store, ZONE, "secure")
    for options in ({"want_dnssec": True}, {"flags": dns.flags.RD | dns.flags.AD}):
        assert dns_client.query(f"mail.{ZONE}", "A", ONE, **options).flags & dns.flags.AD
    assert not dns_client.query(f"mail.{ZONE}", "A", ONE).flags & dns.flags.AD


def test_a_query_without_rd_gets_cached_results_only(dns_client: Client, store):
    assert rcode(dns_client.query(KIRO, host=ONE, flags=0)) == "REFUSED"
    dns_client.query(KIRO, host=ONE)
    assert rcode(dns_client.query(KIRO, host=ONE, flags=0)) == "NXDOMAIN"


def test_unsupported_queries_are_refused(dns_client: Client):
    assert rcode(dns_client.send(dns_client.update(key=None), ONE)) == "NOTIMP"
    assert rcode(dns_client.query(ZONE, "AXFR", ONE, tcp=True)) == "NOTIMP"
    assert rcode(dns_client.query(ZONE, "TXT", ONE, rdclass="CH")) == "REFUSED"


def test_a_response_is_truncated_to_the_client_s_size(dns_client: Client, store):
    add_record(store, ZONE, "big", "TXT", *(txt(f"{number}" * 200) for number in range(8)))
    assert dns_client.query(f"big.{ZONE}", host=ONE, payload=1232).flags & dns.flags.TC
    assert len(dns_client.query(f"big.{ZONE}", host=ONE, tcp=True).answer[0]) == 8


def test_a_resolver_drops_queries(dns_client: Client, store):
    configure(store, ONE, ServerOptions(mode="drop"))
    dns_client.assert_dropped(dns.message.make_query(ZONE, "SOA"), ONE)
