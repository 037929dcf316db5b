"""Domains: the TXT record is made where the zone lives, waited for, verified by Kiro, and taken down again."""

from __future__ import annotations

import base64
import json

import pytest

from provisioner.sandbox import console_actions, control, dns
from provisioner.sandbox.kiro import console
from tests.e2e.test_secrets import MARKED, assert_nowhere, everything

ZONE = "contoso.example."
NAME = "kiro-app-1.contoso.example."


def domain(name="contoso.example", **keys):
    return {"name": name, "value": "${KIRO_DOMAIN_TOKEN}", **keys}


WRITTEN = {"dns": {"provider": "route53"}}
"""Apply makes the record; in the sandbox, by dynamic update."""


@pytest.fixture
def playbook(product, tmp_path):
    """A playbook with other domains than the shipped one's."""

    def write(*domains, **keys):
        return product.variant(tmp_path / "domains.yaml", domains=list(domains), scim=None, **keys)

    return write


def on(product, command, file, *options):
    return product(command, file, "--sandbox", "--format", "json", *options)


def changed(product, work):
    """Do something to the sandbox's DNS."""
    with product.sandbox() as sandbox:
        return work(sandbox.dns.store)


def texts(product, name=NAME, zone=ZONE):
    found = changed(product, lambda store: dns.records(store, zone))
    return sorted(json.loads(value) for value in found.get(name, {}).get("TXT", {"data": []})["data"])


def in_kiro(product):
    """The domains that the Kiro console shows, with their status."""
    with product.sandbox() as sandbox:
        sandbox.start()
        console_actions.verify_domains(sandbox)
        profiles = console.describe(sandbox.kiro)["profiles"]
    return {each["name"]: each["status"] for profile in profiles for each in profile["domains"]}


def test_apply_makes_the_record_waits_until_all_servers_have_it_and_kiro_verifies_it(product, playbook):
    file = playbook(domain(**WRITTEN))
    changed(product, lambda store: dns.configure(store, "ns3.contoso.example.", {"lag_seconds": 1.5}))
    first = on(product, "apply", file)
    assert first.code == 0, first.err
    assert "dns-record/contoso.example" in [done["address"] for done in first.json["done"]]
    assert "waiting for contoso.example: 2 of 3 servers of the zone have it" in first.err
    assert first.json["next_steps"][0].startswith("contoso.example: visible everywhere that was asked")
    assert in_kiro(product) == {"contoso.example": "Verified"}
    again = on(product, "apply", file)
    assert (again.code, again.json["done"], again.json["requests"]["write"]) == (0, [], 0)
    assert on(product, "drift", file).code == 0
    assert on(product, "doctor", file).code == 0


def test_other_values_at_the_name_stay_and_destroy_removes_only_ours(product, playbook):
    file = playbook(domain(**WRITTEN))
    others = ["google-site-verification=x", "kiro-site-verification=old"]
    changed(product, lambda store: dns.add_record(store, ZONE, NAME, "TXT", *map(dns.txt, others)))
    applied = on(product, "apply", file)
    assert applied.code == 0, applied.err
    assert set(others) < set(texts(product))
    assert len(texts(product)) == 3
    gone = on(product, "destroy", file)
    assert gone.code == 0, gone.err
    assert {"address": "dns-record/contoso.example", "action": "delete", "note": ""} in gone.json["done"]
    assert texts(product) == others
    assert on(product, "destroy", file).json["done"] == []


def test_a_record_that_is_left_alone_stays_when_the_rest_is_taken_down(product, playbook):
    assert on(product, "apply", playbook(domain(**WRITTEN))).code == 0
    made = texts(product)
    gone = on(product, "destroy", playbook(domain(**WRITTEN), unmanaged=[{"resource": "dns-record/*"}]))
    assert gone.code == 0, gone.err
    assert "dns-record/contoso.example" not in [done["address"] for done in gone.json["done"]]
    assert texts(product) == made


def test_an_outdated_value_goes_only_when_the_playbook_says_so(product, playbook):
    file = playbook(domain(outdated="remove", **WRITTEN))
    others = ["google-site-verification=x", "kiro-site-verification=old"]
    changed(product, lambda store: dns.add_record(store, ZONE, NAME, "TXT", *map(dns.txt, others)))
    applied = on(product, "apply", file)
    assert applied.code == 0, applied.err
    assert "dns-outdated-value/contoso.example/kiro-site-verification=old" in [
        done["address"] for done in applied.json["done"] if done["action"] == "delete"
    ]
    ours, kept = sorted(texts(product), reverse=True)
    assert kept == "google-site-verification=x"
    assert ours.startswith("kiro-site-verification=")
    assert on(product, "apply", file).json["requests"]["write"] == 0


def test_a_record_that_a_person_made_stays_when_the_rest_is_taken_down(product, playbook):
    file = playbook(domain())
    assert on(product, "apply", file).code == 0
    gone = on(product, "destroy", file)
    assert any("a person made it, and a person removes it" in warning for warning in gone.json["warnings"])
    assert len(texts(product)) == 1


def test_a_server_that_stays_behind_is_an_error_once_the_time_is_over(product, playbook):
    file = playbook(domain(**WRITTEN), lookup={"wait": 1})
    number = changed(product, lambda store: dns.serial(store, ZONE))
    changed(product, lambda store: dns.configure(store, "ns2.contoso.example.", {"frozen_serial": number}))
    late = on(product, "apply", file)
    assert late.code == 1
    assert "dns-record/contoso.example" in late.err
    assert "still returns other values" in late.err
    found = on(product, "doctor", file)
    assert [one["check"] for one in found.json["findings"] if one["status"] == "fail"] == [
        "dns-servers-disagree"
    ]
    changed(product, lambda store: dns.configure(store, "ns2.contoso.example."))
    again = on(product, "apply", file)
    assert (again.code, again.json["done"]) == (0, [])


def test_no_wait_writes_and_says_that_it_did_not_look(product, playbook):
    file = playbook(domain(**WRITTEN))
    changed(product, lambda store: dns.configure(store, "ns2.contoso.example.", {"lag_seconds": 3600}))
    applied = on(product, "apply", file, "--no-wait")
    assert applied.code == 0, applied.err
    (note,) = [
        done["note"] for done in applied.json["done"] if done["address"] == "dns-record/contoso.example"
    ]
    assert note.startswith("not waited for")
    assert on(product, "drift", file).code == 3


def test_a_private_domain_is_refused_with_the_way_out(product, playbook):
    refused = on(product, "apply", playbook(domain("corp.contoso.local", **WRITTEN)))
    assert refused.code == 5
    assert "corp.contoso.local cannot be verified" in refused.err
    assert "name a public domain that you control" in refused.err
    assert "entra-application" not in refused.err  # nothing was written
    found = on(product, "doctor", playbook(domain("corp.contoso.local")), "--check", "dns-domain-private")
    assert found.code == 3


def test_internationalised_domains_and_several_at_once(product, playbook):
    file = playbook(
        domain("bücher.example", **WRITTEN),
        domain("xn--mgba3a.example", **WRITTEN),
        domain("eu.contoso.example", **WRITTEN),
    )
    applied = on(product, "apply", file)
    assert applied.code == 0, applied.err
    assert set(in_kiro(product).values()) == {"Verified"}
    assert len(in_kiro(product)) == 3
    assert on(product, "apply", file).json["requests"]["write"] == 0
    assert texts(product, "kiro-app-1.xn--bcher-kva.example.", "xn--bcher-kva.example.")


def test_a_key_that_is_wrong_stops_everything_before_the_first_write(product, playbook, monkeypatch):
    monkeypatch.setattr(
        "provisioner.sandbox.control.dns_update_key",
        lambda sandbox: {"provider": "rfc2136", "key": "provisioner.", "secret": "bm90IHRoZSByaWdodCBvbmU="},
    )
    refused = on(product, "apply", playbook(domain(**WRITTEN)))
    assert refused.code == 1
    assert "key" in refused.err
    with product.sandbox() as sandbox:
        assert [
            app for app in sandbox.directory.all("application") if app["displayName"] == "Kiro-Entra"
        ] == []
    assert texts(product) == []


@pytest.mark.parametrize("form", ["plain", "zonefile", "route53", "terraform"])
def test_the_record_is_printed_ready_to_paste_in_every_notation(product, playbook, form):
    product("sandbox", "set", "console=manual")
    file = playbook(domain())
    product("sandbox", "console", "create-profile", "--client-id", "c", "--tenant-id", "t")
    token = product("sandbox", "console", "add-domain", "contoso.example").out.strip().partition("=")[2]
    changed(product, lambda store: dns.add_record(store, ZONE, NAME, "TXT", dns.txt("other")))
    printed = product("handoff", file, "--sandbox", "--record", form)
    assert printed.code == 0, printed.err
    assert token in printed.out
    assert NAME.rstrip(".") in printed.out
    if form == "route53":
        (change,) = json.loads(printed.out)["Changes"]
        assert change["Action"] == "UPSERT"
        values = [record["Value"] for record in change["ResourceRecordSet"]["ResourceRecords"]]
        assert sorted(values) == sorted(['"other"', f'"{token}"'])


def test_a_domain_in_two_playbooks_is_found_where_both_are_audited(product, playbook, tmp_path):
    first = playbook(domain())
    other = product.variant(
        tmp_path / "other.yaml", name="kiro-other", domains=[domain("CONTOSO.example")], scim=None
    )
    assert on(product, "apply", first).code == 0
    both = product(
        "doctor", first, other, "--sandbox", "--format", "json", "--check", "dns-domain-in-two-playbooks"
    )
    assert both.code == 3
    assert {finding["evidence"][1]["value"][0] for finding in both.json["findings"]} == {first, other}
    assert on(product, "doctor", first, "--check", "dns-domain-in-two-playbooks").code == 0


def test_kiro_stays_pending_for_as_long_as_its_resolver_remembers_that_nothing_was_there(product, playbook):
    product("sandbox", "set", "console=manual")
    file = playbook(domain(**WRITTEN))
    product("sandbox", "console", "create-profile", "--client-id", "c", "--tenant-id", "t")
    product("sandbox", "console", "add-domain", "contoso.example")
    assert in_kiro(product) == {"contoso.example": "Pending"}  # it looked too early
    assert on(product, "apply", file).code == 0
    assert in_kiro(product) == {"contoso.example": "Pending"}
    changed(product, lambda store: dns.set_clock_offset(store, 900))
    assert in_kiro(product) == {"contoso.example": "Verified"}


SECRET = base64.b64encode(MARKED.encode()).decode()


@pytest.mark.parametrize("accepted", [True, False])
def test_the_secret_of_the_key_appears_nowhere(product, playbook, accepted):
    file = playbook(domain(**WRITTEN))
    credentials = {"provider": "rfc2136", "key": "provisioner.", "secret": SECRET}
    product.patch.setattr(control, "dns_update_key", lambda _: credentials)
    if accepted:
        changed(product, lambda store: dns.add_key(store, "provisioner.", secret=SECRET))
    results = [*everything(product, file)]
    assert {result.code for result in results} <= ({0, 3} if accepted else {0, 1, 3, 4})
    assert_nowhere(product, results, MARKED, SECRET)
    assert bool(texts(product)) is accepted


WRONG = {
    "dns-domain-private": [domain("contoso.internal")],
    "dns-domain-public-suffix": [domain("co.uk")],
    "dns-domains-too-many": [domain(f"d{number}.contoso.example") for number in range(11)],
    "dns-label-unusual": [domain(record="kiro")],
    "dns-parent-and-child": [domain(), domain("eu.contoso.example")],
    "dns-token-overdue": [domain(issued="2026-01-01T00:00:00Z")],
}
"""What a playbook can have wrong, by the check that finds it."""


@pytest.mark.parametrize(("check", "domains"), WRONG.items(), ids=list(WRONG))
def test_what_is_wrong_in_a_playbook_is_found_and_gone_once_it_is_corrected(
    product, playbook, check, domains
):
    found = on(product, "doctor", playbook(*domains), "--check", check)
    assert found.code == 3, found.out
    assert {finding["check"] for finding in found.json["findings"]} == {check}
    assert all(finding["evidence"] and ";" in finding["message"] for finding in found.json["findings"])
    assert on(product, "doctor", playbook(domain()), "--check", check).code == 0


def test_a_domain_that_the_tenant_has_verified_is_suggested(product, tmp_path):
    check = ("--check", "dns-verified-domain-candidate")
    assert product.apply().code == 0
    without = product.variant(tmp_path / "without.yaml", domains=None)
    found = on(product, "doctor", without, *check)
    assert found.code == 3
    assert (
        'add it to the playbook, below domains: "- name: contoso.example"'
        in found.json["findings"][0]["message"]
    )
    assert product("doctor", product.playbook, "--sandbox", *check).code == 0
