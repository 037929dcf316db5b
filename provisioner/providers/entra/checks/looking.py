"""What the checks have in common: getting at what they look at, and saying what would repair it."""

from __future__ import annotations

from typing import Final, TypeVar

from provisioner.core.check import Look, SkipCheckError
from provisioner.core.plan import Desired
from provisioner.core.resource import Resource
from provisioner.core.step import ManualStep
from provisioner.providers.entra import resources as kinds

R = TypeVar("R", bound=Resource)

GUIDE: Final = "Kiro, Microsoft Entra guide"


def application(look: Look) -> kinds.Application:
    """The application; without it there is nothing to say."""
    return _needed(look, kinds.Application, "there is no application: see entra-application-missing")


def principal(look: Look) -> kinds.ServicePrincipal:
    """The service principal."""
    application(look)
    return _needed(
        look, kinds.ServicePrincipal, "there is no service principal: see entra-application-missing"
    )


def job(look: Look) -> kinds.ProvisioningJob:
    """The provisioning job."""
    principal(look)
    if not _of_desired(look, kinds.ProvisioningJob):
        raise SkipCheckError("the playbook does not manage provisioning")
    return _needed(look, kinds.ProvisioningJob, "there is no provisioning job: see entra-not-provisioned")


def mapping(look: Look) -> kinds.AttributeMapping:
    """The attribute mapping."""
    job(look)
    return _needed(look, kinds.AttributeMapping, "the attribute mapping cannot be told from the schema")


def secrets(look: Look) -> kinds.ProvisioningSecrets:
    """Where provisioning pushes to."""
    job(look)
    return _needed(look, kinds.ProvisioningSecrets, "no SCIM endpoint is set: see entra-not-provisioned")


def desired(look: Look, kind: type[R]) -> R:
    """What the playbook says about something of which it has one."""
    found = _of_desired(look, kind)
    if not found:
        raise SkipCheckError(f"the playbook does not manage {kind.kind}")
    return found[0]


def repaired(*resources: Resource) -> Desired:
    """A fix that sets these fields and leaves everything else alone."""
    return Desired(resources=resources)


def as_in_playbook(look: Look, *kinds_: type[Resource]) -> Desired:
    """A fix that makes these kinds as the playbook says, human steps included."""
    wanted: tuple[type[Resource], ...] = (*kinds_, ManualStep)
    return Desired(resources=tuple(found for found in look.desired.resources if isinstance(found, wanted)))


def _of_desired(look: Look, kind: type[R]) -> tuple[R, ...]:
    return tuple(found for found in look.desired.resources if isinstance(found, kind))


def _needed(look: Look, kind: type[R], otherwise: str) -> R:
    found = look.snapshot.one(kind)
    if found is None:
        raise SkipCheckError(otherwise)
    return found
