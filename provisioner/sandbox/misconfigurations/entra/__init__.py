"""What people do to a Microsoft Entra tenant."""

from provisioner.sandbox.misconfigurations.registry import Faults

from . import access, application, provisioning
from .tenant import Tenant

CATALOGUE: Faults[Tenant] = Faults({**application.fault, **access.fault, **provisioning.fault})

__all__ = ["CATALOGUE", "Tenant"]
