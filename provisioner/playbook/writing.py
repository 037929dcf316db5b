"""From keys to the text of a playbook, with comments: the reverse of :mod:`.source`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml

from provisioner.core.untrusted import plain
from provisioner.providers.base.export import VariableReference

from .source import KeyPath

_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")


def playbook_text(
    keys: Mapping[str, Any],
    comments: Mapping[KeyPath, str] | None = None,
    omitted: Mapping[str, Iterable[str]] | None = None,
    heading: Iterable[str] = (),
) -> str:
    """The text of a playbook.

    Args:
        keys: nested mappings and lists of plain data; a :class:`~provisioner.providers.base.export.VariableReference`
            becomes a reference, any other text is escaped so that it is not one.
        comments: comments at the ends of lines, by path.
        omitted: comments in place of omitted keys, as lines by key; they follow the keys.
        heading: comments at the top.
    """
    blocks = [_comment(heading)] if (heading := tuple(heading)) else []
    scalars = {key: value for key, value in keys.items() if not isinstance(value, dict | list | tuple)}
    blocks.append(list(_mapping(scalars, (), comments or {})))
    blocks += [list(_mapping({key: keys[key]}, (), comments or {})) for key in keys if key not in scalars]
    blocks += [_comment(lines) for lines in (omitted or {}).values()]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def scalar_text(value: Any) -> str:
    """One value as YAML, on one line. Text is escaped so that reading it back returns the same text."""
    if isinstance(value, VariableReference):
        return str(value)
    if not isinstance(value, str):
        return _dump(value)
    text = _REFERENCE.sub(lambda match: f"${match[0]}", value)
    printable = text.isprintable() and "\ufeff" not in text
    unquoted = _dump(text) if printable else "\n"
    return unquoted if "\n" not in unquoted else _dump(text, style='"', unicode=printable)


def _dump(value: Any, *, style: str | None = None, unicode: bool = True) -> str:
    text = yaml.safe_dump(value, default_style=style, allow_unicode=unicode, width=2**31)
    return text.removesuffix("\n").removesuffix("\n...")


def _comment(lines: Iterable[str]) -> list[str]:
    return [f"# {plain(line)}".rstrip() for line in lines]


def _mapping(keys: Mapping[str, Any], path: KeyPath, comments: Mapping[KeyPath, str]) -> Iterator[str]:
    for key, value in keys.items():
        yield from _entry(f"{key}:", value, (*path, key), comments)


def _entry(start: str, value: Any, path: KeyPath, comments: Mapping[KeyPath, str]) -> Iterator[str]:
    """The lines of one key; nested lines are indented."""
    comment = f" # {plain(comments[path])}" if path in comments else ""
    if isinstance(value, dict) and value:
        yield f"{start}{comment}"
        yield from (f"  {line}" for line in _mapping(value, path, comments))
    elif isinstance(value, list | tuple) and value:
        yield f"{start}{comment}"
        for number, element in enumerate(value):
            yield from (f"  {line}" for line in _element(element, (*path, number), comments))
    else:
        yield f"{start} {scalar_text(list(value) if isinstance(value, tuple) else value)}{comment}"


def _element(value: Any, path: KeyPath, comments: Mapping[KeyPath, str]) -> Iterator[str]:
    nested = isinstance(value, dict) and value
    lines = _mapping(value, path, comments) if nested else _entry("", value, path, comments)
    for number, line in enumerate(lines):
        yield f"  {line}" if number else f"- {line.strip()}".rstrip()
