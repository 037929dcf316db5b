"""Writing the attribute mapping and group pushes. The other settings of provisioning have no API."""

from __future__ import annotations

from provisioner.core.errors import RemoteError
from provisioner.core.plan import Action, Change
from provisioner.core.provider import Outcome
from provisioner.core.snapshot import Snapshot
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.wire import Json
from provisioner.providers.okta import payloads
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.client import APPS
from provisioner.providers.okta.parse import parse_group_push
from provisioner.providers.okta.run_cache import escape_search, group_search, read_attribute_mapping

from .base import Writer


class ProvisioningWriter(Writer):
    """Writes the provisioning settings of the SCIM application."""

    async def write_attribute_mapping(self, _change: Change, state: Snapshot) -> Outcome:
        """Remove the mapped attributes that Kiro does not support, and read the mapping back."""
        app_id = self._scim_app_id(state)

        async def read_mapping() -> kinds.AttributeMapping | None:
            return await read_attribute_mapping(self.client, self.cache, self.playbook.name, app_id)

        mapping = await self.client.wait_for(read_mapping)
        if mapping is None:
            raise RemoteError(
                "the SCIM application has no attribute mapping from Okta's users",
                hint="check its Provisioning tab, or set scim: mapping: unmanaged in the playbook",
            )
        if not mapping.unsupported:
            return Outcome(resources=(mapping,))
        path = quote_path("/api/v1/mappings/{}", mapping.id or "")
        await self.client.write("POST", path, payloads.remove_attributes_body(mapping.unsupported))

        async def read_changed_mapping() -> kinds.AttributeMapping | None:
            current = await read_mapping()
            return None if current is None or current.unsupported else current

        changed = await self.client.wait_for(read_changed_mapping)
        if changed is None:
            raise RemoteError(
                f"Okta still maps {', '.join(mapping.unsupported)}, although it accepted the removal",
                hint="remove them in the Admin Console: Provisioning, To App, Attribute Mappings",
            )
        return Outcome(resources=(changed,))

    async def write_group_push(self, change: Change, state: Snapshot) -> Outcome:
        """Push a group, activate its push again, or remove its push. The group stays in Kiro in each case."""
        collection = quote_path(f"{APPS}/{{}}/group-push/mappings", self._scim_app_id(state))
        before = change.before
        if not isinstance(before, kinds.GroupPush):
            return Outcome(resources=(await self._push(change.desired(kinds.GroupPush), collection, state),))
        path = collection + quote_path("/{}", before.id or "")
        if change.action is Action.DELETE:
            await self._set_push_status(path, "INACTIVE")
            await self.client.write("DELETE", f"{path}?deleteTargetGroup=false")
            return Outcome(note="the group stays in Kiro; delete it there if you do not need it")
        if before.active:  # Okta repeats a failed push when it is deactivated and activated again
            await self._set_push_status(path, "INACTIVE")
        await self._set_push_status(path, "ACTIVE")
        return Outcome(resources=(parse_group_push(before.key, await self.client.get(path)),))

    async def _push(self, desired: kinds.GroupPush, collection: str, state: Snapshot) -> kinds.GroupPush:
        source = str(desired.group)
        name = state.require(kinds.Group, desired.key).name or desired.key

        async def create(**target: str) -> Json:
            return await self._create(
                collection,
                {"sourceGroupId": source, **target, "status": "ACTIVE"},
                f"{collection}?limit=1000",
                lambda data: data.get("sourceGroupId") == source,
            )

        try:
            data = await create(targetGroupName=name)
        except RemoteError as error:
            group = await self._find_pushed_group(name, state) if error.status == 400 else None
            if group is None:
                raise
            data = await create(targetGroupId=group)
        return parse_group_push(desired.key, data)

    async def _find_pushed_group(self, name: str, state: Snapshot) -> str | None:
        """The id of the application's own group of this name, from an earlier push.

        AWS IAM Identity Center refused to link it by name (okta/terraform-provider-okta issue 2894).
        """
        app_id = self._scim_app_id(state)
        expression = f'type eq "APP_GROUP" and profile.name eq "{escape_search(name)}"'
        groups = [
            group["id"]
            for group in await self.client.read_all(group_search(expression))
            if (group.get("source") or {}).get("id") == app_id
            and (group.get("profile") or {}).get("name") == name
        ]
        return groups[0] if len(groups) == 1 else None

    async def _set_push_status(self, path: str, status: str) -> None:
        await self.client.write("PATCH", path, {"status": status})

    def _scim_app_id(self, state: Snapshot) -> str:
        return state.require(kinds.ScimApplication, self.playbook.name).id or ""
