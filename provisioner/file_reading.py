"""Reads local files: regular files only, each up to a limit. A device or a FIFO neither blocks nor fills the memory.

While a command runs, this module remembers the files that were read for it, so that no output replaces one of them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from provisioner.core.errors import UsageError

MAX_PLAYBOOK_BYTES: Final = 250_000
MAX_REFERENCED_BYTES: Final = 64 * 1024
"""Of a file that a playbook refers to by ``${file:path}``."""
MAX_REPORT_BYTES: Final = 200_000_000
MAX_SNAPSHOT_BYTES: Final = 200_000_000
MAX_HINTS_BYTES: Final = 50_000_000

_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
)
"""Opening a FIFO without a writer would block; a terminal could become the process's own."""

_inputs: ContextVar[set[tuple[int, int]] | None] = ContextVar("inputs", default=None)
"""Device and inode of the inputs of the running command; None outside of commands."""


@contextmanager
def remembered_inputs() -> Iterator[None]:
    """Remember the files that are read in this block, for :func:`is_input`."""
    token = _inputs.set(set())
    try:
        yield
    finally:
        _inputs.reset(token)


def add_inputs(files: Iterable[Path]) -> None:
    """Make files inputs of the running command, even if it does not read them."""
    if (inputs := _inputs.get()) is not None:
        inputs.update(identity for file in files if (identity := _identity(file)))


def is_input(file: Path) -> bool:
    """Whether a path leads to an input of the running command, by whatever name."""
    inputs = _inputs.get()
    return bool(inputs) and _identity(file) in (inputs or ())


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def read_start(file: Path, limit: int) -> bytes:
    """The first bytes of a file, which does not become an input.

    Args:
        file: the file, or a link to it.
        limit: the number of bytes to read at most.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    with os.fdopen(os.open(file, _FLAGS), "rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(0, "it is not a regular file")
        return stream.read(limit)


def read_bytes(file: Path, limit: int) -> bytes:
    """The content of a file, which becomes an input of the command.

    Args:
        file: the file, or a link to it.
        limit: the number of bytes that it may have.

    Raises:
        UsageError: it cannot be read, is larger, or is not a regular file.
    """
    add_inputs([file])
    try:
        data = read_start(file, limit + 1)
    except ValueError as error:  # a null character
        raise UsageError(f"cannot read {file}: not a valid file name") from error
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    if len(data) > limit:
        raise UsageError(f"cannot read {file}: it has more than {limit} bytes")
    return data


def read_text(file: Path, limit: int) -> str:
    """The content of a UTF-8 file; see :func:`read_bytes`.

    Raises:
        UsageError: as there, or it is not UTF-8 text.
    """
    try:
        return read_bytes(file, limit).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {file}: it is not UTF-8 text") from error
