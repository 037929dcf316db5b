"""DNS misconfigurations: the check with the same id reports each of them, and few others do."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from provisioner.core.check import CheckContext, Finding, Status
from provisioner.core.plan import DesiredState
from provisioner.core.snapshot import Snapshot
from provisioner.providers.dns.checks import CHECKS, email_domains
from provisioner.providers.dns.lookup import look_up
from provisioner.providers.dns.names import parse_domain, record_name
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import DnsConnection, Limits, parse_resolver
from provisioner.sandbox.dns import add_record, add_zone, records, remove_record, set_clock_offset, txt
from provisioner.sandbox.dns.misconfigurations import MISCONFIGURATIONS, VerifiedDomain
from provisioner.sandbox.misconfigurations import NothingToBreakError
from provisioner.sandbox.store import Store
from tests.sandbox.dns_fixtures import ZONE, Client

TOKEN = "kiro-site-verification=11111111-2222-4333-8444-555555555555"
DOMAIN = "contoso.example"
LABEL = "kiro-app-1"
NAME = f"{LABEL}.{ZONE}"
LIMITS = Limits(udp_timeout=3, tcp_timeout=3, budget=60)
"""Long enough for a busy machine; only the cases with a silent server wait for them."""

ANSWER_CHECKS = [check for check in CHECKS if check not in email_domains.check]

PLAYBOOK_CHECKS = {
    "dns-domain-in-two-playbooks",
    "dns-domain-private",
    "dns-domain-public-suffix",
    "dns-domains-too-many",
    "dns-label-unusual",
    "dns-parent-and-child",
    "dns-token-overdue",
}
"""Checks of the playbook itself: no misconfiguration of the DNS can fail them."""

CONSEQUENCES = {
    "dns-negative-ttl-long": {"dns-record-missing"},  # it only matters while a name does not exist
    "dns-zone-not-found": {"dns-record-missing"},  # resolvers find no way to the record either
}
"""Other checks that fail as a consequence."""

FIXED_BY_THE_RECORD = {
    "dns-record-missing": set(),
    "dns-record-doubled": set(),
    "dns-record-at-apex": set(),
    "dns-record-at-other-label": set(),
    "dns-value-malformed": {"dns-tokens-several"},  # the wrong value stays next to the right one
    "dns-value-other": {"dns-tokens-several"},
    "dns-negative-ttl-long": set(),
}
"""Misconfigurations that end when the record is created, and the checks that fail even then."""

OF_A_LABEL = ("dns-record-at-apex", "dns-cname-in-the-way")
OF_A_SECONDARY = ("dns-servers-disagree", "dns-server-lame", "dns-server-unreachable", "dns-tcp-blocked")
IN_ANY_DNS = {"dns-resolver-unreachable"}
A_DAY = 86400


class Audit:
    """Looks up a domain as the product does, and checks the answers."""

    def __init__(self, client: Client) -> None:
        self.service = client.service
        self.store = client.service.store

    def __call__(self) -> dict[str, Finding]:
        """The failed findings, by check."""
        name = record_name(LABEL, parse_domain(DOMAIN))
        record = DomainRecord(key=DOMAIN, label=name.label, name=name.name, value=TOKEN)
        servers = {
            host.removesuffix("."): (address, int(port))
            for host, endpoint in self.service.name_servers().items()
            for address, _, port in [endpoint.partition(":")]
        }
        connection = DnsConnection(
            resolvers=[parse_resolver(endpoint) for endpoint in self.service.resolvers().values()],
            overrides=servers,
            suffixes=("example",),
            limits=LIMITS,
        )
        snapshot = Snapshot(resources=asyncio.run(look_up([record], connection)))
        context = CheckContext(snapshot, DesiredState(resources=(record,)))
        findings = [finding for check in ANSWER_CHECKS for finding in check.run(context)]
        return {finding.check: finding for finding in findings if finding.status is Status.FAIL}


@pytest.fixture
def audit(dns_client: Client) -> Audit:
    add_record(dns_client.service.store, ZONE, LABEL, "TXT", txt(TOKEN))
    return Audit(dns_client)


def reported(checks: Collection[str], name: str) -> bool:
    return name in checks and {*checks} <= {name} | CONSEQUENCES.get(name, set())


def test_every_check_of_the_dns_has_a_misconfiguration():
    assert {*MISCONFIGURATIONS} | PLAYBOOK_CHECKS == {check.id for check in ANSWER_CHECKS}
    assert not {*MISCONFIGURATIONS} & PLAYBOOK_CHECKS


@pytest.mark.parametrize("name", MISCONFIGURATIONS)
def test_its_check_reports_a_misconfiguration(audit, name):
    MISCONFIGURATIONS[name](VerifiedDomain(audit.store))
    findings = audit()
    assert reported(findings, name), {*findings}
    assert "; " in findings[name].message  # the problem; the next step
    assert findings[name].evidence


@pytest.mark.parametrize("name", MISCONFIGURATIONS)
def test_its_check_reports_it_even_after_a_good_audit(audit, name):
    """The good answers that resolvers cache hide no misconfiguration."""
    assert audit() == {}
    MISCONFIGURATIONS[name](VerifiedDomain(audit.store))
    findings = audit()
    assert reported(findings, name), {*findings}


@pytest.mark.parametrize(("name", "remaining"), FIXED_BY_THE_RECORD.items())
def test_creating_the_record_fixes_it(audit, name, remaining):
    MISCONFIGURATIONS[name](VerifiedDomain(audit.store))
    assert name in audit()
    add_record(audit.store, ZONE, LABEL, "TXT", txt(TOKEN))
    assert name not in audit()
    set_clock_offset(audit.store, A_DAY)
    assert {*audit()} == remaining


def test_replacing_the_alias_by_the_record_fixes_it(audit):
    MISCONFIGURATIONS["dns-cname-in-the-way"](VerifiedDomain(audit.store))
    remove_record(audit.store, ZONE, LABEL, "CNAME")
    add_record(audit.store, ZONE, LABEL, "TXT", txt(TOKEN))
    assert audit() == {}


def test_removing_the_other_values_fixes_it(audit):
    MISCONFIGURATIONS["dns-tokens-several"](VerifiedDomain(audit.store))
    data = records(audit.store, ZONE)[NAME]["TXT"]["data"]
    remove_record(audit.store, ZONE, LABEL, "TXT", *(text for text in data if text != txt(TOKEN)))
    assert audit() == {}


@pytest.mark.parametrize("name", ["dns-resolvers-lag", "dns-value-cached"])
def test_cached_answers_expire(audit, name):
    MISCONFIGURATIONS[name](VerifiedDomain(audit.store))
    set_clock_offset(audit.store, A_DAY)
    assert audit() == {}


def test_a_dns_without_records_has_nothing_to_break(dns_client):
    applied = []
    for name, misconfiguration in MISCONFIGURATIONS.items():
        try:
            misconfiguration(VerifiedDomain(dns_client.service.store))
        except NothingToBreakError as error:
            assert str(error) == "no domain has a verification record yet", name  # noqa: PT017 (the loop goes on)
        else:
            applied.append(name)
    assert {*applied} == IN_ANY_DNS


def test_the_domain_can_be_selected(audit):
    sub, other = f"sub.{ZONE}", "fabrikam.example."
    add_zone(audit.store, other)
    add_record(audit.store, ZONE, f"{LABEL}.sub", "TXT", txt(TOKEN))
    add_record(audit.store, other, LABEL, "TXT", txt(TOKEN))
    selected = {domain: VerifiedDomain(audit.store, domain).record for domain in (DOMAIN, sub, None)}
    assert {domain: (record.zone, record.domain, record.name) for domain, record in selected.items()} == {
        DOMAIN: (ZONE, ZONE, NAME),
        sub: (ZONE, sub, f"{LABEL}.{sub}"),
        None: (other, other, f"{LABEL}.{other}"),
    }
    with pytest.raises(NothingToBreakError, match=r"'other\.example' has no verification record"):
        MISCONFIGURATIONS["dns-record-missing"](VerifiedDomain(audit.store, "other.example"))


def applied(store: Store, name: str, zone: str) -> bool:
    """Whether the misconfiguration was applied; otherwise the zone did not change."""
    before = records(store, zone)
    try:
        MISCONFIGURATIONS[name](VerifiedDomain(store))
    except NothingToBreakError:
        assert records(store, zone) == before
        return False
    return True


@pytest.mark.parametrize("name", MISCONFIGURATIONS)
def test_a_record_at_the_domain_itself_can_be_broken_too(dns_client, name):
    store = dns_client.service.store
    add_record(store, ZONE, "@", "TXT", txt(TOKEN))
    assert applied(store, name, ZONE) == (name not in OF_A_LABEL)


@pytest.mark.parametrize("name", MISCONFIGURATIONS)
def test_a_zone_with_one_server_can_be_broken_too(dns_client, name):
    store, zone = dns_client.service.store, "fabrikam.example."
    add_zone(store, zone, servers=["ns1"])
    add_record(store, zone, LABEL, "TXT", txt(TOKEN))
    assert applied(store, name, zone) == (name not in OF_A_SECONDARY)
