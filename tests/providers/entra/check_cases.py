"""The Entra checks and their cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provisioner.providers.entra.checks import CHECKS
from provisioner.providers.entra.playbook import EntraPlaybook
from tests.providers.check_harness import Case, Suite

PROVISIONING = frozenset(
    {
        "entra-provisioning-job",
        "entra-attribute-mapping",
        "step",
        "entra-provisioning-secrets",
        "entra-provisioning-status",
    }
)
WIDER_FIXES = {
    "entra-application-missing": {
        "entra-application",
        "entra-service-principal",
        "entra-group",
        "entra-group-assignment",
        "entra-provision-on-demand",
        *PROVISIONING,
    },
    "entra-escrowed-entries": {"entra-provisioning-status"},
    "entra-group-not-assigned": {"entra-group", "entra-group-assignment", "step"},
    "entra-not-provisioned": PROVISIONING,
    "entra-quarantine": PROVISIONING,
    "entra-stale-execution": {"entra-provisioning-status"},
    "entra-user-consent-disabled": {"entra-admin-consent"},
}

SUITE = Suite("entra", Path(__file__).parent, tuple(CHECKS), EntraPlaybook, WIDER_FIXES)
HEALTHY = SUITE.healthy


def case(**content: Any) -> Case:
    """The healthy tenant with a few changes."""
    return SUITE.case(content)
