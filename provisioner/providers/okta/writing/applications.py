"""Writing the two applications and their assignments."""

from __future__ import annotations

from urllib.parse import urlencode

from provisioner.core.errors import RemoteError
from provisioner.core.plan import Action, Change
from provisioner.core.provider import Outcome
from provisioner.core.snapshot import Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.wire import Json
from provisioner.providers.okta import payloads
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.client import APPS
from provisioner.providers.okta.parse import parse_application, parse_provisioning, parse_with_status

from .base import Writer

_CREATE_PATH = f"{APPS}?activate=true"
_GROUP_KINDS = (kinds.GroupAssignment.kind, kinds.ScimGroupAssignment.kind)
_SCIM_KINDS = (kinds.ScimGroupAssignment.kind, kinds.ScimUserAssignment.kind)


class ApplicationWriter(Writer):
    """Writes the applications, the authentication policy and the assignments."""

    async def write_application(self, change: Change, _state: Snapshot) -> Outcome:
        """Create, configure, activate, deactivate or delete the OIDC application."""
        name, before = self.playbook.name, change.before
        if isinstance(before, kinds.Application) and change.action is Action.DELETE:
            return await self._delete(_path_of(before), active=bool(before.active))
        desired = change.desired(kinds.Application)
        if isinstance(before, kinds.Application):
            data = await self._update(
                change,
                _path_of(before),
                before.last_updated,
                lambda existing: payloads.application_body(desired, existing),
            )
        else:
            listing = f"{APPS}?{urlencode({'q': self.playbook.application_label, 'limit': 200})}"
            data = await self._create(
                _CREATE_PATH,
                payloads.application_body(desired, {}),
                listing,
                lambda app: app.get("name") == kinds.OIDC_NAME and app.get("label") == desired.label,
            )
        return Outcome(resources=(parse_application(name, data),))

    async def write_authentication_policy_assignment(self, change: Change, state: Snapshot) -> Outcome:
        """Assign an authentication policy to the OIDC application."""
        desired = change.desired(kinds.AuthenticationPolicyAssignment)
        application = state.require(kinds.Application, self.playbook.name)
        await self.client.write(
            "PUT", _path_of(application) + quote_path("/policies/{}", str(desired.policy))
        )
        return Outcome(resources=(desired,))

    async def write_scim_application(self, change: Change, _state: Snapshot) -> Outcome:
        """Create, activate, deactivate or delete the SCIM application. Its other settings are never changed."""
        name, before = self.playbook.name, change.before
        if isinstance(before, kinds.ScimApplication) and change.action is Action.DELETE:
            return await self._delete(_path_of(before), active=bool(before.active))
        desired = change.desired(kinds.ScimApplication)
        if isinstance(before, kinds.ScimApplication):
            await self._set_active(_path_of(before), active=bool(desired.active))
            data = await self.client.get(_path_of(before), expects_existing=True)
        else:
            data = await self._create_scim_application(desired)
        application = parse_with_status(kinds.ScimApplication, name, data)
        return Outcome(resources=(application, parse_provisioning(name, data)))

    async def _create_scim_application(self, desired: kinds.ScimApplication) -> Json:
        section = self.playbook.scim
        assert section is not None
        query = urlencode({"filter": f'name eq "{kinds.SCIM_NAME}"', "limit": 200})
        body = payloads.scim_application_body(desired, section.acs_url, section.entity_id)
        try:
            return await self._create(
                _CREATE_PATH, body, f"{APPS}?{query}", lambda app: app.get("label") == desired.label
            )
        except RemoteError as error:
            if error.status != 400:
                raise
            raise RemoteError(
                f"the SCIM application could not be created from the catalog: {error.message}",
                status=error.status,
                code=error.code,
                request_id=error.request_id,
                hint="add 'AWS IAM Identity Center' in the Admin Console (Applications, Browse App Catalog) with the "
                f"label {desired.label!r}, then run apply again: it is adopted",
            ) from error

    async def write_assignment(self, change: Change, state: Snapshot) -> Outcome:
        """Assign a group or user to one of the applications, or remove the assignment."""
        is_group = change.kind in _GROUP_KINDS
        name, is_scim = self.playbook.name, change.kind in _SCIM_KINDS
        application = (
            state.require(kinds.ScimApplication, name) if is_scim else state.require(kinds.Application, name)
        )
        collection = f"{_path_of(application)}/{'groups' if is_group else 'users'}"
        assignment = change.after or change.before
        assert isinstance(assignment, kinds.Assignment)
        principal = str(assignment.principal)
        path = collection + quote_path("/{}", principal)
        if change.action is Action.DELETE:
            await self.client.write("DELETE", path)
            return Outcome()
        if is_group:
            await self.client.write("PUT", path, {"profile": {}})
        else:
            await self.client.write("POST", collection, {"id": principal, "scope": "USER"})
        return Outcome(resources=(change.desired(kinds.Assignment),))


def _path_of(application: kinds.Application | kinds.ScimApplication) -> str:
    return quote_path(f"{APPS}/{{}}", application.id or "")
