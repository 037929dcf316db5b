"""From keys to the text of a playbook, with comments. Pure; the other way round from :mod:`.source`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml

from provisioner.providers.base.export import VariableReference
from provisioner.reports.wording import plain

from .source import Path_

_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")


def written(
    keys: Mapping[str, Any],
    remarks: Mapping[Path_, str] | None = None,
    absent: Mapping[str, Iterable[str]] | None = None,
    heading: Iterable[str] = (),
) -> str:
    """The text of a playbook.

    Args:
        keys: nested mappings and lists of plain data; a :class:`Variable` becomes a reference, other text means itself.
        remarks: comments at the ends of lines, by path.
        absent: comments in the place of keys that are not there, by key; each at the end.
        heading: comments at the top.
    """
    blocks = [_comment(heading)] if (heading := tuple(heading)) else []
    scalars = {key: value for key, value in keys.items() if not isinstance(value, dict | list | tuple)}
    blocks.append(list(_mapping(scalars, (), remarks or {})))
    blocks += [list(_mapping({key: keys[key]}, (), remarks or {})) for key in keys if key not in scalars]
    blocks += [_comment(lines) for lines in (absent or {}).values()]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def scalar(value: Any) -> str:
    """One value as YAML, on one line; text means itself, whatever is in it."""
    if isinstance(value, VariableReference):
        return str(value)
    if not isinstance(value, str):
        return _dumped(value)
    text = _REFERENCE.sub(lambda found: f"${found[0]}", value)
    ordinary = text.isprintable() and "\ufeff" not in text
    bare = _dumped(text) if ordinary else "\n"
    return bare if "\n" not in bare else _dumped(text, style='"', unicode=ordinary)


def _dumped(value: Any, *, style: str | None = None, unicode: bool = True) -> str:
    text = yaml.safe_dump(value, default_style=style, allow_unicode=unicode, width=2**31)
    return text.removesuffix("\n").removesuffix("\n...")


def _comment(lines: Iterable[str]) -> list[str]:
    return [f"# {plain(line)}".rstrip() for line in lines]


def _mapping(keys: Mapping[str, Any], path: Path_, remarks: Mapping[Path_, str]) -> Iterator[str]:
    for key, value in keys.items():
        yield from _entry(f"{key}:", value, (*path, key), remarks)


def _entry(start: str, value: Any, path: Path_, remarks: Mapping[Path_, str]) -> Iterator[str]:
    """The lines of one key; what is below it is indented."""
    remark = f" # {plain(remarks[path])}" if path in remarks else ""
    if isinstance(value, dict) and value:
        yield f"{start}{remark}"
        yield from (f"  {line}" for line in _mapping(value, path, remarks))
    elif isinstance(value, list | tuple) and value:
        yield f"{start}{remark}"
        for number, element in enumerate(value):
            yield from (f"  {line}" for line in _element(element, (*path, number), remarks))
    else:
        yield f"{start} {scalar(list(value) if isinstance(value, tuple) else value)}{remark}"


def _element(value: Any, path: Path_, remarks: Mapping[Path_, str]) -> Iterator[str]:
    inner = isinstance(value, dict) and value
    lines = _mapping(value, path, remarks) if inner else _entry("", value, path, remarks)
    for number, line in enumerate(lines):
        yield f"  {line}" if number else f"- {line.strip()}".rstrip()
