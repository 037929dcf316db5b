"""The catalogue of misconfigurations for DNS: each is found by the check of its name, and by few others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

import pytest

from provisioner.providers.dns.checks import RULES, diagnose
from provisioner.providers.dns.context import Diagnosis
from provisioner.providers.dns.lookup import look
from provisioner.providers.dns.names import parse_domain, record_name
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import Limits, resolver
from provisioner.sandbox.dns import add_record, add_zone, records, remove_record, set_clock_offset, txt
from provisioner.sandbox.misconfigurations import NothingToBreakError
from provisioner.sandbox.misconfigurations.dns import CATALOGUE, Net
from provisioner.sandbox.store import Store
from tests.sandbox.dns_fixtures import ZONE, Client

TOKEN = "kiro-site-verification=11111111-2222-4333-8444-555555555555"
DOMAIN = "contoso.example"
LABEL = "kiro-app-1"
NAME = f"{LABEL}.{ZONE}"
LIMITS = Limits(datagram=0.5, stream=0.5, budget=5)

OF_PLAYBOOKS = {
    "dns-domain-in-two-playbooks",
    "dns-domain-private",
    "dns-domain-public-suffix",
    "dns-domains-too-many",
    "dns-label-unusual",
    "dns-parent-and-child",
    "dns-token-overdue",
}
"""Checks of what a playbook says: no fault of the DNS can fail them."""

CONSEQUENCES = {
    "dns-negative-ttl-long": {"dns-record-missing"},  # it only matters while something is absent
    "dns-zone-not-found": {"dns-record-missing"},  # resolvers find no way to the record either
}
"""Checks that cannot but fail as well."""

MADE_RIGHT_BY_THE_RECORD = {
    "dns-record-missing": set(),
    "dns-record-doubled": set(),
    "dns-record-at-apex": set(),
    "dns-record-at-other-label": set(),
    "dns-value-malformed": {"dns-tokens-several"},  # the bad value is still beside the right one
    "dns-value-other": {"dns-tokens-several"},
    "dns-negative-ttl-long": set(),
}
"""Faults that are gone once the wanted record is there, and the checks that have something to say even then."""

OF_A_LABEL = ("dns-record-at-apex", "dns-cname-in-the-way")
OF_A_SECONDARY = ("dns-servers-disagree", "dns-server-lame", "dns-server-unreachable", "dns-tcp-blocked")
IN_ANY_DNS = ("dns-resolver-unreachable",)
A_DAY = 86400


class Audit:
    """Looks a domain up as the product does, and judges what is seen."""

    def __init__(self, client: Client) -> None:
        self.service = client.service
        self.store = client.service.store

    def __call__(self) -> dict[str, Diagnosis]:
        """What is said, by the check that says it."""
        name = record_name(LABEL, parse_domain(DOMAIN))
        wanted = [DomainRecord(key=DOMAIN, label=name.label, name=name.name, value=TOKEN)]
        servers = {
            host.removesuffix("."): (address, int(port))
            for host, endpoint in self.service.name_servers().items()
            for address, _, port in [endpoint.partition(":")]
        }
        resolvers = [resolver(endpoint) for endpoint in self.service.resolvers().values()]
        seen = asyncio.run(
            look(
                wanted,
                resolvers=resolvers,
                servers=servers,
                suffixes=("example",),
                limits=LIMITS,
            )
        )
        return {one.id: one for one in diagnose(wanted, seen)}


@pytest.fixture
def audit(dns_client: Client) -> Audit:
    add_record(dns_client.service.store, ZONE, LABEL, "TXT", txt(TOKEN))
    return Audit(dns_client)


def told(said: Iterable[str], name: str) -> bool:
    return name in said and {*said} <= {name} | CONSEQUENCES.get(name, set())


def test_every_check_has_a_fault_or_is_of_playbooks():
    assert {*CATALOGUE} | OF_PLAYBOOKS == {rule.id for rule in RULES}
    assert not {*CATALOGUE} & OF_PLAYBOOKS


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_fault_is_found_by_its_check(audit, name):
    CATALOGUE[name](Net(audit.store))
    said = audit()
    assert told(said, name), {*said}
    assert said[name].message
    assert said[name].evidence
    assert said[name].next_step


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_fault_is_found_where_all_was_well_a_moment_ago(audit, name):
    """Resolvers remember the good answers; that hides no fault."""
    assert audit() == {}
    CATALOGUE[name](Net(audit.store))
    said = audit()
    assert told(said, name), {*said}


@pytest.mark.parametrize(("name", "left"), MADE_RIGHT_BY_THE_RECORD.items())
def test_making_the_record_undoes_the_fault(audit, name, left):
    CATALOGUE[name](Net(audit.store))
    assert name in audit()
    add_record(audit.store, ZONE, LABEL, "TXT", txt(TOKEN))
    assert name not in audit()
    set_clock_offset(audit.store, A_DAY)
    assert {*audit()} == left


def test_removing_the_alias_and_making_the_record_undoes_the_fault(audit):
    CATALOGUE["dns-cname-in-the-way"](Net(audit.store))
    remove_record(audit.store, ZONE, LABEL, "CNAME")
    add_record(audit.store, ZONE, LABEL, "TXT", txt(TOKEN))
    assert audit() == {}


def test_removing_the_other_values_undoes_the_fault(audit):
    CATALOGUE["dns-tokens-several"](Net(audit.store))
    left = records(audit.store, ZONE)[NAME]["TXT"]["data"]
    remove_record(audit.store, ZONE, LABEL, "TXT", *(text for text in left if text != txt(TOKEN)))
    assert audit() == {}


@pytest.mark.parametrize("name", ["dns-resolvers-lag", "dns-value-cached"])
def test_what_resolvers_remember_passes(audit, name):
    CATALOGUE[name](Net(audit.store))
    set_clock_offset(audit.store, A_DAY)
    assert audit() == {}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_fault_says_in_one_sentence_what_was_done(name):
    text = " ".join((CATALOGUE[name].__doc__ or "").split())
    assert re.fullmatch(r"[A-Z][^.]+\.", text), text
    assert len(text) < 120


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in IN_ANY_DNS])
def test_a_fault_needs_a_record_to_be_put_in(dns_client, name):
    with pytest.raises(NothingToBreakError, match="apply a playbook with domains first"):
        CATALOGUE[name](Net(dns_client.service.store))


def test_the_domain_can_be_chosen(audit):
    sub, other = f"sub.{ZONE}", "fabrikam.example."
    add_zone(audit.store, other)
    add_record(audit.store, ZONE, f"{LABEL}.sub", "TXT", txt(TOKEN))
    add_record(audit.store, other, LABEL, "TXT", txt(TOKEN))
    chosen = {domain: Net(audit.store, domain).record for domain in (DOMAIN, sub, None)}
    assert {domain: (record.zone, record.domain, record.name) for domain, record in chosen.items()} == {
        DOMAIN: (ZONE, ZONE, NAME),
        sub: (ZONE, sub, f"{LABEL}.{sub}"),
        None: (other, other, f"{LABEL}.{other}"),
    }
    with pytest.raises(NothingToBreakError, match=r"record of other\.example"):
        CATALOGUE["dns-record-missing"](Net(audit.store, "other.example"))


def broken(store: Store, name: str, zone: str) -> bool:
    """Whether the fault could be put in; what it refuses stays as it was."""
    before = records(store, zone)
    try:
        CATALOGUE[name](Net(store))
    except NothingToBreakError:
        assert records(store, zone) == before
        return False
    return True


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_record_at_the_domain_itself_can_be_broken_too(dns_client, name):
    store = dns_client.service.store
    add_record(store, ZONE, "@", "TXT", txt(TOKEN))
    assert broken(store, name, ZONE) == (name not in OF_A_LABEL)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_zone_with_one_server_can_be_broken_too(dns_client, name):
    store, zone = dns_client.service.store, "fabrikam.example."
    add_zone(store, zone, servers=["ns1"])
    add_record(store, zone, LABEL, "TXT", txt(TOKEN))
    assert broken(store, name, zone) == (name not in OF_A_SECONDARY)
