"""A job's status after a run: pure transitions of Graph's synchronizationStatus.

Members and their meaning: Microsoft Graph v1.0, synchronizationStatus, synchronizationTaskExecution,
synchronizationQuarantine. Quarantine rules: "Application provisioning in quarantine status".
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from provisioner.sandbox.entra.provisioning.log import timestamp
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.outcome import Outcome
from provisioner.sandbox.entra.provisioning.planning import Link

Document = dict[str, Any]

NEVER = "0001-01-01T00:00:00Z"
_NEVER_RUN: Document = {
    "escrowsPruned": False,
    "lastSuccessfulExecution": None,
    "lastSuccessfulExecutionWithExports": None,
    "steadyStateFirstAchievedTime": NEVER,
    "steadyStateLastAchievedTime": NEVER,
    "troubleshootingUrl": None,
}

_FEWEST_FAILURES = 5_000
_FAILED_SHARE = 0.4
_MOST_FAILURES = 40_000
_MOST_ESCROWS = 60_000


@dataclass(frozen=True)
class Quarantine:
    """Why a job goes into quarantine: a quarantineReason, and a synchronizationError's code and message."""

    reason: str
    code: str
    message: str


@dataclass
class Run:
    """The figures of one cycle.

    Attributes:
        began: when it began.
        ended: when it ended.
        initial: whether it was an initial cycle.
        imported: objects read from the source.
        deltas: changes found among them.
        entitled: objects processed that are assigned.
        entitled_for_provisioning: those of them that are active too.
        outcomes: what became of the objects that were worked on.
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
        return [each for each in self.outcomes if each.status == "failure"]

    @property
    def exports(self) -> int:
        return sum(each.exports for each in self.outcomes)

    @property
    def exported(self) -> int:
        return sum(each.exports for each in self.outcomes if each.status != "failure")

    @property
    def state(self) -> str:
        if self.quarantine is not None:
            return "Failed"
        return "EntryLevelErrors" if self.failures else "Succeeded"


def execution(run: Run) -> Document:
    """The Graph synchronizationTaskExecution of a cycle."""
    failed = len({each.entry.id for each in run.failures})
    error = None
    if run.quarantine is not None:
        error = {"code": run.quarantine.code, "message": run.quarantine.message, "tenantActionable": True}
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
        "countImportedReferenceDeltas": sum(each.reference for each in run.outcomes),
        "state": run.state,
        "timeBegan": timestamp(run.began),
        "timeEnded": timestamp(run.ended),
        "error": error,
    }


def after(
    status: Document,
    run: Run,
    links: dict[str, Link],
    mappings: dict[str, ObjectMapping],
    *,
    active: bool,
) -> Document:
    """A job's status after a cycle.

    Args:
        status: the Graph synchronizationStatus before.
        run: the cycle.
        links: what is provisioned now.
        mappings: the schema's object mappings by kind.
        active: whether the job's schedule is active; a job paused during the cycle stays Paused.
    """
    done = execution(run)
    quarantined, clean = run.quarantine is not None, run.state == "Succeeded"
    failures = (status.get("countSuccessiveCompleteFailures") or 0) + 1
    changed = {
        "code": ("Quarantine" if quarantined else "Active") if active else "Paused",
        "countSuccessiveCompleteFailures": failures if quarantined else 0,
        "lastExecution": done,
        "progress": [_progress(run)],
        "quarantine": _quarantine(status.get("quarantine"), run),
        "synchronizedEntryCountByType": entry_counts(links, mappings),
    }
    if clean:
        changed |= _steady(status, run) | {"lastSuccessfulExecution": done}
    if clean and run.exported:
        changed["lastSuccessfulExecutionWithExports"] = done
    return _NEVER_RUN | status | changed


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
    """Whether a cycle's failures are too many ("Escrow thresholds")."""
    worked = list(outcomes)
    failed = [each for each in worked if each.status == "failure"]
    plain = sum(not each.reference for each in failed)
    share = plain / len(worked) if worked else 0.0
    if len(failed) > _MOST_ESCROWS:
        reason = "EncounteredTotalEscrowThreshold"
    elif plain > _MOST_FAILURES:
        reason = "EncounteredBaseEscrowThreshold"
    elif plain >= _FEWEST_FAILURES and share > _FAILED_SHARE:
        reason = "EncounteredEscrowProportionThreshold"
    else:
        return None
    return Quarantine(reason, reason, f"{len(failed)} of {len(worked)} objects could not be provisioned.")


def _steady(status: Document, run: Run) -> Document:
    """A cycle without errors leaves nothing to process: the steady state."""
    first = status.get("steadyStateFirstAchievedTime") or NEVER
    now = timestamp(run.ended)
    return {
        "steadyStateFirstAchievedTime": now if first == NEVER else first,
        "steadyStateLastAchievedTime": now,
    }


def _quarantine(before: Document | None, run: Run) -> Document | None:
    if run.quarantine is None:
        return None
    count = (before or {}).get("seriesCount", 0) + 1
    began = (before or {}).get("seriesBegan") or timestamp(run.ended)
    return {
        "currentBegan": timestamp(run.ended),
        "nextAttempt": timestamp(_next_attempt(datetime.fromisoformat(began), run.ended)),
        "reason": run.quarantine.reason,
        "seriesBegan": began,
        "seriesCount": count,
        "error": {"code": run.quarantine.code, "message": run.quarantine.message, "tenantActionable": True},
    }


def _next_attempt(first: datetime, now: datetime) -> datetime:
    """Retries come 6, 12 and 24 hours after the first failure, then daily ("Retry duration")."""
    attempts = (first + timedelta(hours=hours) for hours in itertools.chain((6, 12), itertools.count(24, 24)))
    return next(each for each in attempts if each > now)


def _progress(run: Run) -> Document:
    return {
        "completedUnits": len(run.outcomes),
        "totalUnits": max(len(run.outcomes), run.deltas),
        "units": "Objects",
        "progressObservationDateTime": timestamp(run.ended),
    }
