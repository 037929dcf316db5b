"""Checks of the authorization server: its issuer, scopes, access policy and rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from provisioner.core.check import Catalogue, Look, Severity, SkipCheckError, Verdict
from provisioner.core.looking import as_in_playbook, desired, needed, of_desired, repaired
from provisioner.core.plan import Desired
from provisioner.core.snapshot import Fault
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import policy as evaluation
from provisioner.providers.okta import resources as kinds

from .looking import application, policy, rule, server

check = Catalogue()

_SERVER: Final = (kinds.AuthorizationServer,)
_POLICY: Final = (*_SERVER, kinds.AccessPolicy)
_RULE: Final = (*_POLICY, kinds.PolicyRule)
_CONDITIONS: Final = "rule.conditions"


@check("okta-licence", reads=(seen.ApiAccessManagement,), severity=Severity.HIGH)
def licence(look: Look) -> Iterator[Verdict]:
    """The organization may have custom authorization servers

    Symptom: Every call about authorization servers is answered with 401, as if the credentials were wrong.

    Why: The organization lacks API Access Management. The error code tells: E0000015 is the licence, E0000011 the token.

    Fix: Ask Okta for API Access Management; integrator organizations may not have it.

    Source: Okta developer documentation, API Access Management; recorded traffic of terraform-provider-okta,
    AuthServer_fullStack.
    """
    found = needed(look, seen.ApiAccessManagement, "the authorization servers were not read")
    if not found.licensed:
        yield Verdict("API Access Management is missing", found.address, (("errorCode", "E0000015"),))


@check("okta-server-missing", reads=_SERVER, severity=Severity.HIGH)
def server_missing(look: Look) -> Iterator[Verdict]:
    """The custom authorization server exists

    Symptom: Kiro cannot reach the issuer: its profile cannot be created, or nobody can sign in.

    Why: The playbook's authorization server is not in this organization. The organization's own server cannot have
    Kiro's scopes.

    Fix: Run provisioner apply; a new server has a new issuer, so the Kiro profile must be given it.

    Source: Kiro, Okta guide, step 2.
    """
    wanted = desired(look, kinds.AuthorizationServer)
    problem = look.snapshot.problem(wanted.address)
    if look.snapshot.one(kinds.AuthorizationServer) is None and (
        problem is None or problem.fault is Fault.MISSING
    ):
        message = problem.message if problem else f"there is no authorization server {wanted.name!r}"
        parts = (kinds.AuthorizationServer, kinds.Scope, kinds.AccessPolicy, kinds.PolicyRule)
        fix = None if problem else as_in_playbook(look, *parts, kinds.Application)
        yield Verdict(message, wanted.address, ((f"authorizationServers?q={wanted.name}", []),), fix)


@check("okta-server-inactive", reads=_SERVER, severity=Severity.HIGH)
def server_inactive(look: Look) -> Iterator[Verdict]:
    """The authorization server is active

    Symptom: Nobody can sign in; the issuer's discovery document is gone.

    Why: Somebody deactivated the authorization server.

    Fix: Security, API, Authorization Servers: activate it.

    Source: Okta Management API, activateAuthorizationServer.
    """
    found = server(look)
    if not found.active:
        yield Verdict(
            "the authorization server is inactive",
            found.address,
            (("authorizationServer.status", "INACTIVE"),),
            repaired(kinds.AuthorizationServer(key=found.key, active=True)),
        )


@check("okta-issuer", reads=(*_SERVER, seen.Discovery), severity=Severity.HIGH)
def issuer(look: Look) -> Iterator[Verdict]:
    """The issuer is the same wherever it is told, and on the domain the playbook knows

    Symptom: Signing in fails after it worked before: the issuer of the tokens is not the one in the Kiro profile.

    Why: The server's issuer follows a custom domain (Issuer: Custom URL or Dynamic), or its discovery documents tell
    another one. Kiro compares it with the Issuer URI that was pasted into the profile.

    Fix: Security, API, the authorization server, Settings, Issuer: Okta URL; or paste the new issuer into the Kiro
    profile and say authorization_server: issuer_mode in the playbook.

    Source: Okta Management API, AuthorizationServer issuerMode; RFC 8414, section 3.3.
    """
    found = server(look)
    if not found.active:
        raise SkipCheckError("the authorization server is inactive: see okta-server-inactive")
    wanted = desired(look, kinds.AuthorizationServer).issuer_mode
    documents = look.snapshot.of(seen.Discovery)
    for document in documents:
        if document.issuer != found.issuer:
            yield Verdict(
                f"{document.url} tells another issuer than the authorization server",
                found.address,
                (("authorizationServer.issuer", found.issuer), (f"{document.key}.issuer", document.issuer)),
                _on_own_domain(found),
            )
    if wanted is None and documents and not _on_the_same_host(found.issuer, documents[0].url):
        yield Verdict(
            f"the issuer is on another domain than the organization: {found.issuer}",
            found.address,
            (("authorizationServer.issuerMode", found.issuer_mode),),
            _on_own_domain(found),
        )


def _on_own_domain(found: kinds.AuthorizationServer) -> Desired:
    return repaired(kinds.AuthorizationServer(key=found.key, issuer_mode="ORG_URL"))


def _on_the_same_host(one: str | None, other: str) -> bool:
    return urlsplit(one or "").hostname == urlsplit(other).hostname


@check("okta-key-rotation", reads=_SERVER, severity=Severity.MEDIUM)
def key_rotation(look: Look) -> Iterator[Verdict]:
    """The signing keys of the authorization server rotate

    Symptom: None; a key that is never changed is a risk that grows.

    Why: Rotation is manual, or is overdue.

    Fix: Security, API, the authorization server, Settings, Signing Key Rotation: Automatic.

    Source: Okta Management API, AuthorizationServer credentials.signing.
    """
    found = server(look)
    due = datetime.fromisoformat(found.next_rotation) if found.next_rotation else None
    overdue = due is not None and due < datetime.now(UTC)
    if found.rotation != "AUTO" or overdue:
        told = "overdue" if overdue else "manual"
        yield Verdict(
            f"rotation of the signing keys is {told}",
            found.address,
            (
                ("authorizationServer.credentials.signing.rotationMode", found.rotation),
                ("authorizationServer.credentials.signing.nextRotation", found.next_rotation),
            ),
            repaired(kinds.AuthorizationServer(key=found.key, rotation="AUTO"))
            if found.rotation != "AUTO"
            else None,
        )


@check("okta-scopes-missing", reads=(*_SERVER, kinds.Scope), severity=Severity.HIGH)
def scopes_missing(look: Look) -> Iterator[Verdict]:
    """Both codewhisperer scopes exist

    Symptom: Signing in fails with invalid_scope.

    Why: A scope of Kiro's is not in the authorization server.

    Fix: Security, API, the authorization server, Scopes: add it, with User consent Implicit.

    Source: Kiro, Okta guide, step 2.
    """
    found = server(look)
    there = [scope.key for scope in look.snapshot.of(kinds.Scope)]
    missing = [wanted for wanted in of_desired(look, kinds.Scope) if wanted.key not in there]
    if missing:
        yield Verdict(
            f"missing: {', '.join(scope.key for scope in missing)}",
            found.address,
            (("scopes[*].name", there),),
            repaired(*(scope.model_copy(update={"after": ()}) for scope in missing)),
        )


@check("okta-scope-consent", reads=(*_SERVER, kinds.Scope), severity=Severity.MEDIUM)
def scope_consent(look: Look) -> Iterator[Verdict]:
    """Nobody is asked to consent to Kiro's scopes

    Symptom: People see a consent page when they sign in, or are refused where they may not consent.

    Why: "User consent" of a scope is Required or Flexible, not Implicit.

    Fix: Security, API, the authorization server, Scopes: set User consent to Implicit.

    Source: Kiro, Okta guide, step 2.
    """
    server(look)
    for scope in _ours(look):
        if scope.consent != "IMPLICIT":
            yield Verdict(
                f"{scope.key} asks for consent ({scope.consent})",
                scope.address,
                ((f"scopes[?name=='{scope.key}'].consent", scope.consent),),
                repaired(kinds.Scope(key=scope.key, consent="IMPLICIT")),
            )


@check("okta-scope-default", reads=(*_SERVER, kinds.Scope), severity=Severity.LOW)
def scope_default(look: Look) -> Iterator[Verdict]:
    """Kiro's scopes are given only to who asks for them

    Symptom: None; another client of this server that asks for no scope gets Kiro's.

    Why: "Set as a default scope" is ticked.

    Fix: Security, API, the authorization server, Scopes: untick it.

    Source: Kiro, Okta guide, step 2 ("Leave all other fields as default"); Okta Management API, OAuth2Scope.
    """
    server(look)
    for scope in _ours(look):
        if scope.default:
            yield Verdict(
                f"{scope.key} is a default scope",
                scope.address,
                ((f"scopes[?name=='{scope.key}'].default", True),),
                repaired(kinds.Scope(key=scope.key, default=False)),
            )


def _ours(look: Look) -> Iterator[kinds.Scope]:
    names = {scope.key for scope in of_desired(look, kinds.Scope)}
    return (scope for scope in look.snapshot.of(kinds.Scope) if scope.key in names)


@check("okta-policy-client", reads=(*_POLICY, kinds.Application), severity=Severity.HIGH)
def policy_client(look: Look) -> Iterator[Verdict]:
    """The access policy is for Kiro's application

    Symptom: Signing in fails: "Policy evaluation failed for this request".

    Why: The access policy is missing, or assigned to other clients.

    Fix: Security, API, the authorization server, Access Policies: assign the policy to the OIDC application.

    Source: Kiro, Okta guide, step 2.
    """
    server(look)
    client = application(look).client_id
    found = look.snapshot.one(kinds.AccessPolicy)
    there = tuple(map(str, found.clients or ())) if found else ()
    if not {client, kinds.ANY_CLIENT} & set(there):
        wanted = desired(look, kinds.AccessPolicy)
        yield Verdict(
            f"the access policy is not for client {client}" if found else "there is no access policy",
            wanted.address,
            (("policy.conditions.clients.include", list(there)),),
            as_in_playbook(look, kinds.Application, kinds.AccessPolicy, kinds.PolicyRule),
        )


@check("okta-policy-all-clients", reads=(*_POLICY, kinds.Application), severity=Severity.MEDIUM)
def policy_all_clients(look: Look) -> Iterator[Verdict]:
    """The access policy is for Kiro's application only

    Symptom: None; every other client of the organization may have tokens with Kiro's scopes.

    Why: The access policy is assigned to "All clients", or to others besides.

    Fix: Security, API, the authorization server, Access Policies: assign it to the OIDC application only.

    Source: Kiro, Okta guide, step 2.
    """
    found = policy(look)
    client = application(look).client_id
    others = [str(other) for other in found.clients or () if other != client]
    if client in (found.clients or ()) and not others:
        return
    if kinds.ANY_CLIENT in others or client in (found.clients or ()):
        yield Verdict(
            f"the access policy is also for: {', '.join(others)}",
            found.address,
            (("policy.conditions.clients.include", list(map(str, found.clients or ()))),),
            repaired(kinds.AccessPolicy(key=found.key, clients=(client,) if client else ())),
        )


@check("okta-policy-inactive", reads=_POLICY, severity=Severity.HIGH)
def policy_inactive(look: Look) -> Iterator[Verdict]:
    """The access policy is active

    Symptom: Signing in fails: "Policy evaluation failed for this request".

    Why: Somebody deactivated the access policy.

    Fix: Security, API, the authorization server, Access Policies: activate it.

    Source: Okta help, Create access policies.
    """
    found = policy(look)
    if not found.active:
        yield Verdict(
            "the access policy is inactive",
            found.address,
            (("policy.status", "INACTIVE"),),
            repaired(kinds.AccessPolicy(key=found.key, active=True)),
        )


@check("okta-rule-inactive", reads=_RULE, severity=Severity.HIGH)
def rule_inactive(look: Look) -> Iterator[Verdict]:
    """The rule of the access policy is active

    Symptom: Signing in fails: "Policy evaluation failed for this request".

    Why: Somebody deactivated the rule.

    Fix: Security, API, the authorization server, Access Policies: activate the rule.

    Source: Okta help, Create access policies.
    """
    found = rule(look)
    if not found.active:
        yield Verdict(
            "the rule is inactive",
            found.address,
            (("rule.status", "INACTIVE"),),
            repaired(kinds.PolicyRule(key=found.key, active=True)),
        )


@check("okta-rule-grant", reads=_RULE, severity=Severity.HIGH)
def rule_grant(look: Look) -> Iterator[Verdict]:
    """The rule allows authorization codes

    Symptom: Signing in fails: "Policy evaluation failed for this request".

    Why: "Authorization Code" is not ticked under "Grant type is" in the rule.

    Fix: Security, API, the authorization server, Access Policies, the rule: tick Authorization Code.

    Source: Kiro, Okta guide, step 2.
    """
    found = rule(look)
    there = found.grant_types or ()
    if "authorization_code" not in there:
        yield Verdict(
            "the rule does not allow authorization_code",
            found.address,
            ((f"{_CONDITIONS}.grantTypes.include", list(there)),),
            repaired(kinds.PolicyRule(key=found.key, grant_types=(*there, "authorization_code"))),
        )


@check("okta-rule-scopes", reads=_RULE, severity=Severity.HIGH)
def rule_scopes(look: Look) -> Iterator[Verdict]:
    """The rule allows both scopes and offline_access

    Symptom: Signing in fails: "Policy evaluation failed for this request"; one scope that is not allowed is enough.
    Without offline_access there are no refresh tokens.

    Why: There is no rule, or a scope is missing under "Scopes requested".

    Fix: Security, API, the authorization server, Access Policies, the rule, Scopes requested: add what is missing.

    Source: Kiro, Okta guide, step 2; Okta support article "Tokens not issued with lifetime configured in access rule".
    """
    policy(look)
    wanted = desired(look, kinds.PolicyRule)
    found = look.snapshot.one(kinds.PolicyRule)
    there = tuple((found.scopes if found else None) or ())
    missing = [name for name in wanted.scopes or () if name not in there]
    if missing and kinds.ANY_SCOPE not in there:
        yield Verdict(
            f"the rule does not allow {', '.join(missing)}" if found else "the access policy has no rule",
            wanted.address,
            ((f"{_CONDITIONS}.scopes.include", list(there)),),
            repaired(kinds.PolicyRule(key=found.key, scopes=(*there, *missing)))
            if found
            else repaired(wanted.model_copy(update={"after": ()})),
        )


@check("okta-rule-any-scope", reads=_RULE, severity=Severity.MEDIUM)
def rule_any_scope(look: Look) -> Iterator[Verdict]:
    """The rule allows only the scopes that Kiro needs

    Symptom: None; the application may ask for any scope of this server, those added later included.

    Why: "Any scopes" is chosen under "Scopes requested", or more are listed than the playbook has.

    Fix: Security, API, the authorization server, Access Policies, the rule: choose "The following scopes".

    Source: Kiro, Okta guide, step 2 ("Only grant the scopes that your organization requires").
    """
    found = rule(look)
    wanted = desired(look, kinds.PolicyRule).scopes or ()
    extra = [name for name in found.scopes or () if name not in wanted]
    if extra:
        message = "any scope is allowed" if kinds.ANY_SCOPE in extra else f"also allowed: {', '.join(extra)}"
        yield Verdict(
            message,
            found.address,
            ((f"{_CONDITIONS}.scopes.include", list(found.scopes or ())),),
            repaired(kinds.PolicyRule(key=found.key, scopes=wanted)),
        )


@check("okta-rule-people", reads=_RULE, severity=Severity.HIGH)
def rule_people(look: Look) -> Iterator[Verdict]:
    """The rule is for everybody who is assigned

    Symptom: Some people cannot sign in, although they are assigned: "Policy evaluation failed for this request".

    Why: "User is" in the rule names certain groups or users, or excludes some. Who may sign in is better said once, by
    the application's assignments.

    Fix: Security, API, the authorization server, Access Policies, the rule: choose "Any user assigned the app".

    Source: Kiro, Okta guide, step 2 ("Leave the default values").
    """
    found = rule(look)
    included = found.groups or ()
    excluded = (*(found.excluded_groups or ()), *(found.excluded_users or ()))
    if kinds.EVERYONE not in included or excluded:
        yield Verdict(
            "the rule excludes some people"
            if kinds.EVERYONE in included
            else "the rule is for some people only",
            found.address,
            (
                (f"{_CONDITIONS}.people.groups.include", list(included)),
                (f"{_CONDITIONS}.people.*.exclude", list(excluded)),
            ),
            repaired(
                kinds.PolicyRule(
                    key=found.key, groups=(kinds.EVERYONE,), excluded_groups=(), excluded_users=()
                )
            ),
        )


@check("okta-rule-lifetimes", reads=_RULE, severity=Severity.MEDIUM)
def rule_lifetimes(look: Look) -> Iterator[Verdict]:
    """Tokens live long enough to work, and not for too long

    Symptom: People have to sign in again and again; or a stolen access token works for a day.

    Why: The refresh token ends, or may not lie unused, before the access token does; or the access token lives for more
    than eight hours.

    Fix: Security, API, the authorization server, Access Policies, the rule: an hour, unlimited, 7 days are Okta's
    defaults.

    Source: Okta Management API, TokenAuthorizationServerPolicyRuleAction; the limit of eight hours is this product's.
    """
    found = rule(look)
    access = found.access_minutes or 60
    refresh = found.refresh_minutes or 0
    window = found.refresh_window_minutes or 0
    too_short = (0 < refresh <= access) or window <= access
    if too_short or access > _LONGEST_ACCESS_MINUTES:
        yield Verdict(
            "refresh tokens end before they are needed"
            if too_short
            else f"access tokens live for {access} minutes",
            found.address,
            (
                ("rule.actions.token.accessTokenLifetimeMinutes", access),
                ("rule.actions.token.refreshTokenLifetimeMinutes", refresh),
                ("rule.actions.token.refreshTokenWindowMinutes", window),
            ),
            repaired(
                kinds.PolicyRule(
                    key=found.key, access_minutes=60, refresh_minutes=0, refresh_window_minutes=10080
                )
            ),
        )


_LONGEST_ACCESS_MINUTES: Final = 480


@check(
    "okta-policy-shadowed",
    reads=(*_RULE, kinds.Application, seen.OtherPolicy, seen.OtherRule),
    severity=Severity.HIGH,
)
def policy_shadowed(look: Look) -> Iterator[Verdict]:
    """A sign-in from Kiro is decided by the playbook's rule

    Symptom: Tokens have another lifetime than the rule says, or lack what it gives; a change of the rule has no effect.

    Why: An earlier policy or rule fits the same request. The first that fits decides. This is what Token Preview would
    show; it has no API, so the evaluation is simulated.

    Fix: Security, API, the authorization server, Access Policies: move the playbook's policy to the top.

    Source: Okta help, Create access policies; Kiro, Okta guide, step 2 (Token Preview).
    """
    ours = rule(look)
    wanted = desired(look, kinds.PolicyRule)
    ask = evaluation.Ask(
        client=application(look).client_id or "",
        grant="authorization_code",
        scopes=frozenset(wanted.scopes or ()),
    )
    found = evaluation.rules(look.snapshot)
    decides = evaluation.deciding(found, ask)
    if decides is None or decides.address == ours.address:
        return
    mine = policy(look)
    in_our_policy = decides.policy == (mine.name or mine.key)
    yield Verdict(
        f"the rule {decides.name!r} of the policy {decides.policy!r} decides instead",
        ours.address,
        (("policies[*].priority", decides.order[0]), ("rules[*].priority", decides.order[1])),
        None if in_our_policy else repaired(kinds.AccessPolicy(key=mine.key, priority=1)),
    )
