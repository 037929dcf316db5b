"""Checks of the OIDC application: whether it exists, and its grant types and client authentication."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.core.snapshot import ProblemKind
from provisioner.providers.okta import observations
from provisioner.providers.okta import resources as kinds

from .required import SIGN_IN_KINDS, inactive, missing_object, required_application

check = CheckRegistry()

_CLIENT = "application.settings.oauthClient"
_CREDENTIALS = "application.credentials.oauthClient"


@check("okta-application-missing", reads=(kinds.Application,), severity=Severity.HIGH)
def application_missing(context: CheckContext) -> Iterator[Violation]:
    """The OIDC application exists

    Symptom: No one can sign in; Okta's page says that the client id is invalid.

    Why: The playbook's application is not in this organization.

    Fix: Run provisioner apply.

    Source: Kiro, Okta guide, step 1.
    """
    desired = context.desired(kinds.Application)
    others = [(other.id, other.label) for other in context.snapshot.all(observations.OtherApplication)]
    yield from missing_object(
        context,
        desired,
        f"there is no OIDC application {desired.label!r}",
        (f"apps?q={desired.label}", others),
        SIGN_IN_KINDS,
    )


@check("okta-application-ambiguous", reads=(kinds.Application,), severity=Severity.HIGH)
def application_ambiguous(context: CheckContext) -> Iterator[Violation]:
    """Labels of applications and the name of the authorization server are unique

    Symptom: A change in the Admin Console has no effect, because it was made to the other object; apply refuses.

    Why: Okta allows several applications or authorization servers with the same name.

    Fix: Delete or rename the object that is not Kiro's, or select one with id: in the playbook.

    Source: Okta Management API, createApplication (labels need not be unique).
    """
    selected = (kinds.Application, kinds.ScimApplication, kinds.AuthorizationServer)
    for kind in selected:
        for desired in context.all_desired(kind):
            problem = context.snapshot.problem_for(desired.address)
            if problem and problem.kind is ProblemKind.AMBIGUOUS:
                evidence = tuple(("candidate", candidate) for candidate in problem.candidates)
                yield Violation(problem.message, desired.address, evidence)


@check("okta-application-inactive", reads=(kinds.Application,), severity=Severity.HIGH)
def application_inactive(context: CheckContext) -> Iterator[Violation]:
    """The OIDC application is active

    Symptom: No one can sign in.

    Why: The application was deactivated.

    Fix: In the Okta Admin Console, Applications, the OIDC application: set its status to active.

    Source: Okta Management API, activateApplication.
    """
    yield from inactive(
        required_application(context), "the OIDC application is inactive", "application.status"
    )


@check("okta-refresh-token-grant", reads=(kinds.Application,), severity=Severity.HIGH)
def refresh_token_grant(context: CheckContext) -> Iterator[Violation]:
    """The application may use refresh tokens

    Symptom: Users have to sign in again every hour, when the access token expires.

    Why: "Refresh Token" is not selected under "Grant type".

    Fix: In the Okta Admin Console, Applications, the OIDC application, General, Grant type: select Refresh Token.

    Source: Kiro, Okta guide, step 1.
    """
    yield from _missing_grant(context, "refresh_token")


@check("okta-authorization-code-grant", reads=(kinds.Application,), severity=Severity.HIGH)
def authorization_code_grant(context: CheckContext) -> Iterator[Violation]:
    """The application may use authorization codes

    Symptom: No one can sign in (unauthorized_client).

    Why: "Authorization Code" is not selected under "Grant type".

    Fix: In the Okta Admin Console, Applications, the OIDC application, General, Grant type: select Authorization Code.

    Source: Kiro, Okta guide, step 1.
    """
    yield from _missing_grant(context, "authorization_code")


def _missing_grant(context: CheckContext, grant_type: str) -> Iterator[Violation]:
    existing = required_application(context)
    grant_types = existing.grant_types or ()
    if grant_type not in grant_types:
        yield Violation(
            f"the grant type {grant_type} is not allowed",
            existing.address,
            ((f"{_CLIENT}.grant_types", list(grant_types)),),
            set_fields(kinds.Application(key=existing.key, grant_types=kinds.GRANT_TYPES)),
        )


@check("okta-extra-grants", reads=(kinds.Application,), severity=Severity.MEDIUM, security=True)
def extra_grants(context: CheckContext) -> Iterator[Violation]:
    """The application has no grant types that Kiro does not need

    Symptom: None. Tokens can be obtained in weaker ways, such as the implicit flow or a password.

    Why: More grant types are selected than Kiro's guide requires.

    Fix: In the Okta Admin Console, Applications, the OIDC application, General, Grant type: select Authorization Code
    and Refresh Token only.

    Source: Kiro, Okta guide, step 1 ("Leave the default values for all other fields").
    """
    existing = required_application(context)
    extra = [grant_type for grant_type in existing.grant_types or () if grant_type not in kinds.GRANT_TYPES]
    if extra:
        fix = kinds.Application(key=existing.key, grant_types=kinds.GRANT_TYPES, response_types=("code",))
        yield Violation(
            f"also allowed: {', '.join(extra)}",
            existing.address,
            ((f"{_CLIENT}.grant_types", list(existing.grant_types or ())),),
            set_fields(fix),
        )


@check("okta-client-authentication", reads=(kinds.Application,), severity=Severity.HIGH, security=True)
def client_authentication(context: CheckContext) -> Iterator[Violation]:
    """The application is a public client and requires PKCE

    Symptom: Sign-in fails at its last step (invalid_client), because Kiro has no secret. Without PKCE, a stolen code
    can be used.

    Why: Client authentication is not "None", or "Require PKCE" is not selected.

    Fix: In the Okta Admin Console, Applications, the OIDC application, General, Client Credentials: Client
    authentication None, with PKCE.

    Source: Okta Management API, ApplicationCredentialsOAuthClient; RFC 8252, sections 6 and 8.5.
    """
    existing = required_application(context)
    if existing.authentication != "none" or not existing.pkce_required:
        fix = kinds.Application(key=existing.key, authentication="none", pkce_required=True)
        yield Violation(
            f"client authentication is {existing.authentication}, PKCE is "
            f"{'required' if existing.pkce_required else 'not required'}",
            existing.address,
            (
                (f"{_CREDENTIALS}.token_endpoint_auth_method", existing.authentication),
                (f"{_CREDENTIALS}.pkce_required", existing.pkce_required),
            ),
            set_fields(fix),
        )
