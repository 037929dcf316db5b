"""A playbook's file as a tree: the line of every node, and references replaced by their values.

The references are ``${VAR}``, ``${VAR:-default}``, ``${file:path}`` and ``${keyring:service/name}``; ``$${`` is a plain
``${``. They are replaced in the scalars of the parsed tree, never in YAML text, so a value cannot change the structure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from provisioner.core.errors import PlaybookError, UsageError
from provisioner.file_reading import MAX_PLAYBOOK_BYTES, read_bytes
from provisioner.settings import Variables

MAX_NODES: Final = 20_000
MAX_DEPTH: Final = 50

KeyPath = tuple[str | int, ...]

_REFERENCE: Final = re.compile(r"\$(?P<escaped>\$)?\{(?P<body>[^{}]*)\}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Unset:
    """Stands for a scalar that refers to variables that are not set."""


@dataclass
class PlaybookSource:
    """A playbook's file as a tree.

    Attributes:
        tree: plain Python data.
        lines: 1-based line of every key and element, by path.
        references: the names that a scalar refers to, by path; ``file:`` and ``keyring:`` references included.
        unset: of these, the variables that are not set.
    """

    file: Path
    tree: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    references: dict[KeyPath, tuple[str, ...]] = field(default_factory=dict)
    unset: dict[KeyPath, tuple[str, ...]] = field(default_factory=dict)

    def error(self, message: str, path: KeyPath = (), hint: str = "") -> PlaybookError:
        """An error at the line of a path."""
        return PlaybookError(message, file=self.file, line=nearest_line(self.lines, path), hint=hint)


def nearest_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of the nearest node at or above a path; None if no line is known."""
    for end in range(len(path), -1, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


def format_path(path: KeyPath) -> str:
    """A path as text: ``domains[0].name``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


# -- YAML -----------------------------------------------------------------------------------------------


def parse(file: Path) -> PlaybookSource:
    """The tree of a file, with its references as written.

    Raises:
        UsageError: the file cannot be read, or has more than ``MAX_PLAYBOOK_BYTES``.
        PlaybookError: it is not YAML, or not a mapping, or too large for a playbook.
    """
    text = _read_text(file)
    source = PlaybookSource(file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)  # the C loader crashes on deep nesting
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark or error.context_mark, error.problem or error.context or ""
        line = mark.line + 1 if mark else None
        # A quoted part longer than a character may be a secret, and so may the cause, which holds the line.
        reason = re.sub(r" ?'([^']*)'", lambda match: match[0] if len(match[1]) == 1 else "", problem)
        raise PlaybookError(f"not valid YAML: {reason}", file=file, line=line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PlaybookError("not valid YAML: a control character", file=file, line=line) from None
    except RecursionError as error:
        raise PlaybookError("too deeply nested for a playbook", file=file) from error
    if not isinstance(node, yaml.MappingNode):
        raise PlaybookError("expected a mapping of keys to values, as in 'version: 1'", file=file, line=1)
    source.tree = _Builder(source).build(node, ())
    return source


def _read_text(file: Path) -> str:
    data = read_bytes(file, MAX_PLAYBOOK_BYTES)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PlaybookError("not UTF-8 text", file=file, line=line, hint="save the file as UTF-8") from error


class _Builder:
    """Builds plain data from YAML nodes and records their lines.

    Duplicate keys and files that grow without limit through aliases are refused.
    """

    def __init__(self, source: PlaybookSource) -> None:
        self._source = source
        self._scalars = yaml.SafeLoader("")
        self._count = 0

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self._source.lines.setdefault(path, node.start_mark.line + 1)
        self._count += 1
        if self._count > MAX_NODES or len(path) > MAX_DEPTH:
            raise self._source.error("too large or too deeply nested for a playbook", path)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(element, (*path, number)) for number, element in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise PlaybookError("expected a plain word as the key", file=self._source.file, line=line)
            key = str(key_node.value)
            if key in result:
                first = self._source.lines[(*path, key)]
                raise PlaybookError(
                    f"the key {key!r} is given twice (first in line {first})",
                    file=self._source.file,
                    line=line,
                )
            self._source.lines[(*path, key)] = line
            result[key] = self.build(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value
        try:
            return self._scalars.construct_object(node)
        except Exception:  # noqa: BLE001 - PyYAML raises almost anything for a value that does not fit its tag
            raise self._source.error(
                f"{format_path(path)}: cannot read this value as its YAML type", path
            ) from None


# -- references -----------------------------------------------------------------------------------------


def substitute(source: PlaybookSource, variables: Variables) -> None:
    """Replace the references in a tree. A scalar that refers to an unset variable is removed and recorded as unset.

    Raises:
        PlaybookError: a reference has the wrong form, or its value cannot be read.
    """
    source.tree = _substitute(source.tree, (), source, variables)


def _substitute(value: Any, path: KeyPath, source: PlaybookSource, variables: Variables) -> Any:
    if isinstance(value, dict):
        values = {key: _substitute(inner, (*path, key), source, variables) for key, inner in value.items()}
        return {key: inner for key, inner in values.items() if not isinstance(inner, _Unset)}
    if isinstance(value, list):
        elements = [
            _substitute(inner, (*path, number), source, variables) for number, inner in enumerate(value)
        ]
        return [inner for inner in elements if not isinstance(inner, _Unset)]
    if isinstance(value, str) and "${" in value:
        return _substitute_text(value, path, source, variables)
    return value


def _substitute_text(text: str, path: KeyPath, source: PlaybookSource, variables: Variables) -> str | _Unset:
    unset: list[str] = []

    def value_of(match: re.Match[str]) -> str:
        if match["escaped"]:
            return match[0][1:]
        try:
            value = _look_up(match["body"], source, variables)
        except UsageError as error:
            raise source.error(f"{format_path(path)}: {error.message}", path, hint=error.hint) from error
        if value is None:
            unset.append(match["body"])
        return value or ""

    result = _REFERENCE.sub(value_of, text)
    if names := [match["body"] for match in _REFERENCE.finditer(text) if not match["escaped"]]:
        source.references[path] = tuple(name.partition(":-")[0] for name in names)
    if unset:
        source.unset[path] = tuple(unset)
        return _Unset()
    return result


def _look_up(body: str, source: PlaybookSource, variables: Variables) -> str | None:
    """The value of a reference; None if it is a variable that is not set."""
    kind, colon, rest = body.partition(":")
    if colon and kind == "file":
        return variables.file(rest, source.file.parent)
    if colon and kind == "keyring":
        return variables.keyring(rest)
    name, has_default, default = body.partition(":-")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"${{{body}}} is not a reference",
            hint="expected ${NAME}, ${NAME:-default}, ${file:path} or ${keyring:service/name}; "
            "write $${ for a plain ${",
        )
    return variables.variable(name) or (default if has_default else None)
