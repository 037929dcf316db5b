"""People's e-mail domains, as the sandbox's Okta tells them."""

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
from provisioner.providers.okta import app_users
from provisioner.providers.okta import observations as seen
from provisioner.sandbox import Exchange
from tests.okta_contract import ABSENT, CONTRACTS, OktaContract
from tests.sandboxes import Sandbox

ALSO = frozenset(kind.kind for one in check for kind in one.reads)
PLAYBOOK: dict[str, Any] = {
    "version": 1,
    "name": "kiro-okta",
    "provider": "okta",
    "connection": {"org_url": "http://127.0.0.1:9"},
    "application": {"label": "Kiro-OIDC"},
    "groups": [{"name": "Kiro-Users"}],
}

Reads = Callable[..., Snapshot]


class Silent:
    """A watcher that says nothing."""

    def starting(self, change): ...

    def finished(self, change, outcome): ...

    def waiting(self, reason): ...


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    """What was said with Okta."""
    return []


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory, exchanges: list[Exchange]) -> Iterator[Sandbox]:
    """An organization in which a group is assigned."""
    home = tmp_path_factory.mktemp("org")
    with Sandbox(home, recorder=exchanges.append).start() as sandbox:
        provider = connected(sandbox, home)

        async def applied() -> None:
            try:
                await engine.apply(provider, await engine.plan(provider), Silent(), engine.ApplyResult())
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
                return await provider.read(ALSO | {kind.kind for kind in kinds})
            finally:
                await provider.close()

        return asyncio.run(reading())

    return read


@pytest.fixture
def people(org: Sandbox) -> Iterator[list[dict[str, Any]]]:
    """The application's users, as they are stored; what a test changes is put back."""
    before = org.okta.all("appUser")
    assert len(before) > 2
    yield before
    for user in before:
        put(org, user)


def put(org: Sandbox, user: dict[str, Any], **changed: Any) -> None:
    org.okta.put("appUser", f"{user['_appId']}:{user['id']}", {**user, **changed})


def test_those_who_are_assigned_are_counted(reads, people):
    found = reads()
    assert found.all(EmailDomain) == (EmailDomain(key="fabrikam.example", people=len(people)),)
    assert found.all(VerifiedDomain) == ()
    assert found.gaps == ()


def test_the_name_in_the_application_stands_for_an_address_that_is_not_there(reads, people, org):
    put(org, people[0], profile={}, credentials={"userName": "alice@northwind.example"})
    put(org, people[1], profile={"email": "Bob@GMAIL.com"})
    put(org, people[2], profile={}, credentials={"userName": "carol"})
    counted = {found.key: found.people for found in reads().all(EmailDomain)}
    rest = {"fabrikam.example": len(people) - 3} if len(people) > 3 else {}
    assert counted == {"gmail.com": 1, "northwind.example": 1, **rest}


def test_what_the_check_of_people_reads_is_enough(reads, org, exchanges):
    reads(seen.People)
    before = len(exchanges)
    found = reads(seen.People)
    asked = [one.path for one in exchanges[before:] if "/users" in one.path]
    assert len(asked) == 1
    assert found.first(seen.People).signing_in == sum(one.people for one in found.all(EmailDomain))


def test_of_many_people_some_are_read(reads, people, monkeypatch):
    monkeypatch.setattr(app_users, "ENOUGH", 2)
    assert reads().all(EmailDomain) == (EmailDomain(key="fabrikam.example", people=2, complete=False),)
    (everybody,) = reads(seen.People).all(EmailDomain)
    assert (everybody.people, everybody.complete) == (len(people), True)
    monkeypatch.setattr(app_users, "ENOUGH", len(people))
    assert [found.complete for found in reads().all(EmailDomain)] == [True]


def test_what_is_asked_is_as_okta_s_description_has_it(reads, exchanges):
    if not CONTRACTS.is_dir():
        pytest.skip(ABSENT)
    before = len(exchanges)
    reads()
    assert len(exchanges) > before
    assert OktaContract().problems(exchanges[before:]) == []


def test_that_okta_tells_of_no_verified_domains_is_no_pass(reads):
    statuses = {one.id: [found.status for found in one.run(CheckContext(reads()))] for one in check}
    assert statuses["dns-verified-domain-candidate"] == [Status.SKIP]
