"""Checks of provisioning: the mapping, the job, and what it does."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import (
    CheckContext,
    CheckRegistry,
    Severity,
    SkipCheckError,
    Violation,
    set_fields,
)
from provisioner.providers.entra import observations as seen
from provisioner.providers.entra import resources as kinds

from .required import job, mapping, principal, secrets

check = CheckRegistry()

_SCHEMA = "synchronization.jobs.schema.synchronizationRules[*].objectMappings"
_USERS = f"{_SCHEMA}[sourceObjectName=User].attributeMappings"

_WHOLE = (kinds.ProvisioningJob, kinds.AttributeMapping, kinds.ProvisioningSecrets, kinds.ProvisioningStatus)


@check(
    "entra-attribute-mapping",
    reads=(kinds.AttributeMapping,),
    severity=Severity.HIGH,
    vendor_row="attribute mapping",
)
def attribute_mapping(context: CheckContext) -> Iterator[Violation]:
    """A user's externalId is the object id

    Symptom: Sign-in succeeds, but the user has no subscription and API calls fail.

    Why: Kiro finds a signed-in user by the externalId that provisioning gave; it must be the object id. Kiro does not
    let an externalId change, so users provisioned with another one stay wrong until they are provisioned anew.

    Fix: Provisioning, Attribute mapping: set the source of externalId to objectId. If users were provisioned before,
    delete all subscriptions in Kiro and provision them again.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 3, and step 4; kirodotdev/Kiro issue 9582.
    """
    found = mapping(context)
    if found.external_id is not None and found.external_id != "objectId":
        service = job(context)
        late = service.synced_users or service.last_success
        yield Violation(
            f"externalId comes from {found.external_id!r} instead of 'objectId'"
            + (f"; {service.synced_users or 'some'} users were provisioned with it already" if late else ""),
            found.address,
            ((f"{_USERS}[targetAttributeName=externalId].source.name", found.external_id),),
            set_fields(kinds.AttributeMapping(key=found.key, external_id="objectId")),
        )


@check("entra-unsupported-attributes", reads=(kinds.AttributeMapping,), severity=Severity.HIGH)
def unsupported_attributes(context: CheckContext) -> Iterator[Violation]:
    """No attribute is mapped that Kiro does not support

    Symptom: Provisioning fails for users who have such an attribute.

    Why: Entra maps several attributes by default that Kiro's SCIM endpoint refuses.

    Fix: Provisioning, Attribute mapping: delete the mappings of employeeNumber, department, manager and the phone numbers.

    Source: Kiro, Microsoft Entra guide, step 4, Remove unsupported attributes.
    """
    found = mapping(context)
    if found.unsupported:
        yield Violation(
            f"mapped, but not supported: {', '.join(found.unsupported)}",
            found.address,
            ((f"{_USERS}[*].targetAttributeName", list(found.unsupported)),),
            set_fields(kinds.AttributeMapping(key=found.key, unsupported=())),
        )


@check("entra-required-attributes", reads=(kinds.AttributeMapping,), severity=Severity.HIGH)
def required_attributes(context: CheckContext) -> Iterator[Violation]:
    """userName, externalId and active are mapped

    Symptom: Provisioning fails, or users cannot be told apart.

    Why: These three mappings are the ones Kiro requires.

    Fix: Provisioning, Attribute mapping: add the missing mapping.

    Source: Kiro, Microsoft Entra guide, step 4, Minimum required attributes.
    """
    found = mapping(context)
    if found.missing:
        yield Violation(
            f"not mapped: {', '.join(found.missing)}",
            found.address,
            ((f"{_USERS}[*].targetAttributeName", [*(found.other or ())]),),
            set_fields(kinds.AttributeMapping(key=found.key, missing=())),
        )


@check("entra-mapping-disabled", reads=(kinds.AttributeMapping,), severity=Severity.HIGH)
def mapping_disabled(context: CheckContext) -> Iterator[Violation]:
    """Users and groups are both provisioned, with additions, updates and deletions

    Symptom: Groups, or users, or their changes do not arrive in Kiro.

    Why: "Provision Groups" or "Provision Users" is off, or some of its actions are.

    Fix: Provisioning, Attribute mapping: enable both, with create, update and delete.

    Source: Kiro, Microsoft Entra guide, step 4 (both should be enabled).
    """
    found = mapping(context)
    if found.disabled:
        yield Violation(
            "; ".join(found.disabled),
            found.address,
            ((f"{_SCHEMA}[*].enabled, flowTypes", list(found.disabled)),),
            set_fields(kinds.AttributeMapping(key=found.key, disabled=())),
        )


@check(
    "entra-not-provisioned",
    reads=(kinds.ProvisioningJob, kinds.ProvisioningStatus, seen.GroupMembers),
    severity=Severity.HIGH,
    vendor_row="provision on demand",
)
def not_provisioned(context: CheckContext) -> Iterator[Violation]:
    """Provisioning is on and reaches people

    Symptom: Users and groups do not appear in the Kiro console.

    Why: There is no provisioning job, it is off, it has no endpoint, or it has pushed nobody yet. A cycle runs every 40
    minutes or so; after that Kiro takes up to six hours to create the subscription.

    Fix: Run provisioner apply; or Provisioning, Start provisioning, and Provision on demand.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 5, and When will users appear.
    """
    service = principal(context)
    context.desired(kinds.ProvisioningJob)
    found, status = (
        context.snapshot.first(kinds.ProvisioningJob),
        context.snapshot.first(kinds.ProvisioningStatus),
    )
    if found is None:
        yield Violation(
            "there is no provisioning job",
            service.address,
            (("synchronization.jobs", []),),
            context.as_in_playbook(*_WHOLE),
        )
    elif status is None or not status.on:
        yield Violation(
            "provisioning is off",
            found.address,
            (("synchronization.jobs.schedule.state", found.schedule), ("status.code", found.status)),
            context.as_in_playbook(*_WHOLE),
        )
    elif found.last_run is None and not found.quarantine:
        raise SkipCheckError(
            "the first cycle has not finished yet; it takes 20 minutes to some hours. "
            "If that is still so tomorrow, restart provisioning"
        )
    elif found.last_success is None:
        yield Violation(
            "cycles have run, but none has succeeded",
            found.address,
            (("synchronization.jobs.status.lastSuccessfulExecution", None),),
            set_fields(kinds.ProvisioningStatus(key=found.key, healthy=True)) if found.quarantine else None,
        )
    elif not found.synced_users and any(members.users for members in context.snapshot.all(seen.GroupMembers)):
        yield Violation(
            "cycles succeed, but no user has been provisioned",
            found.address,
            (("synchronization.jobs.status.synchronizedEntryCountByType", found.synced_users),),
        )


@check(
    "entra-profile-recreated",
    reads=(kinds.ProvisioningSecrets,),
    severity=Severity.HIGH,
    vendor_row="profile deleted and created again",
    security=True,
)
def profile_recreated(context: CheckContext) -> Iterator[Violation]:
    """Provisioning pushes to the Kiro profile of the playbook

    Symptom: Group membership is not synchronized after the Kiro profile was deleted and created again.

    Why: The job still pushes to the old profile's endpoint, and believes that everybody is there already. Graph does
    not show Kiro's side: with an unchanged endpoint this check cannot tell.

    Fix: Generate a new SCIM token in the new profile and run provisioner apply: it starts again from scratch.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 6, and Profile deletion warning.
    """
    found, wanted = secrets(context), context.desired(kinds.ProvisioningSecrets)
    if wanted.endpoint is None:
        raise SkipCheckError("the playbook has no SCIM endpoint to compare with")
    if found.endpoint != wanted.endpoint:
        yield Violation(
            "provisioning pushes to another SCIM endpoint than the playbook's",
            found.address,
            (("synchronization.secrets[key=BaseAddress].value", found.endpoint),),
            context.as_in_playbook(*_WHOLE),
        )


@check("entra-several-jobs", reads=(kinds.ProvisioningJob,), severity=Severity.MEDIUM)
def several_jobs(context: CheckContext) -> Iterator[Violation]:
    """There is one provisioning job

    Symptom: Attributes change back and forth, or users are deactivated for no reason.

    Why: A service principal normally has one job; two push to the same endpoint, each with its own mapping.

    Fix: Find out which job is used, and delete the other one.

    Source: Microsoft Graph v1.0, synchronizationJob.
    """
    job(context)
    jobs = context.snapshot.all(kinds.ProvisioningJob)
    if len(jobs) > 1:
        yield Violation(
            f"there are {len(jobs)} provisioning jobs",
            jobs[0].address,
            (("synchronization.jobs[*].id", [found.id for found in jobs]),),
        )


@check("entra-quarantine", reads=(kinds.ProvisioningJob,), severity=Severity.HIGH)
def quarantine(context: CheckContext) -> Iterator[Violation]:
    """Provisioning is not in quarantine

    Symptom: Changes arrive in Kiro a day late, or not at all.

    Why: After too many failures Entra runs the job once a day only, and switches it off after four weeks. The usual
    cause is an access token that was revoked or replaced.

    Fix: Correct the cause that the finding names (for refused credentials, generate a new token in the Kiro console),
    then restart provisioning.

    Source: Microsoft Entra, application provisioning quarantine status; Microsoft Graph v1.0, synchronizationQuarantine.
    """
    found = job(context)
    if found.quarantine:
        healthy = set_fields(kinds.ProvisioningStatus(key=found.key, healthy=True))
        yield Violation(
            f"provisioning is in quarantine ({found.quarantine}): {found.quarantine_error or 'no reason given'}",
            found.address,
            (
                ("synchronization.jobs.status.quarantine.reason", found.quarantine),
                ("synchronization.jobs.status.quarantine.error", found.quarantine_error),
            ),
            context.as_in_playbook(*_WHOLE) | healthy,
        )


@check("entra-escrowed-entries", reads=(kinds.ProvisioningJob,), severity=Severity.MEDIUM)
def escrowed_entries(context: CheckContext) -> Iterator[Violation]:
    """No entries are held back

    Symptom: Some users or groups are missing in Kiro, or their changes are.

    Why: Entries that failed are put aside (escrowed) and tried again, less and less often.

    Fix: Look at the provisioning log (entra-provisioning-failures), correct the cause, and restart provisioning.

    Source: Microsoft Graph v1.0, synchronizationTaskExecution (countEscrowed).
    """
    found = job(context)
    if found.escrowed:
        yield Violation(
            f"{found.escrowed} entries are held back after failures",
            found.address,
            (("synchronization.jobs.status.lastExecution.countEscrowed", found.escrowed),),
            set_fields(kinds.ProvisioningStatus(key=found.key, healthy=True)),
        )


@check("entra-stale-execution", reads=(kinds.ProvisioningJob,), severity=Severity.MEDIUM)
def stale_execution(context: CheckContext) -> Iterator[Violation]:
    """Provisioning ran lately

    Symptom: New members do not appear in Kiro, although provisioning is on.

    Why: The last cycle is more than two intervals ago: the job hangs.

    Fix: Restart provisioning.

    Source: Microsoft Graph v1.0, synchronizationStatus (lastExecution) and synchronizationSchedule (interval).
    """
    found = job(context)
    if found.overdue:
        yield Violation(
            f"the last cycle ended {found.last_run}; one is due every {(found.interval_seconds or 0) / 60:.0f} minutes",
            found.address,
            (("synchronization.jobs.status.lastExecution.timeEnded", found.last_run),),
            set_fields(kinds.ProvisioningStatus(key=found.key, healthy=True)),
        )


@check("entra-sync-all-users", reads=(kinds.ProvisioningSecrets,), severity=Severity.HIGH, security=True)
def sync_all_users(context: CheckContext) -> Iterator[Violation]:
    """Only assigned users and groups are provisioned

    Symptom: People who are in no assigned group appear in Kiro, and may get a seat.

    Why: The scope of provisioning is "Sync all users and groups".

    Fix: Provisioning, Settings, Scope: sync only assigned users and groups.

    Source: Kiro, Microsoft Entra guide, Preventing unauthorized access; Microsoft Graph v1.0, synchronizationSecret (SyncAll).
    """
    found = secrets(context)
    if found.assigned_only is not True:
        yield Violation(
            "all users and groups of the tenant are provisioned",
            found.address,
            (("synchronization.secrets[key=SyncAll].value", "true"),),
            set_fields(kinds.ProvisioningSecrets(key=found.key, assigned_only=True)),
        )


@check("entra-no-delete-threshold", reads=(kinds.ProvisioningSecrets,), severity=Severity.LOW)
def no_delete_threshold(context: CheckContext) -> Iterator[Violation]:
    """Accidental deletions are stopped

    Symptom: None, until somebody removes the wrong assignment and everybody loses access.

    Why: Accidental deletion prevention is off.

    Fix: Provisioning, Settings: prevent accidental deletion, with a threshold.

    Source: Microsoft Entra, accidental deletions prevention; Microsoft Graph v1.0, synchronizationSecret
    (SyncNotificationSettings).
    """
    found = secrets(context)
    if found.delete_threshold is None:
        wanted = context.desired(kinds.ProvisioningSecrets).delete_threshold
        yield Violation(
            "nothing stops a cycle that would delete everybody",
            found.address,
            (("synchronization.secrets[key=SyncNotificationSettings].value.DeleteThresholdEnabled", False),),
            set_fields(kinds.ProvisioningSecrets(key=found.key, delete_threshold=wanted)),
        )


@check("entra-provisioning-failures", reads=(seen.ProvisioningFailure,), severity=Severity.MEDIUM)
def provisioning_failures(context: CheckContext) -> Iterator[Violation]:
    """The provisioning log of the last day shows no unmended failures

    Symptom: Single users or groups are missing in Kiro.

    Why: The log names the attribute or the answer of the SCIM endpoint.

    Fix: As the finding says; as a fallback, mapping: minimal leaves only what Kiro requires.

    Source: Kiro, Microsoft Entra guide, step 4, Minimum required attributes; Microsoft Graph v1.0, provisioningObjectSummary.
    """
    job(context)
    for failure in context.snapshot.all(seen.ProvisioningFailure):
        yield Violation(
            f"{failure.code}, {failure.count} times, the last for {failure.who}: {failure.reason or 'no reason given'}",
            failure.address,
            (
                ("auditLogs.provisioning[*].provisioningStatusInfo.errorInformation.errorCode", failure.code),
                ("auditLogs.provisioning[0].activityDateTime", failure.last),
            ),
        )


@check("entra-wrong-external-id", reads=(seen.WrongExternalId,), severity=Severity.HIGH)
def wrong_external_id(context: CheckContext) -> Iterator[Violation]:
    """Nobody was provisioned with a wrong externalId

    Symptom: Sign-in succeeds, but the user has no subscription; correcting the mapping does not help.

    Why: The user was provisioned before externalId came from objectId, and Kiro does not let it change.

    Fix: Delete all subscriptions in the Kiro console, remove these users from Kiro (unassign the groups and let a cycle
    run), assign the groups again, and provision.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 3; kirodotdev/Kiro issue 9582.
    """
    job(context)
    users = context.snapshot.all(seen.WrongExternalId)
    if users:
        names = ", ".join(str(user.name or user.key) for user in users[:5])
        yield Violation(
            f"{len(users)} users have a wrong externalId in Kiro: {names}{', ...' if len(users) > 5 else ''}",
            users[0].address,
            tuple(
                (
                    f"auditLogs.provisioning[sourceIdentity.id={user.key}].modifiedProperties.externalId",
                    user.external_id,
                )
                for user in users[:5]
            ),
        )
