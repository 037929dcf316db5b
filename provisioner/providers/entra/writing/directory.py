"""Writes the application, its service principal, its assignments and its admin consent."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

from provisioner.core.diff import changed_fields, merge
from provisioner.core.errors import RefusedError, RemoteError, RemoteNotFoundError
from provisioner.core.local_store import LocalStore
from provisioner.core.plan import Action, Change
from provisioner.core.provider import Outcome
from provisioner.core.resource import Resource, resolve
from provisioner.core.snapshot import Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.wire import Json, build_body, parse_resource
from provisioner.providers.entra import lookup, parse, payloads
from provisioner.providers.entra import resources as kinds
from provisioner.providers.entra.client import GraphClient, filter_query, literal
from provisioner.providers.entra.hints import application_hint
from provisioner.providers.entra.observations import DeletedApplication, OrphanedApplication
from provisioner.providers.entra.playbook import EntraPlaybook
from provisioner.providers.entra.reading import APPLICATION_SELECT, PRINCIPAL_SELECT, consent_path

TEMPLATES: Final = {
    "global": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621",
    "usgov": "4602d0b4-76bb-404b-bca9-2652e1a39c6d",
    "usgov-dod": "4602d0b4-76bb-404b-bca9-2652e1a39c6d",
    "china": "5a532e38-1581-4918-9658-008dc27c1d68",
}
"""The non-gallery template, by cloud (Microsoft Graph v1.0, applicationTemplate: instantiate)."""


@dataclass
class DirectoryWriter:
    """Writes to the directory. A create whose response was lost is looked up before it is repeated."""

    client: GraphClient
    playbook: EntraPlaybook
    store: LocalStore

    # -- application -------------------------------------------------------------------------------------

    async def write_application(self, change: Change, state: Snapshot) -> Outcome:
        """Create (or restore), configure or delete the application."""
        if change.action is Action.DELETE and isinstance(change.before, kinds.Application):
            return await self._delete(quote_path("/applications/{}", change.before.id or ""))
        desired = change.desired(kinds.Application)
        if isinstance(change.before, kinds.Application):
            data = await self._configure(change.before, desired)
            return Outcome(resources=(parse.parse_application(desired.key, data),))
        restored = await self._restore(state)
        data, principal = (restored, None) if restored else await self._instantiate()
        self.store.put(application_hint(self.playbook), {"at": time.time(), "id": data["id"]})
        self.client.has_created = True
        created = parse.parse_application(desired.key, data)
        desired = resolve(desired, {created.address: created})  # its identifier URI contains its client id
        data = await self._configure(created, desired, _scopes_of(data))
        resources: list[Resource] = [parse.parse_application(desired.key, data)]
        if principal:
            resources.append(self._parse_principal(principal))
        note = "restored from the recycle bin, so its client id is the same as before" if restored else ""
        return Outcome(resources=tuple(resources), note=note)

    async def _instantiate(self) -> tuple[Json, Json | None]:
        """Instantiate the template under a provisional name, by which the application is found if the response is lost.

        Returns:
            the Graph application and its service principal; the latter is None if the application was found by name.
        """
        name = lookup.provisional_prefix(self.playbook) + uuid.uuid4().hex[:12]
        self.store.put(application_hint(self.playbook), {"at": time.time(), "name": name})
        cloud = self.playbook.connection.cloud
        template_id = TEMPLATES[cloud]
        condition = filter_query(f"displayName eq {literal(name)}")

        async def find() -> tuple[Json, Json | None] | None:
            applications = await self.client.get(f"/applications?{condition}&{APPLICATION_SELECT}")
            return (applications["value"][0], None) if applications.get("value") else None

        try:
            return await self.client.create(
                quote_path("/applicationTemplates/{}/instantiate", template_id),
                {"displayName": name},
                find,
                lambda response: (response["application"], response["servicePrincipal"]),
            )
        except RemoteNotFoundError as error:
            error.hint = (
                f"the tenant's cloud does not have {template_id}, the non-gallery template of the cloud {cloud}: "
                "correct connection: cloud: in the playbook"
            )
            raise

    async def _restore(self, state: Snapshot) -> Json | None:
        """Restore the deleted application that has the playbook's marker, if there is one.

        Graph would not accept the same uniqueName for a new application.
        """
        for deleted in state.all(DeletedApplication):
            if deleted.unique_name == self.playbook.marker:
                restore_path = quote_path("/directory/deletedItems/{}/restore", deleted.id)
                await self.client.write("POST", restore_path)
                application_path = quote_path("/applications/{}", deleted.id)
                return await self.client.get(
                    f"{application_path}?{APPLICATION_SELECT}", expects_existing=True
                )
        return None

    async def _configure(
        self,
        before: kinds.Application,
        desired: kinds.Application,
        existing_scopes: list[Json] | None = None,
    ) -> Json:
        """PATCH the fields that differ, and read the application again.

        Args:
            before: the application before the change.
            desired: the desired application.
            existing_scopes: its permissionScopes as Graph returned them; None: they are read if they are needed.
        """
        application_path = quote_path("/applications/{}", before.id or "")
        fields = _values_to_write(desired, before)
        if "scopes" in fields and existing_scopes is None:
            data = await self.client.get(f"{application_path}?$select=api", expects_existing=True)
            existing_scopes = _scopes_of(data)
        for patch in payloads.application_patches(fields, before.app_id or "", existing_scopes or []):
            await self._patch_application(application_path, patch)
        return await self.client.get(f"{application_path}?{APPLICATION_SELECT}", expects_existing=True)

    async def _patch_application(self, application_path: str, patch: Json) -> None:
        try:
            await self.client.write("PATCH", application_path, patch)
        except RemoteError as error:
            if error.status == 400 and "uniqueName already exists" in error.message:
                raise RefusedError(
                    f"another application, perhaps in the recycle bin, already has the uniqueName {self.playbook.marker}, "
                    "which marks this playbook's application",
                    hint="restore or permanently delete that application, or change name: in the playbook",
                ) from error
            raise

    async def delete_orphaned_application(self, change: Change, _state: Snapshot) -> Outcome:
        """Delete an application that an interrupted run created; it still has its provisional name."""
        assert isinstance(change.before, OrphanedApplication)
        return await self._delete(quote_path("/applications/{}", change.before.id))

    async def purge_application(self, change: Change, _state: Snapshot) -> Outcome:
        """Delete an application in the recycle bin permanently."""
        assert isinstance(change.before, DeletedApplication)
        await self.client.write("DELETE", quote_path("/directory/deletedItems/{}", change.before.id))
        return Outcome(note="deleted permanently")

    async def _delete(self, path: str) -> Outcome:
        """Delete an application or service principal, which moves it to the recycle bin."""
        await self.client.write("DELETE", path)
        return Outcome(note="in the recycle bin for 30 days")

    # -- service principal -------------------------------------------------------------------------------

    async def write_service_principal(self, change: Change, state: Snapshot) -> Outcome:
        """Find or create, configure or delete the service principal."""
        if change.action is Action.DELETE and isinstance(change.before, kinds.ServicePrincipal):
            return await self._delete(quote_path("/servicePrincipals/{}", change.before.id or ""))
        desired = change.desired(kinds.ServicePrincipal)
        existing = state.get(kinds.ServicePrincipal, desired.key) or await self._find_or_create(state)
        patch = build_body(kinds.ServicePrincipal, _values_to_write(desired, existing))
        if not patch:
            return Outcome(resources=(existing,))
        principal_path = quote_path("/servicePrincipals/{}", existing.id or "")
        await self.client.write("PATCH", principal_path, patch)
        data = await self.client.get(f"{principal_path}?{PRINCIPAL_SELECT}", expects_existing=True)
        return Outcome(resources=(self._parse_principal(data),))

    async def _find_or_create(self, state: Snapshot) -> kinds.ServicePrincipal:
        """Find, restore or create the application's service principal.

        An application from the template has one, which may not be visible yet: it is waited for. Another application may
        have a deleted one, which is restored, or none, so that one is created.
        """
        application = state.require(kinds.Application, self.playbook.name)
        app_id = application.app_id or ""
        by_app_id = quote_path("/servicePrincipals(appId='{}')", app_id) + f"?{PRINCIPAL_SELECT}"

        async def find() -> kinds.ServicePrincipal | None:
            data = await self.client.find(by_app_id)
            return self._parse_principal(data) if data else None

        if application.template_id and (existing := await self.client.wait_for(find)):
            return existing
        deleted = await self.client.read_pages(
            "/directory/deletedItems/microsoft.graph.servicePrincipal?"
            + filter_query(f"appId eq {literal(app_id)}")
        )
        if deleted:
            await self.client.write(
                "POST", quote_path("/directory/deletedItems/{}/restore", deleted[0]["id"])
            )
            return self._parse_principal(await self.client.get(by_app_id, expects_existing=True))
        body = build_body(kinds.ServicePrincipal, {"app_id": app_id, "tags": kinds.PORTAL_TAGS})
        return await self.client.create("/servicePrincipals", body, find, self._parse_principal)

    def _parse_principal(self, data: Json) -> kinds.ServicePrincipal:
        return parse_resource(kinds.ServicePrincipal, self.playbook.name, data)

    # -- assignments -------------------------------------------------------------------------------------

    async def write_assignment(self, change: Change, state: Snapshot) -> Outcome:
        """Assign a group or user, correct its role, or remove the assignment."""
        principal = state.require(kinds.ServicePrincipal, self.playbook.name)
        outcome = Outcome()
        # Graph cannot change the role of an assignment. So the new one is created before the old one is deleted, and
        # users keep their access in between.
        if change.after is not None:
            outcome = await self._assign(change.desired(kinds.Assignment), principal)
        if isinstance(change.before, kinds.Assignment):
            keys = (principal.id or "", change.before.id or "")
            await self.client.write("DELETE", quote_path("/servicePrincipals/{}/appRoleAssignedTo/{}", *keys))
        return outcome

    async def _assign(self, desired: kinds.Assignment, principal: kinds.ServicePrincipal) -> Outcome:
        role = role_id(principal, desired.role or kinds.USER_ROLE)
        assignments_path = quote_path("/servicePrincipals/{}/appRoleAssignedTo", principal.id or "")
        body = {"principalId": str(desired.principal), "resourceId": principal.id, "appRoleId": role}
        names = {str(desired.principal): desired.key}

        def parse_created(data: Json) -> kinds.Assignment | None:
            return parse.parse_assignment(data, principal, names)

        async def find() -> kinds.Assignment | None:
            existing = await self.client.read_pages(f"{assignments_path}?$top=999", expects_existing=True)
            for data in existing:
                if data["principalId"] == body["principalId"] and data["appRoleId"] == role:
                    return parse_created(data)
            return None

        assignment = await self.client.create(assignments_path, body, find, parse_created)
        return Outcome(resources=(assignment,) if assignment else ())

    # -- consent -----------------------------------------------------------------------------------------

    async def write_consent(self, change: Change, state: Snapshot) -> Outcome:
        """Grant admin consent to the application's own scopes, or add scopes to the existing grant."""
        principal = state.require(kinds.ServicePrincipal, self.playbook.name)
        desired = change.desired(kinds.AdminConsent)
        if isinstance(change.before, kinds.AdminConsent):
            scopes = _values_to_write(desired, change.before)["scopes"]
            grant_path = quote_path("/oauth2PermissionGrants/{}", change.before.id or "")
            await self.client.write("PATCH", grant_path, {"scope": " ".join(scopes)})
            return Outcome(resources=(change.before.model_copy(update={"scopes": scopes}),))

        def parse_grants(*grants: Json) -> kinds.AdminConsent | None:
            return next(parse.parse_consent(desired.key, grants), None)

        async def find() -> kinds.AdminConsent | None:
            return parse_grants(*await self.client.read_pages(consent_path(principal)))

        body = {
            "clientId": principal.id,
            "consentType": "AllPrincipals",
            "principalId": None,
            "resourceId": principal.id,
            "scope": " ".join(desired.scopes or ()),
        }
        consent = await self.client.create("/oauth2PermissionGrants", body, find, parse_grants)
        return Outcome(resources=(consent,) if consent else ())


def role_id(principal: kinds.ServicePrincipal, name: str) -> str:
    """The id of an app role.

    The all-zeros id (default access) is only for applications that declare no roles (Microsoft Graph,
    appRoleAssignment).

    Args:
        principal: the service principal that declares the roles.
        name: display name of the role.

    Raises:
        RemoteError: the service principal declares roles, but no enabled role with that name.
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


def _values_to_write(desired: Resource, before: Resource) -> dict[str, Any]:
    """The values to write, by field that differs. A list value is complete: it includes existing elements that must stay."""
    infos = desired.writable_fields()
    return {
        field.name: merge(getattr(desired, field.name), getattr(before, field.name), infos[field.name])
        for field in changed_fields(desired, before)
    }


def _scopes_of(data: Json) -> list[Json]:
    """The permissionScopes of a Graph application."""
    return (data.get("api") or {}).get("oauth2PermissionScopes") or []
