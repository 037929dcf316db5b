"""The tool's own files: hints for later runs, and backups made before something is replaced.

There is no state file: the tenant is the state. A hint helps to find a resource whose creation was interrupted, or to
detect that a secret changed. A backup helps to go back. Only the owner can read the files.
"""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisioner.core.errors import UsageError
from provisioner.core.redaction import redact


class Journal:
    """Hints and backups below one folder; a :class:`~provisioner.core.local_store.LocalStore`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hints = folder / "hints.json"

    def get(self, name: str) -> Any:
        """The JSON value of a hint, or None."""
        return self._read_hints().get(name)

    def put(self, name: str, value: Any) -> None:
        """Store a JSON value, or delete the hint when the value is None. It is on disk when this returns.

        Raises:
            UsageError: the file cannot be written.
        """
        hints = self._read_hints()
        if value is None:
            hints.pop(name, None)
        else:
            hints[name] = value
        self._write(self._hints, hints)

    def back_up(self, name: str, value: Any) -> str:
        """Store a JSON value permanently and return its path.

        Raises:
            UsageError: the file cannot be written.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self.folder / "backups" / f"{stamp}-{name}.json"
        self._write(path, value)
        return str(path)

    def _read_hints(self) -> dict[str, Any]:
        try:
            hints = json.loads(self._hints.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # lost or damaged hints cost convenience only
        return hints if isinstance(hints, dict) else {}

    def _write(self, path: Path, value: Any) -> None:
        try:
            self._write_atomically(path, value)
        except OSError as error:
            raise UsageError(
                f"cannot write {path}: {error.strerror}",
                hint="set PROVISIONER_STATE_DIR to a folder that can be written",
            ) from error

    def _write_atomically(self, path: Path, value: Any) -> None:
        """Write a file. If the process is killed, the file has its old content or the new one."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:  # mkstemp made it 0600
                file.write(redact(json.dumps(value, indent=1)))
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
