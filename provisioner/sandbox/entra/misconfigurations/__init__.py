"""Misconfigurations of an Entra tenant."""

from provisioner.sandbox.misconfigurations import Misconfigurations

from . import access, application, provisioning
from .tenant import Tenant

MISCONFIGURATIONS: Misconfigurations[Tenant] = Misconfigurations(
    {**application.misconfiguration, **access.misconfiguration, **provisioning.misconfiguration}
)

__all__ = ["MISCONFIGURATIONS", "Tenant"]
