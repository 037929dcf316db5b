"""Checks of the authorization server: its issuer, scopes, access policy and rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

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

from .required import SIGNING_IN, server

check = CheckRegistry()

_SERVER: Final = (kinds.AuthorizationServer,)
_POLICY: Final = (*_SERVER, kinds.AccessPolicy)
_RULE: Final = (*_POLICY, kinds.PolicyRule)
_CONDITIONS: Final = "rule.conditions"


@check("okta-licence", reads=(seen.ApiAccessManagement,), severity=Severity.HIGH)
def licence(context: CheckContext) -> Iterator[Violation]:
    """The organization may have custom authorization servers

    Symptom: Every call about authorization servers is answered with 401, as if the credentials were wrong.

    Why: The organization lacks API Access Management. The error code tells: E0000015 is the licence, E0000011 the token.

    Fix: Ask Okta for API Access Management; integrator organizations may not have it.

    Source: Okta developer documentation, API Access Management; recorded traffic of terraform-provider-okta,
    AuthServer_fullStack.
    """
    found = context.required(seen.ApiAccessManagement, "the authorization servers were not read")
    if not found.licensed:
        yield Violation("API Access Management is missing", found.address, (("errorCode", "E0000015"),))


@check("okta-server-missing", reads=_SERVER, severity=Severity.HIGH)
def server_missing(context: CheckContext) -> Iterator[Violation]:
    """The custom authorization server exists

    Symptom: Kiro cannot reach the issuer: its profile cannot be created, or nobody can sign in.

    Why: The playbook's authorization server is not in this organization. The organization's own server cannot have
    Kiro's scopes.

    Fix: Run provisioner apply; a new server has a new issuer, so the Kiro profile must be given it.

    Source: Kiro, Okta guide, step 2.
    """
    wanted = context.desired(kinds.AuthorizationServer)
    problem = context.snapshot.problem_for(wanted.address)
    if context.snapshot.first(kinds.AuthorizationServer) is None and (
        problem is None or problem.kind is ProblemKind.MISSING
    ):
        message = problem.message if problem else f"there is no authorization server {wanted.name!r}"
        fix = None if problem else context.as_in_playbook(*SIGNING_IN)
        yield Violation(message, wanted.address, ((f"authorizationServers?q={wanted.name}", []),), fix)


@check("okta-server-inactive", reads=_SERVER, severity=Severity.HIGH)
def server_inactive(context: CheckContext) -> Iterator[Violation]:
    """The authorization server is active

    Symptom: Nobody can sign in; the issuer's discovery document is gone.

    Why: Somebody deactivated the authorization server.

    Fix: Security, API, Authorization Servers: activate it.

    Source: Okta Management API, activateAuthorizationServer.
    """
    found = server(context)
    if not found.active:
        yield Violation(
            "the authorization server is inactive",
            found.address,
            (("authorizationServer.status", "INACTIVE"),),
            set_fields(kinds.AuthorizationServer(key=found.key, active=True)),
        )


@check("okta-issuer", reads=(*_SERVER, seen.Discovery), severity=Severity.HIGH, security=True)
def issuer(context: CheckContext) -> Iterator[Violation]:
    """The issuer is the same wherever it is told, and on the domain the playbook knows

    Symptom: Signing in fails after it worked before: the issuer of the tokens is not the one in the Kiro profile.

    Why: The server's issuer follows a custom domain (Issuer: Custom URL or Dynamic), or its discovery documents tell
    another one. Kiro compares it with the Issuer URI that was pasted into the profile.

    Fix: Security, API, the authorization server, Settings, Issuer: Okta URL; or paste the new issuer into the Kiro
    profile and say authorization_server: issuer_mode in the playbook.

    Source: Okta Management API, AuthorizationServer issuerMode; RFC 8414, section 3.3.
    """
    found = server(context)
    if not found.active:
        raise SkipCheckError("the authorization server is inactive: see okta-server-inactive")
    wanted = context.desired(kinds.AuthorizationServer).issuer_mode
    documents = context.snapshot.all(seen.Discovery)
    meant = wanted or "ORG_URL"
    fix = (
        set_fields(kinds.AuthorizationServer(key=found.key, issuer_mode=meant))
        if found.issuer_mode != meant
        else None
    )
    for document in documents:
        if document.issuer != found.issuer:
            yield Violation(
                f"{document.url} tells another issuer than the authorization server",
                found.address,
                (("authorizationServer.issuer", found.issuer), (f"{document.key}.issuer", document.issuer)),
                fix,
            )
        if lacking := _lacking(document):
            yield Violation(
                f"{document.url} does not offer what Kiro's clients need: {', '.join(lacking)}",
                found.address,
                tuple((f"{document.key}.{name}", value) for name, value in lacking.items()),
            )
    if wanted is None and documents and not _on_the_same_host(found.issuer, documents[0].url):
        yield Violation(
            f"the issuer is on another domain than the organization: {found.issuer}",
            found.address,
            (("authorizationServer.issuerMode", found.issuer_mode),),
            fix,
        )


def _lacking(document: seen.Discovery) -> dict[str, object]:
    """What a Kiro client would miss in a discovery document, by the member that should tell it."""
    grants = set(document.grant_types) or set(
        kinds.GRANT_TYPES
    )  # absent means a default (RFC 8414, section 2)
    found: dict[str, object] = {}
    if "S256" not in document.challenge_methods:
        found["code_challenge_methods_supported"] = list(document.challenge_methods)
    if not grants.issuperset(kinds.GRANT_TYPES):
        found["grant_types_supported"] = list(document.grant_types)
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        told = getattr(document, name)
        if not told or not any(_on_the_same_host(told, own) for own in (document.issuer, document.url)):
            found[name] = told
    return found


def _on_the_same_host(one: str | None, other: str | None) -> bool:
    return urlsplit(one or "").hostname == urlsplit(other or "").hostname


@check("okta-dynamic-issuer", reads=(*_SERVER, seen.CustomDomain), severity=Severity.MEDIUM)
def dynamic_issuer(context: CheckContext) -> Iterator[Violation]:
    """The issuer does not depend on the domain by which it is asked

    Symptom: Signing in fails for some, or fails after a client found the server by its other domain: the issuer of the
    tokens is not the one in the Kiro profile.

    Why: The organization has a custom domain, and the server's Issuer is Dynamic: it then has two issuers.

    Fix: Security, API, the authorization server, Settings, Issuer: choose the one that is in the Kiro profile.

    Source: Okta Management API, AuthorizationServer issuerMode.
    """
    found = server(context)
    domains = [domain.domain for domain in context.snapshot.all(seen.CustomDomain) if domain.verified]
    if found.issuer_mode == "DYNAMIC" and domains:
        meant = context.desired(kinds.AuthorizationServer).issuer_mode
        yield Violation(
            f"the issuer is another one on {', '.join(domains)}",
            found.address,
            (("authorizationServer.issuerMode", "DYNAMIC"), ("domains[*].domain", domains)),
            None
            if meant == "DYNAMIC"
            else set_fields(kinds.AuthorizationServer(key=found.key, issuer_mode="ORG_URL")),
            severity=Severity.LOW if meant == "DYNAMIC" else None,
        )


@check("okta-key-rotation", reads=_SERVER, severity=Severity.MEDIUM)
def key_rotation(context: CheckContext) -> Iterator[Violation]:
    """The signing keys of the authorization server rotate

    Symptom: None; a key that is never changed is a risk that grows.

    Why: Rotation is manual, or is overdue.

    Fix: Security, API, the authorization server, Settings, Signing Key Rotation: Automatic.

    Source: Okta Management API, AuthorizationServer credentials.signing.
    """
    found = server(context)
    automatic = found.rotation == "AUTO"
    due = datetime.fromisoformat(found.next_rotation) if found.next_rotation else None
    if not automatic or (due is not None and due < datetime.now(UTC)):
        yield Violation(
            f"rotation of the signing keys is {'overdue' if automatic else 'manual'}",
            found.address,
            (
                ("authorizationServer.credentials.signing.rotationMode", found.rotation),
                ("authorizationServer.credentials.signing.nextRotation", found.next_rotation),
            ),
            None if automatic else set_fields(kinds.AuthorizationServer(key=found.key, rotation="AUTO")),
        )


@check("okta-scopes-missing", reads=(*_SERVER, kinds.Scope), severity=Severity.HIGH)
def scopes_missing(context: CheckContext) -> Iterator[Violation]:
    """Both codewhisperer scopes exist

    Symptom: Signing in fails with invalid_scope.

    Why: A scope of Kiro's is not in the authorization server.

    Fix: Security, API, the authorization server, Scopes: add it, with User consent Implicit.

    Source: Kiro, Okta guide, step 2.
    """
    found = server(context)
    there = [scope.key for scope in context.snapshot.all(kinds.Scope)]
    missing = [wanted for wanted in context.all_desired(kinds.Scope) if wanted.key not in there]
    if missing:
        yield Violation(
            f"missing: {', '.join(scope.key for scope in missing)}",
            found.address,
            (("scopes[*].name", there),),
            set_fields(*(scope.model_copy(update={"depends_on": ()}) for scope in missing)),
        )


@check("okta-scope-consent", reads=(*_SERVER, kinds.Scope), severity=Severity.MEDIUM)
def scope_consent(context: CheckContext) -> Iterator[Violation]:
    """Nobody is asked to consent to Kiro's scopes

    Symptom: People see a consent page when they sign in, or are refused where they may not consent.

    Why: "User consent" of a scope is Required or Flexible, not Implicit.

    Fix: Security, API, the authorization server, Scopes: set User consent to Implicit.

    Source: Kiro, Okta guide, step 2.
    """
    server(context)
    for scope in _ours(context):
        if scope.consent != "IMPLICIT":
            yield Violation(
                f"{scope.key} asks for consent ({scope.consent})",
                scope.address,
                ((f"scopes[?name=='{scope.key}'].consent", scope.consent),),
                set_fields(kinds.Scope(key=scope.key, consent="IMPLICIT")),
            )


@check("okta-scope-default", reads=(*_SERVER, kinds.Scope), severity=Severity.LOW)
def scope_default(context: CheckContext) -> Iterator[Violation]:
    """Kiro's scopes are given only to who asks for them

    Symptom: None; another client of this server that asks for no scope gets Kiro's.

    Why: "Set as a default scope" is ticked.

    Fix: Security, API, the authorization server, Scopes: untick it.

    Source: Kiro, Okta guide, step 2 ("Leave all other fields as default"); Okta Management API, OAuth2Scope.
    """
    server(context)
    for scope in _ours(context):
        if scope.default:
            yield Violation(
                f"{scope.key} is a default scope",
                scope.address,
                ((f"scopes[?name=='{scope.key}'].default", True),),
                set_fields(kinds.Scope(key=scope.key, default=False)),
            )


def _ours(context: CheckContext) -> Iterator[kinds.Scope]:
    names = {scope.key for scope in context.all_desired(kinds.Scope)}
    return (scope for scope in context.snapshot.all(kinds.Scope) if scope.key in names)
