"""A third identity provider, outside the package: Acme has applications, and groups that are assigned to them.

It implements what the protocols require, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from provisioner.core.check import Check, CheckContext, CheckRegistry, Severity, Violation
from provisioner.core.local_store import LocalStore
from provisioner.core.plan import Action, Change, DesiredState, Plan
from provisioner.core.provider import HandoffValue, Outcome
from provisioner.core.resource import Resource
from provisioner.core.retry import RetryPolicy
from provisioner.core.snapshot import Problem, Snapshot
from provisioner.providers import SandboxConnection, kiro
from provisioner.providers.base.kinds import ManagedKind
from provisioner.providers.base.lookup import match_one
from provisioner.providers.base.permissions import RequiredPermission
from provisioner.providers.base.provider import IdentityProvider, sandbox_retry_policy
from provisioner.providers.base.wire import Json, build_body, parse_resource

from . import resources as kinds
from .client import MANAGE, AcmeClient
from .playbook import AcmePlaybook

check = CheckRegistry()


@check("acme-redirect-uri", reads=(kinds.Application,), severity=Severity.HIGH)
def redirect_uri(context: CheckContext) -> Iterator[Violation]:
    """Kiro's redirect URI is registered

    Symptom: the browser shows an error after the password.

    Why: Acme sends people only to registered addresses.

    Fix: register the address.

    Source: this test.
    """
    application = context.required(kinds.Application, "there is no application")
    if kiro.KIRO_URI not in (application.redirect_uris or ()):
        yield Violation(
            f"{kiro.KIRO_URI} is missing",
            application.address,
            evidence=(("$.redirectUris", application.redirect_uris),),
            fix=context.as_in_playbook(kinds.Application),
        )


@dataclass
class Writer:
    """Writes to one directory."""

    client: AcmeClient
    name: str

    @property
    def path(self) -> str:
        return f"/acme/applications/{self.name}"

    async def write_application(self, change: Change, _state: Snapshot) -> Outcome:
        if change.action is Action.DELETE:
            await self.client.send("DELETE", self.path)
            return Outcome()
        body = build_body(kinds.Application, {field.name: field.after for field in change.fields})
        data = await self.client.send("PUT", self.path, body)
        return Outcome(resources=(parse_resource(kinds.Application, self.name, data),))

    async def write_assignment(self, change: Change, _state: Snapshot) -> Outcome:
        if change.action is Action.DELETE:
            await self.client.send("DELETE", f"{self.path}/groups/{change.before.group}")
            return Outcome()
        assignment = change.desired(kinds.GroupAssignment)
        await self.client.send("PUT", f"{self.path}/groups/{assignment.group}")
        return Outcome(resources=(assignment,))


MANAGED_KINDS: Final = (
    ManagedKind(kinds.Application, "application", Writer.write_application, (MANAGE,)),
    ManagedKind(kinds.Group, "groups"),
    ManagedKind(kinds.GroupAssignment, "groups", Writer.write_assignment, (MANAGE,)),
)


def playbook_model() -> type[AcmePlaybook]:
    return AcmePlaybook


def checks() -> tuple[Check, ...]:
    return tuple(check)


def connect(
    playbook: AcmePlaybook,
    _store: LocalStore,
    on_wait: Callable[[str], None],
    sandbox: SandboxConnection | None = None,
) -> AcmeProvider:
    client = AcmeClient(
        root=sandbox.url if sandbox else playbook.connection.url,
        token=sandbox.token if sandbox else os.environ.get("ACME_TOKEN", ""),
        retry_policy=sandbox_retry_policy(sandbox.replica_lag) if sandbox else RetryPolicy(),
        on_wait=on_wait,
    )
    return AcmeProvider(playbook, client)


@dataclass
class AcmeProvider(IdentityProvider[AcmePlaybook, AcmeClient]):
    """One playbook's connection to one directory."""

    name: ClassVar[str] = "acme"
    title: ClassVar[str] = "Acme"
    checks: ClassVar[Iterable[Check]] = checks()
    managed_kinds: ClassVar[tuple[ManagedKind, ...]] = MANAGED_KINDS
    permission_kind: ClassVar[str] = "Acme permissions"
    role: ClassVar[str] = "Acme Admin"
    role_holder: ClassVar[str] = "The admin also needs the role"

    @property
    def tenant(self) -> str:
        return self.playbook.connection.url

    @property
    def writer(self) -> Writer:
        return Writer(self.client, self.playbook.name)

    def required_permissions(self) -> Iterator[RequiredPermission]:
        yield MANAGE

    async def granted_permissions(self) -> frozenset[str] | None:
        return None

    async def check_permissions(self, plan: Plan) -> None:
        """Nothing: the directory refuses the first write."""

    def destroyed_state(self, snapshot: Snapshot, *, purge: bool) -> DesiredState:
        return DesiredState(absent=(f"{kinds.Application.kind}/{self.playbook.name}",))

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        application = snapshot.first(kinds.Application)
        value = application.id if application else None
        return (
            HandoffValue(name="Client ID", value=value, source="Acme console", destination="Kiro console"),
        )

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterable[str]:
        return ()

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        applications = await self.client.send("GET", "/acme/applications")
        groups = await self.client.send("GET", "/acme/groups")
        return parse_snapshot(self.playbook, applications, groups)


def parse_snapshot(playbook: AcmePlaybook, applications: list[Json], groups: list[Json]) -> Snapshot:
    """What the responses say about a playbook."""
    resources: list[Resource] = []
    problems: list[Problem] = []
    names = {group["id"]: group["name"] for group in groups}
    for entry in playbook.groups:
        address = f"{kinds.Group.kind}/{entry.key}"
        named = [group for group in groups if entry.key in (group["name"], group["id"])]
        match = match_one(address, entry.key, named, "the directory", lambda group: group["name"])
        if isinstance(match, Problem):
            problems.append(match)
        else:
            resources.append(parse_resource(kinds.Group, entry.key, match))
    for application in applications:
        if application["name"] == playbook.name:
            resources.append(parse_resource(kinds.Application, playbook.name, application))
            assigned = application["groups"]
            resources += [kinds.GroupAssignment(key=names[group], group=group) for group in assigned]
    return Snapshot(resources=tuple(resources), problems=tuple(problems))
