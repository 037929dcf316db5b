"""The Okta checks and their cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provisioner.providers.okta.checks import CHECKS
from provisioner.providers.okta.playbook import OktaPlaybook
from tests.providers.check_harness import Case, Suite

SIGN_IN = frozenset(
    {
        "okta-application",
        "okta-authorization-server",
        "okta-scope",
        "okta-access-policy",
        "okta-policy-rule",
        "okta-group",
        "okta-user",
        "okta-group-assignment",
        "okta-user-assignment",
        "step",
    }
)
PROVISIONING = frozenset(
    {
        "okta-scim-application",
        "okta-attribute-mapping",
        "okta-group",
        "okta-user",
        "okta-scim-group-assignment",
        "okta-scim-user-assignment",
        "okta-group-push",
        "step",
    }
)
WIDER_FIXES = {
    "okta-application-missing": SIGN_IN,
    "okta-server-missing": SIGN_IN,
    "okta-scopes-missing": {"okta-scope"},
    "okta-policy-client": {"okta-access-policy", "okta-policy-rule", "okta-application", "step"},
    "okta-policy-shadowed": {"okta-access-policy"},
    "okta-scim-application-missing": PROVISIONING,
    "okta-group-not-assigned": {
        "okta-group",
        "okta-user",
        "okta-group-assignment",
        "okta-user-assignment",
        "okta-scim-group-assignment",
        "okta-scim-user-assignment",
    },
    "okta-push-missing": {"okta-group", "okta-group-push"},
}

SUITE = Suite(
    "okta",
    Path(__file__).parent,
    tuple(CHECKS),
    OktaPlaybook,
    WIDER_FIXES,
    removing=frozenset({"okta-everyone-assigned"}),
)
HEALTHY = SUITE.healthy


def case(**changes: Any) -> Case:
    """The healthy organization with a few changes."""
    return SUITE.case(changes)
