"""Checks of the OIDC application: that there is one, and how it talks to Okta."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.core.snapshot import ProblemKind
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import resources as kinds

from .required import SIGNING_IN, application

check = CheckRegistry()

_CLIENT = "application.settings.oauthClient"
_CREDENTIALS = "application.credentials.oauthClient"


@check("okta-application-missing", reads=(kinds.Application,), severity=Severity.HIGH)
def application_missing(context: CheckContext) -> Iterator[Violation]:
    """The OIDC application exists

    Symptom: Nobody can sign in; Okta's page says that the client id is invalid.

    Why: The playbook's application is not in this organization.

    Fix: Run provisioner apply.

    Source: Kiro, Okta guide, step 1.
    """
    wanted = context.desired(kinds.Application)
    problem = context.snapshot.problem_for(wanted.address)
    if context.snapshot.first(kinds.Application) is None and (
        problem is None or problem.kind is ProblemKind.MISSING
    ):
        message = problem.message if problem else f"there is no OIDC application {wanted.label!r}"
        found = [(other.id, other.label) for other in context.snapshot.all(seen.OtherApplication)]
        fix = None if problem else context.as_in_playbook(*SIGNING_IN)
        yield Violation(message, wanted.address, ((f"apps?q={wanted.label}", found),), fix)


@check("okta-application-ambiguous", reads=(kinds.Application,), severity=Severity.HIGH)
def application_ambiguous(context: CheckContext) -> Iterator[Violation]:
    """Only one application has the label, and the server's name is given once

    Symptom: A change in the Admin Console has no effect, because it was made to the other one; apply refuses.

    Why: Okta lets any number of applications and authorization servers have the same name.

    Fix: Delete or rename the one that is not Kiro's, or say which one is meant with id: in the playbook.

    Source: Okta Management API, createApplication (labels need not be unique).
    """
    for kind in (kinds.Application, kinds.ScimApplication, kinds.AuthorizationServer):
        for wanted in context.desired_state.resources:
            problem = context.snapshot.problem_for(wanted.address) if isinstance(wanted, kind) else None
            if problem and problem.kind is ProblemKind.AMBIGUOUS:
                yield Violation(
                    problem.message, wanted.address, tuple(("candidate", line) for line in problem.candidates)
                )


@check("okta-application-inactive", reads=(kinds.Application,), severity=Severity.HIGH)
def application_inactive(context: CheckContext) -> Iterator[Violation]:
    """The OIDC application is active

    Symptom: Nobody can sign in.

    Why: Somebody deactivated the application.

    Fix: Applications, the OIDC application: set its status to active.

    Source: Okta Management API, activateApplication.
    """
    found = application(context)
    if not found.active:
        fix = set_fields(kinds.Application(key=found.key, active=True))
        yield Violation(
            "the application is inactive", found.address, (("application.status", "INACTIVE"),), fix
        )


@check("okta-refresh-token-grant", reads=(kinds.Application,), severity=Severity.HIGH)
def refresh_token_grant(context: CheckContext) -> Iterator[Violation]:
    """The application may have refresh tokens

    Symptom: People have to sign in again every hour, when the access token ends.

    Why: The box "Refresh Token" under "Grant type" is not ticked.

    Fix: Applications, the OIDC application, General, Grant type: tick Refresh Token.

    Source: Kiro, Okta guide, step 1.
    """
    yield from _grant(context, "refresh_token")


@check("okta-authorization-code-grant", reads=(kinds.Application,), severity=Severity.HIGH)
def authorization_code_grant(context: CheckContext) -> Iterator[Violation]:
    """The application may use authorization codes

    Symptom: Nobody can sign in (unauthorized_client).

    Why: The grant type "Authorization Code" is not ticked.

    Fix: Applications, the OIDC application, General, Grant type: tick Authorization Code.

    Source: Kiro, Okta guide, step 1.
    """
    yield from _grant(context, "authorization_code")


def _grant(context: CheckContext, grant: str) -> Iterator[Violation]:
    found = application(context)
    there = found.grant_types or ()
    if grant not in there:
        fix = set_fields(kinds.Application(key=found.key, grant_types=kinds.GRANT_TYPES))
        yield Violation(
            f"the grant type {grant} is not allowed",
            found.address,
            ((f"{_CLIENT}.grant_types", list(there)),),
            fix,
        )


@check("okta-extra-grants", reads=(kinds.Application,), severity=Severity.MEDIUM, security=True)
def extra_grants(context: CheckContext) -> Iterator[Violation]:
    """The application has no grant types that Kiro does not need

    Symptom: None; tokens could be had by weaker ways, such as the implicit flow or a password.

    Why: Somebody ticked more grant types than the vendor's guide asks for.

    Fix: Applications, the OIDC application, General, Grant type: leave Authorization Code and Refresh Token only.

    Source: Kiro, Okta guide, step 1 ("Leave the default values for all other fields").
    """
    found = application(context)
    extra = [grant for grant in found.grant_types or () if grant not in kinds.GRANT_TYPES]
    if extra:
        fix = set_fields(
            kinds.Application(key=found.key, grant_types=kinds.GRANT_TYPES, response_types=("code",))
        )
        yield Violation(
            f"also allowed: {', '.join(extra)}",
            found.address,
            ((f"{_CLIENT}.grant_types", list(found.grant_types or ())),),
            fix,
        )


@check("okta-client-authentication", reads=(kinds.Application,), severity=Severity.HIGH, security=True)
def client_authentication(context: CheckContext) -> Iterator[Violation]:
    """The application is a public client that must prove its codes (PKCE)

    Symptom: Signing in fails at the end (invalid_client), because Kiro has no secret; or, without PKCE, a stolen
    code could be used by others.

    Why: Client authentication is not "None", or "Require PKCE" is not ticked.

    Fix: Applications, the OIDC application, General, Client Credentials: Client authentication None, with PKCE.

    Source: Okta Management API, ApplicationCredentialsOAuthClient; RFC 8252, sections 6 and 8.5.
    """
    found = application(context)
    if found.authentication != "none" or not found.pkce_required:
        fix = set_fields(kinds.Application(key=found.key, authentication="none", pkce_required=True))
        yield Violation(
            f"client authentication is {found.authentication}, PKCE is "
            f"{'required' if found.pkce_required else 'not required'}",
            found.address,
            (
                (f"{_CREDENTIALS}.token_endpoint_auth_method", found.authentication),
                (f"{_CREDENTIALS}.pkce_required", found.pkce_required),
            ),
            fix,
        )
