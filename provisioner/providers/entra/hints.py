"""Names of the hints in the local store."""

from __future__ import annotations

from .playbook import EntraPlaybook


def application_hint(playbook: EntraPlaybook) -> str:
    """The hint with the id of the application that this machine created, and when."""
    return f"{playbook.connection.tenant}/{playbook.name}/application"


def secrets_hint(playbook: EntraPlaybook, job_id: str) -> str:
    """The hint with the provisioning secrets that this machine last wrote; of the token, only a fingerprint."""
    return f"{playbook.connection.tenant}/{playbook.name}/secrets/{job_id}"


def on_demand_hint(job_id: str, group: str) -> str:
    """The hint that this machine provisioned a group on demand."""
    return f"{job_id}/on-demand/{group}"
