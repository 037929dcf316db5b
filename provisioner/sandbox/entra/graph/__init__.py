"""The emulated Microsoft Graph, written from Microsoft's reference, metadata and published samples."""

from provisioner.sandbox.entra.graph.api import GraphApi
from provisioner.sandbox.entra.graph.scheduler import CycleScheduler

__all__ = ["CycleScheduler", "GraphApi"]
