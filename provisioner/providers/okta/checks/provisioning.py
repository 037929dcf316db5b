"""Checks of the SCIM application: whether people and groups get to Kiro."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from provisioner.core.check import (
    CheckContext,
    CheckRegistry,
    Severity,
    SkipCheckError,
    Violation,
    set_fields,
)
from provisioner.core.snapshot import ProblemKind
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import resources as kinds

from .required import (
    PROVISIONING,
    confirmed,
    managed,
    people,
    provisioning,
    scim_application,
    some,
    switched_on,
)

check = CheckRegistry()

_WARN_BEFORE: Final = timedelta(days=7)
_FEATURES: Final = "application.features"


@check("okta-scim-application-missing", reads=(kinds.ScimApplication,), severity=Severity.HIGH)
def scim_application_missing(context: CheckContext) -> Iterator[Violation]:
    """The SCIM application exists

    Symptom: Nobody is in Kiro, so nobody has a subscription.

    Why: The application "AWS IAM Identity Center" that the playbook names is not in this organization.

    Fix: Run provisioner apply, and do the steps that it prints.

    Source: Kiro, Okta guide, step 4.
    """
    managed(context)
    wanted = context.desired(kinds.ScimApplication)
    problem = context.snapshot.problem_for(wanted.address)
    if context.snapshot.first(kinds.ScimApplication) is None and (
        problem is None or problem.kind is ProblemKind.MISSING
    ):
        message = problem.message if problem else f"there is no SCIM application {wanted.label!r}"
        fix = None if problem else context.as_in_playbook(*PROVISIONING)
        yield Violation(message, wanted.address, ((f'apps?filter=name eq "{kinds.SCIM_NAME}"', []),), fix)


@check("okta-scim-application-inactive", reads=(kinds.ScimApplication,), severity=Severity.HIGH)
def scim_application_inactive(context: CheckContext) -> Iterator[Violation]:
    """The SCIM application is active

    Symptom: Everybody it provisioned was deactivated in Kiro.

    Why: Somebody deactivated the application.

    Fix: Applications, the SCIM application: activate it.

    Source: Okta Management API, deactivateApplication.
    """
    found = scim_application(context)
    if not found.active:
        yield Violation(
            "the SCIM application is inactive",
            found.address,
            (("application.status", "INACTIVE"),),
            set_fields(kinds.ScimApplication(key=found.key, active=True)),
        )


@check("okta-api-integration", reads=(seen.Provisioning,), severity=Severity.HIGH)
def api_integration(context: CheckContext) -> Iterator[Violation]:
    """API integration is enabled

    Symptom: Nobody is provisioned to Kiro.

    Why: "Enable API integration" was never done, or a change of the application by API took it away. There is no API to
    set it; that the application shows it in its features is an inference.

    Fix: Applications, the SCIM application, Provisioning, Integration: enable it, with the SCIM endpoint (without a slash
    at the end) and the token of the Kiro console.

    Source: Kiro, Okta guide, step 4; okta/terraform-provider-okta issues 655 and 710.
    """
    found = provisioning(context)
    if not found.integrated:
        confirmed(context)
        yield Violation("the application shows no provisioning features", found.address, ((_FEATURES, []),))


@check(
    "okta-create-users",
    reads=(seen.Provisioning,),
    severity=Severity.HIGH,
    vendor_row="Did not enable provisioning to create users",
)
def create_users(context: CheckContext) -> Iterator[Violation]:
    """Provisioning creates and updates users

    Symptom: Users are not synced to Kiro.

    Why: "Create Users" or "Update User Attributes" is not enabled. There is no API to set them for this application.

    Fix: Applications, the SCIM application, Provisioning, To App: enable both.

    Source: Kiro, Okta guide, Troubleshooting, row 2, and its notes.
    """
    found = switched_on(context)
    switches = {"Create Users": found.create_users, "Update User Attributes": found.update_users}
    off = [name for name, on in switches.items() if not on]
    if off:
        yield Violation(f"not enabled: {', '.join(off)}", found.address, ((_FEATURES, list(found.features)),))


@check("okta-deactivate-users", reads=(seen.Provisioning,), severity=Severity.MEDIUM)
def deactivate_users(context: CheckContext) -> Iterator[Violation]:
    """Provisioning deactivates users

    Symptom: People who left, or were unassigned, stay active in Kiro, and keep their subscription.

    Why: "Deactivate Users" is not enabled. There is no API to set it for this application.

    Fix: Applications, the SCIM application, Provisioning, To App: enable Deactivate Users.

    Source: Kiro, Okta guide, Removing a user and deprovisioning behavior (the page is cut short); Okta help, To App.
    """
    found = switched_on(context)
    if not found.deactivate_users:
        yield Violation("not enabled: Deactivate Users", found.address, ((_FEATURES, list(found.features)),))


@check(
    "okta-attribute-mappings",
    reads=(kinds.ScimApplication, kinds.ScimAttributeMapping),
    severity=Severity.HIGH,
)
def attribute_mappings(context: CheckContext) -> Iterator[Violation]:
    """No attribute is mapped that Kiro does not support

    Symptom: Users or groups fail to be provisioned.

    Why: department or employeeNumber is mapped, as it is by default.

    Fix: Applications, the SCIM application, Provisioning, To App, Attribute Mappings: remove both.

    Source: Kiro, Okta guide, step 4, Pre-requisite.
    """
    scim_application(context)
    context.desired(kinds.ScimAttributeMapping)
    found = context.required(kinds.ScimAttributeMapping, "the application has no attribute mapping yet")
    if found.unsupported:
        yield Violation(
            f"mapped: {', '.join(found.unsupported)}",
            found.address,
            (("mapping.properties", list(found.unsupported)),),
            set_fields(kinds.ScimAttributeMapping(key=found.key, unsupported=())),
        )


@check("okta-assigned-and-pushed", reads=(kinds.ScimGroupAssignment, kinds.GroupPush), severity=Severity.LOW)
def assigned_and_pushed(context: CheckContext) -> Iterator[Violation]:
    """No group is both assigned and pushed

    Symptom: Memberships in Kiro are incomplete or change back.

    Why: Okta and AWS do not support the same group for assignment and for push. The vendor's guide can be read as asking
    for just that.

    Fix: Push another group with the same members.

    Source: Okta help, Group Push prerequisites; AWS IAM Identity Center, Okta.
    """
    scim_application(context)
    assigned = {str(found.principal): found for found in context.snapshot.all(kinds.ScimGroupAssignment)}
    for push in context.snapshot.all(kinds.GroupPush):
        if str(push.group) in assigned:
            yield Violation(
                f"{push.key} is assigned and pushed",
                push.address,
                (("group-push/mappings[*].sourceGroupId", str(push.group)),),
            )


@check("okta-push-missing", reads=(kinds.ScimApplication, kinds.GroupPush), severity=Severity.HIGH)
def push_missing(context: CheckContext) -> Iterator[Violation]:
    """Every group of push: is pushed

    Symptom: The group is not in Kiro, so it cannot be given subscriptions.

    Why: Somebody removed the push, or switched it off.

    Fix: Applications, the SCIM application, Push Groups: push the group.

    Source: Kiro, Okta guide, step 4, Synchronizing Groups.
    """
    switched_on(context)
    for wanted in context.all_desired(kinds.GroupPush):
        found = context.snapshot.get(kinds.GroupPush, wanted.key)
        if context.snapshot.problem_for(f"{kinds.Group.kind}/{wanted.key}") or (found and found.active):
            continue
        group = tuple(each for each in context.all_desired(kinds.Group) if each.key == wanted.key)[:1]
        yield Violation(
            f"{wanted.key} is not pushed" if found is None else f"the push of {wanted.key} is switched off",
            wanted.address,
            (("group-push/mappings[*].status", found.status if found else None),),
            set_fields(*group, wanted.model_copy(update={"depends_on": ()})),
        )


@check("okta-push-error", reads=(kinds.GroupPush,), severity=Severity.HIGH)
def push_error(context: CheckContext) -> Iterator[Violation]:
    """No push of a group has failed

    Symptom: The group, or some of its members, are missing in Kiro.

    Why: The last push failed; Okta says why.

    Fix: Mend what the error says, then push again: Push Groups, the group, Push now.

    Source: Okta Management API, GroupPushMapping (status, errorSummary).
    """
    switched_on(context)
    for found in context.snapshot.all(kinds.GroupPush):
        if found.status == "ERROR":
            yield Violation(
                f"the push of {found.key} failed: {found.error or 'no reason given'}",
                found.address,
                (
                    ("group-push/mappings[*].errorSummary", found.error),
                    ("group-push/mappings[*].lastPush", found.last_push),
                ),
                set_fields(kinds.GroupPush(key=found.key, healthy=True)),
            )


@check("okta-push-members", reads=(seen.UnassignedMembers, kinds.GroupPush), severity=Severity.MEDIUM)
def push_members(context: CheckContext) -> Iterator[Violation]:
    """Every member of a pushed group is provisioned

    Symptom: Some members of the group are missing in Kiro's copy of it.

    Why: Okta pushes only those members who are assigned to the SCIM application.

    Fix: Assign the missing people, or a group that they are in, to the SCIM application.

    Source: Okta help, Group Push; Okta Management API, GROUP_PUSH.
    """
    switched_on(context)
    for found in context.snapshot.all(seen.UnassignedMembers):
        if found.unassigned_count:
            yield Violation(
                f"members of {found.key} who are not provisioned: "
                f"{some(found.unassigned, found.unassigned_count)}",
                found.address,
                (("groups/*/users minus apps/{scim}/users", list(found.unassigned)),),
            )


@check("okta-sync-errors", reads=(seen.People, seen.Provisioning), severity=Severity.HIGH)
def sync_errors(context: CheckContext) -> Iterator[Violation]:
    """Nobody's provisioning has failed

    Symptom: A user is missing in Kiro, or out of date.

    Why: The last synchronization of the user failed. The system log says why: see okta-provisioning-failures.

    Fix: Mend the cause, then Dashboard, Tasks: retry.

    Source: Okta Management API, AppUser syncState.
    """
    switched_on(context)
    found = people(context)
    if found.in_error_count:
        yield Violation(
            f"failed: {some(found.in_error, found.in_error_count)}",
            found.address,
            (
                ("apps/{scim}/users[?syncState=='ERROR']", list(found.in_error)),
                ("count", found.in_error_count),
            ),
        )


@check("okta-provisioning-failures", reads=(seen.ProvisioningFailure,), severity=Severity.MEDIUM)
def provisioning_failures(context: CheckContext) -> Iterator[Violation]:
    """Provisioning has not failed in the last seven days

    Symptom: A user or group is missing in Kiro, or out of date.

    Why: Kiro refused something, or could not be reached; the system log says which, and why.

    Fix: The reason tells. An authentication failure means the token: generate another one in the Kiro console, and put it
    into Provisioning, Integration.

    Source: Okta developer documentation, Event types (application.provision and application.integration).
    """
    scim_application(context)
    for found in context.snapshot.all(seen.ProvisioningFailure):
        yield Violation(
            f"{found.count} x {found.event}: {found.reason or 'no reason given'}"
            + (f", last {found.who}" if found.who else ""),
            found.address,
            (("logs[*].outcome.reason", found.reason), ("logs[*].published", found.last)),
        )


@check("okta-token-expiry", reads=(seen.ApiToken,), severity=Severity.MEDIUM)
def token_expiry(context: CheckContext) -> Iterator[Violation]:
    """No API token of these credentials is about to end

    Symptom: Apply, doctor and drift will fail with 401 (E0000011).

    Why: An API token ends when it was not used for 30 days, and with its owner's account.

    Fix: Use it, or make another one; better, use a service app with a private key.

    Source: Okta developer documentation, API token management.
    """
    tokens = context.snapshot.all(seen.ApiToken)
    if not tokens:
        raise SkipCheckError("the credentials are not an API token")
    for found in tokens:
        ends = datetime.fromisoformat(found.expires) if found.expires else None
        if ends is not None and ends < datetime.now(UTC) + _WARN_BEFORE:
            yield Violation(
                f"the token {found.name!r} ends on {found.expires}",
                found.address,
                (("api-tokens[*].expiresAt", found.expires),),
            )
