"""Files of the tool's own: notes between runs, and backups made before something is replaced.

There is no state file: the tenant is the state. What lies here only helps to find a resource whose creation was
interrupted, to tell whether a secret changed, and to go back. Everything is readable by its owner only.
"""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisioner.core.errors import UsageError


class Journal:
    """Notes and backups below one folder; see :class:`provisioner.core.local_store.Notebook`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._notes = folder / "notes.json"

    def get(self, name: str) -> Any:
        """The JSON value noted under a name, or None."""
        return self._all().get(name)

    def put(self, name: str, value: Any) -> None:
        """Note a JSON value; None forgets it. It is on disk when this returns.

        Raises:
            UsageError: it cannot be written.
        """
        notes = self._all()
        if value is None:
            notes.pop(name, None)
        else:
            notes[name] = value
        self._write(self._notes, notes)

    def back_up(self, name: str, value: Any) -> str:
        """Keep a JSON value for good and return where it is.

        Raises:
            UsageError: it cannot be written.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self.folder / "backups" / f"{stamp}-{name}.json"
        self._write(path, value)
        return str(path)

    def _all(self) -> dict[str, Any]:
        try:
            notes = json.loads(self._notes.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # lost or damaged notes cost convenience only
        return notes if isinstance(notes, dict) else {}

    def _write(self, path: Path, value: Any) -> None:
        """Atomically: a killed process leaves the old file or the new one."""
        try:
            self._replace(path, value)
        except OSError as error:
            raise UsageError(
                f"cannot write {path}: {error.strerror}",
                hint="set PROVISIONER_STATE_DIR to a folder that can be written",
            ) from error

    def _replace(self, path: Path, value: Any) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:  # mkstemp made it 0600
                json.dump(value, file, indent=1)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
