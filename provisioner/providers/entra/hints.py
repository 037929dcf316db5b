"""The hints in the local store: their names, and what they hold."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, field_validator

from .playbook import EntraPlaybook
from .resources import ProvisioningSecrets


class ApplicationHint(BaseModel):
    """The application that this machine created.

    Attributes:
        at: when, in seconds since the epoch.
        id: its object id; None before the response.
    """

    at: float = 0
    id: str | None = None


class SecretsHint(BaseModel):
    """The provisioning secrets that this machine last wrote.

    Attributes:
        token: a fingerprint of the token.
        written: the other fields.
    """

    token: str | None = None
    written: dict[str, Any]

    @field_validator("written")
    @classmethod
    def _has_fields_of_the_secrets(cls, written: dict[str, Any]) -> dict[str, Any]:
        ProvisioningSecrets.model_validate({**written, "key": ""})
        return written


def application_hint(playbook: EntraPlaybook) -> str:
    """The hint with the id of the application that this machine created, and when."""
    return f"{playbook.connection.tenant}/{playbook.name}/application"


def secrets_hint(playbook: EntraPlaybook, job_id: str) -> str:
    """The hint with the provisioning secrets that this machine last wrote; of the token, only a fingerprint."""
    return f"{playbook.connection.tenant}/{playbook.name}/secrets/{job_id}"


def on_demand_hint(job_id: str, group: str) -> str:
    """The hint that this machine provisioned a group on demand."""
    return f"{job_id}/on-demand/{group}"
