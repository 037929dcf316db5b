"""Synchronization jobs: a new job's document, and a stored job with everything that a run needs.

Private members of a job's document. Restarting a job clears some of them (Microsoft Graph v1.0,
synchronizationJobRestartCriteria: resetScope); a cycle that runs at the same time does not restore them.

- ``_links``: object id -> `Link`;
- ``_watermark``: when the last cycle ended; without it the next cycle is an initial cycle;
- ``_escrows``: object id -> ``{"errorCode", "firstFailure", "retries"}`` of objects that failed;
- ``_forceDeletes``: the next cycle ignores the accidental deletion threshold;
- ``_stalled``: true prevents every cycle.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.background import exclusive
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping, read_mappings
from provisioner.sandbox.store import Document, Store

Link = dict[str, Any]
"""The record of a provisioned object: ``kind``, ``target`` (its SCIM id), ``values`` (last exported, by target
attribute), ``members`` (of a group: object id -> SCIM id as last exported) and ``managed`` (False after it left the scope
and was disabled)."""

NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class Job:
    """A job with everything that a run needs.

    Attributes:
        id: the job's id.
        document: its document with the private members, as stored when the run began.
        tenant_id: the tenant's id.
        service_principal_id: object id of the job's service principal.
        app_id: that service principal's appId.
        display_name: that service principal's display name.
        secrets: the synchronization secrets.
        schema: the stored synchronizationSchema.
        mappings: the schema's object mappings by kind of source object.
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
    def is_initial(self) -> bool:
        """Whether the next cycle is an initial cycle."""
        return not self.document.get("_watermark")

    @property
    def links(self) -> dict[str, Link]:
        """The provisioned objects by object id."""
        return self.document.get("_links") or {}

    @property
    def escrows(self) -> dict[str, Document]:
        """The objects that failed, by object id."""
        return self.document.get("_escrows") or {}

    @property
    def sync_all(self) -> bool:
        """Whether the scope is "Sync all users and groups"; the portal's default is "Sync only assigned ..."."""
        return _is_true(self.secrets.get("SyncAll"))

    @property
    def skip_out_of_scope_deletions(self) -> bool:
        return _is_true(self.secrets.get("SkipOutOfScopeDeletions"))

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
        """Tenant URL and token; empty when not saved."""
        return self.secrets.get("BaseAddress") or "", self.secrets.get("SecretToken") or ""


def new_job(job_id: str, template_id: str, service_principal_id: str) -> Document:
    """The document of a new job: disabled and paused (example of a new job in Microsoft's AWS single sign-on tutorial).

    Other samples show ``NotConfigured`` and an interval of "never" until credentials are saved.
    """
    return {
        "id": job_id,
        "templateId": template_id,
        "schedule": {"expiration": None, "interval": "PT40M", "state": "Disabled"},
        "status": {
            "code": "Paused",
            "countSuccessiveCompleteFailures": 0,
            "escrowsPruned": False,
            "lastExecution": None,
            "lastSuccessfulExecution": None,
            "lastSuccessfulExecutionWithExports": None,
            "quarantine": None,
            "steadyStateFirstAchievedTime": NEVER,
            "steadyStateLastAchievedTime": NEVER,
            "troubleshootingUrl": None,
            "progress": [],
            "synchronizedEntryCountByType": [],
        },
        "synchronizationJobSettings": [{"name": "AzureIngestionAttributeOptimization", "value": "False"}],
        "_servicePrincipalId": service_principal_id,
    }


def read_job(directory: Store, job_id: str) -> Job | None:
    """Read a job; None when the job, its service principal or its schema does not exist."""
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


def run_lock(directory: Store, job_id: str) -> threading.Lock:
    """The lock that allows one run of a job at a time in this process."""
    return exclusive(directory.path, job_id)


def _is_true(value: str | None) -> bool:
    return str(value).strip().lower() in {"true", "1"}


def _tenant_id(directory: Store) -> str:
    tenant_id = directory.setting("tenant_id")
    if tenant_id is None:
        tenant_id = next((organization["id"] for organization in directory.all("organization")), "")
    return str(tenant_id)
