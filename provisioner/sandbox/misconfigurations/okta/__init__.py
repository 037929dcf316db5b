"""What people do to an Okta org."""

from provisioner.sandbox.misconfigurations.registry import Faults

from . import access, application, provisioning, server
from .org import Org

CATALOGUE: Faults[Org] = Faults({**application.fault, **server.fault, **access.fault, **provisioning.fault})

__all__ = ["CATALOGUE", "Org"]
