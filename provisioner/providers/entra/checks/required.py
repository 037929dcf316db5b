"""What the Entra checks context at; without it there is nothing to say."""

from __future__ import annotations

from typing import Final

from provisioner.core.check import CheckContext, SkipCheckError
from provisioner.providers.entra import resources as kinds

GUIDE: Final = "Kiro, Microsoft Entra guide"


def application(context: CheckContext) -> kinds.Application:
    """The application; without it there is nothing to say."""
    return context.required(kinds.Application, "there is no application: see entra-application-missing")


def principal(context: CheckContext) -> kinds.ServicePrincipal:
    """The service principal."""
    application(context)
    return context.required(
        kinds.ServicePrincipal, "there is no service principal: see entra-application-missing"
    )


def job(context: CheckContext) -> kinds.ProvisioningJob:
    """The provisioning job."""
    principal(context)
    if not context.all_desired(kinds.ProvisioningJob):
        raise SkipCheckError("the playbook does not manage provisioning")
    return context.required(kinds.ProvisioningJob, "there is no provisioning job: see entra-not-provisioned")


def mapping(context: CheckContext) -> kinds.AttributeMapping:
    """The attribute mapping."""
    job(context)
    return context.required(kinds.AttributeMapping, "the attribute mapping cannot be told from the schema")


def secrets(context: CheckContext) -> kinds.ProvisioningSecrets:
    """Where provisioning pushes to."""
    job(context)
    return context.required(kinds.ProvisioningSecrets, "no SCIM endpoint is set: see entra-not-provisioned")
