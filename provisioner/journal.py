"""The tool's own files: hints for later runs, and backups made before something is replaced.

There is no state file: the tenant is the state. A hint helps to find a resource whose creation was interrupted, or to
detect that a secret changed. A backup helps to go back. Only the owner can read the files.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisioner.core.errors import UsageError
from provisioner.core.local_store import DAMAGED_HINTS
from provisioner.file_reading import MAX_HINTS_BYTES, read_start
from provisioner.file_writing import write_text


class Journal:
    """Hints and backups below one folder; a :class:`~provisioner.core.local_store.LocalStore`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hints = folder / "hints.json"

    def get(self, name: str) -> Any:
        """The JSON value of a hint, or None.

        Raises:
            UsageError: the file cannot be read, or is damaged.
        """
        return self._read_hints().get(name)

    def put(self, name: str, value: Any) -> None:
        """Store a JSON value, or delete the hint when the value is None. It is on disk when this returns.

        Raises:
            ProvisionerError: the file cannot be read or written, or is damaged.
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
            ProvisionerError: the file cannot be written.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self.folder / "backups" / f"{stamp}-{name}.json"
        self._write(path, value)
        return str(path)

    def _read_hints(self) -> dict[str, Any]:
        try:
            hints = json.loads(read_start(self._hints, MAX_HINTS_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise UsageError(f"cannot read {self._hints}: {error.strerror}", hint=DAMAGED_HINTS) from error
        except (ValueError, RecursionError) as error:
            raise self._damaged() from error
        if not isinstance(hints, dict):
            raise self._damaged()
        return hints

    def _damaged(self) -> UsageError:
        return UsageError(f"{self._hints} is damaged: it is not what provisioner wrote", hint=DAMAGED_HINTS)

    def _write(self, path: Path, value: Any) -> None:
        text = json.dumps(value, indent=1)
        write_text(path, text, private=True, hint="set PROVISIONER_STATE_DIR to a folder that can be written")
