"""The writers: one method for each kind of resource that changes."""

from __future__ import annotations

from .applications import ApplicationWriter
from .authorization import AuthorizationWriter
from .provisioning import ProvisioningWriter


class OktaWriter(ApplicationWriter, AuthorizationWriter, ProvisioningWriter):
    """Writes to one organization: applications, the authorization server and provisioning."""
