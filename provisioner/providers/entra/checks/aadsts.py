"""The AADSTS codes of failed sign-ins: the likely cause in an integration with Kiro, and the fix.

The meanings are Microsoft's (Microsoft identity platform, authentication and authorization error codes). What they
indicate in this integration is an inference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Explanation:
    """The explanation of a code.

    Attributes:
        cause: what happened.
        fix: what to do.
        benign: the code is part of a normal sign-in, so it is no finding.
    """

    cause: str
    fix: str = ""
    benign: bool = False


EXPLANATIONS: Final[dict[int, Explanation]] = {
    50011: Explanation(
        "the redirect URI is not registered",
        "check entra-redirect-uri-ide (IDE) and entra-redirect-uri-loopback (command line)",
    ),
    50105: Explanation(
        "the user is not assigned to the application", "add the user to an assigned group, directly"
    ),
    65001: Explanation(
        "neither the user nor an administrator has consented",
        "grant admin consent: application: admin_consent: true in the playbook",
    ),
    65004: Explanation("the user declined to consent", "the user signs in again and accepts"),
    65005: Explanation(
        "the application requests a scope that it must not request",
        "check entra-scopes-missing and entra-scope-disabled",
    ),
    650053: Explanation(
        "the scope does not exist on the application", "check entra-scopes-missing and entra-scope-disabled"
    ),
    650056: Explanation("the application's permissions are misconfigured", "grant admin consent again"),
    650057: Explanation(
        "the application did not declare the resource", "check entra-identifier-uri and entra-scopes-missing"
    ),
    500011: Explanation(
        "there is no application with the identifier URI api://<client id>", "check entra-identifier-uri"
    ),
    70011: Explanation("a requested scope is not valid", "check entra-scopes-missing"),
    28002: Explanation("a requested scope is not valid for the application", "check entra-scopes-missing"),
    90009: Explanation(
        "the application requests a token for itself, and does not use its client id as the name",
        "check entra-identifier-uri and entra-custom-identifier-uri",
    ),
    90008: Explanation(
        "the application requests a token for itself, which needs a Graph permission", "grant admin consent"
    ),
    90094: Explanation(
        "an administrator must consent",
        "grant admin consent: application: admin_consent: true in the playbook",
    ),
    53003: Explanation("Conditional Access blocks the sign-in", "check entra-conditional-access"),
    53000: Explanation("Conditional Access requires a compliant device", "check entra-conditional-access"),
    53001: Explanation("Conditional Access requires a joined device", "check entra-conditional-access"),
    50020: Explanation(
        "the account is from another tenant",
        "the user signs in with an account of this tenant, or is invited",
    ),
    50034: Explanation("the account does not exist in this tenant", "check the address that the user enters"),
    50194: Explanation(
        "a client tried a multi-tenant sign-in with a single-tenant application",
        "check the tenant id in the Kiro profile",
    ),
    700016: Explanation(
        "the client id is unknown in this tenant",
        "compare the ids in the Kiro profile with: provisioner handoff",
    ),
    700011: Explanation(
        "the application is not in this tenant",
        "compare the ids in the Kiro profile with: provisioner handoff",
    ),
    7000218: Explanation("the sign-in requires a client secret", "check entra-redirect-uri-wrong-platform"),
    9002327: Explanation(
        "the redirect URI is registered for a single-page application",
        "check entra-redirect-uri-wrong-platform",
    ),
    7000112: Explanation("the application is disabled", "check entra-application-disabled"),
    54005: Explanation("the authorization code was used twice", "the user signs in again"),
    50173: Explanation("the session was revoked", "the user signs in again", benign=True),
    70008: Explanation("the refresh token expired", "the user signs in again", benign=True),
    700082: Explanation(
        "the refresh token was not used for too long", "the user signs in again", benign=True
    ),
    70043: Explanation(
        "the sign-in frequency policy ended the session", "the user signs in again", benign=True
    ),
    50076: Explanation("the user was asked for multi-factor authentication", benign=True),
    50079: Explanation("the user must register for multi-factor authentication", benign=True),
    50199: Explanation("the user was asked to confirm the custom scheme", benign=True),
    50140: Explanation("the user was asked to stay signed in", benign=True),
    50126: Explanation("the user name or password was wrong", benign=True),
}


def explain(code: int, reason: str | None) -> Explanation:
    """The explanation of a code; for an unknown code, Entra's own reason."""
    return EXPLANATIONS.get(code) or Explanation(
        reason or "not explained here", f"https://login.microsoftonline.com/error?code={code}"
    )
