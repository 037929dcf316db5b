"""Faults of provisioning: the mapping, the job, and what it did."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.entra import provisioning
from provisioner.sandbox.entra.graph import documents
from provisioner.sandbox.kiro import console
from provisioner.sandbox.misconfigurations.registry import Faults, ago, last
from provisioner.sandbox.store import Document

from .tenant import Tenant, object_mappings

_WORK_PHONE = 'phoneNumbers[type eq "work"].value'

fault: Faults[Tenant] = Faults()


@fault("entra-attribute-mapping")
def _attribute_mapping(tenant: Tenant) -> None:
    """Somebody restored the default source of externalId."""
    source = {"expression": "[mailNickname]", "name": "mailNickname", "type": "Attribute", "parameters": []}
    tenant.user_mappings(
        lambda mappings: [
            {**entry, "source": source} if entry["targetAttributeName"] == "externalId" else entry
            for entry in mappings
        ]
    )


@fault("entra-unsupported-attributes")
def _unsupported_attributes(tenant: Tenant) -> None:
    """Somebody mapped the work phone number again."""

    def add(mappings: list[Document]) -> list[Document]:
        source = {
            "expression": "[telephoneNumber]",
            "name": "telephoneNumber",
            "type": "Attribute",
            "parameters": [],
        }
        first = {**mappings[-1], "targetAttributeName": _WORK_PHONE, "source": source, "matchingPriority": 0}
        return [*mappings, first]

    tenant.user_mappings(add)


@fault("entra-required-attributes")
def _required_attributes(tenant: Tenant) -> None:
    """Somebody deleted the mapping of active."""
    tenant.user_mappings(lambda mappings: [e for e in mappings if e["targetAttributeName"] != "active"])


@fault("entra-mapping-disabled")
def _mapping_disabled(tenant: Tenant) -> None:
    """Somebody switched off the provisioning of groups."""
    job_id = tenant.job["id"]
    schema = tenant.directory.get("synchronizationSchema", job_id) or {}
    for mapping in object_mappings(schema):
        if mapping["sourceObjectName"] == "Group":
            mapping["enabled"] = False
    tenant.directory.put("synchronizationSchema", job_id, schema)


@fault("entra-not-provisioned")
def _not_provisioned(tenant: Tenant) -> None:
    """Somebody stopped provisioning."""
    job = tenant.job
    tenant.change(
        "synchronizationJob",
        job,
        schedule={**job["schedule"], "state": "Disabled"},
        status={**job["status"], "code": "Paused"},
    )


@fault("entra-profile-recreated")
def _profile_recreated(tenant: Tenant) -> None:
    """Somebody deleted the Kiro profile and created a new one."""
    for profile in console.describe(tenant.kiro)["profiles"]:
        console.delete_profile(tenant.kiro, profile["id"])
    console.create_profile(tenant.kiro, tenant.application["appId"])


@fault("entra-several-jobs")
def _several_jobs(tenant: Tenant) -> None:
    """A script created a second provisioning job."""
    job = tenant.job
    key = f"{job['id']}.2"
    other = provisioning.new_job(key, job["templateId"], tenant.principal["id"])
    schema = tenant.directory.get("synchronizationSchema", job["id"]) or {}
    tenant.directory.put("synchronizationJob", key, other)
    tenant.directory.put("synchronizationSchema", key, {**schema, "id": key})


@fault("entra-quarantine")
def _quarantine(tenant: Tenant) -> None:
    """Somebody stored a wrong access token; the next cycle ended in quarantine."""
    tenant.secrets(SecretToken="not-the-token")
    provisioning.run_cycle(tenant.directory, tenant.job["id"])


@fault("entra-escrowed-entries")
def _escrowed_entries(tenant: Tenant) -> None:
    """Entries failed in the last cycle and are held back."""
    last = tenant.job["status"]["lastExecution"] or {}
    tenant.change_job(lastExecution={**last, "countEscrowed": 3, "state": "EntryLevelErrors"})


@fault("entra-stale-execution")
def _stale_execution(tenant: Tenant) -> None:
    """The job hangs: its last cycle was days ago."""
    job = tenant.job
    last = {**(job["status"]["lastExecution"] or {}), "timeBegan": ago(days=3), "timeEnded": ago(days=3)}
    tenant.change(
        "synchronizationJob", {**job, "_stalled": True}, status={**job["status"], "lastExecution": last}
    )


@fault("entra-sync-all-users")
def _sync_all_users(tenant: Tenant) -> None:
    """Somebody set the scope of provisioning to all users and groups."""
    tenant.secrets(SyncAll="true")


@fault("entra-no-delete-threshold")
def _no_delete_threshold(tenant: Tenant) -> None:
    """Somebody switched off the prevention of accidental deletions."""
    tenant.secrets(SyncNotificationSettings=json.dumps({"Enabled": False, "DeleteThresholdEnabled": False}))


def _log(tenant: Tenant, **members: Any) -> None:
    """Another entry in the provisioning log, like the newest one of a user."""
    entries = [
        entry
        for entry in tenant.directory.all("provisioningLog")
        if entry["sourceIdentity"]["identityType"] == "User"
    ]
    entry = last(entries, "nobody has been provisioned yet")
    key = documents.new_id()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    tenant.directory.put(
        "provisioningLog",
        key,
        {**entry, "id": key, "changeId": documents.new_id(), "activityDateTime": now, **members},
    )


@fault("entra-provisioning-failures")
def _provisioning_failures(tenant: Tenant) -> None:
    """Kiro refused a user in the last cycle."""
    error = {
        "errorCode": "SystemForCrossDomainIdentityManagementBadRequest",
        "reason": "Kiro answered 400: the value of the attribute title is too long.",
        "errorCategory": "failure",
        "additionalDetails": None,
        "recommendedAction": None,
    }
    _log(
        tenant,
        provisioningAction="update",
        provisioningStatusInfo={"status": "failure", "errorInformation": error},
        modifiedProperties=[],
    )


@fault("entra-wrong-external-id")
def _wrong_external_id(tenant: Tenant) -> None:
    """A user had been provisioned before externalId came from objectId."""
    change = {"displayName": "externalId", "oldValue": None, "newValue": "alice"}
    _log(
        tenant,
        provisioningAction="create",
        provisioningStatusInfo={"status": "success", "errorInformation": None},
        modifiedProperties=[change],
    )
