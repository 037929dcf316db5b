"""The facts about Kiro, which are the same for every identity provider."""

from __future__ import annotations

from typing import Any, Final

SCOPES: Final = ("codewhisperer:completions", "codewhisperer:conversations")
"""Kiro, Microsoft Entra guide and Okta guide, step 2: both scopes are required."""

KIRO_URI: Final = "kiro://kiro.oauth/callback"
"""The redirect URI of the IDE."""

LOOPBACK_PORTS: Final = (3128, 4649, 6588, 8008, 9091, 49153, 50153, 51153, 52153, 53153)
"""The ports that Kiro's clients try, in their order."""

IDENTITY_SETTINGS: Final = "Kiro console, Settings, Identity Management"
"""The page with the SCIM endpoint, the access tokens and the domains (Kiro, Microsoft Entra guide, steps 3 and 4)."""

GENERATE_INSTRUCTION: Final = (
    "In 'Access Tokens', select 'Generate Token' and copy it: it is shown only once."
)
"""What an admin does on that page (the same guide, step 4)."""

OTHER_PROFILE_HINT: Final = (
    "these users would reach another Kiro profile. Check the variable that scim: endpoint: refers to; "
    "if the profile is a new one on purpose, add --new-profile"
)
"""How to allow another SCIM endpoint than before."""

MISPRINTS: Final = ("kiro://kiro.auth/callback", ":2128/")
"""Wrong values of older versions of Kiro's guides: for the IDE's redirect URI, and for port 3128."""


def loopback_uri(port: int) -> str:
    """The loopback redirect URI on one port."""
    return f"http://localhost:{port}/oauth/callback"


IAM_ACTIONS: Final = (
    "codewhisperer:ListProfiles",
    "codewhisperer:CreateProfile",
    "codewhisperer:DeleteProfile",
    "codewhisperer:UpdateProfile",
    "codewhisperer:TagResource",
    "codewhisperer:UntagResource",
    "codewhisperer:ListTagsForResource",
    "codewhisperer:AllowVendedLogDeliveryForResource",
    "q:ListDashboardMetrics",
    "q:ListLoginDomains",
    "q:AssociateLoginDomain",
    "q:DisassociateLoginDomain",
    "q:ListScimAccessTokens",
    "q:CreateScimAccessToken",
    "q:DeleteScimAccessToken",
    "q:ListGroups",
    "q:ListUsers",
    "q:BatchDescribeUsers",
    "q:BatchDescribeGroups",
)
"""Kiro documentation, Privacy and security, IAM permissions: those for profiles, and those for an external identity
provider."""


def iam_policy() -> dict[str, Any]:
    """An AWS IAM policy for the Kiro administrators. Kiro's documentation lists the actions; the policy around them is ours."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(IAM_ACTIONS), "Resource": "*"}],
    }
