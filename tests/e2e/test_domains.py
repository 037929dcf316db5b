"""Domains: apply creates the TXT record in its zone and waits for it, Kiro verifies it, destroy deletes it."""

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


ROUTE53 = {"dns": {"provider": "route53"}}
"""Apply creates the record; in the sandbox, by dynamic update."""


@pytest.fixture
def playbook(product, tmp_path):
    """Writes a playbook with other domains than the shipped one."""

    def write(*domains, **keys):
        return product.variant(tmp_path / "domains.yaml", domains=list(domains), scim=None, **keys)

    return write


def run(product, command, file, *options):
    return product(command, file, "--sandbox", "--format", "json", *options)


def in_store(product, work):
    """Call a function with the store of the sandbox's DNS."""
    with product.sandbox() as sandbox:
        return work(sandbox.dns.store)


def texts(product, name=NAME, zone=ZONE):
    records = in_store(product, lambda store: dns.records(store, zone))
    return sorted(json.loads(value) for value in records.get(name, {}).get("TXT", {"data": []})["data"])


def kiro_domains(product):
    """The status of each domain in the Kiro console."""
    with product.sandbox() as sandbox:
        sandbox.start()
        console_actions.verify_domains(sandbox)
        profiles = console.describe(sandbox.kiro)["profiles"]
    return {item["name"]: item["status"] for profile in profiles for item in profile["domains"]}


def test_apply_creates_the_record_waits_for_all_servers_and_kiro_verifies_it(product, playbook):
    file = playbook(domain(**ROUTE53))
    in_store(product, lambda store: dns.configure(store, "ns3.contoso.example.", {"lag_seconds": 1.5}))
    first = run(product, "apply", file)
    assert first.code == 0, first.err
    assert "dns-record/contoso.example" in [done["address"] for done in first.json["done"]]
    assert "waiting for contoso.example: 2 of 3 servers of the zone have the record" in first.err
    assert first.json["next_steps"][0].startswith("contoso.example: visible on every server that was queried")
    assert kiro_domains(product) == {"contoso.example": "Verified"}
    again = run(product, "apply", file)
    assert (again.code, again.json["done"], again.json["requests"]["write"]) == (0, [], 0)
    assert run(product, "drift", file).code == 0
    assert run(product, "doctor", file).code == 0


def test_other_values_at_the_name_stay_and_destroy_deletes_only_its_own(product, playbook):
    file = playbook(domain(**ROUTE53))
    others = ["google-site-verification=x", "kiro-site-verification=old"]
    in_store(product, lambda store: dns.add_record(store, ZONE, NAME, "TXT", *map(dns.txt, others)))
    applied = run(product, "apply", file)
    assert applied.code == 0, applied.err
    assert set(others) < set(texts(product))
    assert len(texts(product)) == 3
    destroyed = run(product, "destroy", file)
    assert destroyed.code == 0, destroyed.err
    assert {"address": "dns-record/contoso.example", "action": "delete", "note": ""} in destroyed.json["done"]
    assert texts(product) == others
    assert run(product, "destroy", file).json["done"] == []


def test_destroy_keeps_an_unmanaged_record(product, playbook):
    assert run(product, "apply", playbook(domain(**ROUTE53))).code == 0
    values = texts(product)
    destroyed = run(product, "destroy", playbook(domain(**ROUTE53), unmanaged=[{"resource": "dns-record/*"}]))
    assert destroyed.code == 0, destroyed.err
    assert "dns-record/contoso.example" not in [done["address"] for done in destroyed.json["done"]]
    assert texts(product) == values


def test_an_outdated_value_is_removed_when_the_playbook_asks_for_it(product, playbook):
    file = playbook(domain(outdated="remove", **ROUTE53))
    others = ["google-site-verification=x", "kiro-site-verification=old"]
    in_store(product, lambda store: dns.add_record(store, ZONE, NAME, "TXT", *map(dns.txt, others)))
    applied = run(product, "apply", file)
    assert applied.code == 0, applied.err
    assert "dns-outdated-value/contoso.example/kiro-site-verification=old" in [
        done["address"] for done in applied.json["done"] if done["action"] == "delete"
    ]
    own, other = sorted(texts(product), reverse=True)
    assert other == "google-site-verification=x"
    assert own.startswith("kiro-site-verification=")
    assert run(product, "apply", file).json["requests"]["write"] == 0


def test_destroy_keeps_a_record_that_was_created_manually(product, playbook):
    file = playbook(domain())
    assert run(product, "apply", file).code == 0
    destroyed = run(product, "destroy", file)
    assert any(
        "no command removes the record; remove it yourself" in warning
        for warning in destroyed.json["warnings"]
    )
    assert len(texts(product)) == 1


def test_a_server_that_stays_behind_is_an_error_after_the_wait(product, playbook):
    file = playbook(domain(**ROUTE53), lookup={"wait": 1})
    number = in_store(product, lambda store: dns.serial(store, ZONE))
    in_store(product, lambda store: dns.configure(store, "ns2.contoso.example.", {"frozen_serial": number}))
    late = run(product, "apply", file)
    assert late.code == 1
    assert "dns-record/contoso.example" in late.err
    assert "still returns other values" in late.err
    audit = run(product, "doctor", file)
    failed = [finding["check"] for finding in audit.json["findings"] if finding["status"] == "fail"]
    assert failed == ["dns-servers-disagree"]
    in_store(product, lambda store: dns.configure(store, "ns2.contoso.example."))
    again = run(product, "apply", file)
    assert (again.code, again.json["done"]) == (0, [])


def test_no_wait_writes_and_reports_that_it_did_not_wait(product, playbook):
    file = playbook(domain(**ROUTE53))
    in_store(product, lambda store: dns.configure(store, "ns2.contoso.example.", {"lag_seconds": 3600}))
    applied = run(product, "apply", file, "--no-wait")
    assert applied.code == 0, applied.err
    (note,) = [
        done["note"] for done in applied.json["done"] if done["address"] == "dns-record/contoso.example"
    ]
    assert note.startswith("did not wait for the name servers")
    assert run(product, "drift", file).code == 3


def test_a_private_domain_is_refused_with_a_next_step(product, playbook):
    refused = run(product, "apply", playbook(domain("corp.contoso.local", **ROUTE53)))
    assert refused.code == 5
    assert "corp.contoso.local cannot be verified" in refused.err
    assert "name a public domain that you control" in refused.err
    assert "entra-application" not in refused.err  # nothing was written
    audit = run(product, "doctor", playbook(domain("corp.contoso.local")), "--check", "dns-domain-private")
    assert audit.code == 3


def test_several_domains_internationalised_ones_among_them(product, playbook):
    file = playbook(
        domain("bücher.example", **ROUTE53),
        domain("xn--mgba3a.example", **ROUTE53),
        domain("eu.contoso.example", **ROUTE53),
    )
    applied = run(product, "apply", file)
    assert applied.code == 0, applied.err
    assert set(kiro_domains(product).values()) == {"Verified"}
    assert len(kiro_domains(product)) == 3
    assert run(product, "apply", file).json["requests"]["write"] == 0
    assert texts(product, "kiro-app-1.xn--bcher-kva.example.", "xn--bcher-kva.example.")


def test_a_wrong_key_is_an_error_before_the_first_write(product, playbook, monkeypatch):
    monkeypatch.setattr(
        "provisioner.sandbox.control.dns_update_key",
        lambda sandbox: {"provider": "rfc2136", "key": "provisioner.", "secret": "bm90IHRoZSByaWdodCBvbmU="},
    )
    refused = run(product, "apply", playbook(domain(**ROUTE53)))
    assert refused.code == 1
    assert "key" in refused.err
    with product.sandbox() as sandbox:
        assert [
            app for app in sandbox.directory.all("application") if app["displayName"] == "Kiro-Entra"
        ] == []
    assert texts(product) == []


@pytest.mark.parametrize("form", ["plain", "zonefile", "route53", "terraform"])
def test_the_record_is_printed_ready_to_paste_in_every_format(product, playbook, form):
    product("sandbox", "set", "console=manual")
    file = playbook(domain())
    product("sandbox", "console", "create-profile", "--client-id", "c", "--tenant-id", "t")
    token = product("sandbox", "console", "add-domain", "contoso.example").out.strip().partition("=")[2]
    in_store(product, lambda store: dns.add_record(store, ZONE, NAME, "TXT", dns.txt("other")))
    printed = product("handoff", file, "--sandbox", "--record", form)
    assert printed.code == 0, printed.err
    assert token in printed.out
    assert NAME.rstrip(".") in printed.out
    if form == "route53":
        (change,) = json.loads(printed.out)["Changes"]
        assert change["Action"] == "UPSERT"
        values = [record["Value"] for record in change["ResourceRecordSet"]["ResourceRecords"]]
        assert sorted(values) == sorted(['"other"', f'"{token}"'])


def test_a_domain_in_two_playbooks_is_reported_when_both_are_audited(product, playbook, tmp_path):
    first = playbook(domain())
    other = product.variant(
        tmp_path / "other.yaml", name="kiro-other", domains=[domain("CONTOSO.example")], scim=None
    )
    assert run(product, "apply", first).code == 0
    both = product(
        "doctor", first, other, "--sandbox", "--format", "json", "--check", "dns-domain-in-two-playbooks"
    )
    assert both.code == 3
    assert {finding["evidence"][1]["value"][0] for finding in both.json["findings"]} == {first, other}
    assert run(product, "doctor", first, "--check", "dns-domain-in-two-playbooks").code == 0


def test_the_domain_stays_pending_while_the_resolver_caches_the_missing_record(product, playbook):
    product("sandbox", "set", "console=manual")
    file = playbook(domain(**ROUTE53))
    product("sandbox", "console", "create-profile", "--client-id", "c", "--tenant-id", "t")
    product("sandbox", "console", "add-domain", "contoso.example")
    assert kiro_domains(product) == {"contoso.example": "Pending"}  # it queried too early
    assert run(product, "apply", file).code == 0
    assert kiro_domains(product) == {"contoso.example": "Pending"}
    in_store(product, lambda store: dns.set_clock_offset(store, 900))
    assert kiro_domains(product) == {"contoso.example": "Verified"}


SECRET = base64.b64encode(MARKED.encode()).decode()


@pytest.mark.parametrize("accepted", [True, False])
def test_the_secret_of_the_key_appears_nowhere(product, playbook, accepted):
    file = playbook(domain(**ROUTE53))
    credentials = {"provider": "rfc2136", "key": "provisioner.", "secret": SECRET}
    product.patch.setattr(control, "dns_update_key", lambda _: credentials)
    if accepted:
        in_store(product, lambda store: dns.add_key(store, "provisioner.", secret=SECRET))
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
"""Errors in a playbook, by the check that reports them."""


@pytest.mark.parametrize(("check", "domains"), WRONG.items(), ids=list(WRONG))
def test_an_error_in_a_playbook_is_reported_until_it_is_corrected(product, playbook, check, domains):
    audit = run(product, "doctor", playbook(*domains), "--check", check)
    assert audit.code == 3, audit.out
    assert {finding["check"] for finding in audit.json["findings"]} == {check}
    assert all(finding["evidence"] and "; " in finding["message"] for finding in audit.json["findings"])
    assert run(product, "doctor", playbook(domain()), "--check", check).code == 0


def test_a_domain_that_the_tenant_has_verified_is_suggested(product, tmp_path):
    check = ("--check", "dns-verified-domain-candidate")
    assert product.apply().code == 0
    without = product.variant(tmp_path / "without.yaml", domains=None)
    audit = run(product, "doctor", without, *check)
    assert audit.code == 3
    assert (
        'add it to the playbook, below domains: "- name: contoso.example"'
        in audit.json["findings"][0]["message"]
    )
    assert product("doctor", product.playbook, "--sandbox", *check).code == 0
