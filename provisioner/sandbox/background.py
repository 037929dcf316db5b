"""Work in the background: never twice at once for one key, and none lost that was asked for meanwhile."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)
_locks: defaultdict[tuple[Path, str], threading.Lock] = defaultdict(threading.Lock)


def alone(store: Path, key: str) -> threading.Lock:
    """The lock that lets one piece of work on one thing of a store happen at a time in this process."""
    return _locks[store, key]


class Background:
    """Runs one kind of work, key by key, in threads that nobody has to wait for."""

    def __init__(self, work: Callable[[str], None], name: str) -> None:
        """Prepare.

        Args:
            work: does the work of one key; what it raises is logged.
            name: what the work is called in the log.
        """
        self._work = work
        self._name = name
        self._changed = threading.Condition()
        self._running: set[str] = set()
        self._again: set[str] = set()
        self._closed = False

    def start(self, key: str) -> None:
        """Run in the background; when the key's work is running, another run follows it.

        After `close` nothing is started.
        """
        with self._changed:
            if self._closed:
                return
            if key in self._running:
                self._again.add(key)
                return
            self._running.add(key)
        threading.Thread(target=self._run, args=(key,), name=f"{self._name} {key}", daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing runs; False when that took longer than so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout=seconds)

    def close(self) -> None:
        """Start nothing more, and wait until nothing runs."""
        with self._changed:
            self._closed = True
        self.wait()

    def _run(self, key: str) -> None:
        while True:
            try:
                self._work(key)
            except Exception:  # noqa: BLE001 (nobody waits for this thread; the log is all there is)
                _log.exception("%s %s failed inside the sandbox", self._name, key)
            with self._changed:
                if key in self._again:
                    self._again.discard(key)
                    continue
                self._running.discard(key)
                self._changed.notify_all()
                return
