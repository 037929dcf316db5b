"""Checks of provisioning: the job, its settings and its log."""

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
from provisioner.core.plan import DesiredState
from provisioner.providers.entra import observations
from provisioner.providers.entra import resources as kinds

from .required import required_job, required_principal, required_secrets

check = CheckRegistry()

_PROVISIONING = (
    kinds.ProvisioningJob,
    kinds.AttributeMapping,
    kinds.ProvisioningSecrets,
    kinds.ProvisioningStatus,
)


@check(
    "entra-not-provisioned",
    reads=(kinds.ProvisioningJob, kinds.ProvisioningStatus, observations.GroupMembers),
    severity=Severity.HIGH,
    troubleshooting_row="provision on demand",
)
def not_provisioned(context: CheckContext) -> Iterator[Violation]:
    """Provisioning is on and reaches users

    Symptom: Users and groups do not appear in the Kiro console.

    Why: There is no provisioning job, it is off, it has no endpoint, or it has not provisioned anyone yet. A cycle runs
    about every 40 minutes. After that, Kiro takes up to 6 hours to create the subscription.

    Fix: Run provisioner apply. Or, in the Entra admin center, open the enterprise application, Provisioning: select
    Start provisioning, then Provision on demand.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 5, and When will users appear.
    """
    principal = required_principal(context)
    context.desired(kinds.ProvisioningJob)
    job = context.snapshot.first(kinds.ProvisioningJob)
    status = context.snapshot.first(kinds.ProvisioningStatus)
    if job is None:
        yield Violation(
            "there is no provisioning job",
            principal.address,
            (("synchronization.jobs", []),),
            context.as_in_playbook(*_PROVISIONING),
        )
    elif status is None or not status.on:
        yield Violation(
            "provisioning is off",
            job.address,
            (("synchronization.jobs.schedule.state", job.schedule), ("status.code", job.status)),
            context.as_in_playbook(*_PROVISIONING),
        )
    elif job.last_run is None and not job.quarantine:
        raise SkipCheckError(
            "the first cycle has not finished yet; it takes from 20 minutes to several hours. "
            "If it has not finished by tomorrow, restart provisioning"
        )
    elif job.last_success is None:
        yield Violation(
            "no cycle has succeeded",
            job.address,
            (("synchronization.jobs.status.lastSuccessfulExecution", None),),
            _restart(job) if job.quarantine else None,
        )
    elif not job.synced_users and any(
        members.users for members in context.snapshot.all(observations.GroupMembers)
    ):
        yield Violation(
            "cycles succeed, but no user has been provisioned",
            job.address,
            (("synchronization.jobs.status.synchronizedEntryCountByType", job.synced_users),),
        )


def _restart(job: kinds.ProvisioningJob) -> DesiredState:
    """The fix that asks for ``healthy``: apply restarts the job to reach it."""
    return set_fields(kinds.ProvisioningStatus(key=job.key, healthy=True))


@check(
    "entra-profile-recreated",
    reads=(kinds.ProvisioningSecrets,),
    severity=Severity.HIGH,
    troubleshooting_row="profile deleted and created again",
    security=True,
)
def profile_recreated(context: CheckContext) -> Iterator[Violation]:
    """Provisioning uses the Kiro profile of the playbook

    Symptom: Group membership is not synchronized after the Kiro profile was deleted and created again.

    Why: The job still sends to the endpoint of the old profile, and has recorded that every user was sent. Graph does
    not show Kiro's side, so this check cannot detect a new profile that has the same endpoint.

    Fix: If the endpoint in the playbook is that of the right profile, generate a new SCIM token there and run
    provisioner apply --new-profile with both. Apply then restarts the job from the beginning, so that every user is sent
    again. If it is that of another tenant's profile, correct the variable that scim: endpoint: refers to.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 6, and Profile deletion warning.
    """
    secrets, desired = required_secrets(context), context.desired(kinds.ProvisioningSecrets)
    if desired.endpoint is None:
        raise SkipCheckError("the playbook has no SCIM endpoint to compare with")
    if secrets.endpoint != desired.endpoint:
        yield Violation(
            "provisioning uses another SCIM endpoint than the playbook's",
            secrets.address,
            (("synchronization.secrets[key=BaseAddress].value", secrets.endpoint),),
        )


@check("entra-several-jobs", reads=(kinds.ProvisioningJob,), severity=Severity.MEDIUM)
def several_jobs(context: CheckContext) -> Iterator[Violation]:
    """There is one provisioning job

    Symptom: Attributes change back and forth, or users are deactivated for no reason.

    Why: A service principal normally has one job. Two jobs send to the same endpoint, each with its own mapping.

    Fix: Find out which job is used, and delete the other.

    Source: Microsoft Graph v1.0, synchronizationJob.
    """
    required_job(context)
    jobs = context.snapshot.all(kinds.ProvisioningJob)
    if len(jobs) > 1:
        yield Violation(
            f"there are {len(jobs)} provisioning jobs",
            jobs[0].address,
            (("synchronization.jobs[*].id", [job.id for job in jobs]),),
        )


@check("entra-quarantine", reads=(kinds.ProvisioningJob,), severity=Severity.HIGH)
def quarantine(context: CheckContext) -> Iterator[Violation]:
    """Provisioning is not in quarantine

    Symptom: Changes arrive in Kiro a day late, or not at all.

    Why: Too many requests failed, usually because the access token was revoked or replaced. Entra then runs the job only
    once a day, and switches it off after four weeks.

    Fix: Correct the cause that the finding names. If Kiro refused the credentials, generate a new token in the Kiro
    console and run provisioner apply with it. Otherwise, in the Entra admin center, open the enterprise application,
    Provisioning: select Restart provisioning.

    Source: Microsoft Entra, application provisioning quarantine status; Microsoft Graph v1.0, synchronizationQuarantine.
    """
    job = required_job(context)
    if job.quarantine:
        yield Violation(
            f"provisioning is in quarantine ({job.quarantine}): {job.quarantine_error or 'no reason given'}",
            job.address,
            (
                ("synchronization.jobs.status.quarantine.reason", job.quarantine),
                ("synchronization.jobs.status.quarantine.error", job.quarantine_error),
            ),
            context.as_in_playbook(*_PROVISIONING) | _restart(job),
        )


@check("entra-escrowed-entries", reads=(kinds.ProvisioningJob,), severity=Severity.MEDIUM)
def escrowed_entries(context: CheckContext) -> Iterator[Violation]:
    """No entries are in escrow

    Symptom: Some users or groups, or their changes, are missing in Kiro.

    Why: Entra could not provision them. It puts such entries in escrow, and retries them less and less often.

    Fix: Read the provisioning log (entra-provisioning-failures) and correct the cause. Then, in the Entra admin center,
    open the enterprise application, Provisioning: select Restart provisioning.

    Source: Microsoft Graph v1.0, synchronizationTaskExecution (countEscrowed).
    """
    job = required_job(context)
    if job.escrowed:
        yield Violation(
            f"{job.escrowed} {'entry is' if job.escrowed == 1 else 'entries are'} in escrow after failures",
            job.address,
            (("synchronization.jobs.status.lastExecution.countEscrowed", job.escrowed),),
            _restart(job),
        )


@check("entra-stale-execution", reads=(kinds.ProvisioningJob,), severity=Severity.MEDIUM)
def stale_execution(context: CheckContext) -> Iterator[Violation]:
    """Provisioning has run recently

    Symptom: New members do not appear in Kiro, although provisioning is on.

    Why: The last cycle ended more than two intervals ago: the job hangs.

    Fix: In the Entra admin center, open the enterprise application, Provisioning: select Restart provisioning.

    Source: Microsoft Graph v1.0, synchronizationStatus (lastExecution) and synchronizationSchedule (interval).
    """
    job = required_job(context)
    if job.overdue:
        yield Violation(
            f"the last cycle ended {job.last_run}; one is due every {(job.interval_seconds or 0) / 60:.0f} minutes",
            job.address,
            (("synchronization.jobs.status.lastExecution.timeEnded", job.last_run),),
            _restart(job),
        )


@check("entra-sync-all-users", reads=(kinds.ProvisioningSecrets,), severity=Severity.HIGH, security=True)
def sync_all_users(context: CheckContext) -> Iterator[Violation]:
    """Only assigned users and groups are provisioned

    Symptom: Users who are in no assigned group appear in Kiro, and may get a seat.

    Why: The scope of provisioning is "Sync all users and groups", or Graph does not state it.

    Fix: In the Entra admin center, open the enterprise application, Provisioning, Settings, Scope: select "Sync only
    assigned users and groups".

    Source: Kiro, Microsoft Entra guide, Preventing unauthorized access; Microsoft Graph v1.0, synchronizationSecret (SyncAll).
    """
    secrets = required_secrets(context)
    if secrets.assigned_only is not True:
        yield Violation(
            "the scope of provisioning is not limited to assigned users and groups",
            secrets.address,
            (("synchronization.secrets[key=SyncAll].value", "true"),),
            set_fields(kinds.ProvisioningSecrets(key=secrets.key, assigned_only=True)),
        )


@check("entra-no-delete-threshold", reads=(kinds.ProvisioningSecrets,), severity=Severity.LOW)
def no_delete_threshold(context: CheckContext) -> Iterator[Violation]:
    """Accidental deletions are prevented

    Symptom: None, until an admin removes the wrong assignment and every user loses access.

    Why: Accidental deletion prevention is off.

    Fix: In the Entra admin center, open the enterprise application, Provisioning, Settings: select "Prevent accidental
    deletion", and enter a threshold.

    Source: Microsoft Entra, accidental deletions prevention; Microsoft Graph v1.0, synchronizationSecret
    (SyncNotificationSettings).
    """
    secrets = required_secrets(context)
    if secrets.delete_threshold is None:
        threshold = context.desired(kinds.ProvisioningSecrets).delete_threshold
        yield Violation(
            "no threshold stops a cycle that would delete every user",
            secrets.address,
            (("synchronization.secrets[key=SyncNotificationSettings].value.DeleteThresholdEnabled", False),),
            set_fields(kinds.ProvisioningSecrets(key=secrets.key, delete_threshold=threshold)),
        )


@check("entra-provisioning-failures", reads=(observations.ProvisioningFailure,), severity=Severity.MEDIUM)
def provisioning_failures(context: CheckContext) -> Iterator[Violation]:
    """The provisioning log of the last day has no unresolved failures

    Symptom: Single users or groups are missing in Kiro.

    Why: Kiro's SCIM endpoint refused a request, or an attribute could not be mapped. The log entry names the attribute,
    or quotes the response of the endpoint.

    Fix: Correct what the finding names. As a last resort, set scim: mapping: minimal in the playbook, which leaves only
    the attributes that Kiro requires.

    Source: Kiro, Microsoft Entra guide, step 4, Minimum required attributes; Microsoft Graph v1.0, provisioningObjectSummary.
    """
    required_job(context)
    for failure in context.snapshot.all(observations.ProvisioningFailure):
        yield Violation(
            f"{failure.code}, {failure.count} time{'s' if failure.count > 1 else ''}, "
            f"most recently for {failure.subject}: {failure.reason or 'no reason given'}",
            failure.address,
            (
                ("auditLogs.provisioning[*].provisioningStatusInfo.errorInformation.errorCode", failure.code),
                ("auditLogs.provisioning[0].activityDateTime", failure.last),
            ),
        )


@check("entra-wrong-external-id", reads=(observations.WrongExternalId,), severity=Severity.HIGH)
def wrong_external_id(context: CheckContext) -> Iterator[Violation]:
    """No user was provisioned with a wrong externalId

    Symptom: Sign-in succeeds, but the user has no subscription; correcting the mapping does not help.

    Why: The user was provisioned when externalId did not come from objectId, and Kiro does not let it change.

    Fix: First correct the mapping (entra-attribute-mapping). Then follow Kiro's guide: delete all subscriptions in the
    Kiro console, not only those of these users, and provision again. Until you subscribe the users again, none of
    them has a subscription. If Kiro still refuses these users, as in Kiro issue 9582, ask AWS Support to delete them in
    Kiro. Do not unassign their groups for this: Entra then only deactivates the users, and they keep the wrong externalId.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 3; kirodotdev/Kiro issue 9582 (open); Microsoft Entra, how
    provisioning works (deprovisioning).
    """
    required_job(context)
    users = context.snapshot.all(observations.WrongExternalId)
    if users:
        names = ", ".join(str(user.name or user.key) for user in users[:5])
        yield Violation(
            f"{len(users)} user{'s have' if len(users) > 1 else ' has'} a wrong externalId in Kiro: "
            f"{names}{', ...' if len(users) > 5 else ''}",
            users[0].address,
            tuple(
                (
                    f"auditLogs.provisioning[sourceIdentity.id={user.key}].modifiedProperties.externalId",
                    user.external_id,
                )
                for user in users[:5]
            ),
        )
