"""Writing what provisions: the attribute mapping and group push. The rest of it has no API."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from provisioner.core.errors import RemoteError
from provisioner.core.plan import Action, Change
from provisioner.core.provider import Outcome
from provisioner.core.snapshot import Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.okta import parse, payloads
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.batch import Memory, quoted, read_mapping
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.playbook import OktaPlaybook
from provisioner.providers.okta.responses import Answer


@dataclass
class ProvisioningWriter:
    """Makes changes to how the SCIM application provisions."""

    client: OktaClient
    playbook: OktaPlaybook
    memory: Memory

    async def mapping(self, _change: Change, world: Snapshot) -> Outcome:
        """Remove the attributes that Kiro does not support, where they are mapped, and read back."""
        app_id = self._app_id(world)

        async def look() -> kinds.ScimAttributeMapping | None:
            return await read_mapping(self.client, self.memory, self.playbook.name, app_id)

        found = await self.client.wait_for(look)
        if found is None:
            raise RemoteError(
                "the SCIM application has no attribute mapping from Okta's users",
                hint="look at its Provisioning tab; or say scim: mapping: unmanaged in the playbook",
            )
        if not found.unsupported:
            return Outcome(resources=(found,))
        where = quote_path("/api/v1/mappings/{}", found.id or "")
        await self.client.write("POST", where, payloads.unmapped_body(found.unsupported))

        async def removed() -> kinds.ScimAttributeMapping | None:
            again = await look()
            return None if again is None or again.unsupported else again

        again = await self.client.wait_for(removed)
        if again is None:
            raise RemoteError(
                f"Okta still maps {', '.join(found.unsupported)} after it was told to remove them",
                hint="remove them by hand: Provisioning, To App, Attribute Mappings",
            )
        return Outcome(resources=(again,))

    async def group_push(self, change: Change, world: Snapshot) -> Outcome:
        """Push a group, switch its push on again, or stop it. The group stays in Kiro when it is stopped."""
        base = quote_path("/api/v1/apps/{}/group-push/mappings", self._app_id(world))
        before = change.before
        if isinstance(before, kinds.GroupPush):
            where = base + quote_path("/{}", before.id or "")
            if change.action is Action.DELETE:
                await self._set(where, "INACTIVE")
                await self.client.write("DELETE", f"{where}?deleteTargetGroup=false")
                return Outcome(note="the group stays in Kiro: delete it there if it is not wanted")
            if before.active:
                await self._set(where, "INACTIVE")  # off and on again: the way to have a failed push repeated
            await self._set(where, "ACTIVE")
            return Outcome(resources=(parse.group_push(before.key, await self.client.get(where)),))
        return Outcome(resources=(await self._push(change.desired(kinds.GroupPush), base, world),))

    async def _push(self, wanted: kinds.GroupPush, base: str, world: Snapshot) -> kinds.GroupPush:
        source = str(wanted.group)
        name = world.require(kinds.Group, wanted.key).name or wanted.key
        body = {"sourceGroupId": source, "targetGroupName": name, "status": "ACTIVE"}

        async def look() -> kinds.GroupPush | None:
            for data in await self.client.read_all(f"{base}?limit=1000"):
                if data.get("sourceGroupId") == source:
                    return parse.group_push(wanted.key, data)
            return None

        def made(answer: Answer) -> kinds.GroupPush:
            return parse.group_push(wanted.key, answer.body)

        try:
            return await self.client.create(base, body, look, made)
        except RemoteError as error:
            target = await self._pushed_before(name, world) if error.status == 400 else None
            if target is None:
                raise
            linked = {"sourceGroupId": source, "targetGroupId": target, "status": "ACTIVE"}
            return await self.client.create(base, linked, look, made)

    async def _pushed_before(self, name: str, world: Snapshot) -> str | None:
        """The application's own group of that name: AWS IAM Identity Center was seen not to be linked to it by name.

        okta/terraform-provider-okta issue 2894.
        """
        query = urlencode(
            {"search": f'type eq "APP_GROUP" and profile.name eq "{quoted(name)}"', "limit": 200}
        )
        app_id = self._app_id(world)
        found = [
            group["id"]
            for group in await self.client.read_all(f"/api/v1/groups?{query}")
            if (group.get("source") or {}).get("id") == app_id
            and (group.get("profile") or {}).get("name") == name
        ]
        return found[0] if len(found) == 1 else None

    async def _set(self, where: str, status: str) -> None:
        await self.client.write("PATCH", where, {"status": status})

    def _app_id(self, world: Snapshot) -> str:
        return world.require(kinds.ScimApplication, self.playbook.name).id or ""
