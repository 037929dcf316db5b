"""What a failed sign-in's AADSTS code means for Kiro, and what to do.

Meanings are Microsoft's (Microsoft identity platform, authentication and authorization error codes); what they point
to in this integration is our reading, worded as likely where nobody has confirmed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Meaning:
    """A code explained.

    Attributes:
        benign: part of a normal sign-in; no finding.
    """

    what: str
    fix: str = ""
    benign: bool = False


MEANINGS: Final[dict[int, Meaning]] = {
    50011: Meaning(
        "the redirect URI is not registered",
        "check entra-redirect-uri-ide (IDE) and entra-redirect-uri-loopback (command line)",
    ),
    50105: Meaning(
        "the user is not assigned to the application", "add the user to an assigned group, directly"
    ),
    65001: Meaning(
        "nobody has consented", "grant admin consent: application: admin_consent: true in the playbook"
    ),
    65004: Meaning("the user declined to consent", "the user signs in again and accepts"),
    65005: Meaning(
        "the application asks for a scope it may not have",
        "check entra-scopes-missing and entra-scope-disabled",
    ),
    650053: Meaning(
        "the scope does not exist on the application", "check entra-scopes-missing and entra-scope-disabled"
    ),
    650056: Meaning("the application's permissions are misconfigured", "grant admin consent again"),
    650057: Meaning(
        "the application did not declare the resource", "check entra-identifier-uri and entra-scopes-missing"
    ),
    500011: Meaning("no application answers to api://<client id>", "check entra-identifier-uri"),
    70011: Meaning("a requested scope is not valid", "check entra-scopes-missing"),
    28002: Meaning("a requested scope is not valid for the application", "check entra-scopes-missing"),
    90009: Meaning(
        "the application asks for a token for itself by another name than its client id",
        "check entra-identifier-uri and entra-custom-identifier-uri",
    ),
    90008: Meaning(
        "the application asks for a token for itself, which needs a Graph permission", "grant admin consent"
    ),
    90094: Meaning(
        "an administrator has to consent",
        "grant admin consent: application: admin_consent: true in the playbook",
    ),
    53003: Meaning("Conditional Access blocks the sign-in", "check entra-conditional-access"),
    53000: Meaning("Conditional Access demands a compliant device", "check entra-conditional-access"),
    53001: Meaning("Conditional Access demands a joined device", "check entra-conditional-access"),
    50020: Meaning(
        "the account is from another tenant",
        "the user signs in with an account of this tenant, or is invited",
    ),
    50034: Meaning("the account does not exist in this tenant", "check the address the user types"),
    50194: Meaning(
        "a multi-tenant sign-in was tried with a single-tenant application",
        "check the tenant id in the Kiro profile",
    ),
    700016: Meaning(
        "the client id is unknown in this tenant",
        "compare the ids in the Kiro profile with: provisioner handoff",
    ),
    700011: Meaning(
        "the application is not in this tenant",
        "compare the ids in the Kiro profile with: provisioner handoff",
    ),
    7000218: Meaning("a client secret was demanded", "check entra-redirect-uri-wrong-platform"),
    9002327: Meaning(
        "the redirect URI is registered for a single-page application",
        "check entra-redirect-uri-wrong-platform",
    ),
    7000112: Meaning("the application is disabled", "check entra-application-disabled"),
    54005: Meaning("the authorization code was used twice", "the user signs in again"),
    50173: Meaning("the session was revoked", "the user signs in again", benign=True),
    70008: Meaning("the refresh token expired", "the user signs in again", benign=True),
    700082: Meaning("the refresh token was not used for too long", "the user signs in again", benign=True),
    70043: Meaning("the sign-in frequency policy ended the session", "the user signs in again", benign=True),
    50076: Meaning("multi-factor authentication was asked for", benign=True),
    50079: Meaning("the user has to register for multi-factor authentication", benign=True),
    50199: Meaning("the user was asked to confirm the custom scheme", benign=True),
    50140: Meaning("the user was asked to stay signed in", benign=True),
    50126: Meaning("a wrong user name or password", benign=True),
}


def meaning(code: int, reason: str | None) -> Meaning:
    """What a code means; for an unknown one, what Entra says."""
    return MEANINGS.get(code) or Meaning(
        reason or "not explained here", f"https://login.microsoftonline.com/error?code={code}"
    )
