"""Provisioning cycles in the background: never two of one job at a time, and none lost when one is running.

Entra ID starts a cycle every 40 minutes and needs 20 minutes or more for the first one. The sandbox runs a cycle at
once when a job is started, and catches up one cycle when an active job is overdue.
"""

from __future__ import annotations

import logging
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from provisioner.sandbox.store import Document, Store

_log = logging.getLogger(__name__)
_RUNNING_CODES = ("Active", "Quarantine")
_MINUTES = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?")


class Cycles:
    """Runs cycles of one tenant's jobs."""

    def __init__(self, directory: Store) -> None:
        self._directory = directory
        self._changed = threading.Condition()
        self._running: set[str] = set()
        self._again: set[str] = set()
        self._closed = False

    def start(self, job_id: str) -> None:
        """Run a cycle in the background; when one is running, another follows it.

        After `close` nothing is started: the job stays overdue and is caught up at the sandbox's next start.
        """
        with self._changed:
            if self._closed:
                return
            if job_id in self._running:
                self._again.add(job_id)
                return
            self._running.add(job_id)
        threading.Thread(target=self._work, args=(job_id,), name=f"cycle {job_id}", daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until no cycle runs; False when that took longer than so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout=seconds)

    def close(self) -> None:
        """Start nothing more, and wait until no cycle runs."""
        with self._changed:
            self._closed = True
        self.wait()

    def catch_up(self) -> None:
        """Start a cycle of every job that should have run by now."""
        now = datetime.now(UTC)
        for job in self._directory.all("synchronizationJob"):
            if overdue(job, now):
                self.start(job["id"])

    def _work(self, job_id: str) -> None:
        while True:
            self._run(job_id)
            with self._changed:
                if job_id in self._again:
                    self._again.discard(job_id)
                    continue
                self._running.discard(job_id)
                self._changed.notify_all()
                return

    def _run(self, job_id: str) -> None:
        from provisioner.sandbox import provisioning  # noqa: PLC0415 (start-up time)

        try:
            provisioning.run_cycle(self._directory, job_id)
        except Exception:  # noqa: BLE001 (nobody waits for this thread; the log is all there is)
            _log.exception("a provisioning cycle of %s failed inside the sandbox", job_id)


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
