"""Files of a command: the playbooks that it is given, and the files that it writes."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Collection, Iterable
from glob import glob
from pathlib import Path

from provisioner.core.errors import UsageError
from provisioner.core.redaction import redact


def find_playbooks(paths: Collection[Path]) -> tuple[Path, ...]:
    """The playbooks that paths name, each once, in the order of the paths.

    Args:
        paths: files, folders (searched with their subfolders) and glob patterns. If there are none, the playbooks in
            ./playbooks are returned, or else those in the current folder.

    Raises:
        UsageError: there is no playbook.
    """
    if not paths:
        for folder in (Path("playbooks"), Path()):
            if folder.is_dir() and (files := _in_folder(folder, recursive=False)):
                return files
        raise UsageError("no playbook here or in ./playbooks", hint="write one: provisioner init")
    files = tuple(dict.fromkeys(file for path in paths for file in _expand(path)))
    if not files:
        names = ", ".join(map(str, paths))
        raise UsageError(
            f"no playbook in {names}", hint="a playbook ends with .yaml or .yml and has a provider: key"
        )
    return files


def _expand(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        return _in_folder(path, recursive=True)
    if not path.exists() and any(sign in str(path) for sign in "*?["):
        matches = map(Path, sorted(glob(str(path), recursive=True)))  # noqa: PTH207 - absolute patterns, too
        return tuple(file for file in matches if _has_provider(file))
    return (path,)


def _in_folder(folder: Path, *, recursive: bool) -> tuple[Path, ...]:
    """The playbooks in a folder, without hidden ones: a mounted ConfigMap has each file in a hidden folder, too.

    A subfolder that cannot be listed is among the results, so that opening it reports the error.
    """
    paths: list[Path] = []

    def add_unreadable(error: OSError) -> None:
        paths.append(Path(error.filename))

    for parent, subfolders, names in os.walk(folder, onerror=add_unreadable):
        subfolders[:] = [name for name in subfolders if recursive and not name.startswith(".")]
        files = (Path(parent, name) for name in names if not name.startswith("."))
        paths += [file for file in files if file.suffix in (".yaml", ".yml") and _has_provider(file)]
    return tuple(sorted(paths))


def _has_provider(path: Path) -> bool:
    """Whether a file has the key ``provider``. An unreadable file counts, so that opening it reports the error."""
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        return False
    except OSError:
        return True
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # some shells redirect in UTF-16
    return utf_16 or re.search(rb"""^["']?provider["']?\s*:""", data, re.MULTILINE) is not None


def refuse_overwriting(files: Iterable[Path], *, force: bool) -> None:
    """Raise if a file exists and may not be overwritten.

    Raises:
        UsageError: names the existing files.
    """
    existing = [str(file) for file in files if file.exists()]
    if existing and not force:
        verb = "exists" if len(existing) == 1 else "exist"
        raise UsageError(
            f"{', '.join(existing)} {verb} already; nothing was written",
            hint="choose another name, or add --force to overwrite",
        )


def write_file(file: Path, text: str) -> None:
    """Write a file without secrets, and create its folder if needed.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(redact(text), encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
