"""Domains in the simulated Kiro console, and the zones that the sandbox has for them."""

from __future__ import annotations

import pytest

from provisioner.sandbox import Sandbox, control, dns
from provisioner.sandbox.dns import hosted_zones
from provisioner.sandbox.kiro import ConsoleRefusal, console, domains
from provisioner.sandbox.store import Store


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


def shown(store, profile):
    return {each["name"]: each["status"] for each in console.describe(store)["profiles"][0]["domains"]}


class TestConsole:
    def test_a_domain_is_pending_and_has_a_token(self, store, profile):
        added = domains.add_domain(store, profile, "Contoso.example.")
        assert added["id"] == "contoso.example"
        assert added["token"].startswith("kiro-site-verification=")
        assert shown(store, profile) == {"contoso.example": "Pending"}
        assert domains.add_domain(store, profile, "contoso.example") == added

    def test_it_belongs_to_one_profile_whatever_its_status(self, store, profile):
        domains.add_domain(store, profile, "contoso.example")
        other = console.create_profile(store)["id"]
        with pytest.raises(ConsoleRefusal, match="already associated with another profile"):
            domains.add_domain(store, other, "contoso.example")

    def test_a_profile_has_ten_at_most(self, store, profile):
        for number in range(10):
            domains.add_domain(store, profile, f"d{number}.example")
        with pytest.raises(ConsoleRefusal, match="at most 10 domains"):
            domains.add_domain(store, profile, "d10.example")

    def test_added_again_it_has_another_token(self, store, profile):
        first = domains.add_domain(store, profile, "contoso.example")
        domains.remove_domain(store, "contoso.example")
        assert domains.add_domain(store, profile, "contoso.example")["token"] != first["token"]

    def test_a_deleted_profile_sets_its_domains_free(self, store, profile):
        domains.add_domain(store, profile, "contoso.example")
        console.delete_profile(store, profile)
        other = console.create_profile(store)["id"]
        assert domains.add_domain(store, other, "contoso.example")["status"] == "Pending"

    @pytest.mark.parametrize(
        "name", ["contoso.example", "kiro-app-1.contoso.example", "kiro-app-10.contoso.example"]
    )
    def test_it_is_verified_once_the_token_is_found(self, store, profile, name):
        token = domains.add_domain(store, profile, "contoso.example")["token"]
        domains.verify(store, lambda asked: ["v=spf1 -all"] if asked == name else [])
        assert shown(store, profile) == {"contoso.example": "Pending"}
        domains.verify(store, lambda asked: ["v=spf1 -all", token] if asked == name else [])
        assert shown(store, profile) == {"contoso.example": "Verified"}
        domains.verify(store, lambda _: [])
        assert shown(store, profile) == {"contoso.example": "Verified"}

    def test_other_names_and_other_values_do_not_count(self, store, profile):
        token = domains.add_domain(store, profile, "contoso.example")["token"]
        domains.verify(
            store, lambda asked: [token] if asked == "kiro-app-11.contoso.example" else [token[:-1]]
        )
        assert shown(store, profile) == {"contoso.example": "Pending"}

    def test_what_is_not_there_is_refused(self, store):
        with pytest.raises(ConsoleRefusal, match="no profile"):
            domains.add_domain(store, "nobody", "contoso.example")
        with pytest.raises(ConsoleRefusal, match="no domain"):
            domains.remove_domain(store, "contoso.example")


class TestHosting:
    @pytest.mark.parametrize(
        ("domain", "zone"),
        [
            ("eu.acme.com", "acme.com."),
            ("acme.co.uk", "acme.co.uk."),
            ("mail.northwind.example", "northwind.example."),
            ("eu.contoso.example", "contoso.example."),
        ],
    )
    def test_a_domain_that_the_world_can_have_gets_a_zone(self, sandbox, domain, zone):
        control.host(sandbox, [domain])
        assert hosted_zones.zone_of(sandbox.names.store, f"kiro-app-1.{domain}") == zone
        assert {f"ns1.{zone}", f"ns2.{zone}"} <= sandbox.names.name_servers().keys()

    @pytest.mark.parametrize("domain", ["contoso.local", "contoso.internal", "hq.contoso-private", "co.uk"])
    def test_a_private_one_does_not(self, sandbox, domain):
        before = dns.zone_names(sandbox.names.store)
        control.host(sandbox, [domain])
        assert dns.zone_names(sandbox.names.store) == before
        assert hosted_zones.zone_of(sandbox.names.store, domain) is None

    def test_a_zone_that_somebody_took_away_stays_away(self, sandbox):
        control.host(sandbox, ["acme.com"])
        dns.remove_zone(sandbox.names.store, "acme.com.")
        control.host(sandbox, ["acme.com"])
        assert "acme.com." not in dns.zone_names(sandbox.names.store)


class TestTogether:
    def test_pending_becomes_verified_through_the_resolver(self, sandbox):
        profile = console.create_profile(sandbox.kiro)["id"]
        token = control.add_domain(sandbox, "contoso.example", "entra")
        control.verify_domains(sandbox)
        assert shown(sandbox.kiro, profile) == {"contoso.example": "Pending"}
        control.create_record(sandbox, "kiro-app-1.contoso.example", token, 300)
        control.verify_domains(sandbox)
        assert shown(sandbox.kiro, profile) == {"contoso.example": "Pending"}, "its resolver remembers"
        dns.set_clock_offset(sandbox.names.store, 901)
        control.verify_domains(sandbox)
        assert shown(sandbox.kiro, profile) == {"contoso.example": "Verified"}

    def test_a_resolver_that_does_not_answer_verifies_nothing(self, sandbox):
        profile = console.create_profile(sandbox.kiro)["id"]
        token = control.add_domain(sandbox, "contoso.example", "entra")
        control.create_record(sandbox, "kiro-app-1.contoso.example", token, 300)
        dns.configure(sandbox.names.store, "resolver1.", {"mode": "servfail"})
        control.verify_domains(sandbox)
        assert shown(sandbox.kiro, profile) == {"contoso.example": "Pending"}

    def test_another_process_shares_the_name_servers(self, tmp_path, sandbox):
        with (
            Sandbox(tmp_path / "served").start(shared=True) as served,
            Sandbox(tmp_path / "served").start() as other,
        ):
            assert other.attached
            control.host(other, ["acme.com"])
            assert other.names.name_servers() == served.names.name_servers()
            control.create_record(other, "www.acme.com", "x", 300)
            assert hosted_zones.txt_values(other.names, "www.acme.com") == ["x"]

    def test_a_long_value_is_split_and_read_back_whole(self, sandbox):
        control.create_record(sandbox, "long.contoso.example", "x" * 600, 300)
        assert hosted_zones.txt_values(sandbox.names, "long.contoso.example") == ["x" * 600]

    def test_a_name_in_no_zone_has_no_editor(self, sandbox):
        with pytest.raises(ValueError, match="no zone of the sandbox"):
            control.create_record(sandbox, "www.nowhere.test", "x", 300)


class TestActing:
    def test_a_person_adds_the_domain_and_copies_the_record(self, sandbox):
        console.create_profile(sandbox.kiro)
        did = control.act(sandbox, "kiro-domain-contoso.example", "entra")
        assert did.brought.startswith("kiro-site-verification=")
        lines = (
            "Name:   kiro-app-1.contoso.example  (in contoso.example: kiro-app-1)",
            "Type:   TXT",
            f"Value:  {did.brought}",
            "TTL:    60",
        )
        made = control.act(sandbox, "dns-record-contoso.example", "entra", lines)
        assert "in the zone contoso.example" in made.told
        assert hosted_zones.txt_values(sandbox.names, "kiro-app-1.contoso.example") == [did.brought]
        assert control.tokens(sandbox, ["contoso.example", "other.example"]) == {
            "contoso.example": did.brought
        }

    def test_not_before_there_is_a_profile_or_a_value(self, sandbox):
        assert control.act(sandbox, "kiro-domain-contoso.example", "okta") is None
        lines = (
            "Name: kiro-app-1.contoso.example",
            "Value: (the value that the Kiro console shows)",
            "TTL: 60",
        )
        assert control.act(sandbox, "dns-record-contoso.example", "entra", lines) is None
        assert control.act(sandbox, "dns-record-contoso.example", "entra", ()) is None

    def test_a_domain_of_another_profile_is_left_to_a_person(self, sandbox):
        console.create_profile(sandbox.kiro, issuer="https://issuer.example")
        console.create_profile(sandbox.kiro)
        assert control.act(sandbox, "kiro-domain-contoso.example", "okta")
        assert control.act(sandbox, "kiro-domain-contoso.example", "entra") is None
