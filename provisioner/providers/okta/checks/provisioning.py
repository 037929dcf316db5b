"""Checks of the SCIM application: whether users and groups are provisioned to Kiro."""

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
from provisioner.providers.okta import observations
from provisioner.providers.okta import resources as kinds

from .required import (
    PROVISIONING_KINDS,
    inactive,
    join_names,
    listed_users,
    logged_failures,
    missing_object,
    require_managed_provisioning,
    required_enabled_provisioning,
    required_provisioning,
    required_scim_application,
    required_user_comparison,
    skip_if_confirmed,
)

check = CheckRegistry()

_WARN_BEFORE: Final = timedelta(days=7)
_FEATURES: Final = "application.features"


@check("okta-scim-application-missing", reads=(kinds.ScimApplication,), severity=Severity.HIGH)
def scim_application_missing(context: CheckContext) -> Iterator[Violation]:
    """The SCIM application exists

    Symptom: No users are in Kiro, so no one has a subscription.

    Why: The application "AWS IAM Identity Center" that the playbook names is not in this organization.

    Fix: Run provisioner apply, and do the manual steps that it prints.

    Source: Kiro, Okta guide, step 4.
    """
    require_managed_provisioning(context)
    desired = context.desired(kinds.ScimApplication)
    yield from missing_object(
        context,
        desired,
        f"there is no SCIM application {desired.label!r}",
        (f'apps?filter=name eq "{kinds.SCIM_NAME}"', []),
        PROVISIONING_KINDS,
    )


@check("okta-scim-application-inactive", reads=(kinds.ScimApplication,), severity=Severity.HIGH)
def scim_application_inactive(context: CheckContext) -> Iterator[Violation]:
    """The SCIM application is active

    Symptom: All the users that it provisioned were deactivated in Kiro.

    Why: The application was deactivated.

    Fix: In the Okta Admin Console, Applications, the SCIM application: activate it.

    Source: Okta Management API, deactivateApplication.
    """
    yield from inactive(
        required_scim_application(context), "the SCIM application is inactive", "application.status"
    )


@check("okta-api-integration", reads=(observations.Provisioning,), severity=Severity.HIGH)
def api_integration(context: CheckContext) -> Iterator[Violation]:
    """API integration is enabled

    Symptom: No one is provisioned to Kiro.

    Why: "Enable API integration" was never selected, or a change of the application through the API removed it. No API
    sets it. That the application's features show it is an inference.

    Fix: In the Okta Admin Console, Applications, the SCIM application, Provisioning, Integration: enable it, with the
    SCIM endpoint (without a slash at the end) and the token of the Kiro console.

    Source: Kiro, Okta guide, step 4; okta/terraform-provider-okta issues 655 and 710.
    """
    settings = required_provisioning(context)
    if not settings.integrated:
        skip_if_confirmed(context)
        yield Violation(
            "the application shows no provisioning features", settings.address, ((_FEATURES, []),)
        )


@check(
    "okta-create-users",
    reads=(observations.Provisioning,),
    severity=Severity.HIGH,
    troubleshooting_row="Did not enable provisioning to create users",
)
def create_users(context: CheckContext) -> Iterator[Violation]:
    """Provisioning creates and updates users

    Symptom: Users are not synced to Kiro.

    Why: "Create Users" or "Update User Attributes" is not enabled. No API sets them for this application.

    Fix: In the Okta Admin Console, Applications, the SCIM application, Provisioning, To App: enable both.

    Source: Kiro, Okta guide, Troubleshooting, row 2, and its notes.
    """
    settings = required_enabled_provisioning(context)
    switches = {"Create Users": settings.create_users, "Update User Attributes": settings.update_users}
    if disabled := [name for name, enabled in switches.items() if not enabled]:
        yield Violation(
            f"not enabled: {', '.join(disabled)}",
            settings.address,
            ((_FEATURES, list(settings.features)),),
        )


@check("okta-deactivate-users", reads=(observations.Provisioning,), severity=Severity.MEDIUM)
def deactivate_users(context: CheckContext) -> Iterator[Violation]:
    """Provisioning deactivates users

    Symptom: Users who left, or were unassigned, stay active in Kiro and keep their subscription.

    Why: "Deactivate Users" is not enabled. No API sets it for this application.

    Fix: In the Okta Admin Console, Applications, the SCIM application, Provisioning, To App: enable Deactivate Users.

    Source: Kiro, Okta guide, Removing a user and deprovisioning behavior (the page is truncated); Okta help, To App.
    """
    settings = required_enabled_provisioning(context)
    if not settings.deactivate_users:
        yield Violation(
            "not enabled: Deactivate Users", settings.address, ((_FEATURES, list(settings.features)),)
        )


@check(
    "okta-attribute-mappings",
    reads=(kinds.ScimApplication, kinds.AttributeMapping),
    severity=Severity.HIGH,
)
def attribute_mappings(context: CheckContext) -> Iterator[Violation]:
    """No attribute is mapped that Kiro does not support

    Symptom: Users or groups are not provisioned.

    Why: department or employeeNumber is mapped, as it is by default.

    Fix: In the Okta Admin Console, Applications, the SCIM application, Provisioning, To App, Attribute Mappings: remove
    both.

    Source: Kiro, Okta guide, step 4, Pre-requisite.
    """
    required_scim_application(context)
    context.desired(kinds.AttributeMapping)
    mapping = context.required(kinds.AttributeMapping, "the application has no attribute mapping yet")
    if mapping.unsupported:
        attributes = "attribute is" if len(mapping.unsupported) == 1 else "attributes are"
        yield Violation(
            f"unsupported {attributes} mapped: {', '.join(mapping.unsupported)}",
            mapping.address,
            (("mapping.properties", list(mapping.unsupported)),),
            set_fields(kinds.AttributeMapping(key=mapping.key, unsupported=())),
        )


@check("okta-assigned-and-pushed", reads=(kinds.ScimGroupAssignment, kinds.GroupPush), severity=Severity.LOW)
def assigned_and_pushed(context: CheckContext) -> Iterator[Violation]:
    """No group is both assigned and pushed

    Symptom: Memberships in Kiro are incomplete or change back.

    Why: Okta and AWS do not support pushing a group that is also assigned. Kiro's guide can be read as requiring both.

    Fix: Push another group with the same members.

    Source: Okta help, Group Push prerequisites; AWS IAM Identity Center, Okta.
    """
    required_scim_application(context)
    assigned = {str(assignment.principal) for assignment in context.snapshot.all(kinds.ScimGroupAssignment)}
    for push in context.snapshot.all(kinds.GroupPush):
        if str(push.group) in assigned:
            yield Violation(
                f"{push.key} is assigned and pushed",
                push.address,
                (("group-push/mappings[*].sourceGroupId", str(push.group)),),
            )


@check("okta-push-missing", reads=(kinds.ScimApplication, kinds.GroupPush), severity=Severity.HIGH)
def push_missing(context: CheckContext) -> Iterator[Violation]:
    """Every group under push: is pushed

    Symptom: The group is not in Kiro, so it cannot get subscriptions.

    Why: The push was removed or deactivated.

    Fix: In the Okta Admin Console, Applications, the SCIM application, Push Groups: push the group.

    Source: Kiro, Okta guide, step 4, Synchronizing Groups.
    """
    required_enabled_provisioning(context)
    for desired in context.all_desired(kinds.GroupPush):
        existing = context.snapshot.get(kinds.GroupPush, desired.key)
        if context.snapshot.problem_for(f"{kinds.Group.kind}/{desired.key}") or (
            existing and existing.active
        ):
            continue
        group = [group for group in context.all_desired(kinds.Group) if group.key == desired.key][:1]
        yield Violation(
            f"the push of {desired.key} is deactivated" if existing else f"{desired.key} is not pushed",
            desired.address,
            (("group-push/mappings[*].status", existing.status if existing else None),),
            set_fields(*group, desired.model_copy(update={"depends_on": ()})),
        )


@check("okta-push-error", reads=(kinds.GroupPush,), severity=Severity.HIGH)
def push_error(context: CheckContext) -> Iterator[Violation]:
    """No push of a group failed

    Symptom: The group, or some of its members, are missing in Kiro.

    Why: The last push failed; the error of the push shows why.

    Fix: Resolve the error. Then, in the Okta Admin Console, Applications, the SCIM application, Push Groups, the group:
    select Push now.

    Source: Okta Management API, GroupPushMapping (status, errorSummary).
    """
    required_enabled_provisioning(context)
    for push in context.snapshot.all(kinds.GroupPush):
        if push.status == "ERROR":
            yield Violation(
                f"the push of {push.key} failed: {push.error or 'no reason given'}",
                push.address,
                (
                    ("group-push/mappings[*].errorSummary", push.error),
                    ("group-push/mappings[*].lastPush", push.last_push),
                ),
                set_fields(kinds.GroupPush(key=push.key, healthy=True)),
            )


@check("okta-push-members", reads=(observations.UnassignedMembers, kinds.GroupPush), severity=Severity.MEDIUM)
def push_members(context: CheckContext) -> Iterator[Violation]:
    """Every member of a pushed group is provisioned

    Symptom: Some members of the group are missing in Kiro's copy of it.

    Why: Okta pushes only the members that are assigned to the SCIM application.

    Fix: Assign the missing users, or a group that they are in, to the SCIM application.

    Source: Okta help, Group Push; Okta Management API, GROUP_PUSH.
    """
    required_enabled_provisioning(context)
    for group in context.snapshot.all(observations.UnassignedMembers):
        if group.unassigned_count:
            yield Violation(
                f"members of {group.key} are not provisioned: "
                f"{join_names(group.unassigned, group.unassigned_count)}",
                group.address,
                (("groups/*/users minus apps/{scim}/users", list(group.unassigned)),),
            )


@check(
    "okta-sync-errors", reads=(observations.UserComparison, observations.Provisioning), severity=Severity.HIGH
)
def sync_errors(context: CheckContext) -> Iterator[Violation]:
    """No user's synchronization failed

    Symptom: A user is missing in Kiro, or out of date.

    Why: The last synchronization of the user failed. The System Log contains the reason: see
    okta-provisioning-failures.

    Fix: Resolve the cause. Then, in the Okta Admin Console, Dashboard, Tasks: retry.

    Source: Okta Management API, AppUser syncState.
    """
    required_enabled_provisioning(context)
    users = required_user_comparison(context)
    path = "apps/{scim}/users[?syncState=='ERROR']"
    yield from listed_users("failed", users.address, path, users.sync_errors, users.sync_error_count)


@check("okta-provisioning-failures", reads=(observations.ProvisioningFailure,), severity=Severity.MEDIUM)
def provisioning_failures(context: CheckContext) -> Iterator[Violation]:
    """Provisioning has no unresolved failures of the last seven days

    Symptom: A user or group is missing in Kiro, or out of date.

    Why: Kiro refused a request, or could not be reached; the System Log contains which, and why.

    Fix: See the reason. An authentication failure means the token: generate a new one in the Kiro console. Then, in the
    Okta Admin Console, Applications, the SCIM application, Provisioning, Integration: enter it.

    Source: Okta developer documentation, Event types (application.provision and application.integration).
    """
    required_scim_application(context)
    yield from logged_failures(context, observations.ProvisioningFailure)


@check("okta-token-expiry", reads=(observations.ApiToken,), severity=Severity.MEDIUM)
def token_expiry(context: CheckContext) -> Iterator[Violation]:
    """No API token of these credentials is about to expire

    Symptom: Apply, doctor and drift will fail with 401 (E0000011).

    Why: An API token expires when it is unused for 30 days, and with its owner's account.

    Fix: Use it, or create another one. Better, use a service app with a private key.

    Source: Okta developer documentation, API token management.
    """
    tokens = context.snapshot.all(observations.ApiToken)
    if not tokens:
        raise SkipCheckError("the credentials are not an API token")
    for token in tokens:
        expires = datetime.fromisoformat(token.expires) if token.expires else None
        if expires is not None and expires < datetime.now(UTC) + _WARN_BEFORE:
            yield Violation(
                f"the token {token.name!r} expires on {token.expires}",
                token.address,
                (("api-tokens[*].expiresAt", token.expires),),
            )
