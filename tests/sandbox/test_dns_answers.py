"""Responses of the authoritative name servers, and zones that survive the process."""

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
def test_every_name_server_responds_authoritatively(client, tcp):
    for host in (NS1, NS2, NS3):
        response = client.query(ZONE, "NS", host, tcp=tcp)
        assert values(response) == [NS1, NS2, NS3]
        assert response.flags & dns.flags.AA
        assert not response.flags & dns.flags.RA
    assert len({client.address(host) for host in (NS1, NS2, NS3)}) == 3


def test_a_txt_record_has_its_strings(client, service):
    long = "x" * 255
    add_record(service.store, ZONE, "kiro", "TXT", txt(long, b'q"\\\x00\xff', ""), txt("one"))
    response = client.query(f"kiro.{ZONE}")
    strings = {rdata.strings for rdata in response.answer[0]}
    assert strings == {(long.encode(), b'q"\\\x00\xff', b""), (b"one",)}


@pytest.mark.parametrize("strings", [(), ("x" * 256,)])
def test_a_string_of_more_than_255_octets_is_refused(strings):
    with pytest.raises(ValueError, match="255 octets"):
        txt(*strings)


def test_nxdomain_and_nodata_differ(client):
    nxdomain, nodata = client.query(f"nothing.{ZONE}"), client.query(f"mail.{ZONE}")
    assert (rcode(nxdomain), rcode(nodata)) == ("NXDOMAIN", "NOERROR")
    for response in (nxdomain, nodata):
        assert response.answer == []
        soa = response.find_rrset(response.authority, dns.name.from_text(ZONE), 1, dns.rdatatype.SOA)
        assert soa.ttl == 900
        assert soa[0].minimum == 900
        assert response.flags & dns.flags.AA


def test_the_negative_ttl_is_the_lesser_of_ttl_and_minimum(client, service):
    soa = records(service.store, ZONE)[ZONE]["SOA"]["data"][0]
    add_record(service.store, ZONE, "@", "SOA", soa, ttl=60)
    assert client.query(f"nothing.{ZONE}").authority[0].ttl == 60


def test_an_empty_non_terminal_exists(client, service):
    add_record(service.store, ZONE, "a.b", "TXT", txt("deep"))
    response = client.query(f"b.{ZONE}")
    assert (rcode(response), response.answer) == ("NOERROR", [])


def test_a_cname_is_followed_inside_the_zone(client, service):
    add_record(service.store, ZONE, "real", "TXT", txt("here"))
    add_record(service.store, ZONE, "alias", "CNAME", "real")
    add_record(service.store, ZONE, "away", "CNAME", "elsewhere.test.")
    add_record(service.store, ZONE, "dangling", "CNAME", "nothing")
    assert values(client.query(f"alias.{ZONE}")) == ['"here"', f"real.{ZONE}"]
    assert values(client.query(f"alias.{ZONE}", "CNAME")) == [f"real.{ZONE}"]
    assert values(client.query(f"away.{ZONE}")) == ["elsewhere.test."]
    dangling = client.query(f"dangling.{ZONE}")
    assert (rcode(dangling), values(dangling)) == ("NXDOMAIN", [f"nothing.{ZONE}"])


def test_a_cname_loop_ends(client, service):
    add_record(service.store, ZONE, "loop", "CNAME", "loop")
    assert client.query(f"loop.{ZONE}").answer


def test_a_cname_excludes_other_records(service):
    with pytest.raises(ValueError, match="CNAME beside"):
        add_record(service.store, ZONE, "mail", "CNAME", "real")


def test_a_wildcard_answers_for_names_that_do_not_exist(client, service):
    add_record(service.store, ZONE, "*", "TXT", txt("any"))
    add_record(service.store, ZONE, "x.deep", "TXT", txt("x"))
    response = client.query(f"Anything.at.all.{ZONE}")
    assert values(response) == ['"any"']
    assert response.answer[0].name.to_text() == f"Anything.at.all.{ZONE}"
    assert client.query(f"mail.{ZONE}").answer == []
    assert (
        rcode(client.query(f"y.deep.{ZONE}")) == "NXDOMAIN"
    )  # RFC 4592: "deep" exists, and has no wildcard below it


def test_names_are_internationalized_and_case_insensitive(client, service):
    add_zone(service.store, "Bücher.example")
    add_record(service.store, "xn--bcher-kva.example", "Überall", "TXT", txt("ü"))
    service.refresh()
    response = client.query("XN--BERALL-2YA.xn--bcher-kva.EXAMPLE.", host="ns2.xn--bcher-kva.example.")
    assert response.answer[0][0].strings == ("ü".encode(),)
    assert "xn--bcher-kva.example." in zone_names(service.store)


def test_a_delegation_leads_to_a_referral(client, service):
    add_zone(service.store, f"sub.{ZONE}", servers=["ns1", NS2])
    service.refresh()
    referral = client.query(f"www.sub.{ZONE}")
    assert not referral.flags & dns.flags.AA
    assert referral.answer == []
    assert {rdata.to_text() for rdata in referral.authority[0]} == {f"ns1.sub.{ZONE}", NS2}
    assert referral.additional
    assert rcode(client.query(f"www.sub.{ZONE}", host=f"ns1.sub.{ZONE}")) == "NXDOMAIN"
    assert client.query(f"www.sub.{ZONE}", host=NS2).flags & dns.flags.AA  # it serves both
    remove_zone(service.store, f"sub.{ZONE}")
    service.refresh()
    assert rcode(client.query(f"www.sub.{ZONE}")) == "NXDOMAIN"
    assert f"ns1.sub.{ZONE}" not in service.name_servers()
    assert NS2 in service.name_servers()


def test_a_zone_of_another_server_is_refused(client):
    assert rcode(client.query("fabrikam.example.")) == "REFUSED"
    assert rcode(client.query("fabrikam.example.", host="a.nic.example.")) == "NXDOMAIN"


def test_unsupported_queries_are_refused(client):
    assert rcode(client.query(ZONE, "AXFR", tcp=True)) == "REFUSED"
    notify = dns.message.make_query(ZONE, "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    assert rcode(client.send(notify)) == "NOTIMP"
    assert rcode(client.query(ZONE, "TXT", rdclass="CH")) == "REFUSED"


def test_only_a_change_increases_the_serial(client, service):
    before = serial(service.store, ZONE)
    add_record(service.store, ZONE, "a", "TXT", txt("1"))
    add_record(service.store, ZONE, "a", "TXT", txt("1"))
    assert serial(service.store, ZONE) == before + 1
    remove_record(service.store, ZONE, "a", "TXT", txt("2"))
    assert serial(service.store, ZONE) == before + 1
    remove_record(service.store, ZONE, "a", "TXT")
    assert client.query(ZONE, "SOA").answer[0][0].serial == before + 2
    assert rcode(client.query(f"a.{ZONE}")) == "NXDOMAIN"


def test_zones_and_ports_survive_the_process(tmp_path):
    with Dns(tmp_path) as first:
        add_record(first.start().store, ZONE, "kept", "TXT", txt("still here"))
        ports = first.name_servers()
    with Dns(tmp_path) as second:
        assert second.start().name_servers() == ports
        assert values(Client(second).query(f"kept.{ZONE}")) == ['"still here"']


def test_another_process_changes_a_zone(tmp_path, client):
    with Dns(tmp_path) as other:
        add_record(other.store, ZONE, "new", "TXT", txt("from outside"))
    assert values(client.query(f"new.{ZONE}")) == ['"from outside"']


@pytest.mark.parametrize(
    ("name", "rdtype", "value", "message"),
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
def test_an_invalid_record_is_refused_and_changes_nothing(service, name, rdtype, value, message):
    before = serial(service.store, ZONE)
    with pytest.raises(ValueError, match=message):
        add_record(service.store, ZONE, name, rdtype, value)
    assert serial(service.store, ZONE) == before


def test_a_zone_needs_soa_and_ns_records(service):
    with pytest.raises(ValueError, match="needs a SOA"):
        remove_record(service.store, ZONE, "@", "NS")
    with pytest.raises(ValueError, match="exists"):
        add_zone(service.store, ZONE)
    with pytest.raises(ValueError, match="there is no zone"):
        remove_zone(service.store, "fabrikam.example")
