"""Writing the application, its service principal, its assignments and its consent."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

from provisioner.core.diff import changed_fields, merge
from provisioner.core.errors import RefusedError, RemoteError, RemoteNotFoundError
from provisioner.core.local_store import LocalStore
from provisioner.core.plan import Action, Change
from provisioner.core.provider import Outcome
from provisioner.core.resource import Resource, resolve
from provisioner.core.snapshot import Snapshot
from provisioner.providers.entra import lookup, parse, payloads
from provisioner.providers.entra import observations as seen
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.client import GraphClient, literal, path
from provisioner.providers.entra.playbook import EntraPlaybook
from provisioner.providers.entra.reading import application_hint
from provisioner.providers.entra.resources import Json

TEMPLATES = {
    "global": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621",
    "usgov": "4602d0b4-76bb-404b-bca9-2652e1a39c6d",
    "usgov-dod": "4602d0b4-76bb-404b-bca9-2652e1a39c6d",
    "china": "5a532e38-1581-4918-9658-008dc27c1d68",
}
"""The non-gallery template, by cloud (Microsoft Graph v1.0, applicationTemplate: instantiate)."""


@dataclass
class DirectoryWriter:
    """Writes to the directory, each change once, looking before it repeats one whose answer was lost."""

    client: GraphClient
    playbook: EntraPlaybook
    store: LocalStore

    # -- application -------------------------------------------------------------------------------------

    async def application(self, change: Change, state: Snapshot) -> Outcome:
        """Create (or restore), configure or delete the application."""
        if change.action is Action.DELETE:
            return await self._delete(change.before, "/applications/{}")
        wanted = change.desired(kinds.Application)
        if isinstance(change.before, kinds.Application):
            data = await self._configure(change.before, wanted)
            return Outcome(resources=(parse.application(wanted.key, data),))
        restored = await self._restored(state)
        data, principal = (restored, None) if restored else await self._instantiate()
        self._store_application_hint(data["id"])
        self.client.just_created = True
        created = parse.application(wanted.key, data)
        wanted = resolve(wanted, {created.address: created})  # its own client id is in its identifier URI
        data = await self._configure(created, wanted, data)
        resources: list[Resource] = [parse.application(wanted.key, data)]
        if principal:
            resources.append(parse.service_principal(wanted.key, principal))
        note = "restored from the recycle bin, so its client id is the same as before" if restored else ""
        return Outcome(resources=tuple(resources), note=note)

    async def _instantiate(self) -> tuple[Json, Json | None]:
        """From the template, under a provisional name: a lost answer is found again by that name.

        The answer has the service principal too; one that was found by looking has not.
        """
        name = lookup.provisional_prefix(self.playbook) + uuid.uuid4().hex[:12]
        self.store.put(application_hint(self.playbook), {"at": time.time(), "name": name})
        template = TEMPLATES[self.playbook.connection.cloud]
        condition = f"displayName eq {literal(name)}".replace(" ", "%20")

        async def look() -> tuple[Json, Json | None] | None:
            found = await self.client.get(
                f"/applications?$filter={condition}&$select={parse.APPLICATION_FIELDS}"
            )
            return (found["value"][0], None) if found.get("value") else None

        try:
            return await self.client.create(
                path("/applicationTemplates/{}/instantiate", template),
                {"displayName": name},
                look,
                lambda answer: (answer["application"], answer["servicePrincipal"]),
            )
        except RemoteNotFoundError as error:
            error.hint = (
                "the non-gallery template is not in this cloud: check connection: cloud: in the playbook"
            )
            raise

    async def _restored(self, world: Snapshot) -> Json | None:
        """A copy in the recycle bin that carries our marker is restored: the marker cannot be used twice."""
        for copy in world.all(seen.DeletedApplication):
            if copy.unique_name == self.playbook.marker:
                await self.client.write("POST", path("/directory/deletedItems/{}/restore", copy.id))
                where = path("/applications/{}", copy.id) + f"?$select={parse.APPLICATION_FIELDS}"
                return await self.client.get(where, expects_existing=True)
        return None

    def _store_application_hint(self, object_id: str) -> None:
        self.store.put(application_hint(self.playbook), {"at": time.time(), "id": object_id})

    async def _configure(
        self, before: kinds.Application, wanted: kinds.Application, data: Json | None = None
    ) -> Json:
        """PATCH what differs and read it again."""
        where = path("/applications/{}", before.id or "")
        fields = _to_write(wanted, before)
        if "scopes" in fields and data is None:
            data = await self.client.get(f"{where}?$select=api", expects_existing=True)
        raw = ((data or {}).get("api") or {}).get("oauth2PermissionScopes") or []
        for patch in payloads.application_patches(fields, before.app_id or "", raw):
            await self._patch(where, patch)
        return await self.client.get(f"{where}?$select={parse.APPLICATION_FIELDS}", expects_existing=True)

    async def _patch(self, where: str, patch: Json) -> None:
        try:
            await self.client.write("PATCH", where, patch)
        except RemoteError as error:
            if error.status == 400 and "uniqueName already exists" in error.message:
                raise RefusedError(
                    f"another application, perhaps in the recycle bin, already has the marker {self.playbook.marker}",
                    hint="restore or permanently delete that copy, or give the playbook another name:",
                ) from error
            raise

    async def orphaned_application(self, change: Change, _world: Snapshot) -> Outcome:
        """Remove what an interrupted run left; only ever one that still has its provisional name."""
        return await self._delete(change.before, "/applications/{}")

    async def purge(self, change: Change, _world: Snapshot) -> Outcome:
        """Delete a copy in the recycle bin for good."""
        await self.client.write(
            "DELETE", path("/directory/deletedItems/{}", str(getattr(change.before, "id", "")))
        )
        return Outcome(note="gone for good")

    async def _delete(self, gone: Resource | None, where: str) -> Outcome:
        await self.client.write("DELETE", path(where, str(getattr(gone, "id", ""))))
        return Outcome(note="in the recycle bin for 30 days")

    # -- service principal -------------------------------------------------------------------------------

    async def service_principal(self, change: Change, state: Snapshot) -> Outcome:
        """Create (or restore), configure or delete the service principal."""
        if change.action is Action.DELETE:
            return await self._delete(change.before, "/servicePrincipals/{}")
        wanted = change.desired(kinds.ServicePrincipal)
        found = state.get(kinds.ServicePrincipal, wanted.key) or await self._find_or_create(state)
        patch = payloads.principal_patch(_to_write(wanted, found))
        if not patch:
            return Outcome(resources=(found,))
        where = path("/servicePrincipals/{}", found.id or "")
        await self.client.write("PATCH", where, patch)
        data = await self.client.get(f"{where}?$select={parse.PRINCIPAL_FIELDS}", expects_existing=True)
        return Outcome(resources=(parse.service_principal(wanted.key, data),))

    async def _find_or_create(self, world: Snapshot) -> kinds.ServicePrincipal:
        """The instantiated application has one already, perhaps not visible yet; a restored or bare one may not."""
        application = world.require(kinds.Application, self.playbook.name)
        app_id = application.app_id or ""
        by_app = path("/servicePrincipals(appId='{}')", app_id) + f"?$select={parse.PRINCIPAL_FIELDS}"

        async def look() -> kinds.ServicePrincipal | None:
            data = await self.client.find(by_app)
            return parse.service_principal(self.playbook.name, data) if data else None

        if application.template_id and (found := await self.client.appears(look)):
            return found
        condition = f"appId eq {literal(app_id)}".replace(" ", "%20")
        deleted = await self.client.pages(
            f"/directory/deletedItems/microsoft.graph.servicePrincipal?$filter={condition}"
        )
        if deleted:
            await self.client.write("POST", path("/directory/deletedItems/{}/restore", deleted[0]["id"]))
            data = await self.client.get(by_app, expects_existing=True)
            return parse.service_principal(self.playbook.name, data)
        body = {"appId": app_id, "tags": list(kinds.PORTAL_TAGS)}
        return await self.client.create(
            "/servicePrincipals",
            body,
            look,
            lambda data: parse.service_principal(self.playbook.name, data),
        )

    # -- assignments -------------------------------------------------------------------------------------

    async def assignment(self, change: Change, state: Snapshot) -> Outcome:
        """Assign a group or user, correct its role, or remove the assignment."""
        principal = state.require(kinds.ServicePrincipal, self.playbook.name)
        before, wanted = change.before, change.after
        outcome = Outcome()
        if wanted is not None:
            outcome = await self._assign(change.desired(kinds.Assignment), principal)
        if isinstance(before, kinds.Assignment):
            base = path("/servicePrincipals/{}/appRoleAssignedTo/{}", principal.id or "", before.id or "")
            await self.client.write("DELETE", base)
        return outcome

    async def _assign(self, wanted: kinds.Assignment, principal: kinds.ServicePrincipal) -> Outcome:
        role = role_id(principal, wanted.role or kinds.USER_ROLE)
        base = path("/servicePrincipals/{}/appRoleAssignedTo", principal.id or "")
        body = {"principalId": str(wanted.principal), "resourceId": principal.id, "appRoleId": role}
        names = {str(wanted.principal): wanted.key}

        def made(data: Json) -> kinds.Assignment | None:
            return parse.assignment(data, principal, names)

        async def look() -> kinds.Assignment | None:
            for data in await self.client.pages(f"{base}?$top=999", expects=True):
                if data["principalId"] == body["principalId"] and data["appRoleId"] == role:
                    return made(data)
            return None

        found = await self.client.create(base, body, look, made)
        return Outcome(resources=(found,) if found else ())

    # -- consent -----------------------------------------------------------------------------------------

    async def consent(self, change: Change, state: Snapshot) -> Outcome:
        """Grant admin consent to the application's own scopes, or add to the grant that is there."""
        principal = state.require(kinds.ServicePrincipal, self.playbook.name)
        wanted = change.desired(kinds.Consent)
        if isinstance(change.before, kinds.Consent):
            scopes = _to_write(wanted, change.before)["scopes"]
            where = path("/oauth2PermissionGrants/{}", change.before.id or "")
            await self.client.write("PATCH", where, {"scope": " ".join(scopes)})
            return Outcome(resources=(change.before.model_copy(update={"scopes": scopes}),))
        own = literal(principal.id or "")
        condition = f"clientId eq {own} and resourceId eq {own}".replace(" ", "%20")

        def made(data: Json) -> kinds.Consent:
            return kinds.Consent(key=wanted.key, id=data["id"], scopes=tuple(data["scope"].split()))

        async def look() -> kinds.Consent | None:
            grants = await self.client.pages(f"/oauth2PermissionGrants?$filter={condition}")
            return next((made(grant) for grant in grants if grant["consentType"] == "AllPrincipals"), None)

        body = {
            "clientId": principal.id,
            "consentType": "AllPrincipals",
            "principalId": None,
            "resourceId": principal.id,
            "scope": " ".join(wanted.scopes or ()),
        }
        grant = await self.client.create("/oauth2PermissionGrants", body, look, made)
        return Outcome(resources=(grant,))


def role_id(principal: kinds.ServicePrincipal, name: str) -> str:
    """The id of an app role, by display name.

    The zero role is only for resources that declare no roles (Microsoft Graph, appRoleAssignment).

    Raises:
        RemoteError: the service principal declares roles, but no enabled one of that name.
    """
    enabled = {role.display_name: role.id for role in principal.app_roles if role.enabled}
    if not principal.app_roles:
        return kinds.ZERO_ROLE
    if name not in enabled:
        raise RemoteError(
            f"the application has no enabled app role {name!r}; it has {', '.join(enabled) or 'none'}",
            hint=f"add an app role {name!r} for users and groups, or enable it",
        )
    return enabled[name]


def _to_write(wanted: Resource, before: Resource) -> dict[str, Any]:
    """The fields that differ, with the values to write: what must stay is merged in."""
    infos = wanted.managed_fields()
    return {
        change.name: merge(getattr(wanted, change.name), getattr(before, change.name), infos[change.name])
        for change in changed_fields(wanted, before)
    }
