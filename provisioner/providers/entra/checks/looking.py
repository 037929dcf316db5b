"""What the Entra checks look at; without it there is nothing to say."""

from __future__ import annotations

from typing import Final

from provisioner.core.check import Look, SkipCheckError
from provisioner.core.looking import needed, of_desired
from provisioner.providers.entra import resources as kinds

GUIDE: Final = "Kiro, Microsoft Entra guide"


def application(look: Look) -> kinds.Application:
    """The application; without it there is nothing to say."""
    return needed(look, kinds.Application, "there is no application: see entra-application-missing")


def principal(look: Look) -> kinds.ServicePrincipal:
    """The service principal."""
    application(look)
    return needed(
        look, kinds.ServicePrincipal, "there is no service principal: see entra-application-missing"
    )


def job(look: Look) -> kinds.ProvisioningJob:
    """The provisioning job."""
    principal(look)
    if not of_desired(look, kinds.ProvisioningJob):
        raise SkipCheckError("the playbook does not manage provisioning")
    return needed(look, kinds.ProvisioningJob, "there is no provisioning job: see entra-not-provisioned")


def mapping(look: Look) -> kinds.AttributeMapping:
    """The attribute mapping."""
    job(look)
    return needed(look, kinds.AttributeMapping, "the attribute mapping cannot be told from the schema")


def secrets(look: Look) -> kinds.ProvisioningSecrets:
    """Where provisioning pushes to."""
    job(look)
    return needed(look, kinds.ProvisioningSecrets, "no SCIM endpoint is set: see entra-not-provisioned")
