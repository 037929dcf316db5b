"""Reading an organization into a snapshot: chains of reads that do not depend on each other run at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from provisioner.core.errors import NotLicensedError, RefusedError, RemoteError, UnreachableError
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Gap, Problem, Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.permissions import permissions_for
from provisioner.providers.dns.observations import EmailDomain

from . import app_users, batch, lookup, parse
from . import observations as seen
from . import resources as kinds
from .batch import Memory
from .client import OktaClient, together
from .credentials import ApiToken
from .permissions import PERMISSIONS
from .playbook import OktaPlaybook
from .playbook_models import is_custom
from .resources import Json

LOG_WINDOW: Final = timedelta(days=7)

_APPS: Final = "/api/v1/apps"
_SERVERS: Final = "/api/v1/authorizationServers"
_DOCUMENTS: Final = ("openid-configuration", "oauth-authorization-server")
_OF_THE_SERVER: Final = (
    kinds.AuthorizationServer,
    kinds.Scope,
    kinds.AccessPolicy,
    kinds.PolicyRule,
    seen.OtherPolicy,
    seen.OtherRule,
    seen.Discovery,
)
_PROVISIONING_EVENTS: Final = (
    '(eventType sw "application.provision" or eventType sw "application.integration")'
)
_SIGN_IN_EVENTS: Final = '(eventType sw "app.oauth2" or eventType eq "app.generic.unauth_app_access_attempt")'


@dataclass
class Reader:
    """Reads what one playbook is about. Use once.

    Attributes:
        memory: shared by the reads of one run.
        also: names of kinds to read besides those a plan needs. What may not be read of these becomes a gap.
    """

    client: OktaClient
    playbook: OktaPlaybook
    memory: Memory
    extra_kinds: frozenset[str] = frozenset()
    _found: list[Resource] = field(default_factory=list)
    _gaps: list[Gap] = field(default_factory=list)
    _problems: list[Problem] = field(default_factory=list)
    _assigned: dict[type[kinds.Assignment], list[Json]] = field(default_factory=dict)
    _pushes: list[Json] = field(default_factory=list)
    _rolls: dict[str, app_users.AppUsers] = field(default_factory=dict)
    _scim_ids: list[str] = field(default_factory=list)

    async def read(self) -> Snapshot:
        """Everything asked for.

        Raises:
            RemoteError: something a plan cannot do without could not be read.
            RefusedError: the playbook has a custom domain for the organization's URL.
        """
        await self._confirm_home()
        await together(
            self._sign_in(), self._authorization(), self._scim(), self._principals(), self._organization()
        )
        names = self._named()
        self._found += batch.related(names, self._assigned, self._pushes)
        if self._wants(seen.UnassignedMembers) and "scim" in self._rolls:
            self._found += await batch.members_of_pushed(
                self.client, self.playbook, self._found, self._rolls["scim"]
            )
        if self._wants(seen.People) and "oidc" in self._rolls:
            people = app_users.compared(self.playbook.name, self._rolls["oidc"], self._rolls.get("scim"))
            self._found.append(people)
        if self._wants(EmailDomain) and "oidc" in self._rolls:
            self._found += self._rolls["oidc"].census.domains()
        found = {resource.address: resource for resource in self._found}
        return Snapshot(  # in an order that does not depend on which answer came first
            resources=tuple(found[address] for address in sorted(found)),
            gaps=tuple(sorted(self._gaps, key=lambda gap: gap.kind)),
            problems=tuple(sorted(self._problems, key=lambda problem: problem.address)),
        )

    def _wants(self, *wanted: type[Resource]) -> bool:
        return any(kind.kind in self.extra_kinds for kind in wanted)

    async def _confirm_home(self) -> None:
        """A custom domain does not serve the management API as it should: name the right URL, send no token."""
        if self.memory.at_home or not is_custom(self.client.root):
            return
        home = await self.client.home()
        if home != self.client.root:
            raise RefusedError(
                f"{self.client.root} is not an Okta organization's own URL; no credentials were sent to it",
                hint=f"use connection: org_url: {home}"
                if home
                else "use the URL that ends in okta.com or the like",
            )
        self.memory.at_home = True

    async def _optional(
        self, kinds_: tuple[type[Resource], ...], work: Callable[[], Awaitable[None]]
    ) -> None:
        """Read what only an audit needs; when it may not be read, that is a gap."""
        if not self._wants(*kinds_):
            return
        try:
            await work()
        except UnreachableError:
            raise
        except RemoteError as error:
            self._miss(error, kinds_)

    def _miss(self, error: RemoteError, kinds_: tuple[type[Resource], ...]) -> None:
        needs: tuple[str, ...] = ()
        if error.status == 403:
            needs = permissions_for(PERMISSIONS, "GET", error.message.partition(" ")[2].partition(":")[0])
        self._gaps.extend(Gap(kind=kind.kind, reason=error.message, permissions=needs) for kind in kinds_)

    # -- the OIDC application ------------------------------------------------------------------------------

    async def _sign_in(self) -> None:
        keys = self.playbook.application
        sought = lookup.Sought(
            f"{kinds.Application.kind}/{self.playbook.name}",
            "OIDC application",
            self.playbook.label,
            "application: id",
            keys.id,
            self.playbook.marker,
            kinds.OIDC_NAME,
        )
        chosen = await self._meant(
            sought, _APPS, {"q": self.playbook.label}, {"filter": f'name eq "{kinds.OIDC_NAME}"'}
        )
        if chosen is None:
            return
        application = parse.application(self.playbook.name, chosen)
        self._found.append(application)
        if application.policy_id:
            assigned = kinds.AuthenticationPolicy(key=self.playbook.name, policy=application.policy_id)
            self._found.append(assigned)
        await together(
            self._assignments_of("oidc", application.id or "", kinds.GroupAssignment, kinds.UserAssignment),
            self._optional((seen.SignInFailure,), lambda: self._sign_in_failures(application)),
        )

    async def _meant(self, sought: lookup.Sought, where: str, *queries: dict[str, str]) -> Json | None:
        """The object that is meant, or None; why there is no telling, and namesakes, are kept.

        Args:
            sought: what the playbook says.
            where: the collection.
            queries: how to look for it, the narrowest first; the next is for one that was renamed.
        """
        choice = lookup.Choice()
        if sought.pinned:
            found = await self.client.find(quote_path(f"{where}/{{}}", sought.pinned))
            choice = lookup.choose(sought, [found] if found else [], _name_of)
        else:
            for query in queries:
                listed = await self.client.read_all(f"{where}?{urlencode({**query, 'limit': 200})}")
                choice = lookup.choose(sought, listed, _name_of)
                if choice.chosen or choice.problem:
                    break
        self._problems.extend([choice.problem] if choice.problem else [])
        self._found.extend(map(parse.other_application, choice.others))
        return choice.chosen

    async def _assignments_of(
        self, which: str, app_id: str, groups: type[kinds.Assignment], users: type[kinds.Assignment]
    ) -> None:
        async def assigned_groups() -> None:
            where = quote_path(f"{_APPS}/{{}}/groups", app_id)
            self._assigned[groups] = await self.client.read_all(
                f"{where}?limit=200&expand=group", expects_existing=True
            )

        whole = self.playbook.users is not None or self._wants(seen.People, seen.UnassignedMembers)

        async def assigned_users() -> None:
            roll_, direct = app_users.AppUsers(), []
            where = quote_path(f"{_APPS}/{{}}/users", app_id)
            async for user in self.client.read_each(f"{where}?limit=500", expects_existing=True):
                if not whole and len(roll_.names) == app_users.ENOUGH:
                    roll_.census.complete = False
                    break
                roll_.add(user)
                if user.get("scope") == "USER" and self.playbook.users is not None:
                    direct.append(user)
            self._rolls[which] = roll_
            self._assigned[users] = direct

        reads = [assigned_groups()]
        if whole or (which == "oidc" and self._wants(EmailDomain)):
            reads.append(assigned_users())
        await together(*reads)

    async def _sign_in_failures(self, application: kinds.Application) -> None:
        events = await self._events(_SIGN_IN_EVENTS, "FAILURE", application.client_id or "")
        self._found.extend(parse.failures(seen.SignInFailure, events))

    async def _events(
        self, events: str, result: str, target: str, *, since: str = "", limit: int = 100
    ) -> list[Json]:
        """Events of the last days, newest first, at most one page: enough to tell what is wrong."""
        first = since or (datetime.now(UTC) - LOG_WINDOW).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        condition = f'{events} and outcome.result eq "{result}" and target.id eq "{target}"'
        query = {"filter": condition, "since": first, "sortOrder": "DESCENDING", "limit": limit}
        page: list[Json] = await self.client.get(f"/api/v1/logs?{urlencode(query)}")
        return page

    # -- the authorization server --------------------------------------------------------------------------

    async def _authorization(self) -> None:
        keys = self.playbook.authorization_server
        sought = lookup.Sought(
            f"{kinds.AuthorizationServer.kind}/{self.playbook.name}",
            "authorization server",
            keys.name,
            "authorization_server: id",
            keys.id,
            self.playbook.marker,
        )
        try:
            chosen = await self._meant(sought, _SERVERS, {"q": keys.name}, {})
        except NotLicensedError as error:
            if not self._wants(seen.ApiAccessManagement):
                raise
            self._found.append(seen.ApiAccessManagement(key=self.playbook.name, licensed=False))
            self._miss(error, _OF_THE_SERVER)
            return
        self._found.append(seen.ApiAccessManagement(key=self.playbook.name, licensed=True))
        if chosen is None:
            return
        server = parse.server(self.playbook.name, chosen)
        self._found.append(server)
        base = quote_path(f"{_SERVERS}/{{}}", server.id or "")
        await together(
            self._scopes(base),
            self._policies(base),
            self._optional((seen.Discovery,), lambda: self._discovery(server)),
        )

    async def _scopes(self, base: str) -> None:
        for data in await self.client.read_all(f"{base}/scopes?limit=200", expects_existing=True):
            if not data.get("system"):
                self._found.append(parse.scope(data))

    async def _policies(self, base: str) -> None:
        policies = await self.client.read_all(f"{base}/policies", expects_existing=True)
        name = self.playbook.authorization_server.policy
        ours = next((data for data in policies if data.get("name") == name), None)
        rest = [data for data in policies if data is not ours]
        if ours:
            self._found.append(parse.policy(self.playbook.name, ours))
        self._found.extend(map(parse.other_policy, rest))
        deeper = rest if self._wants(seen.OtherRule) else []
        await together(*(self._rules(base, data, ours) for data in ([ours] if ours else []) + deeper))

    async def _rules(self, base: str, policy: Json, ours: Json | None) -> None:
        where = quote_path("/policies/{}/rules", policy["id"])
        name = self.playbook.authorization_server.rule
        mine: Json | None = None
        for data in await self.client.read_all(f"{base}{where}", expects_existing=True):
            if policy is ours and mine is None and data.get("name") == name:
                mine = data
                self._found.append(parse.rule(self.playbook.name, data))
            else:
                self._found.append(parse.other_rule(policy["id"], data))

    async def _discovery(self, server: kinds.AuthorizationServer) -> None:
        """Both documents, at the organization's own address: no token leaves it."""

        async def one(name: str) -> None:
            where = quote_path("/oauth2/{}/.well-known/{}", server.id or "", name)
            if data := await self.client.find(where):
                self._found.append(parse.discovery(name, self.client.root + where, data))

        await together(*map(one, _DOCUMENTS))

    # -- the SCIM application ------------------------------------------------------------------------------

    async def _scim(self) -> None:
        keys = self.playbook.scim
        if keys is None:
            return
        sought = lookup.Sought(
            f"{kinds.ScimApplication.kind}/{self.playbook.name}",
            "SCIM application",
            keys.label,
            "scim: id",
            keys.id,
            self.playbook.marker,
            kinds.SCIM_NAME,
        )
        chosen = await self._meant(sought, _APPS, {"filter": f'name eq "{kinds.SCIM_NAME}"'})
        if chosen is None:
            return
        self._scim_ids.append(chosen["id"])
        application = parse.scim_application(self.playbook.name, chosen)
        self._found += [application, parse.provisioning(self.playbook.name, chosen)]
        app_id = application.id or ""
        work: list[Any] = [
            self._assignments_of("scim", app_id, kinds.ScimGroupAssignment, kinds.ScimUserAssignment),
            self._optional((seen.ProvisioningFailure,), lambda: self._provisioning_failures(app_id)),
        ]
        if keys.mapping == "guide":
            work.append(self._mapping(app_id))
        if self.playbook.push is not None:
            work.append(self._group_pushes(app_id))
        await together(*work)

    async def _mapping(self, app_id: str) -> None:
        if found := await batch.read_mapping(self.client, self.memory, self.playbook.name, app_id):
            self._found.append(found)

    async def _group_pushes(self, app_id: str) -> None:
        where = quote_path(f"{_APPS}/{{}}/group-push/mappings", app_id)
        self._pushes = await self.client.read_all(f"{where}?limit=1000", expects_existing=True)

    async def _provisioning_failures(self, app_id: str) -> None:
        """Those after which the same person or group did not succeed."""
        failed = await self._events(_PROVISIONING_EVENTS, "FAILURE", app_id)
        if not failed:
            return
        oldest = str(failed[-1].get("published"))
        succeeded = await self._events(_PROVISIONING_EVENTS, "SUCCESS", app_id, since=oldest, limit=1000)
        open_ = parse.unresolved(failed, succeeded, app_id)
        self._found.extend(parse.failures(seen.ProvisioningFailure, open_))

    # -- people, and the organization ----------------------------------------------------------------------

    async def _principals(self) -> None:
        groups = {keys.key: keys for keys in (*(self.playbook.groups or ()), *(self.playbook.push or ()))}
        users = {keys.key: keys for keys in self.playbook.users or ()}
        await together(
            *(batch.look_up(self.client, self.memory, "group", keys) for keys in groups.values()),
            *(batch.look_up(self.client, self.memory, "user", keys) for keys in users.values()),
            *([self._sign_in_policy()] if self.playbook.application.authentication_policy else []),
        )

    async def _sign_in_policy(self) -> None:
        name = self.playbook.application.authentication_policy
        listed = await self.client.read_all("/api/v1/policies?type=ACCESS_POLICY")
        sought = lookup.Sought(
            f"{kinds.SignInPolicy.kind}/{name}",
            "authentication policy",
            str(name),
            "application: authentication_policy",
        )
        choice = lookup.choose(sought, listed, lambda data: str(data.get("name")))
        if choice.chosen:
            self._found.append(kinds.SignInPolicy(key=str(name), id=choice.chosen["id"]))
        else:
            self._problems.append(choice.problem or lookup.absent(sought))

    async def _organization(self) -> None:
        async def domains() -> None:
            listed = await self.client.get("/api/v1/domains")
            self._found.extend(map(parse.custom_domain, listed.get("domains") or ()))

        async def tokens() -> None:
            me = await self.client.get("/api/v1/users/me")
            for data in await self.client.read_all("/api/v1/api-tokens"):
                if data.get("userId") == me["id"]:
                    self._found.append(parse.api_token(data))

        if isinstance(self.client.credentials, ApiToken):
            await self._optional((seen.ApiToken,), tokens)
        await self._optional((seen.CustomDomain,), domains)

    def _named(self) -> dict[str, str]:
        """Keep the groups and users that the playbook names; returns how it calls each, by id."""
        found, problems = batch.named(self.playbook, self.memory, self._scim_ids)
        self._found += found.values()
        self._problems += problems
        return {str(getattr(each, "id", "")): each.key for each in found.values()}


def _name_of(data: Json) -> str:
    """An application's label, an authorization server's name."""
    return str(data.get("label") or data.get("name"))
