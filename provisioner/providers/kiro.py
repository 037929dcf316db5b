"""What is the same whichever identity provider is connected: the Kiro side."""

from __future__ import annotations

from typing import Any, Final

SCOPES: Final = ("codewhisperer:completions", "codewhisperer:conversations")
"""Kiro, Microsoft Entra guide and Okta guide, step 2: both scopes are required."""

KIRO_URI: Final = "kiro://kiro.oauth/callback"
"""The redirect URI of the IDE."""

LOOPBACK_PORTS: Final = (3128, 4649, 6588, 8008, 9091, 49153, 50153, 51153, 52153, 53153)
"""The ports a Kiro client tries, in its order."""

MISPRINTS: Final = ("kiro://kiro.auth/callback", ":2128/")
"""What older versions of the vendor's pages had for the IDE's redirect URI and for port 3128."""


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
"""Kiro documentation, Privacy and security, IAM permissions: those for profiles, and those that an external
identity provider needs besides."""


def iam_policy() -> dict[str, Any]:
    """An AWS IAM policy for whoever administers Kiro; the vendor lists the actions, the policy form is ours."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(IAM_ACTIONS), "Resource": "*"}],
    }
