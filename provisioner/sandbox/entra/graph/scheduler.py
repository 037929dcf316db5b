"""Provisioning cycles in the background, at most one of a job at a time.

Entra ID starts a cycle every 40 minutes and needs 20 minutes or more for the initial one. The sandbox runs a cycle as
soon as a job is started, and runs one cycle of an active job that is overdue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from provisioner.sandbox.background import Background
from provisioner.sandbox.entra import provisioning
from provisioner.sandbox.store import Document, Store

_RUNNING_CODES = ("Active", "Quarantine")
_INTERVAL = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?")


class CycleScheduler(Background):
    """Runs the cycles of one tenant's jobs.

    After `close` no cycle starts: an overdue job runs at the sandbox's next start.
    """

    def __init__(self, directory: Store) -> None:
        super().__init__(self._run_cycle, "cycle")
        self._directory = directory

    def start_overdue(self, jobs: Iterable[Document] | None = None) -> None:
        """Start a cycle of every overdue job, or of those of the given jobs that are overdue."""
        now = datetime.now(UTC)
        for job in self._directory.all("synchronizationJob") if jobs is None else jobs:
            if is_overdue(job, now):
                self.start(job["id"])

    def _run_cycle(self, job_id: str) -> None:
        provisioning.run_cycle(self._directory, job_id)


def is_overdue(job: Document, now: datetime) -> bool:
    """Whether an active job's next cycle should have begun.

    Args:
        job: the synchronizationJob document; a private ``_stalled`` prevents its cycles.
        now: the current time.
    """
    status = job["status"]
    if job["schedule"]["state"] != "Active" or status["code"] not in _RUNNING_CODES or job.get("_stalled"):
        return False
    if status["code"] == "Quarantine":
        return _has_passed(status["quarantine"] or {}, "nextAttempt", timedelta(), now)
    interval = _parse_interval(job["schedule"]["interval"])
    return _has_passed(status["lastExecution"] or {}, "timeBegan", interval, now)


def _has_passed(timestamps: dict[str, Any], name: str, interval: timedelta, now: datetime) -> bool:
    text = timestamps.get(name)
    return text is None or datetime.fromisoformat(text) + interval <= now


def _parse_interval(text: str) -> timedelta:
    """An interval such as PT40M. Other forms, such as the "never" of a new job, are 100 years."""
    match = _INTERVAL.fullmatch(text)
    if match is None:
        return timedelta(days=36500)
    hours, minutes = match.groups()
    return timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
