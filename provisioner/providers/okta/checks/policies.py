"""Checks of the access policy and its rule: whether sign-in from Kiro is allowed, and which rule decides it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.providers.okta import observations
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.policy_evaluation import TokenRequest, deciding_rule, effective_rules

from .required import (
    inactive,
    required_access_policy,
    required_application,
    required_authorization_server,
    required_policy_rule,
)

check = CheckRegistry()

_POLICY: Final = (kinds.AuthorizationServer, kinds.AccessPolicy)
_RULE: Final = (*_POLICY, kinds.PolicyRule)
_CLIENTS: Final = "policy.conditions.clients.include"
_CONDITIONS: Final = "rule.conditions"
_MAX_ACCESS_MINUTES: Final = 480


@check("okta-policy-client", reads=(*_POLICY, kinds.Application), severity=Severity.HIGH)
def policy_client(context: CheckContext) -> Iterator[Violation]:
    """The access policy is assigned to Kiro's application

    Symptom: Sign-in fails: "Policy evaluation failed for this request".

    Why: The access policy is missing, or assigned to other clients only.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Access Policies: assign the policy to the
    OIDC application.

    Source: Kiro, Okta guide, step 2.
    """
    required_authorization_server(context)
    client = required_application(context).client_id
    existing = context.snapshot.first(kinds.AccessPolicy)
    clients = tuple(map(str, existing.clients or ())) if existing else ()
    if not {client, kinds.ANY_CLIENT} & set(clients):
        yield Violation(
            f"the access policy is not assigned to the client {client}"
            if existing
            else "there is no access policy",
            context.desired(kinds.AccessPolicy).address,
            ((_CLIENTS, list(clients)),),
            context.as_in_playbook(kinds.Application, kinds.AccessPolicy, kinds.PolicyRule),
        )


@check(
    "okta-policy-all-clients", reads=(*_POLICY, kinds.Application), severity=Severity.MEDIUM, security=True
)
def policy_all_clients(context: CheckContext) -> Iterator[Violation]:
    """The access policy is assigned to Kiro's application only

    Symptom: None. Other clients of the organization may get tokens with Kiro's scopes.

    Why: The access policy is assigned to "All clients", or also to other clients.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Access Policies: assign it to the OIDC
    application only.

    Source: Kiro, Okta guide, step 2.
    """
    policy = required_access_policy(context)
    client = required_application(context).client_id
    clients = list(map(str, policy.clients or ()))
    others = [other for other in clients if other != client]
    if others and (client in clients or kinds.ANY_CLIENT in others):
        yield Violation(
            f"the access policy is also assigned to: {', '.join(others)}",
            policy.address,
            ((_CLIENTS, clients),),
            set_fields(kinds.AccessPolicy(key=policy.key, clients=(client,) if client else ())),
        )


@check("okta-policy-inactive", reads=_POLICY, severity=Severity.HIGH)
def policy_inactive(context: CheckContext) -> Iterator[Violation]:
    """The access policy is active

    Symptom: Sign-in fails: "Policy evaluation failed for this request".

    Why: The access policy was deactivated.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Access Policies: activate it.

    Source: Okta help, Create access policies.
    """
    yield from inactive(required_access_policy(context), "the access policy is inactive", "policy.status")


@check("okta-rule-inactive", reads=_RULE, severity=Severity.HIGH)
def rule_inactive(context: CheckContext) -> Iterator[Violation]:
    """The rule of the access policy is active

    Symptom: Sign-in fails: "Policy evaluation failed for this request".

    Why: The rule was deactivated.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Access Policies: activate the rule.

    Source: Okta help, Create access policies.
    """
    yield from inactive(required_policy_rule(context), "the rule is inactive", "rule.status")


@check("okta-rule-grant", reads=_RULE, severity=Severity.HIGH)
def rule_grant(context: CheckContext) -> Iterator[Violation]:
    """The rule allows authorization codes

    Symptom: Sign-in fails: "Policy evaluation failed for this request".

    Why: "Authorization Code" is not selected under "Grant type is" in the rule.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Access Policies, the rule: select
    Authorization Code.

    Source: Kiro, Okta guide, step 2.
    """
    rule = required_policy_rule(context)
    grant_types = rule.grant_types or ()
    if "authorization_code" not in grant_types:
        yield Violation(
            "the rule does not allow authorization_code",
            rule.address,
            ((f"{_CONDITIONS}.grantTypes.include", list(grant_types)),),
            set_fields(kinds.PolicyRule(key=rule.key, grant_types=("authorization_code",))),
        )


@check("okta-rule-scopes", reads=_RULE, severity=Severity.HIGH)
def rule_scopes(context: CheckContext) -> Iterator[Violation]:
    """The rule allows the playbook's scopes and offline_access

    Symptom: Sign-in fails: "Policy evaluation failed for this request". A single scope that is not allowed makes sign-in
    fail. Without offline_access there are no refresh tokens.

    Why: There is no rule, or a scope is missing under "Scopes requested".

    Fix: In the Okta Admin Console, Security, API, the authorization server, Access Policies, the rule, Scopes
    requested: add the missing scopes.

    Source: Kiro, Okta guide, step 2; Okta support article "Tokens not issued with lifetime configured in access rule".
    """
    required_access_policy(context)
    desired = context.desired(kinds.PolicyRule)
    existing = context.snapshot.first(kinds.PolicyRule)
    scopes = (existing.scopes if existing else None) or ()
    missing = [name for name in desired.scopes or () if name not in scopes]
    if missing and kinds.ANY_SCOPE not in scopes:
        yield Violation(
            f"the rule does not allow {', '.join(missing)}" if existing else "the access policy has no rule",
            desired.address,
            ((f"{_CONDITIONS}.scopes.include", list(scopes)),),
            set_fields(kinds.PolicyRule(key=existing.key, scopes=(*scopes, *missing)))
            if existing
            else set_fields(desired.model_copy(update={"depends_on": ()})),
        )


@check("okta-rule-any-scope", reads=_RULE, severity=Severity.MEDIUM, security=True)
def rule_any_scope(context: CheckContext) -> Iterator[Violation]:
    """The rule allows only the scopes that Kiro needs

    Symptom: None. The application may request any scope of this server, including scopes that are added later.

    Why: "Any scopes" is selected under "Scopes requested", or more scopes are listed than in the playbook.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Access Policies, the rule: select "The
    following scopes".

    Source: Kiro, Okta guide, step 2 ("Only grant the scopes that your organization requires").
    """
    rule = required_policy_rule(context)
    desired = context.desired(kinds.PolicyRule).scopes or ()
    extra = [name for name in rule.scopes or () if name not in desired]
    if extra:
        yield Violation(
            "any scope is allowed" if kinds.ANY_SCOPE in extra else f"also allowed: {', '.join(extra)}",
            rule.address,
            ((f"{_CONDITIONS}.scopes.include", list(rule.scopes or ())),),
            set_fields(kinds.PolicyRule(key=rule.key, scopes=desired)),
        )


@check("okta-rule-people", reads=_RULE, severity=Severity.HIGH)
def rule_people(context: CheckContext) -> Iterator[Violation]:
    """The rule includes every assigned user

    Symptom: Some users cannot sign in, although they are assigned: "Policy evaluation failed for this request".

    Why: "User is" in the rule includes only certain groups or users, or excludes some. The application's assignments
    are the better place to state who may sign in.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Access Policies, the rule: select "Any user
    assigned the app".

    Source: Kiro, Okta guide, step 2 ("Leave the default values").
    """
    rule = required_policy_rule(context)
    included = rule.groups or ()
    excluded = (*(rule.excluded_groups or ()), *(rule.excluded_users or ()))
    if kinds.EVERYONE not in included or excluded:
        fix = kinds.PolicyRule(key=rule.key, groups=(kinds.EVERYONE,), excluded_groups=(), excluded_users=())
        yield Violation(
            "the rule excludes some users"
            if kinds.EVERYONE in included
            else "the rule includes some users only",
            rule.address,
            (
                (f"{_CONDITIONS}.people.groups.include", list(included)),
                (f"{_CONDITIONS}.people.*.exclude", list(excluded)),
            ),
            set_fields(fix),
        )


@check("okta-rule-lifetimes", reads=_RULE, severity=Severity.MEDIUM)
def rule_lifetimes(context: CheckContext) -> Iterator[Violation]:
    """Refresh tokens outlive access tokens, and access tokens expire within eight hours

    Symptom: Users have to sign in again and again; or a stolen access token works for a day.

    Why: The lifetime of the refresh token, or the time that it may stay unused, is not longer than the lifetime of the
    access token. Or the access token lives for more than eight hours.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Access Policies, the rule: correct the
    lifetimes. Okta's defaults: access token 1 hour, refresh token unlimited, expires when unused for 7 days.

    Source: Okta Management API, TokenAuthorizationServerPolicyRuleAction; the limit of eight hours is provisioner's.
    """
    rule = required_policy_rule(context)
    desired = context.desired(kinds.PolicyRule)
    access = rule.access_token_minutes or kinds.DEFAULT_LIFETIMES["access_token_minutes"]
    refresh = rule.refresh_token_minutes or 0
    window = rule.refresh_window_minutes
    too_short = (0 < refresh <= access) or (window is not None and window <= access)
    in_playbook = any(getattr(desired, name) is not None for name in kinds.DEFAULT_LIFETIMES)
    if too_short or access > _MAX_ACCESS_MINUTES:
        message = (
            "refresh tokens expire before they are needed"
            if too_short
            else f"access tokens live for {access} minutes"
        )
        yield Violation(
            message + (" (set in the playbook)" if in_playbook else ""),
            rule.address,
            (
                ("rule.actions.token.accessTokenLifetimeMinutes", access),
                ("rule.actions.token.refreshTokenLifetimeMinutes", refresh),
                ("rule.actions.token.refreshTokenWindowMinutes", window),
            ),
            None if in_playbook else set_fields(kinds.PolicyRule(key=rule.key, **kinds.DEFAULT_LIFETIMES)),
            severity=Severity.LOW if in_playbook else None,
        )


@check(
    "okta-policy-shadowed",
    reads=(*_RULE, kinds.Application, observations.OtherPolicy, observations.OtherRule),
    severity=Severity.HIGH,
    security=True,
)
def policy_shadowed(context: CheckContext) -> Iterator[Violation]:
    """The playbook's rule decides sign-in from Kiro

    Symptom: Tokens have another lifetime than the rule states, or lack a scope that it allows; a change of the rule has
    no effect.

    Why: An earlier policy or rule matches the same request. The first match decides. Token Preview shows this in the
    console, but has no API, so doctor evaluates the rules itself.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Access Policies: move the playbook's policy
    to the top. If the deciding rule is in that same policy, move the playbook's rule above it.

    Source: Okta help, Create access policies; Kiro, Okta guide, step 2 (Token Preview).
    """
    own_rule, own_policy = required_policy_rule(context), required_access_policy(context)
    rules = effective_rules(context.snapshot)
    for subject, groups in _subjects(context):
        request = TokenRequest(
            client=required_application(context).client_id or "",
            grant_type="authorization_code",
            scopes=frozenset(context.desired(kinds.PolicyRule).scopes or ()),
            groups=groups,
        )
        deciding = deciding_rule(rules, request)
        if deciding is None or deciding.rule.address == own_rule.address:
            continue
        policy_priority, rule_priority = deciding.priority
        yield Violation(
            f"for {subject}, the rule {deciding.rule.name!r} of the policy {deciding.policy.name!r} decides instead",
            own_rule.address,
            (("policies[*].priority", policy_priority), ("rules[*].priority", rule_priority)),
            None
            if deciding.policy_id == own_policy.id
            else set_fields(kinds.AccessPolicy(key=own_policy.key, priority=1)),
        )
        return  # the same fix helps the remaining subjects, so one finding is enough


def _subjects(context: CheckContext) -> Iterator[tuple[str, frozenset[str]]]:
    """Whom to evaluate, as a label for messages, with their groups.

    First a user in no group, whose deciding rule applies to everyone; then the members of each assigned group.
    """
    yield "any user", frozenset()
    for assignment in context.snapshot.all(kinds.GroupAssignment):
        yield f"the group {assignment.key}", frozenset({str(assignment.principal)})
