"""Provisioning cycles in the background: never two of one job at a time, and none lost when one is running.

Entra ID starts a cycle every 40 minutes and needs 20 minutes or more for the first one. The sandbox runs a cycle at
once when a job is started, and catches up one cycle when an active job is overdue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from provisioner.sandbox.background import Background
from provisioner.sandbox.store import Document, Store

_RUNNING_CODES = ("Active", "Quarantine")
_MINUTES = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?")


class Cycles(Background):
    """Runs cycles of one tenant's jobs.

    After `close` nothing is started: a job stays overdue and is caught up at the sandbox's next start.
    """

    def __init__(self, directory: Store) -> None:
        super().__init__(self._cycle, "cycle")
        self._directory = directory

    def catch_up(self, jobs: Iterable[Document] | None = None) -> None:
        """Start a cycle of every job that should have run by now; of these only, if they are given."""
        now = datetime.now(UTC)
        for job in self._directory.all("synchronizationJob") if jobs is None else jobs:
            if overdue(job, now):
                self.start(job["id"])

    def _cycle(self, job_id: str) -> None:
        from provisioner.sandbox.entra import provisioning  # noqa: PLC0415 (start-up time)

        provisioning.run_cycle(self._directory, job_id)


def overdue(job: Document, now: datetime) -> bool:
    """Whether an active job's next cycle should have begun.

    Args:
        job: the synchronizationJob document; a private ``_stalled`` marks one that is stuck on purpose.
        now: the present.
    """
    status = job["status"]
    if job["schedule"]["state"] != "Active" or status["code"] not in _RUNNING_CODES or job.get("_stalled"):
        return False
    if status["code"] == "Quarantine":
        return _before(status["quarantine"] or {}, "nextAttempt", timedelta(), now)
    return _before(status["lastExecution"] or {}, "timeBegan", _interval(job["schedule"]["interval"]), now)


def _before(moments: dict[str, Any], name: str, later: timedelta, now: datetime) -> bool:
    text = moments.get(name)
    return text is None or datetime.fromisoformat(text) + later <= now


def _interval(text: str) -> timedelta:
    """PT40M and the like; an interval the sandbox cannot read (the "never" of a new job) is never over."""
    found = _MINUTES.fullmatch(text)
    if found is None:
        return timedelta(days=36500)
    hours, minutes = found.groups()
    return timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
