"""Checks of who is assigned to the two applications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioner.core.check import CheckContext, CheckRegistry, Severity, SkipCheckError, Violation
from provisioner.core.plan import DesiredState
from provisioner.core.snapshot import ProblemKind
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import resources as kinds

from .required import application, people, scim_application, some, switched_on

check = CheckRegistry()


@check("okta-group-missing", reads=(kinds.Group,), severity=Severity.HIGH)
def group_missing(context: CheckContext) -> Iterator[Violation]:
    """The groups and users of the playbook exist, and can be told from others

    Symptom: The people of that group have no access; apply refuses.

    Why: Somebody renamed or deleted the group, or another one has the same name.

    Fix: Correct the name in the playbook, or give the id instead.

    Source: Okta Management API, listGroups (names need not be unique).
    """
    for wanted in dict.fromkeys((*context.all_desired(kinds.Group), *context.all_desired(kinds.User))):
        problem = context.snapshot.problem_for(wanted.address)
        if problem:
            evidence = tuple(("candidate", line) for line in problem.candidates)
            told = "" if problem.kind is ProblemKind.MISSING else " (ambiguous)"
            is_group = isinstance(wanted, kinds.Group)
            nothing: tuple[tuple[str, Any], ...] = (
                ((f"groups?search={wanted.key}", []),) if is_group else ((f"users/{wanted.key}", None),)
            )
            yield Violation(problem.message + told, wanted.address, evidence or nothing)


@check(
    "okta-group-not-assigned",
    reads=(kinds.Application, kinds.GroupAssignment, kinds.UserAssignment),
    severity=Severity.HIGH,
)
def group_not_assigned(context: CheckContext) -> Iterator[Violation]:
    """Every group and user of the playbook is assigned to both applications

    Symptom: Its people cannot sign in ("User is not assigned to the client application"), or are not in Kiro.

    Why: Somebody removed the assignment.

    Fix: Applications, Assignments, Assign to Groups: assign it, in the OIDC and in the SCIM application.

    Source: Kiro, Okta guide, steps 1 and 4.
    """
    application(context)
    pairs: list[type[kinds.Assignment]] = [kinds.GroupAssignment, kinds.UserAssignment]
    if context.snapshot.first(kinds.ScimApplication) and _provisions(context):
        pairs += [kinds.ScimGroupAssignment, kinds.ScimUserAssignment]
    for kind in pairs:
        for wanted in context.all_desired(kind):
            where = "SCIM" if kind in (kinds.ScimGroupAssignment, kinds.ScimUserAssignment) else "OIDC"
            if context.snapshot.get(kind, wanted.key) is None and not _unknown(context, wanted.key):
                yield Violation(
                    f"{wanted.key} is not assigned to the {where} application",
                    wanted.address,
                    ((_searched(kind, wanted.key), None),),
                    _assigned(context, wanted),
                )


def _searched(kind: type[kinds.Assignment], key: str) -> str:
    if issubclass(kind, kinds.GroupAssignment | kinds.ScimGroupAssignment):
        return f"apps/*/groups[?profile.name=='{key}']"
    return f"apps/*/users[?credentials.userName=='{key}']"


def _provisions(context: CheckContext) -> bool:
    shown = context.snapshot.first(seen.Provisioning)
    return bool(shown and shown.integrated)


def _unknown(context: CheckContext, key: str) -> bool:
    return any(context.snapshot.problem_for(f"{kind.kind}/{key}") for kind in (kinds.Group, kinds.User))


def _assigned(context: CheckContext, wanted: kinds.Assignment) -> DesiredState:
    who = tuple(
        found
        for kind in (kinds.Group, kinds.User)
        for found in context.all_desired(kind)
        if found.key == wanted.key
    )
    return DesiredState(resources=(*dict.fromkeys(who), wanted.model_copy(update={"depends_on": ()})))


@check(
    "okta-everyone-assigned",
    reads=(kinds.Application, kinds.GroupAssignment),
    severity=Severity.MEDIUM,
    security=True,
)
def everyone_assigned(context: CheckContext) -> Iterator[Violation]:
    """The group Everyone is not assigned

    Symptom: Everybody in the organization may sign in; provisioned, each of them may cost a subscription.

    Why: Somebody assigned the built-in group Everyone, or did not skip the group assignment when the application was made.

    Fix: Applications, Assignments: remove Everyone, unless it is meant; then list it in the playbook.

    Source: Kiro, Okta guide, step 1 ("Skip group assignment for now"), and Preventing unauthorized access.
    """
    application(context)
    listed = {
        wanted.address
        for kind in (kinds.GroupAssignment, kinds.ScimGroupAssignment)
        for wanted in context.all_desired(kind)
    }
    for kind in (kinds.GroupAssignment, kinds.ScimGroupAssignment):
        for found in context.snapshot.all(kind):
            if found.everyone and found.address not in listed:
                yield Violation(
                    "everybody is assigned",
                    found.address,
                    (("apps/*/groups[*].id", str(found.principal)),),
                    DesiredState(absent=(found.address,)) if kind is kinds.GroupAssignment else None,
                )


@check(
    "okta-user-not-in-oidc-app",
    reads=(seen.People,),
    severity=Severity.HIGH,
    vendor_row="User was not added to the OIDC app",
)
def user_not_in_oidc_app(context: CheckContext) -> Iterator[Violation]:
    """Everybody who is provisioned may sign in

    Symptom: A user has a subscription, but cannot log in.

    Why: The user is in the SCIM application, but not in the OIDC application. Both are needed.

    Fix: Applications, the OIDC application, Assignments: add the user, or a group that the user is in.

    Source: Kiro, Okta guide, Troubleshooting, row 1.
    """
    found = people(context)
    if found.only_provisioned_count:
        yield Violation(
            "provisioned, but not assigned to the OIDC application: "
            f"{some(found.only_provisioned, found.only_provisioned_count)}",
            application(context).address,
            (
                ("apps/{scim}/users minus apps/{oidc}/users", list(found.only_provisioned)),
                ("count", found.only_provisioned_count),
            ),
        )


@check("okta-user-not-in-scim-app", reads=(seen.People, seen.Provisioning), severity=Severity.HIGH)
def user_not_in_scim_app(context: CheckContext) -> Iterator[Violation]:
    """Everybody who may sign in is provisioned

    Symptom: A user can log in, but has no subscription: Kiro does not know the user.

    Why: The user is in the OIDC application, but not in the SCIM application. Both are needed.

    Fix: Applications, the SCIM application, Assignments: add the user, or a group that the user is in.

    Source: Kiro, Okta guide, Troubleshooting, row 1, notes.
    """
    switched_on(context)
    found = people(context)
    if found.only_signing_in_count:
        yield Violation(
            "assigned, but not to the SCIM application: "
            f"{some(found.only_signing_in, found.only_signing_in_count)}",
            scim_application(context).address,
            (
                ("apps/{oidc}/users minus apps/{scim}/users", list(found.only_signing_in)),
                ("count", found.only_signing_in_count),
            ),
        )


@check("okta-inactive-users", reads=(seen.People,), severity=Severity.LOW)
def inactive_users(context: CheckContext) -> Iterator[Violation]:
    """Everybody who is assigned has an active account

    Symptom: A user cannot sign in anywhere, and is not provisioned.

    Why: The account is suspended or deactivated in Okta.

    Fix: Directory, People: activate or unsuspend the account, or remove the assignment.

    Source: Okta help, About user account status.
    """
    application(context)
    found = context.snapshot.first(seen.People)
    if found is None:
        raise SkipCheckError("the users of the applications were not read")
    if found.not_active_count:
        yield Violation(
            f"not active: {some(found.not_active, found.not_active_count)}",
            found.address,
            (("apps/*/users[*].status", list(found.not_active)), ("count", found.not_active_count)),
        )


@check("okta-sign-in-failures", reads=(seen.SignInFailure,), severity=Severity.LOW)
def sign_in_failures(context: CheckContext) -> Iterator[Violation]:
    """Nobody was refused by the authorization server in the last seven days

    Symptom: Somebody could not sign in.

    Why: The system log says what Okta refused, and why.

    Fix: The reason tells: "no_matching_policy" means the access policy or its rule, "user not assigned" the assignments.

    Source: Okta developer documentation, Event types (app.oauth2.as.authorize and its like).
    """
    application(context)
    for found in context.snapshot.all(seen.SignInFailure):
        yield Violation(
            f"{found.count} x {found.event}: {found.reason or 'no reason given'}"
            + (f", last {found.who}" if found.who else ""),
            found.address,
            (("logs[*].outcome.reason", found.reason), ("logs[*].published", found.last)),
        )
