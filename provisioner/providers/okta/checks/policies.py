"""Checks of the access policy and its rule: whether a sign-in from Kiro is let through, and by which rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import policy_evaluation as evaluation
from provisioner.providers.okta import resources as kinds

from .required import application, policy, rule, server

check = CheckRegistry()

_POLICY: Final = (kinds.AuthorizationServer, kinds.AccessPolicy)
_RULE: Final = (*_POLICY, kinds.PolicyRule)
_CONDITIONS: Final = "rule.conditions"
_LONGEST_ACCESS_MINUTES: Final = 480


@check("okta-policy-client", reads=(*_POLICY, kinds.Application), severity=Severity.HIGH)
def policy_client(context: CheckContext) -> Iterator[Violation]:
    """The access policy is for Kiro's application

    Symptom: Signing in fails: "Policy evaluation failed for this request".

    Why: The access policy is missing, or assigned to other clients.

    Fix: Security, API, the authorization server, Access Policies: assign the policy to the OIDC application.

    Source: Kiro, Okta guide, step 2.
    """
    server(context)
    client = application(context).client_id
    found = context.snapshot.first(kinds.AccessPolicy)
    there = tuple(map(str, found.clients or ())) if found else ()
    if not {client, kinds.ANY_CLIENT} & set(there):
        wanted = context.desired(kinds.AccessPolicy)
        yield Violation(
            f"the access policy is not for client {client}" if found else "there is no access policy",
            wanted.address,
            (("policy.conditions.clients.include", list(there)),),
            context.as_in_playbook(kinds.Application, kinds.AccessPolicy, kinds.PolicyRule),
        )


@check(
    "okta-policy-all-clients", reads=(*_POLICY, kinds.Application), severity=Severity.MEDIUM, security=True
)
def policy_all_clients(context: CheckContext) -> Iterator[Violation]:
    """The access policy is for Kiro's application only

    Symptom: None; every other client of the organization may have tokens with Kiro's scopes.

    Why: The access policy is assigned to "All clients", or to others besides.

    Fix: Security, API, the authorization server, Access Policies: assign it to the OIDC application only.

    Source: Kiro, Okta guide, step 2.
    """
    found = policy(context)
    client = application(context).client_id
    others = [str(other) for other in found.clients or () if other != client]
    if client in (found.clients or ()) and not others:
        return
    if kinds.ANY_CLIENT in others or client in (found.clients or ()):
        yield Violation(
            f"the access policy is also for: {', '.join(others)}",
            found.address,
            (("policy.conditions.clients.include", list(map(str, found.clients or ()))),),
            set_fields(kinds.AccessPolicy(key=found.key, clients=(client,) if client else ())),
        )


@check("okta-policy-inactive", reads=_POLICY, severity=Severity.HIGH)
def policy_inactive(context: CheckContext) -> Iterator[Violation]:
    """The access policy is active

    Symptom: Signing in fails: "Policy evaluation failed for this request".

    Why: Somebody deactivated the access policy.

    Fix: Security, API, the authorization server, Access Policies: activate it.

    Source: Okta help, Create access policies.
    """
    found = policy(context)
    if not found.active:
        yield Violation(
            "the access policy is inactive",
            found.address,
            (("policy.status", "INACTIVE"),),
            set_fields(kinds.AccessPolicy(key=found.key, active=True)),
        )


@check("okta-rule-inactive", reads=_RULE, severity=Severity.HIGH)
def rule_inactive(context: CheckContext) -> Iterator[Violation]:
    """The rule of the access policy is active

    Symptom: Signing in fails: "Policy evaluation failed for this request".

    Why: Somebody deactivated the rule.

    Fix: Security, API, the authorization server, Access Policies: activate the rule.

    Source: Okta help, Create access policies.
    """
    found = rule(context)
    if not found.active:
        yield Violation(
            "the rule is inactive",
            found.address,
            (("rule.status", "INACTIVE"),),
            set_fields(kinds.PolicyRule(key=found.key, active=True)),
        )


@check("okta-rule-grant", reads=_RULE, severity=Severity.HIGH)
def rule_grant(context: CheckContext) -> Iterator[Violation]:
    """The rule allows authorization codes

    Symptom: Signing in fails: "Policy evaluation failed for this request".

    Why: "Authorization Code" is not ticked under "Grant type is" in the rule.

    Fix: Security, API, the authorization server, Access Policies, the rule: tick Authorization Code.

    Source: Kiro, Okta guide, step 2.
    """
    found = rule(context)
    there = found.grant_types or ()
    if "authorization_code" not in there:
        yield Violation(
            "the rule does not allow authorization_code",
            found.address,
            ((f"{_CONDITIONS}.grantTypes.include", list(there)),),
            set_fields(kinds.PolicyRule(key=found.key, grant_types=("authorization_code",))),
        )


@check("okta-rule-scopes", reads=_RULE, severity=Severity.HIGH)
def rule_scopes(context: CheckContext) -> Iterator[Violation]:
    """The rule allows both scopes and offline_access

    Symptom: Signing in fails: "Policy evaluation failed for this request"; one scope that is not allowed is enough.
    Without offline_access there are no refresh tokens.

    Why: There is no rule, or a scope is missing under "Scopes requested".

    Fix: Security, API, the authorization server, Access Policies, the rule, Scopes requested: add what is missing.

    Source: Kiro, Okta guide, step 2; Okta support article "Tokens not issued with lifetime configured in access rule".
    """
    policy(context)
    wanted = context.desired(kinds.PolicyRule)
    found = context.snapshot.first(kinds.PolicyRule)
    there = tuple((found.scopes if found else None) or ())
    missing = [name for name in wanted.scopes or () if name not in there]
    if missing and kinds.ANY_SCOPE not in there:
        yield Violation(
            f"the rule does not allow {', '.join(missing)}" if found else "the access policy has no rule",
            wanted.address,
            ((f"{_CONDITIONS}.scopes.include", list(there)),),
            set_fields(kinds.PolicyRule(key=found.key, scopes=(*there, *missing)))
            if found
            else set_fields(wanted.model_copy(update={"depends_on": ()})),
        )


@check("okta-rule-any-scope", reads=_RULE, severity=Severity.MEDIUM, security=True)
def rule_any_scope(context: CheckContext) -> Iterator[Violation]:
    """The rule allows only the scopes that Kiro needs

    Symptom: None; the application may ask for any scope of this server, those added later included.

    Why: "Any scopes" is chosen under "Scopes requested", or more are listed than the playbook has.

    Fix: Security, API, the authorization server, Access Policies, the rule: choose "The following scopes".

    Source: Kiro, Okta guide, step 2 ("Only grant the scopes that your organization requires").
    """
    found = rule(context)
    wanted = context.desired(kinds.PolicyRule).scopes or ()
    extra = [name for name in found.scopes or () if name not in wanted]
    if extra:
        message = "any scope is allowed" if kinds.ANY_SCOPE in extra else f"also allowed: {', '.join(extra)}"
        yield Violation(
            message,
            found.address,
            ((f"{_CONDITIONS}.scopes.include", list(found.scopes or ())),),
            set_fields(kinds.PolicyRule(key=found.key, scopes=wanted)),
        )


@check("okta-rule-people", reads=_RULE, severity=Severity.HIGH)
def rule_people(context: CheckContext) -> Iterator[Violation]:
    """The rule is for everybody who is assigned

    Symptom: Some people cannot sign in, although they are assigned: "Policy evaluation failed for this request".

    Why: "User is" in the rule names certain groups or users, or excludes some. Who may sign in is better said once, by
    the application's assignments.

    Fix: Security, API, the authorization server, Access Policies, the rule: choose "Any user assigned the app".

    Source: Kiro, Okta guide, step 2 ("Leave the default values").
    """
    found = rule(context)
    included = found.groups or ()
    excluded = (*(found.excluded_groups or ()), *(found.excluded_users or ()))
    if kinds.EVERYONE not in included or excluded:
        yield Violation(
            "the rule excludes some people"
            if kinds.EVERYONE in included
            else "the rule is for some people only",
            found.address,
            (
                (f"{_CONDITIONS}.people.groups.include", list(included)),
                (f"{_CONDITIONS}.people.*.exclude", list(excluded)),
            ),
            set_fields(
                kinds.PolicyRule(
                    key=found.key, groups=(kinds.EVERYONE,), excluded_groups=(), excluded_users=()
                )
            ),
        )


@check("okta-rule-lifetimes", reads=_RULE, severity=Severity.MEDIUM)
def rule_lifetimes(context: CheckContext) -> Iterator[Violation]:
    """Tokens live long enough to work, and not for too long

    Symptom: People have to sign in again and again; or a stolen access token works for a day.

    Why: The refresh token ends, or may not lie unused, before the access token does; or the access token lives for more
    than eight hours.

    Fix: Security, API, the authorization server, Access Policies, the rule: an hour, unlimited, 7 days are Okta's
    defaults.

    Source: Okta Management API, TokenAuthorizationServerPolicyRuleAction; the limit of eight hours is this product's.
    """
    found = rule(context)
    wanted = context.desired(kinds.PolicyRule)
    access = found.access_minutes or 60
    refresh = found.refresh_minutes or 0
    window = found.refresh_window_minutes
    too_short = (0 < refresh <= access) or (window is not None and window <= access)
    meant = {
        "access_minutes": wanted.access_minutes,
        "refresh_minutes": wanted.refresh_minutes,
        "refresh_window_minutes": wanted.refresh_window_minutes,
    }
    said = any(value is not None for value in meant.values())
    defaults = {"access_minutes": 60, "refresh_minutes": 0, "refresh_window_minutes": 10080}
    if too_short or access > _LONGEST_ACCESS_MINUTES:
        message = (
            "refresh tokens end before they are needed"
            if too_short
            else f"access tokens live for {access} minutes"
        )
        yield Violation(
            message + (" (the playbook says so)" if said else ""),
            found.address,
            (
                ("rule.actions.token.accessTokenLifetimeMinutes", access),
                ("rule.actions.token.refreshTokenLifetimeMinutes", refresh),
                ("rule.actions.token.refreshTokenWindowMinutes", window),
            ),
            None if said else set_fields(kinds.PolicyRule(key=found.key, **defaults)),
            severity=Severity.LOW if said else None,
        )


@check(
    "okta-policy-shadowed",
    reads=(*_RULE, kinds.Application, seen.OtherPolicy, seen.OtherRule),
    severity=Severity.HIGH,
    security=True,
)
def policy_shadowed(context: CheckContext) -> Iterator[Violation]:
    """A sign-in from Kiro is decided by the playbook's rule

    Symptom: Tokens have another lifetime than the rule says, or lack what it gives; a change of the rule has no effect.

    Why: An earlier policy or rule fits the same request. The first that fits decides. This is what Token Preview would
    show; it has no API, so the evaluation is simulated.

    Fix: Security, API, the authorization server, Access Policies: move the playbook's policy to the top.

    Source: Okta help, Create access policies; Kiro, Okta guide, step 2 (Token Preview).
    """
    ours, mine = rule(context), policy(context)
    wanted = context.desired(kinds.PolicyRule)
    found = evaluation.rules(context.snapshot)
    for who, groups in _askers(context):
        ask = evaluation.Ask(
            client=application(context).client_id or "",
            grant="authorization_code",
            scopes=frozenset(wanted.scopes or ()),
            groups=groups,
        )
        decides = evaluation.deciding(found, ask)
        if decides is None or decides.address == ours.address:
            continue
        yield Violation(
            f"for {who}, the rule {decides.name!r} of the policy {decides.policy!r} decides instead",
            ours.address,
            (("policies[*].priority", decides.order[0]), ("rules[*].priority", decides.order[1])),
            None
            if decides.policy_id == mine.id
            else set_fields(kinds.AccessPolicy(key=mine.key, priority=1)),
        )
        return


def _askers(context: CheckContext) -> Iterator[tuple[str, frozenset[str]]]:
    """Anybody, and somebody of each group that is assigned."""
    yield "anybody", frozenset()
    for found in context.snapshot.all(kinds.GroupAssignment):
        yield f"the group {found.key}", frozenset({str(found.principal)})
