"""Dynamic updates: who may change a zone, and what a change does."""

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
from tests.sandbox.dns_fixtures import NS1, NS2, ZONE, Client, rcode, values

WRONG = base64.b64encode(b"not the sandbox's secret").decode()


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha512", "hmac-sha1"])
def test_a_signed_update_takes_effect_and_its_answer_is_signed(dns_client: Client, algorithm, tcp):
    store = dns_client.service.store
    grant = add_key(store, "mine", algorithm=algorithm)
    before = serial(store, ZONE)
    update = dns.update.UpdateMessage(ZONE)
    update.use_tsig(grant.to_dnspython())
    update.add("kiro", 60, "TXT", txt("a"))
    update.add("kiro", 60, "TXT", txt("b"))
    answer = dns_client.send(update, tcp=tcp)
    assert rcode(answer) == "NOERROR"
    assert answer.had_tsig
    assert values(dns_client.ask(f"kiro.{ZONE}")) == ['"a"', '"b"']
    assert serial(store, ZONE) == before + 1


def test_an_unsigned_update_is_refused(dns_client: Client):
    update = dns_client.update(key=None)
    update.add("kiro", 60, "TXT", txt("a"))
    assert rcode(dns_client.send(update)) == "REFUSED"
    assert rcode(dns_client.ask(f"kiro.{ZONE}")) == "NXDOMAIN"


def test_a_wrong_secret_an_unknown_key_and_another_algorithm_are_told_apart(dns_client: Client):
    store = dns_client.service.store
    with pytest.raises(dns.tsig.PeerBadSignature):
        dns_client.send(filled(dns_client.update(secret=WRONG)))
    remove_key(store, "provisioner.")
    with pytest.raises(dns.tsig.PeerBadKey):
        dns_client.send(filled(dns_client.update(secret=WRONG)))
    add_key(store, "provisioner.", algorithm="hmac-sha512", secret=WRONG)
    with pytest.raises(dns.tsig.PeerBadKey):
        dns_client.send(filled(dns_client.update(secret=WRONG)))
    assert rcode(dns_client.ask(f"kiro.{ZONE}")) == "NXDOMAIN"


def test_the_rcode_beside_a_tsig_error_is_notauth(dns_client: Client):
    answer = raw(dns_client, filled(dns_client.update(secret=WRONG)))
    assert rcode(answer) == "NOTAUTH"
    assert answer.tsig_error == dns.rcode.BADSIG


def test_a_clock_that_is_wrong_is_told(dns_client: Client, monkeypatch):
    update = filled(dns_client.update())
    real = time.time
    with monkeypatch.context() as early:
        early.setattr(time, "time", lambda: real() - 3600)
        wire = update.to_wire()
    answer = raw(dns_client, wire)
    assert (rcode(answer), answer.tsig_error) == ("NOTAUTH", dns.rcode.BADTIME)
    assert abs(int.from_bytes(answer.tsig[0].other, "big") - real()) < 60


def test_a_zone_that_is_not_ours_and_a_name_outside_are_told_apart(dns_client: Client):
    assert rcode(dns_client.send(filled(dns_client.update("fabrikam.example.")))) == "NOTAUTH"
    assert rcode(dns_client.send(filled(dns_client.update(f"sub.{ZONE}")))) == "NOTAUTH"
    outside = dns_client.update()
    outside.add("kiro.fabrikam.example.", 60, "TXT", txt("a"))
    assert rcode(dns_client.send(outside)) == "NOTZONE"


def test_a_key_of_another_zone_is_refused(dns_client: Client):
    grant = add_key(dns_client.service.store, "root-only", zones=["."])
    assert rcode(dns_client.send(filled(dns_client.update(key=grant.name)))) == "REFUSED"


def test_a_policy_of_text_records_only_is_kept(dns_client: Client):
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


def test_only_the_primary_takes_updates(dns_client: Client):
    assert rcode(dns_client.send(filled(dns_client.update()), NS2)) == "REFUSED"
    assert rcode(dns_client.send(filled(dns_client.update()), "a.nic.example.")) == "NOTAUTH"


def test_one_value_is_removed_and_the_others_stay(dns_client: Client):
    add_record(dns_client.service.store, ZONE, "kiro", "TXT", txt("old"), txt("theirs"))
    update = dns_client.update()
    update.delete("kiro", "TXT", txt("old"))
    update.add("kiro", 60, "TXT", txt("new"))
    dns_client.send(update)
    answer = dns_client.ask(f"kiro.{ZONE}")
    assert values(answer) == ['"new"', '"theirs"']
    assert answer.answer[0].ttl == 60


def test_deleting_everything_at_the_apex_leaves_soa_and_ns(dns_client: Client):
    update = dns_client.update()
    update.delete("@")
    update.delete("@", "NS")
    assert rcode(dns_client.send(update)) == "NOERROR"
    assert set(records(dns_client.service.store, ZONE)[ZONE]) == {"SOA", "NS"}


def test_an_alias_and_other_records_never_stand_together(dns_client: Client):
    update = dns_client.update()
    update.add("mail", 60, "CNAME", "elsewhere.test.")
    update.add("alias", 60, "CNAME", "one.test.")
    update.add("alias", 60, "CNAME", "two.test.")
    update.add("alias", 60, "TXT", txt("a"))
    assert rcode(dns_client.send(update)) == "NOERROR"
    kept = records(dns_client.service.store, ZONE)
    assert set(kept[f"mail.{ZONE}"]) == {"A"}
    assert kept[f"alias.{ZONE}"] == {"CNAME": {"ttl": 60, "data": ["two.test."]}}


def test_a_serial_that_is_sent_is_taken_only_forwards(dns_client: Client):
    store = dns_client.service.store
    soa = records(store, ZONE)[ZONE]["SOA"]["data"][0].split()
    for wanted, then in ((2026010100, 2026010100), (7, 2026010100)):
        update = dns_client.update()
        update.add("@", 3600, "SOA", " ".join([*soa[:2], str(wanted), *soa[3:]]))
        dns_client.send(update)
        assert serial(store, ZONE) == then


@pytest.mark.parametrize(
    ("method", "arguments", "said"),
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
def test_prerequisites_are_checked(dns_client: Client, method, arguments, said):
    update = filled(dns_client.update())
    getattr(update, method)(*arguments)
    assert rcode(dns_client.send(update)) == said
    there = f"kiro.{ZONE}" in records(dns_client.service.store, ZONE)
    assert there == (said == "NOERROR")


def test_an_update_whose_answer_is_lost_took_effect(dns_client: Client):
    configure(dns_client.service.store, NS1, ServerOptions(mode="drop-after"))
    with pytest.raises(dns.exception.Timeout):
        dns_client.send(filled(dns_client.update()), timeout=0.3)
    assert f"kiro.{ZONE}" in records(dns_client.service.store, ZONE)


def test_a_secret_is_not_kept_in_clear(dns_client: Client):
    store = dns_client.service.store
    secret = add_key(store, "mine").secret
    assert secret.encode() not in store.path.read_bytes() + store.path.with_name("dns.db-wal").read_bytes()


@pytest.mark.parametrize("options", [{"algorithm": "md5"}, {"secret": "?"}, {"types": ["NOTHING"]}])
def test_a_key_that_makes_no_sense_is_refused(dns_client: Client, options):
    with pytest.raises(ValueError):
        add_key(dns_client.service.store, "mine", **options)


def filled(update: dns.update.UpdateMessage) -> dns.update.UpdateMessage:
    update.add("kiro", 60, "TXT", txt("a"))
    return update


def raw(client: Client, update: dns.update.UpdateMessage | bytes) -> dns.message.Message:
    """The answer, its TSIG unchecked."""
    import socket

    wire = update if isinstance(update, bytes) else update.to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.settimeout(5)
        plain.sendto(wire, client.where(NS1))
        return dns.message.from_wire(plain.recv(65535), keyring=False)
