"""The emulated Microsoft Graph, written from Microsoft's reference, metadata and published samples."""

from provisioner.sandbox.entra.graph.api import GraphApi
from provisioner.sandbox.entra.graph.cycles import Cycles

__all__ = ["Cycles", "GraphApi"]
