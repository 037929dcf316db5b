"""Reading an organization into a snapshot. Reads that do not depend on each other run concurrently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from provisioner.core.errors import (
    NotLicensedError,
    PermissionDeniedError,
    RefusedError,
    RemoteError,
    UnreachableError,
)
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Gap, Problem, Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.lookup import Match
from provisioner.providers.base.wire import Json, parse_resource
from provisioner.providers.dns.observations import EmailDomain

from . import app_users, observations, parse
from . import resources as kinds
from .app_users import AppUsers
from .audit_kinds import AuditKind, AuditSource, requested_audit_kinds
from .client import APPS, SERVERS, OktaClient, gather_all
from .connection import is_custom_domain
from .lookup import Selector, match_object, missing_object
from .playbook import OktaPlaybook
from .principals import parse_assignments, resolve_principals
from .run_cache import RunCache, find_groups, find_users, read_attribute_mapping

_LICENSED_KINDS: Final = (
    kinds.AuthorizationServer,
    kinds.Scope,
    kinds.AccessPolicy,
    kinds.PolicyRule,
    observations.OtherPolicy,
    observations.OtherRule,
    observations.DiscoveryDocument,
)
"""What cannot be read without the license API Access Management."""


@dataclass
class Reader:
    """Reads what one playbook is about. Use an instance once.

    Attributes:
        cache: shared by the reads of one run.
        extra_kinds: kinds to read in addition to those of a plan. If one cannot be read, the snapshot has a gap.
    """

    client: OktaClient
    playbook: OktaPlaybook
    cache: RunCache
    extra_kinds: frozenset[str] = frozenset()
    _resources: list[Resource] = field(default_factory=list)
    _gaps: list[Gap] = field(default_factory=list)
    _problems: list[Problem] = field(default_factory=list)
    _assignments: dict[type[kinds.Assignment], list[Json]] = field(default_factory=dict)
    _pushes: list[Json] = field(default_factory=list)
    _users: dict[type[Resource], AppUsers] = field(default_factory=dict)

    async def read(self) -> Snapshot:
        """Read everything that is requested.

        Raises:
            RemoteError: something that a plan needs could not be read.
            RefusedError: the URL in the playbook is a custom domain.
        """
        await self._check_org_url()
        await gather_all(
            self._read_application(),
            self._read_authorization_server(),
            self._read_scim_application(),
            self._find_principals(),
            self._find_authentication_policy(),
        )
        self._resolve_principals()
        if rows := requested_audit_kinds(self.extra_kinds, self.client.credentials):
            pushed = frozenset(entry.key for entry in self.playbook.push or ())
            source = AuditSource(self.client, self._snapshot(), self._users, pushed)
            await gather_all(*(self._read_audit_kind(row, source) for row in rows))
        return self._snapshot()

    def _snapshot(self) -> Snapshot:
        """What was read so far, in an order that does not depend on which response came first."""
        by_address = {resource.address: resource for resource in self._resources}
        return Snapshot(
            resources=tuple(by_address[address] for address in sorted(by_address)),
            gaps=tuple(sorted(self._gaps, key=lambda gap: gap.kind)),
            problems=tuple(sorted(self._problems, key=lambda problem: problem.address)),
        )

    def _is_requested(self, *requested: type[Resource]) -> bool:
        return any(kind.kind in self.extra_kinds for kind in requested)

    async def _check_org_url(self) -> None:
        """Refuse a custom domain before a token is sent: it does not serve the whole Management API."""
        if self.cache.org_url_confirmed or not is_custom_domain(self.client.root):
            return
        own_url = await self.client.read_own_url()
        if own_url != self.client.root:
            raise RefusedError(
                f"{self.client.root} is not an Okta organization's own URL; no credentials were sent to it",
                hint=f"use connection: org_url: {own_url}"
                if own_url
                else "use the organization's own URL, such as https://acme.okta.com",
            )
        self.cache.org_url_confirmed = True

    async def _read_audit_kind(self, row: AuditKind, source: AuditSource) -> None:
        try:
            self._resources.extend(await row.read(source))
        except UnreachableError:
            raise
        except RemoteError as error:
            self._add_gaps(error, (row.kind,))

    def _add_gaps(self, error: RemoteError, unread: Iterable[type[Resource]]) -> None:
        missing = error.permissions if isinstance(error, PermissionDeniedError) else ()
        self._gaps.extend(Gap(kind=kind.kind, reason=error.message, permissions=missing) for kind in unread)

    async def _find_object(
        self, selector: Selector, collection: str, *queries: dict[str, str]
    ) -> Json | None:
        """The object that the playbook means, or None. Problems and namesakes go into the snapshot.

        Args:
            selector: how the playbook identifies the object.
            collection: the path of its collection.
            queries: searches for it, the narrowest first; the last one finds an object that was renamed.
        """
        match = Match[Json]()
        if selector.id:
            pinned = await self.client.find(quote_path(f"{collection}/{{}}", selector.id))
            match = match_object(selector, [pinned] if pinned else [], _name_of)
        else:
            for query in queries:
                listed = await self.client.read_all(f"{collection}?{urlencode({**query, 'limit': 200})}")
                match = match_object(selector, listed, _name_of)
                if match.chosen or match.problem:
                    break
        self._problems.extend([match.problem] if match.problem else [])
        self._resources.extend(
            parse_resource(observations.OtherApplication, data["id"], data)
            for data in match.others
            if collection == APPS
        )
        return match.chosen

    # -- the two applications ------------------------------------------------------------------------------

    async def _read_application(self) -> None:
        selector = Selector(
            address=self.playbook.address(kinds.Application),
            noun="OIDC application",
            name=self.playbook.application_label,
            key="application: id",
            id=self.playbook.application.id,
            marker=self.playbook.marker,
            catalog_key=kinds.OIDC_NAME,
        )
        by_label = {"q": self.playbook.application_label}
        by_kind = {"filter": f'name eq "{kinds.OIDC_NAME}"'}
        data = await self._find_object(selector, APPS, by_label, by_kind)
        if data is None:
            return
        application = parse.parse_application(self.playbook.name, data)
        self._resources.append(application)
        if application.policy_id:
            self._resources.append(
                kinds.AuthenticationPolicyAssignment(key=self.playbook.name, policy=application.policy_id)
            )
        await self._read_assignments(application, kinds.GroupAssignment, kinds.UserAssignment)

    async def _read_scim_application(self) -> None:
        section = self.playbook.scim
        if section is None:
            return
        selector = Selector(
            address=self.playbook.address(kinds.ScimApplication),
            noun="SCIM application",
            name=section.label,
            key="scim: id",
            id=section.id,
            marker=self.playbook.marker,
            catalog_key=kinds.SCIM_NAME,
        )
        data = await self._find_object(selector, APPS, {"filter": f'name eq "{kinds.SCIM_NAME}"'})
        if data is None:
            return
        application = parse.parse_with_status(kinds.ScimApplication, self.playbook.name, data)
        self._resources += [application, parse.parse_provisioning(self.playbook.name, data)]
        reads = [self._read_assignments(application, kinds.ScimGroupAssignment, kinds.ScimUserAssignment)]
        if section.mapping == "guide":
            reads.append(self._read_mapping(data["id"]))
        if self.playbook.push is not None:
            reads.append(self._read_group_pushes(data["id"]))
        await gather_all(*reads)

    async def _read_assignments(
        self,
        application: kinds.Application | kinds.ScimApplication,
        group_kind: type[kinds.Assignment],
        user_kind: type[kinds.Assignment],
    ) -> None:
        app = quote_path(f"{APPS}/{{}}", application.id or "")
        all_users = self.playbook.users is not None or self._is_requested(
            observations.UserComparison, observations.UnassignedMembers
        )
        is_sampled = isinstance(application, kinds.Application) and self._is_requested(EmailDomain)

        async def read_groups() -> None:
            self._assignments[group_kind] = await self.client.read_all(
                f"{app}/groups?limit=200&expand=group", expects_existing=True
            )

        async def read_users() -> None:
            users, direct = AppUsers(), []
            async for user in self.client.read_each(f"{app}/users?limit=500", expects_existing=True):
                if not all_users and len(users.names) == app_users.SAMPLE_SIZE:
                    users.email_domains.complete = False
                    break
                users.add(user)
                if user.get("scope") == "USER" and self.playbook.users is not None:
                    direct.append(user)
            self._users[type(application)] = users
            self._assignments[user_kind] = direct

        await gather_all(read_groups(), *([read_users()] if all_users or is_sampled else []))

    async def _read_mapping(self, app_id: str) -> None:
        mapping = await read_attribute_mapping(self.client, self.cache, self.playbook.name, app_id)
        self._resources += [mapping] if mapping else []

    async def _read_group_pushes(self, app_id: str) -> None:
        mappings = quote_path(f"{APPS}/{{}}/group-push/mappings", app_id)
        self._pushes = await self.client.read_all(f"{mappings}?limit=1000", expects_existing=True)

    # -- the authorization server --------------------------------------------------------------------------

    async def _read_authorization_server(self) -> None:
        section = self.playbook.authorization_server
        selector = Selector(
            address=self.playbook.address(kinds.AuthorizationServer),
            noun="authorization server",
            name=section.name,
            key="authorization_server: id",
            id=section.id,
            marker=self.playbook.marker,
        )
        try:
            data = await self._find_object(selector, SERVERS, {"q": section.name}, {})
        except NotLicensedError as error:
            if not self._is_requested(observations.ApiAccessManagement):
                raise
            self._resources.append(observations.ApiAccessManagement(key=self.playbook.name, licensed=False))
            self._add_gaps(error, _LICENSED_KINDS)
            return
        self._resources.append(observations.ApiAccessManagement(key=self.playbook.name, licensed=True))
        if data is None:
            return
        self._resources.append(parse.parse_authorization_server(self.playbook.name, data))
        server = quote_path(f"{SERVERS}/{{}}", data["id"])
        await gather_all(self._read_scopes(server), self._read_policies(server))

    async def _read_scopes(self, server: str) -> None:
        scopes = await self.client.read_all(f"{server}/scopes?limit=200", expects_existing=True)
        self._resources.extend(parse.parse_scope(data) for data in scopes if not data.get("system"))

    async def _read_policies(self, server: str) -> None:
        """The playbook's policy is the first with its name. Rules of other policies are read when they are requested."""
        policies = await self.client.read_all(f"{server}/policies", expects_existing=True)
        name = self.playbook.authorization_server.policy
        own = next((data for data in policies if data.get("name") == name), None)
        others = [data for data in policies if data is not own]
        reads = []
        if own:
            self._resources.append(parse.parse_with_status(kinds.AccessPolicy, self.playbook.name, own))
            reads.append(self._read_rules(server, own["id"], self.playbook.authorization_server.rule))
        self._resources.extend(
            parse.parse_with_status(observations.OtherPolicy, data["id"], data) for data in others
        )
        if self._is_requested(observations.OtherRule):
            reads += (self._read_rules(server, data["id"]) for data in others)
        await gather_all(*reads)

    async def _read_rules(self, server: str, policy: str, own_name: str | None = None) -> None:
        """Read the rules of a policy; the first with ``own_name`` is the playbook's."""
        rules = await self.client.read_all(
            server + quote_path("/policies/{}/rules", policy), expects_existing=True
        )
        own = next((data for data in rules if own_name and data.get("name") == own_name), None)
        for data in rules:
            self._resources.append(
                parse.parse_with_status(kinds.PolicyRule, self.playbook.name, data)
                if data is own
                else parse.parse_with_status(observations.OtherRule, data["id"], data, policy=policy)
            )

    # -- what the playbook refers to by name -----------------------------------------------------------------

    async def _find_principals(self) -> None:
        groups = {entry.key: entry for entry in (*(self.playbook.groups or ()), *(self.playbook.push or ()))}
        users = {entry.key: entry for entry in self.playbook.users or ()}
        await gather_all(
            *(find_groups(self.client, self.cache, entry) for entry in groups.values()),
            *(find_users(self.client, self.cache, entry) for entry in users.values()),
        )

    def _resolve_principals(self) -> None:
        applications = (
            resource for resource in self._resources if isinstance(resource, kinds.ScimApplication)
        )
        pushed_by = tuple(str(application.id) for application in applications)
        principals, problems = resolve_principals(
            self.playbook, self.cache.groups, self.cache.users, pushed_by
        )
        self._problems += problems
        self._resources += principals.values()
        self._resources += parse_assignments(principals.values(), self._assignments, self._pushes)

    async def _find_authentication_policy(self) -> None:
        name = self.playbook.application.authentication_policy
        if name is None:
            return
        selector = Selector(
            address=f"{kinds.AuthenticationPolicy.kind}/{name}",
            noun="authentication policy",
            name=name,
            key="application: authentication_policy",
        )
        policies = await self.client.read_all("/api/v1/policies?type=ACCESS_POLICY")
        match = match_object(selector, policies, _name_of)
        if match.chosen:
            self._resources.append(kinds.AuthenticationPolicy(key=name, id=match.chosen["id"]))
        else:
            self._problems.append(match.problem or missing_object(selector))


def _name_of(data: Json) -> str:
    """The label of an application, or the name of any other object."""
    return str(data.get("label") or data.get("name"))
