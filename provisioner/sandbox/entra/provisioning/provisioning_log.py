"""Provisioning log entries: Graph's provisioningObjectSummary.

Members and values follow Microsoft Graph v1.0, provisioningObjectSummary and its example in "List
provisioningObjectSummary". On-demand provisioning is logged like a cycle.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime

from provisioner.sandbox.entra.provisioning.functions import Value
from provisioner.sandbox.entra.provisioning.job import Job
from provisioner.sandbox.entra.provisioning.outcome import Outcome, Step
from provisioner.sandbox.entra.provisioning.template import SOURCE_DIRECTORY
from provisioner.sandbox.store import Document


def timestamp(moment: datetime) -> str:
    """A moment in UTC as synchronization resources show it: microseconds."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def modified_properties(outcome: Outcome) -> list[Document]:
    """Graph modifiedProperty objects of the attributes that were changed, or should have been."""

    def text(value: Value) -> str | None:
        return json.dumps(value) if isinstance(value, list) else value

    return [
        {"displayName": name, "oldValue": text(old), "newValue": text(new)}
        for name, (old, new) in outcome.changes.items()
    ]


def object_summary(outcome: Outcome, job: Job, cycle_id: str) -> Document:
    """The log entry of one object.

    Args:
        outcome: the outcome of the object.
        job: the job that ran.
        cycle_id: id of the cycle.

    Returns:
        A Graph provisioningObjectSummary with a new id.
    """
    entry = outcome.entry
    return {
        "id": str(uuid.uuid4()),
        "activityDateTime": timestamp(outcome.ended),
        "tenantId": job.tenant_id,
        "jobId": job.id,
        "cycleId": cycle_id,
        "changeId": str(uuid.uuid4()),
        "provisioningAction": outcome.action,
        "durationInMilliseconds": int((outcome.ended - outcome.began).total_seconds() * 1000),
        "sourceSystem": {"id": None, "displayName": SOURCE_DIRECTORY, "details": {}},
        "targetSystem": {
            "id": None,
            "displayName": job.display_name,
            "details": {
                "ApplicationId": job.app_id,
                "ServicePrincipalId": job.service_principal_id,
                "ServicePrincipalDisplayName": job.display_name,
            },
        },
        "initiatedBy": {"id": "", "displayName": "Azure AD Provisioning Service", "initiatorType": "system"},
        "servicePrincipal": {"id": job.service_principal_id, "displayName": job.display_name},
        "sourceIdentity": {
            "id": entry.id,
            "displayName": entry.label,
            "identityType": entry.kind,
            "details": {},
        },
        "targetIdentity": {
            "id": outcome.target_id or "",
            "displayName": "",
            "identityType": outcome.mapping.target,
            "details": {},
        },
        "provisioningStatusInfo": {"status": outcome.status, "errorInformation": _error(outcome)},
        "provisioningSteps": [_step(step) for step in outcome.steps],
        "modifiedProperties": modified_properties(outcome),
    }


def _error(outcome: Outcome) -> Document | None:
    if outcome.error is None:
        return None
    return {
        "errorCode": outcome.error.code,
        "reason": outcome.error.reason,
        "additionalDetails": None,
        "errorCategory": "failure" if (outcome.error.status or 0) >= 500 else "nonServiceFailure",
        "recommendedAction": None,
    }


def _step(step: Step) -> Document:
    return {
        "name": step.name,
        "provisioningStepType": step.kind[0].lower() + step.kind[1:],
        "status": step.status.lower(),
        "description": step.description,
        "details": step.details,
    }
