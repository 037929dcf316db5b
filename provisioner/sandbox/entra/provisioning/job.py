"""A synchronization job, read from the directory store with everything a run needs.

Private members of the job's document. Whoever restarts a job drops some of them (Microsoft Graph v1.0,
synchronizationJobRestartCriteria: resetScope); a cycle that is running meanwhile does not bring them back.

- ``_links``: object id -> what was provisioned (see ``planning.Link``);
- ``_watermark``: when the last cycle ended; without one the next cycle is an initial cycle;
- ``_escrows``: object id -> ``{"errorCode", "firstFailure", "retries"}`` of objects that failed;
- ``_forceDeletes``: the accidental deletion threshold does not count in the next cycle;
- ``_stalled``: true makes the job not run at all.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.background import exclusive
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping, read_mappings
from provisioner.sandbox.store import Store

Document = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What a run needs to know.

    Attributes:
        id: the job's id.
        document: its document, private members included, as it was when the run began.
        tenant_id: the directory's id.
        service_principal_id: object id of the service principal it belongs to.
        app_id: that service principal's appId.
        display_name: and its display name.
        secrets: the synchronization secrets.
        schema: the stored synchronizationSchema.
        mappings: its object mappings by kind of source object.
    """

    id: str
    document: Document
    tenant_id: str
    service_principal_id: str
    app_id: str
    display_name: str
    secrets: dict[str, str]
    schema: Document
    mappings: dict[str, ObjectMapping]

    @property
    def initial(self) -> bool:
        """Whether the next cycle is an initial cycle."""
        return not self.document.get("_watermark")

    @property
    def sync_all(self) -> bool:
        """The scope "Sync all users and groups"; the portal's default is the other one."""
        return _flag(self.secrets.get("SyncAll"))

    @property
    def skip_out_of_scope_deletions(self) -> bool:
        return _flag(self.secrets.get("SkipOutOfScopeDeletions"))

    @property
    def delete_threshold(self) -> int | None:
        """Removals allowed in one cycle; None when accidental deletions are not prevented."""
        try:
            settings = json.loads(self.secrets.get("SyncNotificationSettings") or "{}")
        except ValueError:
            return None
        if not isinstance(settings, dict) or not settings.get("DeleteThresholdEnabled"):
            return None
        return int(settings.get("DeleteThresholdValue") or 0)

    @property
    def credentials(self) -> tuple[str, str]:
        """Tenant URL and token, empty when not saved."""
        return self.secrets.get("BaseAddress") or "", self.secrets.get("SecretToken") or ""


def read_job(directory: Store, job_id: str) -> Job | None:
    """Read a job; None when it, its service principal or its schema is gone."""
    document = directory.get("synchronizationJob", job_id)
    schema = directory.get("synchronizationSchema", job_id)
    if document is None or schema is None:
        return None
    principal_id = document["_servicePrincipalId"]
    principal = directory.get("servicePrincipal", principal_id)
    if principal is None:
        return None
    secrets = directory.get("synchronizationSecrets", principal_id) or {}
    return Job(
        id=job_id,
        document=document,
        tenant_id=_tenant_id(directory),
        service_principal_id=principal_id,
        app_id=str(principal.get("appId") or ""),
        display_name=str(principal.get("displayName") or ""),
        secrets=secrets.get("values") or {},
        schema=schema,
        mappings=read_mappings(schema),
    )


def running_alone(directory: Store, job_id: str) -> threading.Lock:
    """The lock that lets one run of a job happen at a time in this process."""
    return exclusive(directory.path, job_id)


def _flag(value: str | None) -> bool:
    return str(value).strip().lower() in {"true", "1"}


def _tenant_id(directory: Store) -> str:
    known = directory.setting("tenant_id")
    if known is None:
        known = next((each["id"] for each in directory.all("organization")), "")
    return str(known)
