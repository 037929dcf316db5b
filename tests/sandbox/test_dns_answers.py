"""What a name server of the sandbox answers, and that its zones outlive it."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.opcode
import dns.rdatatype
import pytest

from provisioner.sandbox.dns import (
    Dns,
    add_record,
    add_zone,
    records,
    remove_record,
    remove_zone,
    serial,
    txt,
    zone_names,
)
from tests.sandbox.dns_fixtures import NS1, NS2, NS3, ZONE, Client, rcode, values


@pytest.fixture
def client(dns_client: Client) -> Client:
    return dns_client


@pytest.fixture
def service(dns_client: Client) -> Dns:
    return dns_client.service


@pytest.mark.parametrize("tcp", [False, True])
def test_every_server_of_the_zone_answers_with_authority(client, tcp):
    for host in (NS1, NS2, NS3):
        answer = client.ask(ZONE, "NS", host, tcp=tcp)
        assert values(answer) == [NS1, NS2, NS3]
        assert answer.flags & dns.flags.AA
        assert not answer.flags & dns.flags.RA
    assert len({client.where(host) for host in (NS1, NS2, NS3)}) == 3


def test_a_text_record_keeps_its_strings(client, service):
    long = "x" * 255
    add_record(service.store, ZONE, "kiro", "TXT", txt(long, b'q"\\\x00\xff', ""), txt("one"))
    answer = client.ask(f"kiro.{ZONE}")
    strings = {rdata.strings for rdata in answer.answer[0]}
    assert strings == {(long.encode(), b'q"\\\x00\xff', b""), (b"one",)}


@pytest.mark.parametrize("strings", [(), ("x" * 256,)])
def test_a_string_of_more_than_255_octets_is_refused(strings):
    with pytest.raises(ValueError, match="255 octets"):
        txt(*strings)


def test_what_does_not_exist_and_what_has_no_such_record_are_told_apart(client):
    missing, empty = client.ask(f"nothing.{ZONE}"), client.ask(f"mail.{ZONE}")
    assert (rcode(missing), rcode(empty)) == ("NXDOMAIN", "NOERROR")
    for answer in (missing, empty):
        assert answer.answer == []
        soa = answer.find_rrset(answer.authority, dns.name.from_text(ZONE), 1, dns.rdatatype.SOA)
        assert soa.ttl == 900
        assert soa[0].minimum == 900
        assert answer.flags & dns.flags.AA


def test_the_negative_ttl_is_the_soas_own_where_that_is_less(client, service):
    soa = records(service.store, ZONE)[ZONE]["SOA"]["data"][0]
    add_record(service.store, ZONE, "@", "SOA", soa, ttl=60)
    assert client.ask(f"nothing.{ZONE}").authority[0].ttl == 60


def test_a_name_above_another_one_exists_without_records(client, service):
    add_record(service.store, ZONE, "a.b", "TXT", txt("deep"))
    answer = client.ask(f"b.{ZONE}")
    assert (rcode(answer), answer.answer) == ("NOERROR", [])


def test_an_alias_is_followed_inside_the_zone(client, service):
    add_record(service.store, ZONE, "real", "TXT", txt("here"))
    add_record(service.store, ZONE, "alias", "CNAME", "real")
    add_record(service.store, ZONE, "away", "CNAME", "elsewhere.test.")
    add_record(service.store, ZONE, "dangling", "CNAME", "nothing")
    assert values(client.ask(f"alias.{ZONE}")) == ['"here"', f"real.{ZONE}"]
    assert values(client.ask(f"alias.{ZONE}", "CNAME")) == [f"real.{ZONE}"]
    assert values(client.ask(f"away.{ZONE}")) == ["elsewhere.test."]
    dangling = client.ask(f"dangling.{ZONE}")
    assert (rcode(dangling), values(dangling)) == ("NXDOMAIN", [f"nothing.{ZONE}"])


def test_an_alias_that_points_to_itself_ends(client, service):
    add_record(service.store, ZONE, "loop", "CNAME", "loop")
    assert client.ask(f"loop.{ZONE}").answer


def test_an_alias_stands_alone(service):
    with pytest.raises(ValueError, match="CNAME beside"):
        add_record(service.store, ZONE, "mail", "CNAME", "real")


def test_a_wildcard_answers_for_names_that_do_not_exist(client, service):
    add_record(service.store, ZONE, "*", "TXT", txt("any"))
    add_record(service.store, ZONE, "x.deep", "TXT", txt("x"))
    answer = client.ask(f"Anything.at.all.{ZONE}")
    assert values(answer) == ['"any"']
    assert answer.answer[0].name.to_text() == f"Anything.at.all.{ZONE}"
    assert client.ask(f"mail.{ZONE}").answer == []
    assert (
        rcode(client.ask(f"y.deep.{ZONE}")) == "NXDOMAIN"
    )  # RFC 4592: "deep" exists, and has no wildcard below it


def test_names_may_be_in_any_script_and_case(client, service):
    add_zone(service.store, "Bücher.example")
    add_record(service.store, "xn--bcher-kva.example", "Überall", "TXT", txt("ü"))
    service.refresh()
    answer = client.ask("XN--BERALL-2YA.xn--bcher-kva.EXAMPLE.", host="ns2.xn--bcher-kva.example.")
    assert answer.answer[0][0].strings == ("ü".encode(),)
    assert "xn--bcher-kva.example." in zone_names(service.store)


def test_a_delegated_zone_is_referred_to(client, service):
    add_zone(service.store, f"sub.{ZONE}", servers=["ns1", NS2])
    service.refresh()
    referral = client.ask(f"www.sub.{ZONE}")
    assert not referral.flags & dns.flags.AA
    assert referral.answer == []
    assert {rdata.to_text() for rdata in referral.authority[0]} == {f"ns1.sub.{ZONE}", NS2}
    assert referral.additional
    assert rcode(client.ask(f"www.sub.{ZONE}", host=f"ns1.sub.{ZONE}")) == "NXDOMAIN"
    assert client.ask(f"www.sub.{ZONE}", host=NS2).flags & dns.flags.AA  # it serves both
    remove_zone(service.store, f"sub.{ZONE}")
    service.refresh()
    assert rcode(client.ask(f"www.sub.{ZONE}")) == "NXDOMAIN"
    assert f"ns1.sub.{ZONE}" not in service.name_servers()
    assert NS2 in service.name_servers()


def test_a_stranger_s_zone_is_refused(client):
    assert rcode(client.ask("fabrikam.example.")) == "REFUSED"
    assert rcode(client.ask("fabrikam.example.", host="a.nic.example.")) == "NXDOMAIN"


def test_what_is_not_served_is_said_to_be_so(client):
    assert rcode(client.ask(ZONE, "AXFR", tcp=True)) == "REFUSED"
    notify = dns.message.make_query(ZONE, "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    assert rcode(client.send(notify)) == "NOTIMP"
    assert rcode(client.ask(ZONE, "TXT", rdclass="CH")) == "REFUSED"


def test_each_change_raises_the_serial_and_no_change_does_not(client, service):
    before = serial(service.store, ZONE)
    add_record(service.store, ZONE, "a", "TXT", txt("1"))
    add_record(service.store, ZONE, "a", "TXT", txt("1"))
    assert serial(service.store, ZONE) == before + 1
    remove_record(service.store, ZONE, "a", "TXT", txt("2"))
    assert serial(service.store, ZONE) == before + 1
    remove_record(service.store, ZONE, "a", "TXT")
    assert client.ask(ZONE, "SOA").answer[0][0].serial == before + 2
    assert rcode(client.ask(f"a.{ZONE}")) == "NXDOMAIN"


def test_zones_and_ports_outlive_the_process(tmp_path):
    with Dns(tmp_path) as first:
        add_record(first.start().store, ZONE, "kept", "TXT", txt("still here"))
        glue = first.name_servers()
    with Dns(tmp_path) as second:
        assert second.start().name_servers() == glue
        assert values(Client(second).ask(f"kept.{ZONE}")) == ['"still here"']


def test_another_process_steers_a_running_one(tmp_path, client):
    with Dns(tmp_path) as other:
        add_record(other.store, ZONE, "new", "TXT", txt("from outside"))
    assert values(client.ask(f"new.{ZONE}")) == ['"from outside"']


@pytest.mark.parametrize(
    ("name", "kind", "value", "said"),
    [
        ("out.side.", "TXT", '"a"', "outside the zone"),
        ("a..b", "TXT", '"a"', "not a domain name"),
        ("x" * 64, "TXT", '"a"', "not a domain name"),
        ("a", "NOTHING", "1", "unknown record type"),
        ("a", "ANY", "1", "not a type that a record can have"),
        ("a", "A", "300.1.1.1", "not the data of a A record"),
        ("a", "TXT", '"' + "x" * 256 + '"', "not the data of a TXT record"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_written(service, name, kind, value, said):
    before = serial(service.store, ZONE)
    with pytest.raises(ValueError, match=said):
        add_record(service.store, ZONE, name, kind, value)
    assert serial(service.store, ZONE) == before


def test_a_zone_keeps_its_soa(service):
    with pytest.raises(ValueError, match="needs a SOA"):
        remove_record(service.store, ZONE, "@", "NS")
    with pytest.raises(ValueError, match="exists"):
        add_zone(service.store, ZONE)
    with pytest.raises(ValueError, match="there is no zone"):
        remove_zone(service.store, "fabrikam.example")
