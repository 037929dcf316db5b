"""The report of every command."""

from __future__ import annotations

from typing import Final

from .diff import DiffReport
from .export import ExportReport
from .models import (
    ApplyReport,
    DoctorReport,
    DriftReport,
    HandoffReport,
    PermissionsReport,
    PlanReport,
    ReportModel,
)

REPORTS: Final[dict[str, type[ReportModel]]] = {
    "plan": PlanReport,
    "apply": ApplyReport,
    "drift": DriftReport,
    "doctor": DoctorReport,
    "permissions": PermissionsReport,
    "handoff": HandoffReport,
    "export": ExportReport,
    "diff": DiffReport,
}
"""By the name of the command; for ``provisioner schema`` and the reference pages."""
