"""People's e-mail domains and the tenant's own, as the sandbox's Graph tells them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from provisioner import engine
from provisioner.core.snapshot import Snapshot
from provisioner.journal import Journal
from provisioner.providers import SandboxConnection, provider_module
from provisioner.providers.dns.checks.email_domains import check
from provisioner.providers.dns.observations import EmailDomain, VerifiedDomain
from provisioner.providers.entra import parse, permissions
from provisioner.providers.entra import reading as reader
from provisioner.providers.entra import resources as kinds
from provisioner.sandbox import Exchange
from tests.graph_contract import ABSENT, CONTRACTS, GraphContract
from tests.sandboxes import Sandbox

ALSO = frozenset(kind.kind for one in check for kind in one.reads)
PLAN_NEEDS = ["Application.Read.All", "Synchronization.Read.All", "GroupMember.Read.All"]

Reads = Callable[..., Snapshot]


class Silent:
    """A watcher that says nothing."""

    def starting(self, change): ...

    def finished(self, change, outcome): ...

    def waiting(self, reason): ...


def playbook(**more: Any) -> Any:
    return (
        provider_module("entra")
        .playbook_model()
        .model_validate(
            {
                "version": 1,
                "name": "kiro-entra",
                "provider": "entra",
                "connection": {"tenant": "11111111-1111-1111-1111-111111111111"},
                "application": {"display_name": "Kiro-Entra"},
                "groups": [{"name": "Kiro-Users"}, {"name": "External partners"}],
                **more,
            }
        )
    )


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    """What was said with Graph."""
    return []


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory, exchanges: list[Exchange]) -> Iterator[Sandbox]:
    """A tenant in which two groups and Dan are assigned."""
    home = tmp_path_factory.mktemp("tenant")
    with Sandbox(home, recorder=exchanges.append) as sandbox:
        sandbox.directory.set("tenant_id", "11111111-1111-1111-1111-111111111111")
        sandbox.start()
        wanted = playbook(users=[{"name": "dan@contoso.example"}])

        async def applied() -> None:
            access = SandboxConnection(sandbox.url, sandbox.access_token())
            provider = provider_module("entra").connect(wanted, Journal(home), lambda _: None, access)
            try:
                planned = await engine.plan(provider)
                await engine.apply(provider, planned, Silent(), engine.ApplyResult())
            finally:
                await provider.close()

        asyncio.run(applied())
        yield sandbox


@pytest.fixture
def reads(tenant: Sandbox, tmp_path) -> Reads:
    """Reads with a token of these permissions, or of all; the playbook says nothing of users."""

    def read(*allowed: str, also: frozenset[str] = ALSO) -> Snapshot:
        async def reading() -> Snapshot:
            access = SandboxConnection(tenant.url, tenant.access_token(list(allowed) or None))
            provider = provider_module("entra").connect(playbook(), Journal(tmp_path), lambda _: None, access)
            try:
                return await provider.read(also)
            finally:
                await provider.close()

        return asyncio.run(reading())

    return read


@pytest.fixture
def changed(tenant: Sandbox) -> Iterator[Callable[..., None]]:
    """Changes users until the test is over."""
    before = tenant.directory.all("user")

    def change(*names: str, **fields: Any) -> None:
        for user in before:
            if not names or user["givenName"] in names:
                tenant.directory.put("user", user["id"], {**user, **fields})

    yield change
    for user in before:
        tenant.directory.put("user", user["id"], user)


def test_members_of_the_groups_and_users_of_their_own_are_counted(reads):
    found = reads()
    assert found.all(EmailDomain) == (
        EmailDomain(key="contoso.example", people=4),
        EmailDomain(key="partner.example", people=1),
    )
    assert found.all(VerifiedDomain) == (VerifiedDomain(key="contoso.example", default=True),)
    assert found.gaps == ()


def test_a_plan_reads_none_of_it(reads, exchanges):
    before = len(exchanges)
    found = reads(also=frozenset())
    assert found.all(EmailDomain) == found.all(VerifiedDomain) == ()
    said = [exchange.path for exchange in exchanges[before:]]
    assert said
    assert not [path for path in said if "/members" in path or "/organization" in path]


def test_what_is_asked_is_as_graph_s_description_has_it(reads, exchanges):
    if not CONTRACTS.is_dir():
        pytest.skip(ABSENT)
    before = len(exchanges)
    reads()
    said = [one for one in exchanges[before:] if one.path.startswith("/v1.0")]
    assert [one for one in said if "microsoft.graph.user" in one.path]
    assert GraphContract().problems(said) == []


def test_the_sign_in_name_stands_for_an_address_that_is_not_there(reads, changed):
    changed("Alice", "Gina", mail=None)
    assert reads().all(EmailDomain) == (EmailDomain(key="contoso.example", people=4),)


@pytest.mark.parametrize(
    ("user", "address"),
    [
        ({"mail": "a@contoso.com", "userPrincipalName": "x@contoso.onmicrosoft.com"}, "a@contoso.com"),
        ({"mail": None, "userPrincipalName": "x@contoso.com"}, "x@contoso.com"),
        ({"mail": "g@gmail.com", "userPrincipalName": "g_gmail.com#EXT#@contoso.com"}, "g@gmail.com"),
        ({"userPrincipalName": "g_gmail.com#ext#@contoso.com"}, None),
        ({"mail": None, "userPrincipalName": None}, ""),
    ],
)
def test_the_address_of_a_user(user, address):
    assert parse.address(user) == address


def test_the_names_that_microsoft_gave_are_no_domains_of_the_tenant():
    domains = [
        {"name": "contoso.onmicrosoft.com", "isInitial": True, "isDefault": False},
        {"name": "contoso.mail.onmicrosoft.com"},
        {"name": "Contoso.com", "isDefault": True},
        {"name": "notonmicrosoft.com", "isDefault": False},
    ]
    assert list(parse.verified_domains([{"verifiedDomains": domains}, {}])) == [
        VerifiedDomain(key="contoso.com", default=True),
        VerifiedDomain(key="notonmicrosoft.com"),
    ]


class TestNotEverybody:
    def test_of_a_group_one_page_is_read(self, reads, monkeypatch):
        asked = parse.where_people_are(reads().resources)
        smaller = [where.replace("$top=999", "$top=2") for where in asked]
        monkeypatch.setattr(parse, "where_people_are", lambda _: smaller)
        found = reads().get(EmailDomain, "contoso.example")
        assert found == EmailDomain(key="contoso.example", people=3, complete=False)

    def test_of_many_groups_some_are_read(self, reads, monkeypatch):
        monkeypatch.setattr(reader, "_PLACES", 1)
        assert [found.complete for found in reads().all(EmailDomain)] == [False]

    def test_users_are_asked_for_in_portions_that_a_filter_can_have(self):
        many = [kinds.UserAssignment(key=str(number), principal=str(number)) for number in range(31)]
        asked = list(parse.where_people_are(many))
        assert [where.count("'") // 2 for where in asked] == [15, 15, 1]


class TestWithoutPermission:
    def test_people_may_not_be_read(self, reads):
        found = reads(*PLAN_NEEDS, "Organization.Read.All")
        (gap,) = [gap for gap in found.gaps if gap.kind == EmailDomain.kind]
        assert gap.reason.startswith("GET /users")
        assert gap.permissions == permissions.READ_PEOPLE.any_of
        assert found.all(VerifiedDomain)

    def test_only_their_ids_are_told(self, reads, changed):
        changed(mail=None, userPrincipalName=None)
        gap = reads().gap_for(EmailDomain.kind)
        assert gap is not None
        assert gap.permissions == permissions.READ_PEOPLE.any_of

    def test_the_organization_may_not_be_read(self, reads):
        found = reads(*PLAN_NEEDS, "User.ReadBasic.All")
        assert found.gap_for(EmailDomain.kind) is None
        gap = found.gap_for(VerifiedDomain.kind)
        assert gap is not None
        assert gap.permissions == permissions.READ_DOMAINS.any_of
