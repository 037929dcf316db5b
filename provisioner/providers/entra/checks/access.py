"""Checks of who may sign in: assignments, consent, Conditional Access, licences, and what sign-ins say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.providers import kiro
from provisioner.providers.entra import observations as seen
from provisioner.providers.entra import resources as kinds

from .aadsts import meaning
from .required import application, principal

check = CheckRegistry()

_BLOCKING: Final = {
    "block": "blocks access",
    "compliantDevice": "demands a compliant device",
    "domainJoinedDevice": "demands a domain-joined device",
    "approvedApplication": "demands an approved client application",
    "compliantApplication": "demands an app protection policy",
}
"""Grant controls that a command line or IDE signing in through a loopback address can hardly meet."""


@check(
    "entra-assignment-not-required", reads=(kinds.ServicePrincipal,), severity=Severity.HIGH, security=True
)
def assignment_not_required(context: CheckContext) -> Iterator[Violation]:
    """Only assigned people may sign in

    Symptom: People who are in no assigned group can sign in.

    Why: "Assignment required?" is off, so everybody in the tenant may sign in to the application.

    Fix: Enterprise applications, Properties: set "Assignment required?" to yes.

    Source: Kiro, Microsoft Entra guide, Preventing unauthorized access; Microsoft Graph v1.0, servicePrincipal.
    """
    found = principal(context)
    if found.assignment_required is not True:
        meant = context.desired(kinds.ServicePrincipal).assignment_required is False
        yield Violation(
            "everybody in the tenant may sign in" + (" (the playbook says so)" if meant else ""),
            found.address,
            (("servicePrincipal.appRoleAssignmentRequired", found.assignment_required),),
            None if meant else set_fields(kinds.ServicePrincipal(key=found.key, assignment_required=True)),
            severity=Severity.LOW if meant else None,
        )


@check("entra-portal-tags", reads=(kinds.ServicePrincipal,), severity=Severity.LOW)
def portal_tags(context: CheckContext) -> Iterator[Violation]:
    """The portal lists the application among the enterprise applications

    Symptom: The application cannot be found under Enterprise applications.

    Why: The service principal lost the tags by which the portal recognizes it.

    Fix: Put both tags back on the service principal.

    Source: Microsoft Graph v1.0, servicePrincipal (tags).
    """
    found = principal(context)
    missing = [tag for tag in kinds.PORTAL_TAGS if tag not in (found.tags or ())]
    if missing:
        yield Violation(
            f"the service principal lacks {', '.join(missing)}",
            found.address,
            (("servicePrincipal.tags", list(found.tags or ())),),
            set_fields(kinds.ServicePrincipal(key=found.key, tags=kinds.PORTAL_TAGS)),
        )


@check("entra-group-not-assigned", reads=(kinds.GroupAssignment,), severity=Severity.HIGH)
def group_not_assigned(context: CheckContext) -> Iterator[Violation]:
    """The playbook's groups are assigned

    Symptom: Members cannot sign in (AADSTS50105), and do not appear in Kiro.

    Why: The group is not assigned to the application, or no group is.

    Fix: Enterprise applications, Users and groups: assign the group.

    Source: Kiro, Microsoft Entra guide, step 5.
    """
    found = principal(context)
    assigned = context.snapshot.all(kinds.GroupAssignment)
    names = [assignment.principal_name for assignment in assigned]
    keys = {assignment.key for assignment in assigned}
    missing = [
        wanted.key
        for wanted in context.desired_state.resources
        if isinstance(wanted, kinds.GroupAssignment) and wanted.key not in keys
    ]
    if missing or not assigned:
        yield Violation(
            f"not assigned: {', '.join(missing)}" if missing else "no group is assigned",
            found.address,
            (("servicePrincipal.appRoleAssignedTo[*].principalDisplayName", names),),
            context.as_in_playbook(kinds.Group, kinds.GroupAssignment)
            if _all_known(context, missing)
            else None,
        )


def _all_known(context: CheckContext, keys: list[str]) -> bool:
    """Whether these groups, of which there is at least one, can be told."""
    return bool(keys) and all(context.snapshot.get(kinds.Group, key) for key in keys)


@check("entra-group-missing", reads=(kinds.Group,), severity=Severity.HIGH)
def group_missing(context: CheckContext) -> Iterator[Violation]:
    """The playbook's groups exist, and their names are unambiguous

    Symptom: provisioner apply refuses to go on.

    Why: No group, or more than one, has that name: display names are not unique in Entra.

    Fix: Create the group, or name the right one by its id in the playbook.

    Source: Microsoft Graph v1.0, group (displayName).
    """
    for problem in context.snapshot.problems:
        if problem.address.partition("/")[0] in (kinds.Group.kind, kinds.User.kind):
            kind, _, name = problem.address.partition("/")
            where = "users?userPrincipalName" if kind == kinds.User.kind else "groups?displayName"
            evidence = ((f"{where} eq '{name}'", list(problem.candidates)),)
            yield Violation(problem.message, problem.address, evidence)


@check("entra-assignment-role", reads=(kinds.GroupAssignment,), severity=Severity.MEDIUM)
def assignment_role(context: CheckContext) -> Iterator[Violation]:
    """Groups are assigned with the application's User role

    Symptom: Members may not be provisioned, although the group is assigned.

    Why: The application declares roles; the default-access role (all zeros) is only for applications without any.

    Fix: Enterprise applications, Users and groups: assign the group again, with the role User.

    Source: Microsoft Graph v1.0, appRoleAssignment (appRoleId).
    """
    service = principal(context)
    if not service.app_roles:
        return
    for assignment in context.snapshot.all(kinds.GroupAssignment):
        if assignment.role_id == kinds.ZERO_ROLE:
            yield Violation(
                f"{assignment.principal_name} is assigned with the default-access role",
                assignment.address,
                (("servicePrincipal.appRoleAssignedTo[*].appRoleId", assignment.role_id),),
                set_fields(
                    kinds.GroupAssignment(
                        key=assignment.key, principal=assignment.principal, role=kinds.USER_ROLE
                    )
                ),
            )


@check("entra-direct-user-assignment", reads=(kinds.UserAssignment,), severity=Severity.MEDIUM, security=True)
def direct_user_assignment(context: CheckContext) -> Iterator[Violation]:
    """No user is assigned directly

    Symptom: Somebody has a seat whom no group explains.

    Why: The vendor asks to assign groups only.

    Fix: Put the user in an assigned group, then remove the direct assignment (Enterprise applications, Users and
    groups), or let the playbook say users: [].

    Source: Kiro, Microsoft Entra guide, step 5, Avoid direct user assignment.
    """
    principal(context)
    listed = {
        wanted.key for wanted in context.desired_state.resources if isinstance(wanted, kinds.UserAssignment)
    }
    for assignment in context.snapshot.all(kinds.UserAssignment):
        meant = assignment.key in listed
        yield Violation(
            f"{assignment.principal_name} is assigned directly"
            + (" (the playbook says so)" if meant else ""),
            assignment.address,
            (
                (
                    "servicePrincipal.appRoleAssignedTo[principalType=User].principalDisplayName",
                    assignment.principal_name,
                ),
            ),
            severity=Severity.LOW if meant else None,
        )


@check("entra-nested-groups", reads=(seen.GroupMembers,), severity=Severity.MEDIUM)
def nested_groups(context: CheckContext) -> Iterator[Violation]:
    """No assigned group contains groups

    Symptom: Members of the inner group can neither sign in nor appear in Kiro.

    Why: Entra looks at direct members only, for sign-in and for provisioning.

    Fix: Assign the inner group itself, or add its members to the assigned group.

    Source: Microsoft Entra, how provisioning works (nested groups are not supported).
    """
    principal(context)
    for members in context.snapshot.all(seen.GroupMembers):
        if members.nested:
            yield Violation(
                f"{members.key} contains groups whose members get nothing: {', '.join(members.nested)}",
                members.address,
                (("groups.members[@odata.type=group].displayName", list(members.nested)),),
            )


@check("entra-empty-group", reads=(seen.GroupMembers,), severity=Severity.LOW)
def empty_group(context: CheckContext) -> Iterator[Violation]:
    """Every assigned group has users

    Symptom: Nobody appears in Kiro.

    Why: The group has no users as direct members.

    Fix: Add users to the group.

    Source: Microsoft Entra, how provisioning works (assignment-based scoping).
    """
    principal(context)
    for members in context.snapshot.all(seen.GroupMembers):
        if not members.users:
            yield Violation(
                f"{members.key} has no users as direct members",
                members.address,
                (("groups.members[@odata.type=user]", 0),),
            )


@check(
    "entra-user-consent-disabled",
    reads=(seen.ConsentPolicy, kinds.Consent),
    severity=Severity.HIGH,
)
def user_consent_disabled(context: CheckContext) -> Iterator[Violation]:
    """Users may consent, or an administrator has

    Symptom: Users are told that they need an administrator's approval (AADSTS65001, AADSTS90094).

    Why: The tenant does not let users consent for themselves, and nobody has consented for all. Whether Entra asks
    for consent to an application's own scopes in every case is not documented.

    Fix: Enterprise applications, Permissions: grant admin consent; or application: admin_consent: true.

    Source: Microsoft Graph v1.0, authorizationPolicy (permissionGrantPoliciesAssigned) and oAuth2PermissionGrant.
    """
    found = principal(context)
    policy = context.snapshot.first(seen.ConsentPolicy)
    consent = context.snapshot.first(kinds.Consent)
    scopes = consent.scopes if consent and consent.scopes else ()
    lacking = [scope for scope in kiro.SCOPES if scope not in scopes]
    if policy and not policy.user_consent and lacking:
        yield Violation(
            f"users may not consent, and no administrator has consented to {', '.join(lacking)}",
            found.address,
            (
                (
                    "policies.authorizationPolicy.defaultUserRolePermissions.permissionGrantPoliciesAssigned",
                    [],
                ),
                ("oauth2PermissionGrants[consentType=AllPrincipals].scope", list(scopes)),
            ),
            set_fields(kinds.Consent(key=found.key, scopes=kiro.SCOPES)),
        )


@check("entra-conditional-access", reads=(seen.ConditionalAccessPolicy,), severity=Severity.MEDIUM)
def conditional_access(context: CheckContext) -> Iterator[Violation]:
    """No Conditional Access policy keeps Kiro's clients out

    Symptom: Sign-in fails for some or all people (AADSTS53003, 53000, 53001).

    Why: A policy that covers the application blocks it, or demands a device or client application that an IDE or a
    command line, which sign in through the system's browser, may not be able to prove.

    Fix: Exclude the application from that policy, or make sure that the devices meet it. The what-if tool in the
    portal tells whom it affects.

    Source: Microsoft Graph v1.0, conditionalAccessPolicy (grantControls).
    """
    application(context)
    for policy in context.snapshot.all(seen.ConditionalAccessPolicy):
        blocking = [_BLOCKING[control] for control in policy.controls if control in _BLOCKING]
        if blocking:
            yield Violation(
                f"the policy {policy.display_name!r} {' and '.join(blocking)}",
                policy.address,
                (
                    (
                        "identity.conditionalAccess.policies.grantControls.builtInControls",
                        list(policy.controls),
                    ),
                ),
                severity=Severity.HIGH if "block" in policy.controls else None,
            )


@check("entra-licence", reads=(seen.Licences,), severity=Severity.MEDIUM)
def licence(context: CheckContext) -> Iterator[Violation]:
    """The tenant's licence allows to assign groups

    Symptom: Groups cannot be assigned to the application, or assignments have no effect.

    Why: Assigning groups to applications needs Microsoft Entra ID P1 or P2.

    Fix: Obtain Microsoft Entra ID P1 for the users concerned.

    Source: Microsoft Entra, assign users and groups to an application (prerequisites).
    """
    found = context.snapshot.first(seen.Licences)
    plans = found.plans if found else ()
    if not any(plan.startswith("AAD_PREMIUM") for plan in plans):
        yield Violation(
            "the tenant has no Microsoft Entra ID P1 or P2",
            found.address if found else "",
            (("subscribedSkus[capabilityStatus=Enabled].servicePlans[*].servicePlanName", list(plans)),),
        )


@check("entra-sign-in-errors", reads=(seen.SignInError,), severity=Severity.MEDIUM)
def sign_in_errors(context: CheckContext) -> Iterator[Violation]:
    """Nobody failed to sign in to the application in the last seven days

    Symptom: People report an error page with an AADSTS code.

    Why: Each code has its own cause; the finding explains it.

    Fix: As the finding says.

    Source: Microsoft identity platform, authentication and authorization error codes; Microsoft Graph v1.0, signIn.
    """
    application(context)
    for error in context.snapshot.all(seen.SignInError):
        found = meaning(error.code, error.reason)
        if not found.benign:
            yield Violation(
                f"AADSTS{error.code}, {error.count} times: {found.what}"
                + (f"; {found.fix}" if found.fix else ""),
                error.address,
                (
                    ("auditLogs.signIns[*].status.errorCode", error.code),
                    ("auditLogs.signIns[0].createdDateTime", error.last),
                ),
            )
