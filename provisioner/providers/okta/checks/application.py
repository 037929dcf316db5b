"""Checks of the OIDC application: that there is one, and how it talks to Okta."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import Catalogue, Look, Severity, Verdict
from provisioner.core.looking import as_in_playbook, desired, repaired
from provisioner.core.snapshot import Fault
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import resources as kinds

from .looking import SIGNING_IN, application

check = Catalogue()

_CLIENT = "application.settings.oauthClient"
_CREDENTIALS = "application.credentials.oauthClient"


@check("okta-application-missing", reads=(kinds.Application,), severity=Severity.HIGH)
def application_missing(look: Look) -> Iterator[Verdict]:
    """The OIDC application exists

    Symptom: Nobody can sign in; Okta's page says that the client id is invalid.

    Why: The playbook's application is not in this organization.

    Fix: Run provisioner apply.

    Source: Kiro, Okta guide, step 1.
    """
    wanted = desired(look, kinds.Application)
    problem = look.snapshot.problem(wanted.address)
    if look.snapshot.one(kinds.Application) is None and (problem is None or problem.fault is Fault.MISSING):
        message = problem.message if problem else f"there is no OIDC application {wanted.label!r}"
        found = [(other.id, other.label) for other in look.snapshot.of(seen.OtherApplication)]
        fix = None if problem else as_in_playbook(look, *SIGNING_IN)
        yield Verdict(message, wanted.address, ((f"apps?q={wanted.label}", found),), fix)


@check("okta-application-ambiguous", reads=(kinds.Application,), severity=Severity.HIGH)
def application_ambiguous(look: Look) -> Iterator[Verdict]:
    """Only one application has the label, and the server's name is given once

    Symptom: A change in the Admin Console has no effect, because it was made to the other one; apply refuses.

    Why: Okta lets any number of applications and authorization servers have the same name.

    Fix: Delete or rename the one that is not Kiro's, or say which one is meant with id: in the playbook.

    Source: Okta Management API, createApplication (labels need not be unique).
    """
    for kind in (kinds.Application, kinds.ScimApplication, kinds.AuthorizationServer):
        for wanted in look.desired.resources:
            problem = look.snapshot.problem(wanted.address) if isinstance(wanted, kind) else None
            if problem and problem.fault is Fault.AMBIGUOUS:
                yield Verdict(
                    problem.message, wanted.address, tuple(("candidate", line) for line in problem.candidates)
                )


@check("okta-application-inactive", reads=(kinds.Application,), severity=Severity.HIGH)
def application_inactive(look: Look) -> Iterator[Verdict]:
    """The OIDC application is active

    Symptom: Nobody can sign in.

    Why: Somebody deactivated the application.

    Fix: Applications, the OIDC application: set its status to active.

    Source: Okta Management API, activateApplication.
    """
    found = application(look)
    if not found.active:
        fix = repaired(kinds.Application(key=found.key, active=True))
        yield Verdict(
            "the application is inactive", found.address, (("application.status", "INACTIVE"),), fix
        )


@check("okta-refresh-token-grant", reads=(kinds.Application,), severity=Severity.HIGH)
def refresh_token_grant(look: Look) -> Iterator[Verdict]:
    """The application may have refresh tokens

    Symptom: People have to sign in again every hour, when the access token ends.

    Why: The box "Refresh Token" under "Grant type" is not ticked.

    Fix: Applications, the OIDC application, General, Grant type: tick Refresh Token.

    Source: Kiro, Okta guide, step 1.
    """
    yield from _grant(look, "refresh_token")


@check("okta-authorization-code-grant", reads=(kinds.Application,), severity=Severity.HIGH)
def authorization_code_grant(look: Look) -> Iterator[Verdict]:
    """The application may use authorization codes

    Symptom: Nobody can sign in (unauthorized_client).

    Why: The grant type "Authorization Code" is not ticked.

    Fix: Applications, the OIDC application, General, Grant type: tick Authorization Code.

    Source: Kiro, Okta guide, step 1.
    """
    yield from _grant(look, "authorization_code")


def _grant(look: Look, grant: str) -> Iterator[Verdict]:
    found = application(look)
    there = found.grant_types or ()
    if grant not in there:
        fix = repaired(kinds.Application(key=found.key, grant_types=kinds.GRANT_TYPES))
        yield Verdict(
            f"the grant type {grant} is not allowed",
            found.address,
            ((f"{_CLIENT}.grant_types", list(there)),),
            fix,
        )


@check("okta-extra-grants", reads=(kinds.Application,), severity=Severity.MEDIUM, security=True)
def extra_grants(look: Look) -> Iterator[Verdict]:
    """The application has no grant types that Kiro does not need

    Symptom: None; tokens could be had by weaker ways, such as the implicit flow or a password.

    Why: Somebody ticked more grant types than the vendor's guide asks for.

    Fix: Applications, the OIDC application, General, Grant type: leave Authorization Code and Refresh Token only.

    Source: Kiro, Okta guide, step 1 ("Leave the default values for all other fields").
    """
    found = application(look)
    extra = [grant for grant in found.grant_types or () if grant not in kinds.GRANT_TYPES]
    if extra:
        fix = repaired(
            kinds.Application(key=found.key, grant_types=kinds.GRANT_TYPES, response_types=("code",))
        )
        yield Verdict(
            f"also allowed: {', '.join(extra)}",
            found.address,
            ((f"{_CLIENT}.grant_types", list(found.grant_types or ())),),
            fix,
        )


@check("okta-client-authentication", reads=(kinds.Application,), severity=Severity.HIGH, security=True)
def client_authentication(look: Look) -> Iterator[Verdict]:
    """The application is a public client that must prove its codes (PKCE)

    Symptom: Signing in fails at the end (invalid_client), because Kiro has no secret; or, without PKCE, a stolen
    code could be used by others.

    Why: Client authentication is not "None", or "Require PKCE" is not ticked.

    Fix: Applications, the OIDC application, General, Client Credentials: Client authentication None, with PKCE.

    Source: Okta Management API, ApplicationCredentialsOAuthClient; RFC 8252, sections 6 and 8.5.
    """
    found = application(look)
    if found.authentication != "none" or not found.pkce_required:
        fix = repaired(kinds.Application(key=found.key, authentication="none", pkce_required=True))
        yield Verdict(
            f"client authentication is {found.authentication}, PKCE is "
            f"{'required' if found.pkce_required else 'not required'}",
            found.address,
            (
                (f"{_CREDENTIALS}.token_endpoint_auth_method", found.authentication),
                (f"{_CREDENTIALS}.pkce_required", found.pkce_required),
            ),
            fix,
        )
