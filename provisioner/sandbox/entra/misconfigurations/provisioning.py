"""Misconfigurations of provisioning: the mapping, the job, and its results."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.entra import provisioning
from provisioner.sandbox.entra.graph import documents
from provisioner.sandbox.kiro import console
from provisioner.sandbox.misconfigurations import ago, newest
from provisioner.sandbox.store import Document

from .tenant import Tenant, misconfiguration, object_mappings

_WORK_PHONE = 'phoneNumbers[type eq "work"].value'


@misconfiguration("entra-attribute-mapping")
def _attribute_mapping(tenant: Tenant) -> None:
    """An admin restored the default source of externalId."""
    source = {"expression": "[mailNickname]", "name": "mailNickname", "type": "Attribute", "parameters": []}
    tenant.edit_user_mappings(
        lambda mappings: [
            {**entry, "source": source} if entry["targetAttributeName"] == "externalId" else entry
            for entry in mappings
        ]
    )


@misconfiguration("entra-unsupported-attributes")
def _unsupported_attributes(tenant: Tenant) -> None:
    """An admin mapped the work phone number again."""

    def add(mappings: list[Document]) -> list[Document]:
        source = {
            "expression": "[telephoneNumber]",
            "name": "telephoneNumber",
            "type": "Attribute",
            "parameters": [],
        }
        other = newest(mappings, "no attribute of users is mapped")
        phone = {**other, "targetAttributeName": _WORK_PHONE, "source": source, "matchingPriority": 0}
        return [*mappings, phone]

    tenant.edit_user_mappings(add)


@misconfiguration("entra-required-attributes")
def _required_attributes(tenant: Tenant) -> None:
    """An admin deleted the mapping of active."""
    tenant.edit_user_mappings(
        lambda mappings: [entry for entry in mappings if entry["targetAttributeName"] != "active"]
    )


@misconfiguration("entra-mapping-disabled")
def _mapping_disabled(tenant: Tenant) -> None:
    """An admin switched off the provisioning of groups."""
    job_id = tenant.job["id"]
    schema = tenant.directory.get("synchronizationSchema", job_id) or {}
    for mapping in object_mappings(schema):
        if mapping["sourceObjectName"] == "Group":
            mapping["enabled"] = False
    tenant.directory.put("synchronizationSchema", job_id, schema)


@misconfiguration("entra-not-provisioned")
def _not_provisioned(tenant: Tenant) -> None:
    """An admin stopped provisioning."""
    job = tenant.job
    tenant.change(
        "synchronizationJob",
        job,
        schedule={**job["schedule"], "state": "Disabled"},
        status={**job["status"], "code": "Paused"},
    )


@misconfiguration("entra-profile-recreated")
def _profile_recreated(tenant: Tenant) -> None:
    """An admin deleted the Kiro profile and created a new one."""
    for profile in console.describe(tenant.kiro)["profiles"]:
        console.delete_profile(tenant.kiro, profile["id"])
    console.create_profile(tenant.kiro, tenant.application["appId"])


@misconfiguration("entra-several-jobs")
def _several_jobs(tenant: Tenant) -> None:
    """A script created a second provisioning job."""
    job = tenant.job
    key = f"{job['id']}.2"
    other = provisioning.new_job(key, job["templateId"], tenant.principal["id"])
    schema = tenant.directory.get("synchronizationSchema", job["id"]) or {}
    tenant.directory.put("synchronizationJob", key, other)
    tenant.directory.put("synchronizationSchema", key, {**schema, "id": key})


@misconfiguration("entra-quarantine")
def _quarantine(tenant: Tenant) -> None:
    """An admin stored a wrong SCIM token; the next cycle ended in quarantine."""
    tenant.change_secrets(SecretToken="not-the-token")
    provisioning.run_cycle(tenant.directory, tenant.job["id"])


@misconfiguration("entra-escrowed-entries")
def _escrowed_entries(tenant: Tenant) -> None:
    """Entries failed in the last cycle and are held back."""
    last = tenant.job["status"]["lastExecution"] or {}
    tenant.change_job(lastExecution={**last, "countEscrowed": 3, "state": "EntryLevelErrors"})


@misconfiguration("entra-stale-execution")
def _stale_execution(tenant: Tenant) -> None:
    """The job hangs: its last cycle was three days ago."""
    job = tenant.job
    last = {**(job["status"]["lastExecution"] or {}), "timeBegan": ago(days=3), "timeEnded": ago(days=3)}
    tenant.change(
        "synchronizationJob", {**job, "_stalled": True}, status={**job["status"], "lastExecution": last}
    )


@misconfiguration("entra-sync-all-users")
def _sync_all_users(tenant: Tenant) -> None:
    """An admin set the scope of provisioning to all users and groups."""
    tenant.change_secrets(SyncAll="true")


@misconfiguration("entra-no-delete-threshold")
def _no_delete_threshold(tenant: Tenant) -> None:
    """An admin switched off the prevention of accidental deletions."""
    tenant.change_secrets(
        SyncNotificationSettings=json.dumps({"Enabled": False, "DeleteThresholdEnabled": False})
    )


def _add_log_entry(tenant: Tenant, **members: Any) -> None:
    """Add a copy of the newest log entry of a user, with changed members."""
    entries = [
        entry
        for entry in tenant.directory.all("provisioningLog")
        if entry["sourceIdentity"]["identityType"] == "User"
    ]
    entry = newest(entries, "no user was provisioned yet")
    key = documents.new_id()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    tenant.directory.put(
        "provisioningLog",
        key,
        {**entry, "id": key, "changeId": documents.new_id(), "activityDateTime": now, **members},
    )


@misconfiguration("entra-provisioning-failures")
def _provisioning_failures(tenant: Tenant) -> None:
    """Kiro refused a user in the last cycle."""
    error = {
        "errorCode": "SystemForCrossDomainIdentityManagementBadRequest",
        "reason": "Kiro answered 400: the value of the attribute title is too long.",
        "errorCategory": "failure",
        "additionalDetails": None,
        "recommendedAction": None,
    }
    _add_log_entry(
        tenant,
        provisioningAction="update",
        provisioningStatusInfo={"status": "failure", "errorInformation": error},
        modifiedProperties=[],
    )


@misconfiguration("entra-wrong-external-id")
def _wrong_external_id(tenant: Tenant) -> None:
    """A user was provisioned before externalId was mapped from objectId."""
    change = {"displayName": "externalId", "oldValue": None, "newValue": "alice"}
    _add_log_entry(
        tenant,
        provisioningAction="create",
        provisioningStatusInfo={"status": "success", "errorInformation": None},
        modifiedProperties=[change],
    )
