"""What is the same whichever identity provider is connected: the Kiro side."""

from __future__ import annotations

from typing import Any, Final

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
