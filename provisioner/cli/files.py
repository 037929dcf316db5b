"""Files that commands write."""

from __future__ import annotations

from pathlib import Path

from provisioner.core.errors import UsageError


def refuse_overwriting(file: Path, *, force: bool) -> None:
    """Leave alone what is there.

    Raises:
        UsageError: there is such a file, and it is not to be overwritten.
    """
    if file.exists() and not force:
        raise UsageError(f"{file} is there already", hint="choose another file name, or add --force")


def write_file(file: Path, text: str) -> None:
    """Write a file, with the folder that it is in.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
