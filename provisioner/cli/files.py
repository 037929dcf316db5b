"""Files of a command: the playbooks that it is given, and those that it may overwrite."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from glob import escape, glob
from pathlib import Path

from provisioner.core.errors import UsageError
from provisioner.file_reading import MAX_PLAYBOOK_BYTES, add_inputs, read_start


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
                add_inputs(files)
                return files
        raise UsageError("no playbook here or in ./playbooks", hint="write one: provisioner init")
    files = tuple(dict.fromkeys(file for path in paths for file in _expand(path)))
    add_inputs(files)
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
        return tuple(file for file in sorted(_matches(path)) if _has_provider(file))
    return (path,)


def _matches(pattern: Path) -> Iterator[Path]:
    """The paths that a pattern matches. Its ``**`` follows no links, which can lead back to where they are."""
    if "**" not in pattern.parts:
        yield from map(Path, glob(str(pattern)))  # noqa: PTH207 - absolute patterns, too
        return
    at = pattern.parts.index("**")
    rest = Path(*(pattern.parts[at + 1 :] or "*"))
    for start in _matches(Path(*pattern.parts[:at])) if at else [Path()]:
        for folder, _ in _walk(start, lambda _: None):
            yield from _matches(Path(escape(str(folder))) / rest)


def _in_folder(folder: Path, *, recursive: bool) -> tuple[Path, ...]:
    """The playbooks in a folder, without hidden ones: a mounted ConfigMap has each file in a hidden folder, too.

    A subfolder that cannot be listed is among the results, so that opening it reports the error.
    """
    paths: list[Path] = []
    for _, files in _walk(folder, paths.append, recursive=recursive):
        paths += [file for file in files if file.suffix in (".yaml", ".yml") and _has_provider(file)]
    return tuple(sorted(paths))


def _walk(
    folder: Path, on_error: Callable[[Path], None], *, recursive: bool = True
) -> Iterator[tuple[Path, list[Path]]]:
    """A folder and its subfolders, each with its files; nothing hidden, and no links to folders.

    It is not recursive, as os.walk is in Python 3.11: folders can be nested deeper than functions.

    Args:
        folder: where to start.
        on_error: gets each folder that cannot be listed.
        recursive: whether to enter subfolders.
    """
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            with os.scandir(current) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError:
            on_error(current)
            continue
        folders = [entry for entry in visible if entry.is_dir(follow_symlinks=False)]
        yield current, [Path(entry.path) for entry in visible if not entry.is_dir()]
        if recursive:
            pending += [Path(entry.path) for entry in folders]


def _has_provider(path: Path) -> bool:
    """Whether a file has the key ``provider``. An unreadable file counts, so that opening it reports the error."""
    try:
        data = read_start(path, MAX_PLAYBOOK_BYTES)
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
