"""The sandbox's resolvers: recursion, memory, what they think of DNSSEC."""

from __future__ import annotations

import dns.edns
import dns.flags
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
    return dns_client.service.store


@pytest.mark.parametrize("tcp", [False, True])
def test_an_answer_is_found_from_the_root_down(dns_client: Client, store, tcp):
    add_record(store, ZONE, "kiro", "TXT", txt("here"))
    answer = dns_client.ask(KIRO, host=ONE, tcp=tcp)
    assert values(answer) == ['"here"']
    assert answer.flags & dns.flags.RA
    assert not answer.flags & dns.flags.AA


def test_a_delegated_zone_is_reached(dns_client: Client, store):
    add_zone(store, f"deep.{ZONE}")
    add_record(store, f"deep.{ZONE}", "@", "TXT", txt("down here"))
    dns_client.service.refresh()
    assert values(dns_client.ask(f"deep.{ZONE}", host=ONE)) == ['"down here"']


@pytest.mark.parametrize("name", ["unregistered.example.", "corp.internal.", "contoso.com."])
def test_what_nobody_delegated_does_not_exist(dns_client: Client, name):
    answer = dns_client.ask(name, host=ONE)
    assert rcode(answer) == "NXDOMAIN"
    assert answer.authority[0].name.to_text() == ("example." if name.endswith("example.") else ".")


def test_an_answer_is_remembered_while_its_ttl_runs_down(dns_client: Client, store):
    add_record(store, ZONE, "kiro", "TXT", txt("old"), ttl=100)
    assert dns_client.ask(KIRO, host=ONE).answer[0].ttl == 100
    remove_record(store, ZONE, "kiro", "TXT")
    add_record(store, ZONE, "kiro", "TXT", txt("new"), ttl=100)
    set_clock_offset(store, 60)
    again = dns_client.ask(KIRO, host=ONE)
    assert values(again) == ['"old"']
    assert again.answer[0].ttl == 40
    assert values(dns_client.ask(KIRO, host=TWO)) == ['"new"']  # each resolver has a memory of its own
    set_clock_offset(store, 101)
    assert values(dns_client.ask(KIRO, host=ONE)) == ['"new"']


def test_absence_is_remembered_as_long_as_the_soa_says(dns_client: Client, store):
    assert rcode(dns_client.ask(KIRO, host=ONE)) == "NXDOMAIN"
    add_record(store, ZONE, "kiro", "TXT", txt("new"))
    set_clock_offset(store, 899)
    again = dns_client.ask(KIRO, host=ONE)
    assert rcode(again) == "NXDOMAIN"
    assert again.authority[0].ttl <= 2
    assert (
        rcode(dns_client.ask(KIRO, "A", host=ONE)) == "NXDOMAIN"
    )  # a name that does not exist has no record of any type
    set_clock_offset(store, 901)
    assert values(dns_client.ask(KIRO, host=ONE)) == ['"new"']


def test_the_absence_of_one_type_says_nothing_of_another(dns_client: Client, store):
    assert (
        rcode(dns_client.ask(f"mail.{ZONE}", host=ONE)),
        values(dns_client.ask(f"mail.{ZONE}", "A", ONE)),
    ) == (
        "NOERROR",
        ["192.0.2.25"],
    )
    add_record(store, ZONE, "mail", "TXT", txt("new"))
    assert values(dns_client.ask(f"mail.{ZONE}", host=ONE)) == []


def test_a_resolver_can_be_made_to_forget(dns_client: Client, store):
    for resolver in (ONE, TWO):
        dns_client.ask(KIRO, host=resolver)
    add_record(store, ZONE, "kiro", "TXT", txt("new"))
    flush(store, ONE)
    assert values(dns_client.ask(KIRO, host=ONE)) == ['"new"']
    assert rcode(dns_client.ask(KIRO, host=TWO)) == "NXDOMAIN"
    flush(store)
    assert values(dns_client.ask(KIRO, host=TWO)) == ['"new"']


def test_what_was_remembered_outlives_the_process(tmp_path):
    with Dns(tmp_path) as first:
        Client(first.start()).ask(KIRO, host=ONE)
        add_record(first.store, ZONE, "kiro", "TXT", txt("new"))
    with Dns(tmp_path) as second:
        assert rcode(Client(second.start()).ask(KIRO, host=ONE)) == "NXDOMAIN"


def test_an_alias_is_followed_from_zone_to_zone(dns_client: Client, store):
    add_zone(store, "fabrikam.example")
    add_record(store, "fabrikam.example", "target", "TXT", txt("there"))
    add_record(store, ZONE, "kiro", "CNAME", "target.fabrikam.example.")
    add_record(store, ZONE, "dangling", "CNAME", "nothing.fabrikam.example.")
    add_record(store, ZONE, "loop", "CNAME", "loop")
    dns_client.service.refresh()
    for _ in ("asked", "remembered"):
        assert values(dns_client.ask(KIRO, host=ONE)) == ['"there"', "target.fabrikam.example."]
        dangling = dns_client.ask(f"dangling.{ZONE}", host=ONE)
        assert (rcode(dangling), values(dangling)) == ("NXDOMAIN", ["nothing.fabrikam.example."])
    assert rcode(dns_client.ask(f"loop.{ZONE}", host=ONE)) == "SERVFAIL"


@pytest.mark.parametrize(
    "broken",
    [
        ServerOptions(mode="drop"),
        ServerOptions(mode="refuse"),
        ServerOptions(mode="servfail"),
        ServerOptions(mode="lame"),
        ServerOptions(edns="drop"),
    ],
    ids=lambda each: f"{each.mode}-{each.edns}",
)
def test_a_server_that_is_of_no_use_is_passed_over(dns_client: Client, store, broken):
    prefer_server(store, ONE, NS1)
    configure(store, NS1, broken)
    assert values(dns_client.ask(f"mail.{ZONE}", "A", ONE)) == ["192.0.2.25"]
    for host in (NS2, NS3):
        configure(store, host, broken)
    set_clock_offset(store, 100_000)
    failed = dns_client.ask(f"mail.{ZONE}", "A", ONE, use_edns=0)
    assert rcode(failed) == "SERVFAIL"
    assert failed.options[0].code == dns.edns.EDECode.NO_REACHABLE_AUTHORITY


@pytest.mark.parametrize("behaviour", [{"mode": "truncate"}, {"edns": "formerr"}, {"edns": "ignore"}])
def test_a_resolver_falls_back_to_tcp_and_to_plain_dns(dns_client: Client, store, behaviour):
    for host in (NS1, NS2, NS3):
        configure(store, host, behaviour)
    assert values(dns_client.ask(f"mail.{ZONE}", "A", ONE)) == ["192.0.2.25"]


def test_a_resolver_believes_the_server_that_it_asks(dns_client: Client, store):
    add_record(store, ZONE, "kiro", "TXT", txt("true"))
    configure(store, NS2, ServerOptions(overrides=(Override(KIRO, "TXT", (txt("false"),)),)))
    prefer_server(store, ONE, NS2)
    prefer_server(store, TWO, NS1)
    assert values(dns_client.ask(KIRO, host=ONE)) == ['"false"']
    assert values(dns_client.ask(KIRO, host=TWO)) == ['"true"']
    with pytest.raises(ValueError, match="there is no resolver"):
        prefer_server(store, NS1, NS2)


def test_servers_take_turns(dns_client: Client, store):
    for number, host in enumerate((NS1, NS2, NS3)):
        configure(store, host, ServerOptions(overrides=(Override(KIRO, "TXT", (txt(str(number)),), ttl=0),)))
    assert {values(dns_client.ask(KIRO, host=ONE))[0] for _ in range(3)} == {'"0"', '"1"', '"2"'}


def test_bogus_is_servfail_unless_checking_is_disabled(dns_client: Client, store):
    set_security_status(store, ZONE, "bogus")
    failed = dns_client.ask(f"mail.{ZONE}", "A", ONE, use_edns=0)
    assert rcode(failed) == "SERVFAIL"
    assert failed.options[0].code == dns.edns.EDECode.DNSSEC_BOGUS
    assert dns_client.ask(f"mail.{ZONE}", "A", ONE).edns == -1
    unchecked = dns_client.ask(f"mail.{ZONE}", "A", ONE, flags=dns.flags.RD | dns.flags.CD)
    assert values(unchecked) == ["192.0.2.25"]
    assert unchecked.flags & dns.flags.CD
    set_security_status(store, ZONE, "insecure")
    assert rcode(dns_client.ask(f"mail.{ZONE}", "A", ONE)) == "NOERROR"
    with pytest.raises(ValueError, match="unknown status"):
        set_security_status(store, ZONE, "perhaps")


def test_secure_answers_say_so_to_those_who_ask(dns_client: Client, store):
    set_security_status(store, ".", "bogus")
    set_security_status(store, ZONE, "secure")
    for options in ({"want_dnssec": True}, {"flags": dns.flags.RD | dns.flags.AD}):
        assert dns_client.ask(f"mail.{ZONE}", "A", ONE, **options).flags & dns.flags.AD
    assert not dns_client.ask(f"mail.{ZONE}", "A", ONE).flags & dns.flags.AD


def test_without_recursion_only_what_is_remembered_is_told(dns_client: Client):
    assert rcode(dns_client.ask(KIRO, host=ONE, flags=0)) == "REFUSED"
    dns_client.ask(KIRO, host=ONE)
    assert rcode(dns_client.ask(KIRO, host=ONE, flags=0)) == "NXDOMAIN"


def test_a_resolver_takes_no_updates_and_no_other_classes(dns_client: Client):
    assert rcode(dns_client.send(dns_client.update(key=None), ONE)) == "NOTIMP"
    assert rcode(dns_client.ask(ZONE, "AXFR", ONE, tcp=True)) == "NOTIMP"
    assert rcode(dns_client.ask(ZONE, "TXT", ONE, rdclass="CH")) == "REFUSED"


def test_a_large_answer_is_cut_for_a_small_asker(dns_client: Client, store):
    add_record(store, ZONE, "big", "TXT", *(txt(f"{number}" * 200) for number in range(8)))
    assert dns_client.ask(f"big.{ZONE}", host=ONE, payload=1232).flags & dns.flags.TC
    assert len(dns_client.ask(f"big.{ZONE}", host=ONE, tcp=True).answer[0]) == 8


def test_a_resolver_may_misbehave_too(dns_client: Client, store):
    configure(store, ONE, ServerOptions(mode="drop"))
    with pytest.raises(dns.exception.Timeout):
        dns_client.ask(ZONE, "SOA", ONE, timeout=0.3)
