"""Checks of the groups and users that are assigned to the two applications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from provisioner.core.check import CheckContext, CheckRegistry, Severity, SkipCheckError, Violation
from provisioner.core.plan import DesiredState
from provisioner.core.snapshot import ProblemKind
from provisioner.providers.okta import observations
from provisioner.providers.okta import resources as kinds

from .required import (
    listed_users,
    logged_failures,
    required_application,
    required_enabled_provisioning,
    required_scim_application,
    required_user_comparison,
)

check = CheckRegistry()

_PRINCIPALS: Final = (kinds.Group, kinds.User)


@check("okta-group-missing", reads=(kinds.Group,), severity=Severity.HIGH)
def group_missing(context: CheckContext) -> Iterator[Violation]:
    """The groups and users of the playbook exist, and their names are unique

    Symptom: The members of that group have no access; apply refuses.

    Why: The group was renamed or deleted, or another group has the same name.

    Fix: Correct the name in the playbook, or use the id instead.

    Source: Okta Management API, listGroups (names need not be unique).
    """
    for desired in dict.fromkeys((*context.all_desired(kinds.Group), *context.all_desired(kinds.User))):
        problem = context.snapshot.problem_for(desired.address)
        if problem:
            suffix = "" if problem.kind is ProblemKind.MISSING else " (ambiguous)"
            no_result: tuple[str, Any] = (
                (f"groups?search={desired.key}", [])
                if isinstance(desired, kinds.Group)
                else (f"users/{desired.key}", None)
            )
            evidence = tuple(("candidate", candidate) for candidate in problem.candidates)
            yield Violation(problem.message + suffix, desired.address, evidence or (no_result,))


@check(
    "okta-group-not-assigned",
    reads=(kinds.Application, kinds.GroupAssignment, kinds.UserAssignment),
    severity=Severity.HIGH,
)
def group_not_assigned(context: CheckContext) -> Iterator[Violation]:
    """Every group and user of the playbook is assigned to both applications

    Symptom: Its users cannot sign in ("User is not assigned to the client application"), or are not in Kiro.

    Why: The assignment was removed.

    Fix: In the Okta Admin Console, Applications, Assignments, Assign to Groups: assign it, in the OIDC and in the SCIM
    application.

    Source: Kiro, Okta guide, steps 1 and 4.
    """
    required_application(context)
    yield from _missing_assignments(context, "OIDC", kinds.GroupAssignment, kinds.UserAssignment)
    provisioning = context.snapshot.first(observations.Provisioning)
    if context.snapshot.first(kinds.ScimApplication) and provisioning and provisioning.integrated:
        yield from _missing_assignments(context, "SCIM", kinds.ScimGroupAssignment, kinds.ScimUserAssignment)


def _missing_assignments(
    context: CheckContext, application_type: str, *assignment_kinds: type[kinds.Assignment]
) -> Iterator[Violation]:
    for kind in assignment_kinds:
        for desired in context.all_desired(kind):
            is_known = not any(
                context.snapshot.problem_for(f"{principal.kind}/{desired.key}") for principal in _PRINCIPALS
            )
            if is_known and context.snapshot.get(kind, desired.key) is None:
                yield Violation(
                    f"{desired.key} is not assigned to the {application_type} application",
                    desired.address,
                    ((_assignment_path(kind, desired.key), None),),
                    _assign(context, desired),
                )


def _assignment_path(kind: type[kinds.Assignment], key: str) -> str:
    if issubclass(kind, kinds.GroupAssignment | kinds.ScimGroupAssignment):
        return f"apps/*/groups[?profile.name=='{key}']"
    return f"apps/*/users[?credentials.userName=='{key}']"


def _assign(context: CheckContext, desired: kinds.Assignment) -> DesiredState:
    """The fix that makes one assignment, with the lookup of its group or user."""
    principals = tuple(
        principal
        for kind in _PRINCIPALS
        for principal in context.all_desired(kind)
        if principal.key == desired.key
    )
    return DesiredState(resources=(*dict.fromkeys(principals), desired.model_copy(update={"depends_on": ()})))


@check(
    "okta-everyone-assigned",
    reads=(kinds.Application, kinds.GroupAssignment),
    severity=Severity.MEDIUM,
    security=True,
)
def everyone_assigned(context: CheckContext) -> Iterator[Violation]:
    """The group Everyone is not assigned

    Symptom: Every user of the organization may sign in. If they are provisioned, each may cost a subscription.

    Why: The built-in group Everyone was assigned, or the group assignment was not skipped when the application was
    created.

    Fix: In the Okta Admin Console, Applications, Assignments: remove Everyone. If it is intended, list it in the
    playbook.

    Source: Kiro, Okta guide, step 1 ("Skip group assignment for now"), and Preventing unauthorized access.
    """
    required_application(context)
    for kind in (kinds.GroupAssignment, kinds.ScimGroupAssignment):
        listed = {desired.address for desired in context.all_desired(kind)}
        for assignment in context.snapshot.all(kind):
            if assignment.everyone and assignment.address not in listed:
                yield Violation(
                    "the group Everyone is assigned",
                    assignment.address,
                    (("apps/*/groups[*].id", str(assignment.principal)),),
                    DesiredState(absent=(assignment.address,)) if kind is kinds.GroupAssignment else None,
                )


@check(
    "okta-user-not-in-oidc-app",
    reads=(observations.UserComparison,),
    severity=Severity.HIGH,
    troubleshooting_row="User was not added to the OIDC app",
)
def user_not_in_oidc_app(context: CheckContext) -> Iterator[Violation]:
    """Every provisioned user may sign in

    Symptom: A user has a subscription, but cannot log in.

    Why: The user is in the SCIM application, but not in the OIDC application. Both are needed.

    Fix: In the Okta Admin Console, Applications, the OIDC application, Assignments: add the user, or a group that the
    user is in.

    Source: Kiro, Okta guide, Troubleshooting, row 1.
    """
    users = required_user_comparison(context)
    yield from listed_users(
        "provisioned, but not assigned to the OIDC application",
        required_application(context).address,
        "apps/{scim}/users minus apps/{oidc}/users",
        users.only_provisioned,
        users.only_provisioned_count,
    )


@check(
    "okta-user-not-in-scim-app",
    reads=(observations.UserComparison, observations.Provisioning),
    severity=Severity.HIGH,
)
def user_not_in_scim_app(context: CheckContext) -> Iterator[Violation]:
    """Every user who may sign in is provisioned

    Symptom: A user can log in, but has no subscription: Kiro does not know the user.

    Why: The user is in the OIDC application, but not in the SCIM application. Both are needed.

    Fix: In the Okta Admin Console, Applications, the SCIM application, Assignments: add the user, or a group that the
    user is in.

    Source: Kiro, Okta guide, Troubleshooting, row 1, notes.
    """
    required_enabled_provisioning(context)
    users = required_user_comparison(context)
    yield from listed_users(
        "assigned, but not to the SCIM application",
        required_scim_application(context).address,
        "apps/{oidc}/users minus apps/{scim}/users",
        users.only_sign_in,
        users.only_sign_in_count,
    )


@check("okta-inactive-users", reads=(observations.UserComparison,), severity=Severity.LOW)
def inactive_users(context: CheckContext) -> Iterator[Violation]:
    """Every assigned user has an active account

    Symptom: A user cannot sign in anywhere, and is not provisioned.

    Why: The account is suspended or deactivated in Okta.

    Fix: In the Okta Admin Console, Directory, People: activate or unsuspend the account, or remove the assignment.

    Source: Okta help, About user account status.
    """
    required_application(context)
    users = context.snapshot.first(observations.UserComparison)
    if users is None:
        raise SkipCheckError("the users of the applications were not read")
    yield from listed_users(
        "not active", users.address, "apps/*/users[*].status", users.inactive, users.inactive_count
    )


@check("okta-sign-in-failures", reads=(observations.SignInFailure,), severity=Severity.LOW)
def sign_in_failures(context: CheckContext) -> Iterator[Violation]:
    """The authorization server refused no one in the last seven days

    Symptom: A user could not sign in.

    Why: The System Log contains what Okta refused, and why.

    Fix: See the reason: "no_matching_policy" means the access policy or its rule, "user not assigned" the assignments.

    Source: Okta developer documentation, Event types (app.oauth2.as.authorize and similar types).
    """
    required_application(context)
    yield from logged_failures(context, observations.SignInFailure)
