"""Writing the custom authorization server, its scopes, access policy and rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlencode

from provisioner.core.plan import Action, Change
from provisioner.core.provider import Outcome
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.okta import parse, payloads
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.playbook import OktaPlaybook
from provisioner.providers.okta.resources import Json
from provisioner.providers.okta.responses import Answer

R = TypeVar("R", bound=Resource)

_SERVERS: Final = "/api/v1/authorizationServers"
_IDENTITY: Final = ("id", "created", "lastUpdated", "system", "_links", "_embedded")
"""Not sent back in a PUT of a policy, rule or scope; their status is."""


@dataclass
class AuthorizationWriter:
    """Makes changes to the authorization server and what is in it."""

    client: OktaClient
    playbook: OktaPlaybook

    async def server(self, change: Change, _world: Snapshot) -> Outcome:
        """Create, configure, switch or delete the authorization server."""
        before = change.before
        key = self.playbook.name
        if change.action is Action.DELETE:
            return await self._delete_server_part(
                quote_path(f"{_SERVERS}/{{}}", str(getattr(before, "id", "")))
            )
        wanted = change.desired(kinds.AuthorizationServer)
        if not isinstance(before, kinds.AuthorizationServer):
            query = urlencode({"q": wanted.name, "limit": 200})
            made = await self._create(
                _SERVERS, payloads.server_body(wanted, {}), f"{_SERVERS}?{query}", str(wanted.name)
            )
            return Outcome(resources=(parse.server(key, made),))
        where = quote_path(f"{_SERVERS}/{{}}", before.id or "")
        fields = {field.name for field in change.fields}
        seen = before.last_updated
        if "active" in fields:
            await self._switch(where, active=bool(wanted.active))
            seen = None  # switching counts as an update
        if fields - {"active"}:
            await self.client.replace(where, seen, lambda base: payloads.server_body(wanted, base))
        return Outcome(resources=(parse.server(key, await self.client.get(where, expects_existing=True)),))

    async def scope(self, change: Change, world: Snapshot) -> Outcome:
        """Create or correct a scope."""
        base = f"{self._base(world)}/scopes"
        wanted = change.desired(kinds.Scope)
        if isinstance(change.before, kinds.Scope):
            where = base + quote_path("/{}", change.before.id or "")
            data = await self.client.replace(
                where, None, lambda found: payloads.scope_body(wanted, found), drop=_IDENTITY
            )
        else:
            data = await self._create(base, payloads.scope_body(wanted, {}), f"{base}?limit=200", wanted.key)
        return Outcome(resources=(parse.scope(data),))

    async def policy(self, change: Change, world: Snapshot) -> Outcome:
        """Create, configure or switch the access policy."""
        base = f"{self._base(world)}/policies"
        wanted = change.desired(kinds.AccessPolicy)
        return await self._in_order(change, base, wanted.name, payloads.policy_body, parse.policy, wanted)

    async def rule(self, change: Change, world: Snapshot) -> Outcome:
        """Create, configure or switch the rule of the access policy."""
        policy = world.require(kinds.AccessPolicy, self.playbook.name)
        base = f"{self._base(world)}{quote_path('/policies/{}/rules', policy.id or '')}"
        wanted = change.desired(kinds.PolicyRule)
        return await self._in_order(change, base, wanted.name, payloads.rule_body, parse.rule, wanted)

    async def _in_order(
        self,
        change: Change,
        base: str,
        name: str | None,
        body: Callable[[R, Json], Json],
        parsed: Callable[[str, Json], Resource],
        wanted: R,
    ) -> Outcome:
        """Something that has a priority and a status. Okta renumbers, and may be busy with it (423)."""
        key, before = self.playbook.name, change.before
        if before is None:
            return Outcome(
                resources=(parsed(key, await self._create(base, body(wanted, {}), base, str(name))),)
            )
        where = base + quote_path("/{}", str(getattr(before, "id", "")))
        fields = {field.name for field in change.fields}
        if fields - {"active"}:
            await self.client.replace(where, None, lambda found: body(wanted, found), drop=_IDENTITY)
        if "active" in fields:
            await self._switch(where, active=bool(getattr(wanted, "active", True)))
        return Outcome(resources=(parsed(key, await self.client.get(where, expects_existing=True)),))

    async def _create(self, where: str, body: Json, listing: str, name: str) -> Json:
        """POST, unless an attempt whose answer was lost has made it."""

        async def look() -> Json | None:
            listed = await self.client.read_all(listing)
            return next((data for data in listed if data.get("name") == name), None)

        def made(answer: Answer) -> Json:
            found: Json = answer.body
            return found

        return await self.client.create(where, body, look, made)

    async def _switch(self, where: str, *, active: bool) -> None:
        await self.client.write("POST", f"{where}/lifecycle/{'activate' if active else 'deactivate'}")

    async def _delete_server_part(self, where: str) -> Outcome:
        await self._switch(where, active=False)
        await self.client.write("DELETE", where)
        return Outcome(note="gone for good")

    def _base(self, world: Snapshot) -> str:
        server = world.require(kinds.AuthorizationServer, self.playbook.name)
        return quote_path(f"{_SERVERS}/{{}}", server.id or "")
