"""Checks of access: assignments, consent, Conditional Access, licences and failed sign-ins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.providers import kiro
from provisioner.providers.entra import observations
from provisioner.providers.entra import resources as kinds

from .aadsts import explain
from .required import required_application, required_principal

check = CheckRegistry()

_BLOCKING: Final = {
    "block": "blocks access",
    "compliantDevice": "requires a compliant device",
    "domainJoinedDevice": "requires a domain-joined device",
    "approvedApplication": "requires an approved client application",
    "compliantApplication": "requires an app protection policy",
}
"""Grant controls that an IDE or a command line, which sign in through a browser, may not be able to meet."""


@check(
    "entra-assignment-not-required", reads=(kinds.ServicePrincipal,), severity=Severity.HIGH, security=True
)
def assignment_not_required(context: CheckContext) -> Iterator[Violation]:
    """Only assigned users can sign in

    Symptom: Users who are in no assigned group can sign in.

    Why: "Assignment required?" is off, so every user of the tenant can sign in to the application.

    Fix: In the Entra admin center, Enterprise applications, the application, Properties: set "Assignment required?" to
    yes.

    Source: Kiro, Microsoft Entra guide, Preventing unauthorized access; Microsoft Graph v1.0, servicePrincipal.
    """
    principal = required_principal(context)
    if principal.assignment_required is not True:
        is_intended = context.desired(kinds.ServicePrincipal).assignment_required is False
        yield Violation(
            "every user of the tenant can sign in" + (" (as the playbook requests)" if is_intended else ""),
            principal.address,
            (("servicePrincipal.appRoleAssignmentRequired", principal.assignment_required),),
            None
            if is_intended
            else set_fields(kinds.ServicePrincipal(key=principal.key, assignment_required=True)),
            severity=Severity.LOW if is_intended else None,
        )


@check("entra-portal-tags", reads=(kinds.ServicePrincipal,), severity=Severity.LOW)
def portal_tags(context: CheckContext) -> Iterator[Violation]:
    """The portal lists the application among the enterprise applications

    Symptom: The application cannot be found under Enterprise applications.

    Why: The service principal lacks the tags by which the portal recognizes it.

    Fix: Add both tags to the service principal again.

    Source: Microsoft Graph v1.0, servicePrincipal (tags).
    """
    principal = required_principal(context)
    missing = [tag for tag in kinds.PORTAL_TAGS if tag not in (principal.tags or ())]
    if missing:
        yield Violation(
            f"the service principal lacks {', '.join(missing)}",
            principal.address,
            (("servicePrincipal.tags", list(principal.tags or ())),),
            set_fields(kinds.ServicePrincipal(key=principal.key, tags=kinds.PORTAL_TAGS)),
        )


@check("entra-group-not-assigned", reads=(kinds.GroupAssignment,), severity=Severity.HIGH)
def group_not_assigned(context: CheckContext) -> Iterator[Violation]:
    """The playbook's groups are assigned

    Symptom: Members cannot sign in (AADSTS50105), and do not appear in Kiro.

    Why: The group is not assigned to the application, or no group is assigned.

    Fix: In the Entra admin center, Enterprise applications, the application, Users and groups: assign the group.

    Source: Kiro, Microsoft Entra guide, step 5.
    """
    principal = required_principal(context)
    assigned = context.snapshot.all(kinds.GroupAssignment)
    names = [assignment.principal_name for assignment in assigned]
    keys = {assignment.key for assignment in assigned}
    missing = [
        desired.key for desired in context.all_desired(kinds.GroupAssignment) if desired.key not in keys
    ]
    if missing or not assigned:
        yield Violation(
            f"not assigned: {', '.join(missing)}" if missing else "no group is assigned",
            principal.address,
            (("servicePrincipal.appRoleAssignedTo[*].principalDisplayName", names),),
            context.as_in_playbook(kinds.Group, kinds.GroupAssignment)
            if missing and all(context.snapshot.get(kinds.Group, key) for key in missing)
            else None,
        )


@check("entra-group-missing", reads=(kinds.Group,), severity=Severity.HIGH)
def group_missing(context: CheckContext) -> Iterator[Violation]:
    """The playbook's groups exist, and their names are unambiguous

    Symptom: provisioner apply refuses the plan.

    Why: No group has that name, or several groups have it: display names are not unique in Entra.

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

    Why: The application declares roles. The default access role (all zeros) is only for applications without roles.

    Fix: In the Entra admin center, Enterprise applications, the application, Users and groups: assign the group again,
    with the role User.

    Source: Microsoft Graph v1.0, appRoleAssignment (appRoleId).
    """
    principal = required_principal(context)
    if not principal.app_roles:
        return
    for assignment in context.snapshot.all(kinds.GroupAssignment):
        if assignment.role_id == kinds.ZERO_ROLE:
            yield Violation(
                f"{assignment.principal_name} is assigned with the default access role",
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

    Symptom: A user has a seat, but is not covered by any assigned group.

    Why: Kiro's guide recommends to assign only groups.

    Fix: Add the user to an assigned group. Then remove the direct assignment (in the Entra admin center, Enterprise
    applications, the application, Users and groups), or set users: [] in the playbook.

    Source: Kiro, Microsoft Entra guide, step 5, Avoid direct user assignment.
    """
    required_principal(context)
    listed = {desired.key for desired in context.all_desired(kinds.UserAssignment)}
    for assignment in context.snapshot.all(kinds.UserAssignment):
        is_intended = assignment.key in listed
        yield Violation(
            f"{assignment.principal_name} is assigned directly"
            + (" (as the playbook requests)" if is_intended else ""),
            assignment.address,
            (
                (
                    "servicePrincipal.appRoleAssignedTo[principalType=User].principalDisplayName",
                    assignment.principal_name,
                ),
            ),
            severity=Severity.LOW if is_intended else None,
        )


@check("entra-nested-groups", reads=(observations.GroupMembers,), severity=Severity.MEDIUM)
def nested_groups(context: CheckContext) -> Iterator[Violation]:
    """No assigned group contains groups

    Symptom: Members of the inner group can neither sign in nor appear in Kiro.

    Why: Entra considers only direct members, for sign-in and for provisioning.

    Fix: Assign the inner group itself, or add its members to the assigned group.

    Source: Microsoft Entra, how provisioning works (nested groups are not supported).
    """
    required_principal(context)
    for members in context.snapshot.all(observations.GroupMembers):
        if members.nested:
            yield Violation(
                f"{members.key} contains groups, but Entra ignores nested groups: {', '.join(members.nested)}",
                members.address,
                (("groups.members[@odata.type=group].displayName", list(members.nested)),),
            )


@check("entra-empty-group", reads=(observations.GroupMembers,), severity=Severity.LOW)
def empty_group(context: CheckContext) -> Iterator[Violation]:
    """Every assigned group has users

    Symptom: No user appears in Kiro.

    Why: The group has no users as direct members.

    Fix: Add users to the group.

    Source: Microsoft Entra, how provisioning works (assignment-based scoping).
    """
    required_principal(context)
    for members in context.snapshot.all(observations.GroupMembers):
        if not members.users:
            yield Violation(
                f"{members.key} has no users as direct members",
                members.address,
                (("groups.members[@odata.type=user]", 0),),
            )


@check(
    "entra-user-consent-disabled",
    reads=(observations.ConsentPolicy, kinds.AdminConsent),
    severity=Severity.HIGH,
)
def user_consent_disabled(context: CheckContext) -> Iterator[Violation]:
    """Users can consent, or an administrator has consented

    Symptom: The sign-in page asks for an administrator's approval (AADSTS65001, AADSTS90094).

    Why: Users of the tenant cannot consent for themselves, and no administrator has consented for all. Whether Entra
    asks for consent to an application's own scopes in every case is not documented.

    Fix: In the Entra admin center, Enterprise applications, the application, Permissions: grant admin consent. Or set
    application: admin_consent: true in the playbook.

    Source: Microsoft Graph v1.0, authorizationPolicy (permissionGrantPoliciesAssigned) and oAuth2PermissionGrant.
    """
    principal = required_principal(context)
    policy = context.snapshot.first(observations.ConsentPolicy)
    consent = context.snapshot.first(kinds.AdminConsent)
    scopes = consent.scopes if consent and consent.scopes else ()
    missing = [scope for scope in kiro.SCOPES if scope not in scopes]
    if policy and not policy.user_consent and missing:
        yield Violation(
            f"users cannot consent, and no administrator has consented to {', '.join(missing)}",
            principal.address,
            (
                (
                    "policies.authorizationPolicy.defaultUserRolePermissions.permissionGrantPoliciesAssigned",
                    [],
                ),
                ("oauth2PermissionGrants[consentType=AllPrincipals].scope", list(scopes)),
            ),
            set_fields(kinds.AdminConsent(key=principal.key, scopes=kiro.SCOPES)),
        )


@check("entra-conditional-access", reads=(observations.ConditionalAccessPolicy,), severity=Severity.MEDIUM)
def conditional_access(context: CheckContext) -> Iterator[Violation]:
    """No Conditional Access policy blocks Kiro's clients

    Symptom: Sign-in fails for some or all users (AADSTS53003, 53000, 53001).

    Why: A policy that covers the application blocks it, or requires a device or client application that an IDE or a
    command line, which sign in through the system's browser, may not be able to prove.

    Fix: Exclude the application from the policy, or make sure that the devices meet it. The What If tool in the Entra
    admin center shows which users it affects.

    Source: Microsoft Graph v1.0, conditionalAccessPolicy (grantControls).
    """
    required_application(context)
    for policy in context.snapshot.all(observations.ConditionalAccessPolicy):
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


@check("entra-licence", reads=(observations.Licences,), severity=Severity.MEDIUM)
def licence(context: CheckContext) -> Iterator[Violation]:
    """The tenant has the licence to assign groups

    Symptom: Groups cannot be assigned to the application, or assignments have no effect.

    Why: Assigning groups to applications needs Microsoft Entra ID P1 or P2.

    Fix: Obtain Microsoft Entra ID P1 for the users concerned.

    Source: Microsoft Entra, assign users and groups to an application (prerequisites).
    """
    licences = context.snapshot.first(observations.Licences)
    plans = licences.plans if licences else ()
    if not any(plan.startswith("AAD_PREMIUM") for plan in plans):
        yield Violation(
            "the tenant has no Microsoft Entra ID P1 or P2",
            licences.address if licences else "",
            (("subscribedSkus[capabilityStatus=Enabled].servicePlans[*].servicePlanName", list(plans)),),
        )


@check("entra-sign-in-errors", reads=(observations.SignInError,), severity=Severity.MEDIUM)
def sign_in_errors(context: CheckContext) -> Iterator[Violation]:
    """No sign-in to the application failed in the last seven days

    Symptom: Users report an error page with an AADSTS code.

    Why: Each code has its own cause; the finding explains it.

    Fix: See the finding.

    Source: Microsoft identity platform, authentication and authorization error codes; Microsoft Graph v1.0, signIn.
    """
    required_application(context)
    for error in context.snapshot.all(observations.SignInError):
        explanation = explain(error.code, error.reason)
        if not explanation.benign:
            times = "once" if error.count == 1 else f"{error.count} times"
            yield Violation(
                f"AADSTS{error.code}, {times}: {explanation.cause}"
                + (f"; {explanation.fix}" if explanation.fix else ""),
                error.address,
                (
                    ("auditLogs.signIns[*].status.errorCode", error.code),
                    ("auditLogs.signIns[0].createdDateTime", error.last),
                ),
            )
