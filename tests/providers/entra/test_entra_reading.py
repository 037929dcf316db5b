"""What a tenant of the sandbox is read into: rounds, audit reads and the gaps they leave, e-mail domains."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from provisioner import engine
from provisioner.core.resource import Observation
from provisioner.core.snapshot import Snapshot
from provisioner.journal import Journal
from provisioner.providers import SandboxConnection, provider_module
from provisioner.providers.dns.checks.email_domains import check
from provisioner.providers.dns.observations import EmailDomain, VerifiedDomain
from provisioner.providers.entra import audit_kinds, parse, permissions, reading
from provisioner.providers.entra import resources as kinds
from provisioner.sandbox import Exchange
from tests.graph_contract import ABSENT, CONTRACTS, GraphContract
from tests.sandboxes import Sandbox

AUDIT_READS = (*audit_kinds.TENANT_READS, *audit_kinds.APPLICATION_READS, *audit_kinds.JOB_READS)
AUDITED_KINDS = frozenset(kind.kind for read in AUDIT_READS for kind in read.kinds)
EMAIL_KINDS = frozenset(kind.kind for registered in check for kind in registered.reads)
PLAN_PERMISSIONS = ("Application.Read.All", "Synchronization.Read.All", "GroupMember.Read.All")

Reads = Callable[..., Snapshot]


class Silent:
    """A listener that reports nothing."""

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
    """Requests to Graph and their responses."""
    return []


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory, exchanges: list[Exchange]) -> Iterator[Sandbox]:
    """A tenant in which two groups and Dan are assigned, with a provisioning job."""
    home = tmp_path_factory.mktemp("tenant")
    with Sandbox(home, recorder=exchanges.append) as sandbox:
        sandbox.directory.set("tenant_id", "11111111-1111-1111-1111-111111111111")
        sandbox.start()
        desired = playbook(users=[{"name": "dan@contoso.example"}], scim={})

        async def apply() -> None:
            connection = SandboxConnection(sandbox.url, sandbox.access_token())
            provider = provider_module("entra").connect(desired, Journal(home), lambda _: None, connection)
            try:
                planned = await engine.plan(provider)
                await engine.apply(provider, planned, Silent(), engine.ApplyResult())
            finally:
                await provider.close()

        asyncio.run(apply())
        yield sandbox


@pytest.fixture
def read(tenant: Sandbox, tmp_path) -> Reads:
    """Reads with a token that has these permissions, or all; the playbook does not manage users."""

    def read(*permissions: str, extra_kinds: frozenset[str] = EMAIL_KINDS, **playbook_keys: Any) -> Snapshot:
        async def run() -> Snapshot:
            connection = SandboxConnection(tenant.url, tenant.access_token(list(permissions) or None))
            provider = provider_module("entra").connect(
                playbook(**playbook_keys), Journal(tmp_path), lambda _: None, connection
            )
            try:
                return await provider.read(extra_kinds)
            finally:
                await provider.close()

        return asyncio.run(run())

    return read


@pytest.fixture
def change_users(tenant: Sandbox) -> Iterator[Callable[..., None]]:
    """Changes users until the test ends."""
    before = tenant.directory.all("user")

    def change(*names: str, **fields: Any) -> None:
        for user in before:
            if not names or user["givenName"] in names:
                tenant.directory.put("user", user["id"], {**user, **fields})

    yield change
    for user in before:
        tenant.directory.put("user", user["id"], user)


class TestAuditReads:
    def test_a_plan_reads_nothing_that_only_audits_need(self, read):
        resources = read(extra_kinds=frozenset(), scim={}).resources
        assert not [resource for resource in resources if isinstance(resource, Observation)]

    def test_each_of_them_is_read_with_its_permission(self, read):
        for row in AUDIT_READS:
            snapshot = read(
                *PLAN_PERMISSIONS,
                row.permission.any_of[0],
                extra_kinds=frozenset(kind.kind for kind in row.kinds),
                scim={},
            )
            assert snapshot.gaps == (), row.kinds

    def test_without_it_the_gap_names_the_permission(self, read):
        snapshot = read(
            "Application.Read.All",
            "Synchronization.Read.All",
            extra_kinds=AUDITED_KINDS,
            groups=None,
            scim={},
        )
        for row in AUDIT_READS:
            if row.permission is not permissions.READ_APPLICATIONS:
                for kind in row.kinds:
                    gap = snapshot.gap_for(kind.kind)
                    assert gap is not None, kind
                    assert gap.reason.startswith("GET /"), kind
                    assert gap.permissions == row.permission.any_of, kind


class TestEmailDomains:
    def test_members_of_assigned_groups_and_directly_assigned_users_are_counted(self, read):
        snapshot = read()
        assert snapshot.all(EmailDomain) == (
            EmailDomain(key="contoso.example", people=4),
            EmailDomain(key="partner.example", people=1),
        )
        assert snapshot.all(VerifiedDomain) == (VerifiedDomain(key="contoso.example", default=True),)
        assert snapshot.gaps == ()

    def test_a_plan_reads_no_users(self, read, exchanges):
        before = len(exchanges)
        snapshot = read(extra_kinds=frozenset())
        assert snapshot.all(EmailDomain) == snapshot.all(VerifiedDomain) == ()
        paths = [exchange.path for exchange in exchanges[before:]]
        assert paths
        assert not [path for path in paths if "/members" in path or "/organization" in path]

    def test_the_requests_are_valid_against_the_description_of_graph(self, read, exchanges):
        if not CONTRACTS.is_dir():
            pytest.skip(ABSENT)
        before = len(exchanges)
        read()
        sent = [exchange for exchange in exchanges[before:] if exchange.path.startswith("/v1.0")]
        assert [exchange for exchange in sent if "microsoft.graph.user" in exchange.path]
        assert GraphContract().problems(sent) == []

    def test_the_sign_in_name_replaces_a_missing_address(self, read, change_users):
        change_users("Alice", "Gina", mail=None)
        assert read().all(EmailDomain) == (EmailDomain(key="contoso.example", people=4),)

    def test_one_page_is_read_of_each_group(self, read, monkeypatch):
        assigned = read().resources
        groups = [resource for resource in assigned if isinstance(resource, kinds.GroupAssignment)]
        users = [resource for resource in assigned if isinstance(resource, kinds.UserAssignment)]
        small_pages = [
            path.replace("$top=999", "$top=2") for path in audit_kinds.address_paths(groups, users)
        ]
        monkeypatch.setattr(reading, "address_paths", lambda *_: small_pages)
        domain = read().get(EmailDomain, "contoso.example")
        assert domain == EmailDomain(key="contoso.example", people=3, complete=False)

    def test_there_is_a_limit_to_the_groups_that_are_read(self, read, monkeypatch):
        monkeypatch.setattr(reading, "_MAX_ADDRESS_READS", 1)
        assert [domain.complete for domain in read().all(EmailDomain)] == [False]

    def test_users_are_read_in_chunks_that_a_filter_can_have(self):
        users = [kinds.UserAssignment(key=str(number), principal=str(number)) for number in range(31)]
        paths = audit_kinds.address_paths([], users)
        assert [path.count("'") // 2 for path in paths] == [15, 15, 1]

    def test_without_permission_to_read_users(self, read):
        snapshot = read(*PLAN_PERMISSIONS, "Organization.Read.All")
        (gap,) = [gap for gap in snapshot.gaps if gap.kind == EmailDomain.kind]
        assert gap.reason.startswith("GET /users")
        assert gap.permissions == permissions.READ_EMAIL_ADDRESSES.any_of
        assert snapshot.all(VerifiedDomain)

    def test_where_graph_returns_only_ids(self, read, change_users):
        change_users(mail=None, userPrincipalName=None)
        gap = read().gap_for(EmailDomain.kind)
        assert gap is not None
        assert gap.permissions == permissions.READ_EMAIL_ADDRESSES.any_of

    def test_without_permission_to_read_the_organization(self, read):
        snapshot = read(*PLAN_PERMISSIONS, "User.ReadBasic.All")
        assert snapshot.gap_for(EmailDomain.kind) is None
        gap = snapshot.gap_for(VerifiedDomain.kind)
        assert gap is not None
        assert gap.permissions == permissions.READ_DOMAINS.any_of


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
    assert parse.email_address(user) == address


def test_domains_that_microsoft_assigned_are_left_out():
    domains = [
        {"name": "contoso.onmicrosoft.com", "isInitial": True, "isDefault": False},
        {"name": "contoso.mail.onmicrosoft.com"},
        {"name": "Contoso.com", "isDefault": True},
        {"name": "notonmicrosoft.com", "isDefault": False},
    ]
    assert list(parse.parse_verified_domains([{"verifiedDomains": domains}, {}])) == [
        VerifiedDomain(key="contoso.com", default=True),
        VerifiedDomain(key="notonmicrosoft.com"),
    ]
