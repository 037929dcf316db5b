"""Misconfigurations of an Entra tenant."""

from . import access, application, provisioning
from .tenant import Tenant, misconfiguration

MISCONFIGURATIONS = misconfiguration

__all__ = ["MISCONFIGURATIONS", "Tenant", "access", "application", "provisioning"]
