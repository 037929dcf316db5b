"""Checks of the authorization server: its issuer, its signing keys and its scopes."""

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
from provisioner.providers.okta import observations
from provisioner.providers.okta import resources as kinds

from .required import SIGN_IN_KINDS, inactive, missing_object, required_authorization_server

check = CheckRegistry()

_SERVER: Final = (kinds.AuthorizationServer,)


@check("okta-licence", reads=(observations.ApiAccessManagement,), severity=Severity.HIGH)
def licence(context: CheckContext) -> Iterator[Violation]:
    """The organization has the license for custom authorization servers

    Symptom: Every request for authorization servers fails with 401, as if the credentials were wrong.

    Why: The organization lacks API Access Management. The error code shows it: E0000015 is the license, E0000011 the
    token.

    Fix: Ask Okta for API Access Management. Integrator organizations may not have it.

    Source: Okta developer documentation, API Access Management; recorded traffic of terraform-provider-okta,
    AuthServer_fullStack.
    """
    access_management = context.required(
        observations.ApiAccessManagement, "the authorization servers were not read"
    )
    if not access_management.licensed:
        yield Violation(
            "API Access Management is missing", access_management.address, (("errorCode", "E0000015"),)
        )


@check("okta-server-missing", reads=_SERVER, severity=Severity.HIGH)
def server_missing(context: CheckContext) -> Iterator[Violation]:
    """The custom authorization server exists

    Symptom: Kiro cannot reach the issuer: its profile cannot be created, or no one can sign in.

    Why: The playbook's authorization server is not in this organization. The organization's own authorization server
    cannot have Kiro's scopes.

    Fix: Run provisioner apply. A new server has a new issuer, so the Kiro profile needs the new value.

    Source: Kiro, Okta guide, step 2.
    """
    desired = context.desired(kinds.AuthorizationServer)
    yield from missing_object(
        context,
        desired,
        f"there is no authorization server {desired.name!r}",
        (f"authorizationServers?q={desired.name}", []),
        SIGN_IN_KINDS,
    )


@check("okta-server-inactive", reads=_SERVER, severity=Severity.HIGH)
def server_inactive(context: CheckContext) -> Iterator[Violation]:
    """The authorization server is active

    Symptom: No one can sign in; the issuer has no discovery document.

    Why: The authorization server was deactivated.

    Fix: In the Okta Admin Console, Security, API, Authorization Servers: activate it.

    Source: Okta Management API, activateAuthorizationServer.
    """
    yield from inactive(
        required_authorization_server(context),
        "the authorization server is inactive",
        "authorizationServer.status",
    )


@check("okta-issuer", reads=(*_SERVER, observations.DiscoveryDocument), severity=Severity.HIGH, security=True)
def issuer(context: CheckContext) -> Iterator[Violation]:
    """The server and its discovery documents have the same issuer, on the domain that the playbook expects

    Symptom: Sign-in fails after it worked before: the issuer of the tokens is not the one in the Kiro profile.

    Why: The server's issuer follows a custom domain (Issuer: Custom URL or Dynamic), or its discovery documents contain
    another issuer. Kiro compares it with the Issuer URI in its profile.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Settings, Issuer: Okta URL. Or enter the
    new issuer in the Kiro profile and set authorization_server: issuer_mode in the playbook.

    Source: Okta Management API, AuthorizationServer issuerMode; RFC 8414, section 3.3.
    """
    server = required_authorization_server(context)
    if not server.active:
        raise SkipCheckError("the authorization server is inactive: see okta-server-inactive")
    playbook_mode = context.desired(kinds.AuthorizationServer).issuer_mode
    mode = playbook_mode or "ORG_URL"
    fix = (
        set_fields(kinds.AuthorizationServer(key=server.key, issuer_mode=mode))
        if server.issuer_mode != mode
        else None
    )
    documents = context.snapshot.all(observations.DiscoveryDocument)
    for document in documents:
        if document.issuer != server.issuer:
            yield Violation(
                f"{document.url} has another issuer than the authorization server",
                server.address,
                (("authorizationServer.issuer", server.issuer), (f"{document.key}.issuer", document.issuer)),
                fix,
            )
        if missing := _missing_support(document):
            yield Violation(
                f"{document.url} lacks what Kiro's clients need: {', '.join(missing)}",
                server.address,
                tuple((f"{document.key}.{name}", value) for name, value in missing.items()),
            )
    if playbook_mode is None and documents and not _same_host(server.issuer, documents[0].url):
        yield Violation(
            f"the issuer is on another domain than the organization: {server.issuer}",
            server.address,
            (("authorizationServer.issuerMode", server.issuer_mode),),
            fix,
        )


def _missing_support(document: observations.DiscoveryDocument) -> dict[str, object]:
    """The members of a discovery document that do not fit a Kiro client, with their values.

    Absent grant types mean a default (RFC 8414, section 2). Endpoints must be on the host of the issuer or document.
    """
    grant_types = set(document.grant_types) or set(kinds.GRANT_TYPES)
    missing: dict[str, object] = {}
    if "S256" not in document.challenge_methods:
        missing["code_challenge_methods_supported"] = list(document.challenge_methods)
    if not grant_types.issuperset(kinds.GRANT_TYPES):
        missing["grant_types_supported"] = list(document.grant_types)
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        url = getattr(document, name)
        if not url or not any(_same_host(url, own) for own in (document.issuer, document.url)):
            missing[name] = url
    return missing


def _same_host(url: str | None, other_url: str | None) -> bool:
    return urlsplit(url or "").hostname == urlsplit(other_url or "").hostname


@check("okta-dynamic-issuer", reads=(*_SERVER, observations.CustomDomain), severity=Severity.MEDIUM)
def dynamic_issuer(context: CheckContext) -> Iterator[Violation]:
    """The issuer does not depend on the domain of the request

    Symptom: Sign-in fails for some users, or after a client used the server's other domain: the issuer of the tokens is
    not the one in the Kiro profile.

    Why: The organization has a custom domain, and the server's Issuer is Dynamic, so it has two issuers.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Settings, Issuer: select the one that is in
    the Kiro profile.

    Source: Okta Management API, AuthorizationServer issuerMode.
    """
    server = required_authorization_server(context)
    domains = [domain.domain for domain in context.snapshot.all(observations.CustomDomain) if domain.verified]
    if server.issuer_mode == "DYNAMIC" and domains:
        is_in_playbook = context.desired(kinds.AuthorizationServer).issuer_mode == "DYNAMIC"
        fix = set_fields(kinds.AuthorizationServer(key=server.key, issuer_mode="ORG_URL"))
        yield Violation(
            f"the issuer is different on {', '.join(domains)}",
            server.address,
            (("authorizationServer.issuerMode", "DYNAMIC"), ("domains[*].domain", domains)),
            None if is_in_playbook else fix,
            severity=Severity.LOW if is_in_playbook else None,
        )


@check("okta-key-rotation", reads=_SERVER, severity=Severity.MEDIUM)
def key_rotation(context: CheckContext) -> Iterator[Violation]:
    """The signing keys of the authorization server rotate

    Symptom: None. The longer a key is used, the higher the risk.

    Why: Rotation is manual, or overdue.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Settings, Signing Key Rotation: Automatic.

    Source: Okta Management API, AuthorizationServer credentials.signing.
    """
    server = required_authorization_server(context)
    automatic = server.rotation == "AUTO"
    due = datetime.fromisoformat(server.next_rotation) if server.next_rotation else None
    if not automatic or (due is not None and due < datetime.now(UTC)):
        yield Violation(
            f"rotation of the signing keys is {'overdue' if automatic else 'manual'}",
            server.address,
            (
                ("authorizationServer.credentials.signing.rotationMode", server.rotation),
                ("authorizationServer.credentials.signing.nextRotation", server.next_rotation),
            ),
            None if automatic else set_fields(kinds.AuthorizationServer(key=server.key, rotation="AUTO")),
        )


@check("okta-scopes-missing", reads=(*_SERVER, kinds.Scope), severity=Severity.HIGH)
def scopes_missing(context: CheckContext) -> Iterator[Violation]:
    """Both codewhisperer scopes exist

    Symptom: Sign-in fails with invalid_scope.

    Why: The authorization server lacks one of Kiro's scopes.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Scopes: add it, with User consent Implicit.

    Source: Kiro, Okta guide, step 2.
    """
    server = required_authorization_server(context)
    existing = [scope.key for scope in context.snapshot.all(kinds.Scope)]
    missing = [scope for scope in context.all_desired(kinds.Scope) if scope.key not in existing]
    if missing:
        yield Violation(
            f"missing: {', '.join(scope.key for scope in missing)}",
            server.address,
            (("scopes[*].name", existing),),
            set_fields(*(scope.model_copy(update={"depends_on": ()}) for scope in missing)),
        )


@check("okta-scope-consent", reads=(*_SERVER, kinds.Scope), severity=Severity.MEDIUM)
def scope_consent(context: CheckContext) -> Iterator[Violation]:
    """Users are not asked to consent to Kiro's scopes

    Symptom: Users see a consent page when they sign in, or are refused where they may not consent.

    Why: "User consent" of a scope is Required or Flexible, not Implicit.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Scopes: set User consent to Implicit.

    Source: Kiro, Okta guide, step 2.
    """
    for scope in _playbook_scopes(context):
        if scope.consent != "IMPLICIT":
            yield Violation(
                f"{scope.key} asks for consent ({scope.consent})",
                scope.address,
                ((f"scopes[?name=='{scope.key}'].consent", scope.consent),),
                set_fields(kinds.Scope(key=scope.key, consent="IMPLICIT")),
            )


@check("okta-scope-default", reads=(*_SERVER, kinds.Scope), severity=Severity.LOW)
def scope_default(context: CheckContext) -> Iterator[Violation]:
    """Kiro's scopes are granted only to clients that request them

    Symptom: None. Another client of this server that requests no scope gets Kiro's scopes.

    Why: "Set as a default scope" is selected.

    Fix: In the Okta Admin Console, Security, API, the authorization server, Scopes: clear it.

    Source: Kiro, Okta guide, step 2 ("Leave all other fields as default"); Okta Management API, OAuth2Scope.
    """
    for scope in _playbook_scopes(context):
        if scope.default:
            yield Violation(
                f"{scope.key} is a default scope",
                scope.address,
                ((f"scopes[?name=='{scope.key}'].default", True),),
                set_fields(kinds.Scope(key=scope.key, default=False)),
            )


def _playbook_scopes(context: CheckContext) -> tuple[kinds.Scope, ...]:
    """The existing scopes that the playbook lists."""
    required_authorization_server(context)
    names = {scope.key for scope in context.all_desired(kinds.Scope)}
    return tuple(scope for scope in context.snapshot.all(kinds.Scope) if scope.key in names)
