"""Background work, key by key: never two runs of a key at once, and a request during a run leads to another run."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)
_locks: defaultdict[tuple[Path, str], threading.Lock] = defaultdict(threading.Lock)


def exclusive(store: Path, key: str) -> threading.Lock:
    """The lock of this process for work on one key of a store."""
    return _locks[store, key]


class Background:
    """Runs one kind of work in daemon threads, one per key."""

    def __init__(self, work: Callable[[str], None], name: str) -> None:
        """Prepare.

        Args:
            work: does the work for a key; its exceptions are logged.
            name: name of the work in the log.
        """
        self._work = work
        self._name = name
        self._changed = threading.Condition()
        self._running: set[str] = set()
        self._again: set[str] = set()
        self._closed = False

    def start(self, key: str) -> None:
        """Start a run for a key. If one is running, another one follows it. After `close`, nothing starts."""
        with self._changed:
            if self._closed:
                return
            if key in self._running:
                self._again.add(key)
                return
            self._running.add(key)
        threading.Thread(target=self._run, args=(key,), name=f"{self._name} {key}", daemon=True).start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing runs; False when that takes longer than `seconds`."""
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
            except Exception:  # noqa: BLE001 (no caller waits for this thread, so it is logged)
                _log.exception("%s %s failed inside the sandbox", self._name, key)
            with self._changed:
                if key in self._again:
                    self._again.discard(key)
                    continue
                self._running.discard(key)
                self._changed.notify_all()
                return
