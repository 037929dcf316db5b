"""E-mail domains of the users, read from the sandbox's Okta."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner import engine
from provisioner.core.check import CheckContext, Status
from provisioner.core.snapshot import Snapshot
from provisioner.journal import Journal
from provisioner.providers import SandboxConnection, provider_module
from provisioner.providers.dns.checks.email_domains import check
from provisioner.providers.dns.observations import EmailDomain, VerifiedDomain
from provisioner.providers.okta import app_users, observations
from provisioner.sandbox import Exchange
from tests.okta_contract import ABSENT, CONTRACTS, OktaContract
from tests.sandboxes import Sandbox

EXTRA_KINDS = frozenset(kind.kind for registered in check for kind in registered.reads)
PLAYBOOK: dict[str, Any] = {
    "version": 1,
    "name": "kiro-okta",
    "provider": "okta",
    "connection": {"org_url": "http://127.0.0.1:9"},
    "application": {"label": "Kiro-OIDC"},
    "groups": [{"name": "Kiro-Users"}],
}

Reads = Callable[..., Snapshot]


class IgnoreProgress:
    """A listener that ignores progress."""

    def starting(self, change): ...

    def finished(self, change, outcome): ...

    def waiting(self, reason): ...


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    """The requests to Okta, with their responses."""
    return []


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory, exchanges: list[Exchange]) -> Iterator[Sandbox]:
    """An organization in which a group is assigned."""
    home = tmp_path_factory.mktemp("org")
    with Sandbox(home, recorder=exchanges.append).start() as sandbox:
        provider = connected(sandbox, home)

        async def applied() -> None:
            try:
                await engine.apply(
                    provider, await engine.plan(provider), IgnoreProgress(), engine.ApplyResult()
                )
            finally:
                await provider.close()

        asyncio.run(applied())
        yield sandbox


def connected(sandbox: Sandbox, notes: Path) -> Any:
    model = provider_module("okta").playbook_model()
    access = SandboxConnection(sandbox.url, sandbox.okta_token())
    return provider_module("okta").connect(
        model.model_validate(PLAYBOOK), Journal(notes), lambda _: None, access
    )


@pytest.fixture
def reads(org: Sandbox, tmp_path: Path) -> Reads:
    def read(*kinds: type) -> Snapshot:
        async def reading() -> Snapshot:
            provider = connected(org, tmp_path)
            try:
                return await provider.read(EXTRA_KINDS | {kind.kind for kind in kinds})
            finally:
                await provider.close()

        return asyncio.run(reading())

    return read


@pytest.fixture
def users(org: Sandbox) -> Iterator[list[dict[str, Any]]]:
    """The application's users, as they are stored; what a test changes is put back."""
    before = org.okta.all("appUser")
    assert len(before) > 2
    yield before
    for user in before:
        put(org, user)


def put(org: Sandbox, user: dict[str, Any], **changed: Any) -> None:
    org.okta.put("appUser", f"{user['_appId']}:{user['id']}", {**user, **changed})


def test_assigned_users_are_counted(reads, users):
    found = reads()
    assert found.all(EmailDomain) == (EmailDomain(key="fabrikam.example", people=len(users)),)
    assert found.all(VerifiedDomain) == ()
    assert found.gaps == ()


def test_the_user_name_replaces_a_missing_address(reads, users, org):
    put(org, users[0], profile={}, credentials={"userName": "alice@northwind.example"})
    put(org, users[1], profile={"email": "Bob@GMAIL.com"})
    put(org, users[2], profile={}, credentials={"userName": "carol"})
    counted = {found.key: found.people for found in reads().all(EmailDomain)}
    rest = {"fabrikam.example": len(users) - 3} if len(users) > 3 else {}
    assert counted == {"gmail.com": 1, "northwind.example": 1, **rest}


def test_the_users_read_for_other_checks_are_reused(reads, org, exchanges):
    reads(observations.UserComparison)
    before = len(exchanges)
    found = reads(observations.UserComparison)
    requests = [exchange.path for exchange in exchanges[before:] if "/users" in exchange.path]
    assert len(requests) == 1
    assert found.first(observations.UserComparison).sign_in == sum(
        domain.people for domain in found.all(EmailDomain)
    )


def test_of_many_users_only_a_sample_is_read(reads, users, monkeypatch):
    monkeypatch.setattr(app_users, "SAMPLE_SIZE", 2)
    assert reads().all(EmailDomain) == (EmailDomain(key="fabrikam.example", people=2, complete=False),)
    (all_users,) = reads(observations.UserComparison).all(EmailDomain)
    assert (all_users.people, all_users.complete) == (len(users), True)
    monkeypatch.setattr(app_users, "SAMPLE_SIZE", len(users))
    assert [found.complete for found in reads().all(EmailDomain)] == [True]


def test_requests_follow_okta_s_api_description(reads, exchanges):
    if not CONTRACTS.is_dir():
        pytest.skip(ABSENT)
    before = len(exchanges)
    reads()
    assert len(exchanges) > before
    assert OktaContract().problems(exchanges[before:]) == []


def test_without_verified_domains_the_check_is_skipped(reads):
    statuses = {
        registered.id: [found.status for found in registered.run(CheckContext(reads()))]
        for registered in check
    }
    assert statuses["dns-verified-domain-candidate"] == [Status.SKIP]
