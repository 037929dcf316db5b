"""Misconfigurations of an Okta org."""

from provisioner.sandbox.misconfigurations import Misconfigurations

from . import access, application, provisioning, server
from .org import Org

MISCONFIGURATIONS: Misconfigurations[Org] = Misconfigurations(
    {
        **application.misconfiguration,
        **server.misconfiguration,
        **access.misconfiguration,
        **provisioning.misconfiguration,
    }
)

__all__ = ["MISCONFIGURATIONS", "Org"]
