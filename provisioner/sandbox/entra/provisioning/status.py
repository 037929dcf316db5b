"""The status of a job after a cycle: Graph's synchronizationStatus.

Members and their meaning: Microsoft Graph v1.0, synchronizationStatus, synchronizationTaskExecution,
synchronizationQuarantine. Quarantine rules: "Application provisioning in quarantine status".
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from provisioner.sandbox.entra.provisioning.job import NEVER, Link
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.outcome import Outcome
from provisioner.sandbox.entra.provisioning.provisioning_log import timestamp
from provisioner.sandbox.store import Document

_MIN_PROPORTION_FAILURES = 5_000
_MAX_FAILED_PROPORTION = 0.4
_MAX_FAILURES = 40_000
_MAX_ESCROWS = 60_000


@dataclass(frozen=True)
class Quarantine:
    """Why a job is quarantined: a quarantineReason, and a synchronizationError's code and message."""

    reason: str
    code: str
    message: str


@dataclass
class CycleRun:
    """The figures of one cycle.

    Attributes:
        began: when it began.
        ended: when it ended.
        initial: whether it is an initial cycle.
        imported: objects read from the source.
        deltas: changed objects among them.
        entitled: processed objects that are assigned.
        entitled_for_provisioning: those of them that are active too.
        outcomes: the outcomes of the processed objects.
        quarantine: why the job is quarantined, or None.
    """

    began: datetime
    ended: datetime
    initial: bool
    imported: int = 0
    deltas: int = 0
    entitled: int = 0
    entitled_for_provisioning: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    quarantine: Quarantine | None = None

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status == "failure"]

    @property
    def exports(self) -> int:
        """Attempted writes."""
        return sum(outcome.exports for outcome in self.outcomes)

    @property
    def exported(self) -> int:
        """Writes of the objects that did not fail."""
        return sum(outcome.exports for outcome in self.outcomes if outcome.status != "failure")

    @property
    def state(self) -> str:
        """The synchronizationTaskExecutionResult."""
        if self.quarantine is not None:
            return "Failed"
        return "EntryLevelErrors" if self.failures else "Succeeded"


def task_execution(run: CycleRun) -> Document:
    """The Graph synchronizationTaskExecution of a cycle."""
    failed = len({outcome.entry.id for outcome in run.failures})
    return {
        "activityIdentifier": str(uuid.uuid4()),
        "countEntitled": run.entitled,
        "countEntitledForProvisioning": run.entitled_for_provisioning,
        "countEscrowed": failed,
        "countEscrowedRaw": failed,
        "countExported": run.exported,
        "countExports": run.exports,
        "countImported": run.imported,
        "countImportedDeltas": run.deltas,
        "countImportedReferenceDeltas": sum(outcome.reference for outcome in run.outcomes),
        "state": run.state,
        "timeBegan": timestamp(run.began),
        "timeEnded": timestamp(run.ended),
        "error": _synchronization_error(run.quarantine),
    }


def _synchronization_error(quarantine: Quarantine | None) -> Document | None:
    if quarantine is None:
        return None
    return {"code": quarantine.code, "message": quarantine.message, "tenantActionable": True}


def status_after_cycle(
    status: Document,
    run: CycleRun,
    links: dict[str, Link],
    mappings: dict[str, ObjectMapping],
    *,
    active: bool,
) -> Document:
    """A job's status after a cycle.

    Args:
        status: the Graph synchronizationStatus before the cycle.
        run: the cycle.
        links: the provisioned objects' links after the cycle.
        mappings: the schema's object mappings by kind.
        active: whether the job's schedule is active; a job paused during the cycle stays Paused.
    """
    execution = task_execution(run)
    quarantined, succeeded = run.quarantine is not None, run.state == "Succeeded"
    failures = (status.get("countSuccessiveCompleteFailures") or 0) + 1
    changes = {
        "code": ("Quarantine" if quarantined else "Active") if active else "Paused",
        "countSuccessiveCompleteFailures": failures if quarantined else 0,
        "lastExecution": execution,
        "progress": [_progress(run)],
        "quarantine": _quarantine(status.get("quarantine") or {}, run),
        "synchronizedEntryCountByType": entry_counts(links, mappings),
    }
    if succeeded:
        changes |= _steady_state(status, run) | {"lastSuccessfulExecution": execution}
    if succeeded and run.exported:
        changes["lastSuccessfulExecutionWithExports"] = execution
    return status | changes


def entry_counts(links: dict[str, Link], mappings: dict[str, ObjectMapping]) -> list[Document]:
    """synchronizedEntryCountByType: "the mapping of the user type from the source system to the target system"."""
    counts: dict[str, int] = {}
    for link in links.values():
        mapping = mappings.get(link["kind"])
        if link["managed"] and mapping is not None:
            key = f"{mapping.kind} to {mapping.target}"
            counts[key] = counts.get(key, 0) + 1
    return [{"key": key, "value": value} for key, value in sorted(counts.items())]


def escrow_quarantine(outcomes: Iterable[Outcome]) -> Quarantine | None:
    """The quarantine when a cycle has too many failures ("Escrow thresholds"), else None."""
    processed = list(outcomes)
    failed = [outcome for outcome in processed if outcome.status == "failure"]
    base = sum(not outcome.reference for outcome in failed)
    proportion = base / len(processed) if processed else 0.0
    if len(failed) > _MAX_ESCROWS:
        reason = "EncounteredTotalEscrowThreshold"
    elif base > _MAX_FAILURES:
        reason = "EncounteredBaseEscrowThreshold"
    elif base >= _MIN_PROPORTION_FAILURES and proportion > _MAX_FAILED_PROPORTION:
        reason = "EncounteredEscrowProportionThreshold"
    else:
        return None
    return Quarantine(reason, reason, f"{len(failed)} of {len(processed)} objects could not be provisioned.")


def _steady_state(status: Document, run: CycleRun) -> Document:
    """The steady state: a cycle without errors leaves nothing to process."""
    first = status.get("steadyStateFirstAchievedTime") or NEVER
    ended = timestamp(run.ended)
    return {
        "steadyStateFirstAchievedTime": ended if first == NEVER else first,
        "steadyStateLastAchievedTime": ended,
    }


def _quarantine(before: Document, run: CycleRun) -> Document | None:
    if run.quarantine is None:
        return None
    ended = timestamp(run.ended)
    began = before.get("seriesBegan") or ended
    return {
        "currentBegan": ended,
        "nextAttempt": timestamp(_next_attempt(datetime.fromisoformat(began), run.ended)),
        "reason": run.quarantine.reason,
        "seriesBegan": began,
        "seriesCount": before.get("seriesCount", 0) + 1,
        "error": _synchronization_error(run.quarantine),
    }


def _next_attempt(first: datetime, now: datetime) -> datetime:
    """Retries are 6, 12 and 24 hours after the first failure, then daily ("Retry duration")."""
    hours = itertools.chain((6, 12), itertools.count(24, 24))
    return next(attempt for delay in hours if (attempt := first + timedelta(hours=delay)) > now)


def _progress(run: CycleRun) -> Document:
    return {
        "completedUnits": len(run.outcomes),
        "totalUnits": max(len(run.outcomes), run.deltas),
        "units": "Objects",
        "progressObservationDateTime": timestamp(run.ended),
    }
