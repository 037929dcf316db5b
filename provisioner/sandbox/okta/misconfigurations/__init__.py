"""Misconfigurations of an Okta org."""

from . import access, application, provisioning, server
from .org import Org, misconfiguration

MISCONFIGURATIONS = misconfiguration

__all__ = ["MISCONFIGURATIONS", "Org", "access", "application", "provisioning", "server"]
