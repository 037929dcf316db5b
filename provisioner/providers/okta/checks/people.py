"""Checks of who is assigned to the two applications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provisioner.core.check import Catalogue, Look, Severity, SkipCheckError, Verdict
from provisioner.core.looking import of_desired
from provisioner.core.plan import Desired
from provisioner.core.snapshot import Fault
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import resources as kinds

from .looking import application, people, scim_application, some, switched_on

check = Catalogue()


@check("okta-group-missing", reads=(kinds.Group,), severity=Severity.HIGH)
def group_missing(look: Look) -> Iterator[Verdict]:
    """The groups and users of the playbook exist, and can be told from others

    Symptom: The people of that group have no access; apply refuses.

    Why: Somebody renamed or deleted the group, or another one has the same name.

    Fix: Correct the name in the playbook, or give the id instead.

    Source: Okta Management API, listGroups (names need not be unique).
    """
    for wanted in dict.fromkeys((*of_desired(look, kinds.Group), *of_desired(look, kinds.User))):
        problem = look.snapshot.problem(wanted.address)
        if problem:
            evidence = tuple(("candidate", line) for line in problem.candidates)
            told = "" if problem.fault is Fault.MISSING else " (ambiguous)"
            is_group = isinstance(wanted, kinds.Group)
            nothing: tuple[tuple[str, Any], ...] = (
                ((f"groups?search={wanted.key}", []),) if is_group else ((f"users/{wanted.key}", None),)
            )
            yield Verdict(problem.message + told, wanted.address, evidence or nothing)


@check(
    "okta-group-not-assigned",
    reads=(kinds.Application, kinds.GroupAssignment, kinds.UserAssignment),
    severity=Severity.HIGH,
)
def group_not_assigned(look: Look) -> Iterator[Verdict]:
    """Every group and user of the playbook is assigned to both applications

    Symptom: Its people cannot sign in ("User is not assigned to the client application"), or are not in Kiro.

    Why: Somebody removed the assignment.

    Fix: Applications, Assignments, Assign to Groups: assign it, in the OIDC and in the SCIM application.

    Source: Kiro, Okta guide, steps 1 and 4.
    """
    application(look)
    pairs: list[type[kinds.Assignment]] = [kinds.GroupAssignment, kinds.UserAssignment]
    if look.snapshot.one(kinds.ScimApplication) and _provisions(look):
        pairs += [kinds.ScimGroupAssignment, kinds.ScimUserAssignment]
    for kind in pairs:
        for wanted in of_desired(look, kind):
            where = "SCIM" if kind in (kinds.ScimGroupAssignment, kinds.ScimUserAssignment) else "OIDC"
            if look.snapshot.get(kind, wanted.key) is None and not _unknown(look, wanted.key):
                yield Verdict(
                    f"{wanted.key} is not assigned to the {where} application",
                    wanted.address,
                    ((_searched(kind, wanted.key), None),),
                    _assigned(look, wanted),
                )


def _searched(kind: type[kinds.Assignment], key: str) -> str:
    if issubclass(kind, kinds.GroupAssignment | kinds.ScimGroupAssignment):
        return f"apps/*/groups[?profile.name=='{key}']"
    return f"apps/*/users[?credentials.userName=='{key}']"


def _provisions(look: Look) -> bool:
    shown = look.snapshot.one(seen.Provisioning)
    return bool(shown and shown.integrated)


def _unknown(look: Look, key: str) -> bool:
    return any(look.snapshot.problem(f"{kind.kind}/{key}") for kind in (kinds.Group, kinds.User))


def _assigned(look: Look, wanted: kinds.Assignment) -> Desired:
    who = tuple(
        found
        for kind in (kinds.Group, kinds.User)
        for found in of_desired(look, kind)
        if found.key == wanted.key
    )
    return Desired(resources=(*dict.fromkeys(who), wanted.model_copy(update={"after": ()})))


@check(
    "okta-everyone-assigned",
    reads=(kinds.Application, kinds.GroupAssignment),
    severity=Severity.MEDIUM,
    security=True,
)
def everyone_assigned(look: Look) -> Iterator[Verdict]:
    """The group Everyone is not assigned

    Symptom: Everybody in the organization may sign in; provisioned, each of them may cost a subscription.

    Why: Somebody assigned the built-in group Everyone, or did not skip the group assignment when the application was made.

    Fix: Applications, Assignments: remove Everyone, unless it is meant; then list it in the playbook.

    Source: Kiro, Okta guide, step 1 ("Skip group assignment for now"), and Preventing unauthorized access.
    """
    application(look)
    listed = {
        wanted.address
        for kind in (kinds.GroupAssignment, kinds.ScimGroupAssignment)
        for wanted in of_desired(look, kind)
    }
    for kind in (kinds.GroupAssignment, kinds.ScimGroupAssignment):
        for found in look.snapshot.of(kind):
            if found.everyone and found.address not in listed:
                yield Verdict(
                    "everybody is assigned",
                    found.address,
                    (("apps/*/groups[*].id", str(found.principal)),),
                    Desired(absent=(found.address,)) if kind is kinds.GroupAssignment else None,
                )


@check(
    "okta-user-not-in-oidc-app",
    reads=(seen.People,),
    severity=Severity.HIGH,
    row="User was not added to the OIDC app",
)
def user_not_in_oidc_app(look: Look) -> Iterator[Verdict]:
    """Everybody who is provisioned may sign in

    Symptom: A user has a subscription, but cannot log in.

    Why: The user is in the SCIM application, but not in the OIDC application. Both are needed.

    Fix: Applications, the OIDC application, Assignments: add the user, or a group that the user is in.

    Source: Kiro, Okta guide, Troubleshooting, row 1.
    """
    found = people(look)
    if found.only_provisioned_count:
        yield Verdict(
            "provisioned, but not assigned to the OIDC application: "
            f"{some(found.only_provisioned, found.only_provisioned_count)}",
            application(look).address,
            (
                ("apps/{scim}/users minus apps/{oidc}/users", list(found.only_provisioned)),
                ("count", found.only_provisioned_count),
            ),
        )


@check("okta-user-not-in-scim-app", reads=(seen.People, seen.Provisioning), severity=Severity.HIGH)
def user_not_in_scim_app(look: Look) -> Iterator[Verdict]:
    """Everybody who may sign in is provisioned

    Symptom: A user can log in, but has no subscription: Kiro does not know the user.

    Why: The user is in the OIDC application, but not in the SCIM application. Both are needed.

    Fix: Applications, the SCIM application, Assignments: add the user, or a group that the user is in.

    Source: Kiro, Okta guide, Troubleshooting, row 1, notes.
    """
    switched_on(look)
    found = people(look)
    if found.only_signing_in_count:
        yield Verdict(
            "assigned, but not to the SCIM application: "
            f"{some(found.only_signing_in, found.only_signing_in_count)}",
            scim_application(look).address,
            (
                ("apps/{oidc}/users minus apps/{scim}/users", list(found.only_signing_in)),
                ("count", found.only_signing_in_count),
            ),
        )


@check("okta-inactive-users", reads=(seen.People,), severity=Severity.LOW)
def inactive_users(look: Look) -> Iterator[Verdict]:
    """Everybody who is assigned has an active account

    Symptom: A user cannot sign in anywhere, and is not provisioned.

    Why: The account is suspended or deactivated in Okta.

    Fix: Directory, People: activate or unsuspend the account, or remove the assignment.

    Source: Okta help, About user account status.
    """
    application(look)
    found = look.snapshot.one(seen.People)
    if found is None:
        raise SkipCheckError("the users of the applications were not read")
    if found.not_active_count:
        yield Verdict(
            f"not active: {some(found.not_active, found.not_active_count)}",
            found.address,
            (("apps/*/users[*].status", list(found.not_active)), ("count", found.not_active_count)),
        )


@check("okta-sign-in-failures", reads=(seen.SignInFailure,), severity=Severity.LOW)
def sign_in_failures(look: Look) -> Iterator[Verdict]:
    """Nobody was refused by the authorization server in the last seven days

    Symptom: Somebody could not sign in.

    Why: The system log says what Okta refused, and why.

    Fix: The reason tells: "no_matching_policy" means the access policy or its rule, "user not assigned" the assignments.

    Source: Okta developer documentation, Event types (app.oauth2.as.authorize and its like).
    """
    application(look)
    for found in look.snapshot.of(seen.SignInFailure):
        yield Verdict(
            f"{found.count} x {found.event}: {found.reason or 'no reason given'}"
            + (f", last {found.who}" if found.who else ""),
            found.address,
            (("logs[*].outcome.reason", found.reason), ("logs[*].published", found.last)),
        )
