"""Writes to one tenant: one method for each kind of resource."""

from __future__ import annotations

from dataclasses import dataclass

from .directory import DirectoryWriter
from .provisioning import ProvisioningWriter


@dataclass
class EntraWriter(DirectoryWriter, ProvisioningWriter):
    """Writes to one tenant: the directory and provisioning."""
