"""Dynamic updates (RFC 2136): permissions, prerequisites and changes."""

from __future__ import annotations

import base64
import time

import dns.message
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest

from provisioner.sandbox.dns import (
    ServerOptions,
    add_key,
    add_record,
    configure,
    records,
    remove_key,
    serial,
    txt,
)
from tests.sandbox.dns_fixtures import NS1, NS2, SECONDS, ZONE, Client, rcode, values

WRONG = base64.b64encode(b"not the sandbox's secret").decode()


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha512", "hmac-sha1"])
def test_a_signed_update_takes_effect_and_its_response_is_signed(dns_client: Client, algorithm, tcp):
    store = dns_client.service.store
    key = add_key(store, "mine", algorithm=algorithm)
    before = serial(store, ZONE)
    update = dns.update.UpdateMessage(ZONE)
    update.use_tsig(key.to_dnspython())
    update.add("kiro", 60, "TXT", txt("a"))
    update.add("kiro", 60, "TXT", txt("b"))
    response = dns_client.send(update, tcp=tcp)
    assert rcode(response) == "NOERROR"
    assert response.had_tsig
    assert values(dns_client.query(f"kiro.{ZONE}")) == ['"a"', '"b"']
    assert serial(store, ZONE) == before + 1


def test_an_unsigned_update_is_refused(dns_client: Client):
    update = dns_client.update(key=None)
    update.add("kiro", 60, "TXT", txt("a"))
    assert rcode(dns_client.send(update)) == "REFUSED"
    assert rcode(dns_client.query(f"kiro.{ZONE}")) == "NXDOMAIN"


def test_tsig_errors(dns_client: Client):
    store = dns_client.service.store
    with pytest.raises(dns.tsig.PeerBadSignature):
        dns_client.send(filled(dns_client.update(secret=WRONG)))
    remove_key(store, "provisioner.")
    with pytest.raises(dns.tsig.PeerBadKey):
        dns_client.send(filled(dns_client.update(secret=WRONG)))
    add_key(store, "provisioner.", algorithm="hmac-sha512", secret=WRONG)
    with pytest.raises(dns.tsig.PeerBadKey):
        dns_client.send(filled(dns_client.update(secret=WRONG)))
    assert rcode(dns_client.query(f"kiro.{ZONE}")) == "NXDOMAIN"


def test_the_rcode_of_a_tsig_error_is_notauth(dns_client: Client):
    response = raw(dns_client, filled(dns_client.update(secret=WRONG)))
    assert rcode(response) == "NOTAUTH"
    assert response.tsig_error == dns.rcode.BADSIG


def test_a_wrong_clock_leads_to_badtime(dns_client: Client, monkeypatch):
    update = filled(dns_client.update())
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() - 3600)
        wire = update.to_wire()
    response = raw(dns_client, wire)
    assert (rcode(response), response.tsig_error) == ("NOTAUTH", dns.rcode.BADTIME)
    assert abs(int.from_bytes(response.tsig[0].other, "big") - real()) < 60


def test_notauth_and_notzone(dns_client: Client):
    assert rcode(dns_client.send(filled(dns_client.update("fabrikam.example.")))) == "NOTAUTH"
    assert rcode(dns_client.send(filled(dns_client.update(f"sub.{ZONE}")))) == "NOTAUTH"
    outside = dns_client.update()
    outside.add("kiro.fabrikam.example.", 60, "TXT", txt("a"))
    assert rcode(dns_client.send(outside)) == "NOTZONE"


def test_a_key_of_another_zone_is_refused(dns_client: Client):
    key = add_key(dns_client.service.store, "root-only", zones=["."])
    assert rcode(dns_client.send(filled(dns_client.update(key=key.name)))) == "REFUSED"


def test_an_update_policy_for_txt_records(dns_client: Client):
    before = records(dns_client.service.store, ZONE)
    for attempt in ("add", "mixed", "name"):
        update = dns_client.update(key="provisioner-txt.")
        if attempt == "name":
            update.delete("mail")
        else:
            update.add("kiro", 60, "A", "192.0.2.1")
        if attempt == "mixed":
            update.add("kiro", 60, "TXT", txt("a"))
        assert rcode(dns_client.send(update)) == "REFUSED"
    assert records(dns_client.service.store, ZONE) == before
    assert rcode(dns_client.send(filled(dns_client.update(key="provisioner-txt.")))) == "NOERROR"


def test_only_the_primary_accepts_updates(dns_client: Client):
    assert rcode(dns_client.send(filled(dns_client.update()), NS2)) == "REFUSED"
    assert rcode(dns_client.send(filled(dns_client.update()), "a.nic.example.")) == "NOTAUTH"


def test_deleting_one_record_of_an_rrset(dns_client: Client):
    add_record(dns_client.service.store, ZONE, "kiro", "TXT", txt("old"), txt("other"))
    update = dns_client.update()
    update.delete("kiro", "TXT", txt("old"))
    update.add("kiro", 60, "TXT", txt("new"))
    dns_client.send(update)
    response = dns_client.query(f"kiro.{ZONE}")
    assert values(response) == ['"new"', '"other"']
    assert response.answer[0].ttl == 60


def test_deleting_all_rrsets_of_the_apex_leaves_soa_and_ns(dns_client: Client):
    update = dns_client.update()
    update.delete("@")
    update.delete("@", "NS")
    assert rcode(dns_client.send(update)) == "NOERROR"
    assert set(records(dns_client.service.store, ZONE)[ZONE]) == {"SOA", "NS"}


def test_a_cname_excludes_other_records(dns_client: Client):
    update = dns_client.update()
    update.add("mail", 60, "CNAME", "elsewhere.test.")
    update.add("alias", 60, "CNAME", "one.test.")
    update.add("alias", 60, "CNAME", "two.test.")
    update.add("alias", 60, "TXT", txt("a"))
    assert rcode(dns_client.send(update)) == "NOERROR"
    zone_records = records(dns_client.service.store, ZONE)
    assert set(zone_records[f"mail.{ZONE}"]) == {"A"}
    assert zone_records[f"alias.{ZONE}"] == {"CNAME": {"ttl": 60, "data": ["two.test."]}}


def test_an_update_can_only_increase_the_serial(dns_client: Client):
    store = dns_client.service.store
    soa = records(store, ZONE)[ZONE]["SOA"]["data"][0].split()
    for requested, expected in ((2026010100, 2026010100), (7, 2026010100)):
        update = dns_client.update()
        update.add("@", 3600, "SOA", " ".join([*soa[:2], str(requested), *soa[3:]]))
        dns_client.send(update)
        assert serial(store, ZONE) == expected


@pytest.mark.parametrize(
    ("method", "arguments", "expected"),
    [
        ("present", ("mail",), "NOERROR"),
        ("present", ("nothing",), "NXDOMAIN"),
        ("present", ("mail", "A"), "NOERROR"),
        ("present", ("mail", "TXT"), "NXRRSET"),
        ("present", ("mail", "A", "192.0.2.25"), "NOERROR"),
        ("present", ("mail", "A", "192.0.2.26"), "NXRRSET"),
        ("absent", ("nothing",), "NOERROR"),
        ("absent", ("mail",), "YXDOMAIN"),
        ("absent", ("mail", "TXT"), "NOERROR"),
        ("absent", ("mail", "A"), "YXRRSET"),
    ],
)
def test_prerequisites_are_checked(dns_client: Client, method, arguments, expected):
    update = filled(dns_client.update())
    getattr(update, method)(*arguments)
    assert rcode(dns_client.send(update)) == expected
    added = f"kiro.{ZONE}" in records(dns_client.service.store, ZONE)
    assert added == (expected == "NOERROR")


def test_an_update_takes_effect_although_the_response_is_dropped(dns_client: Client):
    configure(dns_client.service.store, NS1, ServerOptions(mode="drop-after"))
    dns_client.assert_dropped(filled(dns_client.update()))
    deadline = time.monotonic() + SECONDS
    while f"kiro.{ZONE}" not in records(dns_client.service.store, ZONE):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_secret_is_stored_encrypted(dns_client: Client):
    store = dns_client.service.store
    secret = add_key(store, "mine").secret
    assert secret.encode() not in store.path.read_bytes() + store.path.with_name("dns.db-wal").read_bytes()


@pytest.mark.parametrize("options", [{"algorithm": "md5"}, {"secret": "?"}, {"types": ["NOTHING"]}])
def test_an_invalid_key_is_refused(dns_client: Client, options):
    with pytest.raises(ValueError):
        add_key(dns_client.service.store, "mine", **options)


def filled(update: dns.update.UpdateMessage) -> dns.update.UpdateMessage:
    update.add("kiro", 60, "TXT", txt("a"))
    return update


def raw(client: Client, update: dns.update.UpdateMessage | bytes) -> dns.message.Message:
    """The response, without verification of its TSIG."""
    import socket

    wire = update if isinstance(update, bytes) else update.to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client_socket:
        client_socket.settimeout(SECONDS)
        client_socket.sendto(wire, client.address(NS1))
        return dns.message.from_wire(client_socket.recv(65535), keyring=False)
