"""The writers: one method for each kind of resource that changes."""

from __future__ import annotations

from dataclasses import dataclass

from .applications import ApplicationWriter
from .authorization import AuthorizationWriter
from .provisioning import ProvisioningWriter


@dataclass
class OktaWriter(ApplicationWriter, AuthorizationWriter, ProvisioningWriter):
    """Writes to one organization: applications, the authorization server and provisioning."""
