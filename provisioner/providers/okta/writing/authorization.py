"""Writing the custom authorization server, its scopes, access policy and rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import urlencode

from provisioner.core.plan import Action, Change
from provisioner.core.provider import Outcome
from provisioner.core.snapshot import Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.kinds import changed_field_names
from provisioner.providers.base.wire import Json
from provisioner.providers.okta import payloads
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.client import SERVERS
from provisioner.providers.okta.parse import parse_authorization_server, parse_scope, parse_with_status

from .base import Writer

P = TypeVar("P", kinds.AccessPolicy, kinds.PolicyRule)

_READ_ONLY: Final = ("id", "created", "lastUpdated", "system", "_links", "_embedded")
"""Members that a PUT of a policy, rule or scope must not contain; it does contain the status."""


class AuthorizationWriter(Writer):
    """Writes the authorization server and what it contains."""

    async def write_authorization_server(self, change: Change, _state: Snapshot) -> Outcome:
        """Create, configure, activate, deactivate or delete the authorization server."""
        before = change.before
        if isinstance(before, kinds.AuthorizationServer) and change.action is Action.DELETE:
            return await self._delete(_path_of(before), active=True)
        desired = change.desired(kinds.AuthorizationServer)
        if isinstance(before, kinds.AuthorizationServer):
            data = await self._update(
                change,
                _path_of(before),
                before.last_updated,
                lambda existing: payloads.server_body(desired, existing),
            )
        else:
            listing = f"{SERVERS}?{urlencode({'q': desired.name, 'limit': 200})}"
            data = await self._create_named(
                SERVERS, payloads.server_body(desired, {}), desired.name, listing=listing
            )
        return Outcome(resources=(parse_authorization_server(self.playbook.name, data),))

    async def write_scope(self, change: Change, state: Snapshot) -> Outcome:
        """Create or configure a scope."""
        collection = f"{self._server_path(state)}/scopes"
        desired = change.desired(kinds.Scope)
        if isinstance(change.before, kinds.Scope):
            data = await self.client.replace(
                collection + quote_path("/{}", change.before.id or ""),
                None,
                lambda existing: payloads.scope_body(desired, existing),
                drop=_READ_ONLY,
            )
        else:
            body = payloads.scope_body(desired, {})
            data = await self._create_named(collection, body, desired.key, listing=f"{collection}?limit=200")
        return Outcome(resources=(parse_scope(data),))

    async def write_access_policy(self, change: Change, state: Snapshot) -> Outcome:
        """Create, configure, activate or deactivate the access policy."""
        collection = f"{self._server_path(state)}/policies"
        return await self._write_prioritized(change, collection, kinds.AccessPolicy, payloads.policy_body)

    async def write_rule(self, change: Change, state: Snapshot) -> Outcome:
        """Create, configure, activate or deactivate the rule of the access policy."""
        policy = state.require(kinds.AccessPolicy, self.playbook.name)
        collection = self._server_path(state) + quote_path("/policies/{}/rules", policy.id or "")
        return await self._write_prioritized(change, collection, kinds.PolicyRule, payloads.rule_body)

    async def _write_prioritized(
        self, change: Change, collection: str, kind: type[P], body: Callable[[P, Json], Json]
    ) -> Outcome:
        """Write a policy or rule. Okta renumbers the priorities, and responds with 423 while it does."""
        key, before, desired = self.playbook.name, change.before, change.desired(kind)
        if isinstance(before, kind):
            path, fields = collection + quote_path("/{}", before.id or ""), changed_field_names(change)
            if fields - {"active"}:
                await self.client.replace(
                    path, None, lambda existing: body(desired, existing), drop=_READ_ONLY
                )
            if "active" in fields:
                await self._set_active(path, active=bool(desired.active))
            data = await self.client.get(path, expects_existing=True)
        else:
            data = await self._create_named(collection, body(desired, {}), desired.name, listing=collection)
        return Outcome(resources=(parse_with_status(kind, key, data),))

    async def _create_named(self, path: str, body: Json, name: str | None, *, listing: str) -> Json:
        return await self._create(path, body, listing, lambda data: data.get("name") == name)

    def _server_path(self, state: Snapshot) -> str:
        return _path_of(state.require(kinds.AuthorizationServer, self.playbook.name))


def _path_of(server: kinds.AuthorizationServer) -> str:
    return quote_path(f"{SERVERS}/{{}}", server.id or "")
