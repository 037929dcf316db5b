"""Writes local files whole: into a temporary file beside the target, which is then renamed. A failure keeps the old file."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from provisioner.core.errors import ProvisionerError, UsageError
from provisioner.core.redaction import redact
from provisioner.file_reading import is_input

_NO_SPACE: Final = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""A full disk, an exhausted quota, the limit of the process, and a broken disk: no fault of the command line."""


def write_text(
    file: Path, text: str, *, private: bool = False, within: Path | None = None, hint: str = ""
) -> None:
    """Write a UTF-8 file without secrets, and create its folder if needed. A killed process leaves the old file or the new one.

    Args:
        file: the file. An existing one keeps its mode, unless ``private``.
        text: its content.
        private: only the owner can read the file, and the folders that are created.
        within: the folder that links must not lead out of; default: the file's own.
        hint: what to do when the file cannot be written.

    Raises:
        UsageError: the file is an input of the command, not a regular file, behind a link out of the folder, or
            cannot be written.
        ProvisionerError: there is no space.
    """
    try:
        target = _target(file, within or file.parent)
        _make_folder(target.parent, 0o700 if private else 0o777)
        _replace(target, redact(text).encode(), 0o600 if private else None)
    except OSError as error:
        raise writing_error(error, str(file), hint) from error


def writing_error(error: OSError, name: str, hint: str = "") -> ProvisionerError:
    """The error of a command that cannot write.

    Args:
        error: the cause.
        name: what cannot be written.
        hint: what to do, unless there is no space.
    """
    message = f"cannot write {name}: {error.strerror}"
    if is_no_space(error):
        return ProvisionerError(message, hint="free some space, then run the command again")
    return UsageError(message, hint=hint)


def is_no_space(error: OSError) -> bool:
    """Whether a disk is full or broken, so that the same command can succeed later."""
    return error.errno in _NO_SPACE


def _make_folder(folder: Path, mode: int) -> None:
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode, exist_ok=True)


def _target(file: Path, within: Path) -> Path:
    """The path to replace: the file itself, or where a link inside the folder leads.

    Raises:
        UsageError: see :func:`write_text`.
    """
    target = Path(os.path.realpath(file))  # unlike resolve(), it accepts links in a circle
    if not target.is_relative_to(os.path.realpath(within)):
        raise UsageError(
            f"{file} is a link to {target}, which is outside the folder; nothing was written",
            hint="name that file, or remove the link",
        )
    if is_input(target):
        raise UsageError(
            f"{file} is read by this command and would be replaced; nothing was written into it",
            hint="choose another name for the output",
        )
    if target.exists() and not target.is_file():
        raise UsageError(f"cannot write {file}: it exists and is not a regular file")
    return target


def _replace(file: Path, content: bytes, mode: int | None) -> None:
    temporary = file.with_name(f".{secrets.token_hex(8)}.tmp")
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode or 0o666
    )
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is None and file.exists():
            temporary.chmod(stat.S_IMODE(file.stat().st_mode))
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
