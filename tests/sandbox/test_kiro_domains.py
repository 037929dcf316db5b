"""Domains in the simulated Kiro console, and their zones in the sandbox."""

from __future__ import annotations

import pytest

from provisioner.sandbox import console_actions, control, dns
from provisioner.sandbox.dns import hosted_zones
from provisioner.sandbox.kiro import ConsoleRefusal, console, domains
from provisioner.sandbox.store import Store
from tests.sandboxes import Sandbox


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "kiro.db")
    yield store
    store.close()


@pytest.fixture
def profile(store):
    return console.create_profile(store)["id"]


@pytest.fixture
def sandbox(tmp_path):
    with Sandbox(tmp_path / "sandbox").start() as sandbox:
        yield sandbox


def statuses(store):
    """Status of each domain of the first profile."""
    (profile, *_) = console.describe(store)["profiles"]
    return {domain["name"]: domain["status"] for domain in profile["domains"]}


class TestConsole:
    def test_a_new_domain_is_pending_and_has_a_token(self, store, profile):
        added = domains.add_domain(store, profile, "Contoso.example.")
        assert added["id"] == "contoso.example"
        assert added["token"].startswith("kiro-site-verification=")
        assert statuses(store) == {"contoso.example": "Pending"}
        assert domains.add_domain(store, profile, "contoso.example") == added

    def test_it_belongs_to_one_profile(self, store, profile):
        domains.add_domain(store, profile, "contoso.example")
        other = console.create_profile(store)["id"]
        with pytest.raises(ConsoleRefusal, match="already associated with another profile"):
            domains.add_domain(store, other, "contoso.example")

    def test_a_profile_has_at_most_ten(self, store, profile):
        for number in range(10):
            domains.add_domain(store, profile, f"d{number}.example")
        with pytest.raises(ConsoleRefusal, match="at most 10 domains"):
            domains.add_domain(store, profile, "d10.example")

    def test_added_again_it_has_another_token(self, store, profile):
        first = domains.add_domain(store, profile, "contoso.example")
        domains.remove_domain(store, "contoso.example")
        assert domains.add_domain(store, profile, "contoso.example")["token"] != first["token"]

    def test_the_domain_of_a_deleted_profile_can_be_added_again(self, store, profile):
        domains.add_domain(store, profile, "contoso.example")
        console.delete_profile(store, profile)
        other = console.create_profile(store)["id"]
        assert domains.add_domain(store, other, "contoso.example")["status"] == "Pending"

    @pytest.mark.parametrize(
        "name", ["contoso.example", "kiro-app-1.contoso.example", "kiro-app-10.contoso.example"]
    )
    def test_it_is_verified_once_the_token_is_found(self, store, profile, name):
        token = domains.add_domain(store, profile, "contoso.example")["token"]
        domains.verify(store, lambda queried: ["v=spf1 -all"] if queried == name else [])
        assert statuses(store) == {"contoso.example": "Pending"}
        domains.verify(store, lambda queried: ["v=spf1 -all", token] if queried == name else [])
        assert statuses(store) == {"contoso.example": "Verified"}
        domains.verify(store, lambda _: [])
        assert statuses(store) == {"contoso.example": "Verified"}

    def test_other_names_and_other_values_do_not_count(self, store, profile):
        token = domains.add_domain(store, profile, "contoso.example")["token"]
        domains.verify(store, lambda name: [token] if name == "kiro-app-11.contoso.example" else [token[:-1]])
        assert statuses(store) == {"contoso.example": "Pending"}

    def test_unknown_profiles_and_domains_are_refused(self, store):
        with pytest.raises(ConsoleRefusal, match="no profile"):
            domains.add_domain(store, "unknown", "contoso.example")
        with pytest.raises(ConsoleRefusal, match="no domain"):
            domains.remove_domain(store, "contoso.example")


class TestZones:
    @pytest.mark.parametrize(
        ("domain", "zone"),
        [
            ("eu.acme.com", "acme.com."),
            ("acme.co.uk", "acme.co.uk."),
            ("mail.northwind.example", "northwind.example."),
            ("eu.contoso.example", "contoso.example."),
        ],
    )
    def test_a_public_domain_gets_a_zone(self, sandbox, domain, zone):
        control.create_zones(sandbox, [domain])
        assert hosted_zones.zone_containing(sandbox.dns.store, f"kiro-app-1.{domain}") == zone
        assert {f"ns1.{zone}", f"ns2.{zone}"} <= sandbox.dns.name_servers().keys()

    @pytest.mark.parametrize("domain", ["contoso.local", "contoso.internal", "hq.contoso-private", "co.uk"])
    def test_a_private_domain_gets_none(self, sandbox, domain):
        before = dns.zone_names(sandbox.dns.store)
        control.create_zones(sandbox, [domain])
        assert dns.zone_names(sandbox.dns.store) == before
        assert hosted_zones.zone_containing(sandbox.dns.store, domain) is None

    def test_a_removed_zone_is_not_created_again(self, sandbox):
        control.create_zones(sandbox, ["acme.com"])
        dns.remove_zone(sandbox.dns.store, "acme.com.")
        control.create_zones(sandbox, ["acme.com"])
        assert "acme.com." not in dns.zone_names(sandbox.dns.store)


class TestVerification:
    def test_pending_becomes_verified_through_the_resolver(self, sandbox):
        console.create_profile(sandbox.kiro)
        token = console_actions.add_domain(sandbox, "entra", "contoso.example")
        console_actions.verify_domains(sandbox)
        assert statuses(sandbox.kiro) == {"contoso.example": "Pending"}
        console_actions.create_record(sandbox, "kiro-app-1.contoso.example", token, 300)
        console_actions.verify_domains(sandbox)
        assert statuses(sandbox.kiro) == {"contoso.example": "Pending"}, "cached by its resolver"
        dns.set_clock_offset(sandbox.dns.store, 901)
        console_actions.verify_domains(sandbox)
        assert statuses(sandbox.kiro) == {"contoso.example": "Verified"}

    def test_a_resolver_that_does_not_answer_verifies_nothing(self, sandbox):
        console.create_profile(sandbox.kiro)
        token = console_actions.add_domain(sandbox, "entra", "contoso.example")
        console_actions.create_record(sandbox, "kiro-app-1.contoso.example", token, 300)
        dns.configure(sandbox.dns.store, "resolver1.", {"mode": "servfail"})
        console_actions.verify_domains(sandbox)
        assert statuses(sandbox.kiro) == {"contoso.example": "Pending"}

    def test_another_process_shares_the_name_servers(self, tmp_path, sandbox):
        with (
            Sandbox(tmp_path / "served").start(shared=True) as served,
            Sandbox(tmp_path / "served").start() as other,
        ):
            assert other.attached
            control.create_zones(other, ["acme.com"])
            assert other.dns.name_servers() == served.dns.name_servers()
            console_actions.create_record(other, "www.acme.com", "x", 300)
            assert hosted_zones.lookup_txt(other.dns, "www.acme.com") == ["x"]

    def test_a_long_value_is_split_and_read_back_whole(self, sandbox):
        console_actions.create_record(sandbox, "long.contoso.example", "x" * 600, 300)
        assert hosted_zones.lookup_txt(sandbox.dns, "long.contoso.example") == ["x" * 600]

    def test_a_name_outside_every_zone_is_refused(self, sandbox):
        with pytest.raises(ValueError, match="no zone of the sandbox contains"):
            console_actions.create_record(sandbox, "www.nowhere.test", "x", 300)


class TestConsoleActions:
    def test_the_domain_is_added_and_the_record_created(self, sandbox):
        console.create_profile(sandbox.kiro)
        added = console_actions.perform(sandbox, "entra", "kiro-domain-contoso.example")
        assert added.output.startswith("kiro-site-verification=")
        lines = (
            "Name:   kiro-app-1.contoso.example  (in contoso.example: kiro-app-1)",
            "Type:   TXT",
            f"Value:  {added.output}",
            "TTL:    60",
        )
        created = console_actions.perform(sandbox, "entra", "dns-record-contoso.example", lines)
        assert "in the zone contoso.example" in created.summary
        assert hosted_zones.lookup_txt(sandbox.dns, "kiro-app-1.contoso.example") == [added.output]
        assert console_actions.verification_tokens(sandbox, ["contoso.example", "other.example"]) == {
            "contoso.example": added.output
        }

    def test_a_profile_and_a_value_are_required(self, sandbox):
        assert console_actions.perform(sandbox, "okta", "kiro-domain-contoso.example") is None
        lines = (
            "Name: kiro-app-1.contoso.example",
            "Value: (the value that the Kiro console shows)",
            "TTL: 60",
        )
        assert console_actions.perform(sandbox, "entra", "dns-record-contoso.example", lines) is None
        assert console_actions.perform(sandbox, "entra", "dns-record-contoso.example", ()) is None

    def test_a_domain_of_another_profile_is_not_added(self, sandbox):
        console.create_profile(sandbox.kiro, issuer="https://issuer.example")
        console.create_profile(sandbox.kiro)
        assert console_actions.perform(sandbox, "okta", "kiro-domain-contoso.example")
        assert console_actions.perform(sandbox, "entra", "kiro-domain-contoso.example") is None
