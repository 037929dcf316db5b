"""What all writers share: creation after a lost response, and the status of an object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from provisioner.core.plan import Change
from provisioner.core.provider import Outcome
from provisioner.providers.base.kinds import changed_field_names
from provisioner.providers.base.wire import Json
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.playbook import OktaPlaybook
from provisioner.providers.okta.run_cache import RunCache


@dataclass
class Writer:
    """Writes to one organization for one playbook.

    Attributes:
        cache: shared with the reads of the run.
    """

    client: OktaClient
    playbook: OktaPlaybook
    cache: RunCache = field(default_factory=RunCache)

    async def _create(self, path: str, body: Json, listing: str, is_created: Callable[[Json], bool]) -> Json:
        """POST an object and return it. After a lost response, the object is first looked for in a listing.

        Args:
            path: path to POST to.
            body: the new object.
            listing: path of a collection that contains the object once it exists.
            is_created: whether an element of the collection is the object.
        """

        async def find_created() -> Json | None:
            return next((data for data in await self.client.read_all(listing) if is_created(data)), None)

        created: Json = await self.client.create(path, body, find_created, lambda response: response.body)
        return created

    async def _update(
        self, change: Change, path: str, last_updated: str | None, body: Callable[[Json], Json]
    ) -> Json:
        """Set the status and the other fields of an application or authorization server, and read it.

        Args:
            change: the change.
            path: path of the object.
            last_updated: its ``lastUpdated`` when the plan was made.
            body: returns the new object.
        """
        fields = changed_field_names(change)
        if "active" in fields:
            await self._set_active(path, active=bool(getattr(change.after, "active", None)))
            last_updated = None  # the new status counts as an update
        if fields - {"active"}:
            await self.client.replace(path, last_updated, body)
        updated: Json = await self.client.get(path, expects_existing=True)
        return updated

    async def _set_active(self, path: str, *, active: bool) -> None:
        await self.client.write("POST", f"{path}/lifecycle/{'activate' if active else 'deactivate'}")

    async def _delete(self, path: str, *, active: bool) -> Outcome:
        """Okta refuses to delete an application or authorization server that is active (E0000056)."""
        if active:
            await self._set_active(path, active=False)
        await self.client.write("DELETE", path)
        return Outcome(note="deleted permanently: Okta has no recycle bin")
