"""Writing applications and who is assigned to them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from provisioner.core.errors import RemoteError
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

_APPS = "/api/v1/apps"


@dataclass
class ApplicationWriter:
    """Makes changes to the two applications."""

    client: OktaClient
    playbook: OktaPlaybook

    async def application(self, change: Change, _world: Snapshot) -> Outcome:
        """Create, configure, switch or delete the OIDC application."""
        before = change.before
        if change.action is Action.DELETE:
            return await self._delete_application(before)
        wanted = change.desired(kinds.Application)
        if isinstance(before, kinds.Application):
            return await self._configure(wanted, before, {field.name for field in change.fields})

        async def look() -> kinds.Application | None:
            query = urlencode({"q": self.playbook.label, "limit": 200})
            for data in await self.client.read_all(f"{_APPS}?{query}"):
                if data.get("name") == kinds.OIDC_NAME and data.get("label") == wanted.label:
                    return parse.application(wanted.key, data)
            return None

        def made(answer: Answer) -> kinds.Application:
            return parse.application(wanted.key, answer.body)

        body = payloads.application_body(wanted, {})
        return Outcome(resources=(await self.client.create(f"{_APPS}?activate=true", body, look, made),))

    async def _configure(
        self, wanted: kinds.Application, before: kinds.Application, fields: set[str]
    ) -> Outcome:
        where = quote_path(f"{_APPS}/{{}}", before.id or "")
        seen = before.last_updated
        if "active" in fields:
            await self._switch(where, active=bool(wanted.active))
            seen = None  # switching counts as an update
        if fields - {"active"}:
            await self.client.replace(where, seen, lambda base: payloads.application_body(wanted, base))
        data = await self.client.get(where, expects_existing=True)
        return Outcome(resources=(parse.application(before.key, data),))

    async def authentication_policy(self, change: Change, world: Snapshot) -> Outcome:
        """Give the application its authentication policy."""
        wanted = change.desired(kinds.AuthenticationPolicy)
        application = world.require(kinds.Application, self.playbook.name)
        await self.client.write(
            "PUT", quote_path(f"{_APPS}/{{}}/policies/{{}}", application.id or "", str(wanted.policy))
        )
        return Outcome(resources=(wanted,))

    async def scim_application(self, change: Change, _world: Snapshot) -> Outcome:
        """Create, switch or delete the SCIM application; it is never written otherwise."""
        before = change.before
        if change.action is Action.DELETE:
            return await self._delete_application(before)
        wanted = change.desired(kinds.ScimApplication)
        if isinstance(before, kinds.ScimApplication):
            where = quote_path(f"{_APPS}/{{}}", before.id or "")
            await self._switch(where, active=bool(wanted.active))
            return self._scim_outcome(await self.client.get(where, expects_existing=True))
        return self._scim_outcome(await self._create_scim(wanted))

    async def _create_scim(self, wanted: kinds.ScimApplication) -> Json:
        keys = self.playbook.scim
        assert keys is not None

        async def look() -> Json | None:
            query = urlencode({"filter": f'name eq "{kinds.SCIM_NAME}"', "limit": 200})
            listed = await self.client.read_all(f"{_APPS}?{query}")
            return next((data for data in listed if data.get("label") == wanted.label), None)

        def made(answer: Answer) -> Json:
            body: Json = answer.body
            return body

        body = payloads.scim_application_body(
            str(wanted.label), str(wanted.notes), keys.acs_url, keys.entity_id
        )
        try:
            return await self.client.create(f"{_APPS}?activate=true", body, look, made)
        except RemoteError as error:
            if error.status != 400:
                raise
            raise RemoteError(
                f"the SCIM application could not be made from the catalogue: {error.message}",
                status=error.status,
                code=error.code,
                request_id=error.request_id,
                hint="add 'AWS IAM Identity Center' by hand (Applications, Browse App Catalog) with the label "
                f"{wanted.label!r}, and run apply again: it is adopted",
            ) from error

    def _scim_outcome(self, data: Json) -> Outcome:
        name = self.playbook.name
        return Outcome(resources=(parse.scim_application(name, data), parse.provisioning(name, data)))

    async def _switch(self, where: str, *, active: bool) -> None:
        await self.client.write("POST", f"{where}/lifecycle/{'activate' if active else 'deactivate'}")

    async def _delete_application(self, gone: Resource | None) -> Outcome:
        """Only what is inactive may be deleted (E0000056)."""
        where = quote_path(f"{_APPS}/{{}}", str(getattr(gone, "id", "")))
        if getattr(gone, "active", False):
            await self._switch(where, active=False)
        await self.client.write("DELETE", where)
        return Outcome(note="gone for good")

    async def assignment(self, change: Change, world: Snapshot) -> Outcome:
        """Assign a group or user to one of the applications, or remove the assignment."""
        kind = change.address.partition("/")[0]
        scim = kind in (kinds.ScimGroupAssignment.kind, kinds.ScimUserAssignment.kind)
        name = self.playbook.name
        application = (
            world.require(kinds.ScimApplication, name) if scim else world.require(kinds.Application, name)
        )
        is_group = kind in (kinds.GroupAssignment.kind, kinds.ScimGroupAssignment.kind)
        subject = change.after or change.before
        principal = str(getattr(subject, "principal", ""))
        base = quote_path(f"{_APPS}/{{}}/{'groups' if is_group else 'users'}", application.id or "")
        where = base + quote_path("/{}", principal)
        if change.action is Action.DELETE:
            await self.client.write("DELETE", where)
            return Outcome()
        if is_group:
            await self.client.write("PUT", where, {"profile": {}})
        else:
            await self.client.write("POST", base, {"id": principal, "scope": "USER"})
        wanted = change.desired(kinds.Assignment)
        return Outcome(resources=(wanted,))
