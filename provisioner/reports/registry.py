"""Every report by the command that prints it."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from .exports import DiffReport, ExportReport
from .models import ApplyReport, DoctorReport, DriftReport, HandoffSheet, PermissionsReport, PlanReport

REPORTS: Final[dict[str, type[BaseModel]]] = {
    "plan": PlanReport,
    "apply": ApplyReport,
    "drift": DriftReport,
    "doctor": DoctorReport,
    "permissions": PermissionsReport,
    "handoff": HandoffSheet,
    "export": ExportReport,
    "diff": DiffReport,
}
"""For ``provisioner schema`` and the reference pages."""
