"""Resources that checks need. A check is skipped without them, and the reason names the check that reports them."""

from __future__ import annotations

from provisioner.core.check import CheckContext, SkipCheckError
from provisioner.providers.entra import resources as kinds


def required_application(context: CheckContext) -> kinds.Application:
    """The application."""
    return context.required(kinds.Application, "there is no application: see entra-application-missing")


def required_principal(context: CheckContext) -> kinds.ServicePrincipal:
    """The service principal of the application."""
    required_application(context)
    return context.required(
        kinds.ServicePrincipal, "there is no service principal: see entra-application-missing"
    )


def required_job(context: CheckContext) -> kinds.ProvisioningJob:
    """The provisioning job, if the playbook manages provisioning."""
    required_principal(context)
    if not context.all_desired(kinds.ProvisioningJob):
        raise SkipCheckError("the playbook does not manage provisioning")
    return context.required(kinds.ProvisioningJob, "there is no provisioning job: see entra-not-provisioned")


def required_mapping(context: CheckContext) -> kinds.AttributeMapping:
    """The attribute mapping of the job."""
    required_job(context)
    return context.required(kinds.AttributeMapping, "the schema of the job has no mapping for users")


def required_secrets(context: CheckContext) -> kinds.ProvisioningSecrets:
    """The SCIM endpoint and the settings of the job."""
    required_job(context)
    return context.required(kinds.ProvisioningSecrets, "no SCIM endpoint is set: see entra-not-provisioned")
