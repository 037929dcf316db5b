"""A playbook's file as a tree: every node knows its line, and references are replaced by their values.

References are substituted in the scalars of the parsed tree, never in YAML text, so that no value can change the
structure: ``${VAR}``, ``${VAR:-default}``, ``${file:path}``, ``${keyring:service/name}``; ``$${`` is a plain ``${``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from provisioner.core.errors import PlaybookError, UsageError
from provisioner.settings import Variables

MAX_BYTES: Final = 250_000
MAX_NODES: Final = 20_000
MAX_DEPTH: Final = 50

Path_ = tuple[str | int, ...]

_REFERENCE: Final = re.compile(r"\$(?P<escaped>\$)?\{(?P<body>[^{}]*)\}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class _Unset:
    """A scalar that refers to variables nobody has set."""

    names: tuple[str, ...]


@dataclass
class Source:
    """A playbook's file as a tree.

    Attributes:
        tree: plain Python data, references substituted.
        lines: 1-based line of every key and element, by path.
        references: paths that refer to environment variables, with their names.
        unset: those of them whose variables are not set.
    """

    file: Path
    tree: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)
    references: dict[Path_, tuple[str, ...]] = field(default_factory=dict)
    unset: dict[Path_, tuple[str, ...]] = field(default_factory=dict)

    def line(self, path: Path_) -> int | None:
        """The line of the nearest node at or above a path."""
        return nearest(self.lines, path)

    def error(self, message: str, path: Path_ = (), hint: str = "") -> PlaybookError:
        return PlaybookError(message, file=self.file, line=self.line(path), hint=hint)


def nearest(lines: Mapping[Path_, int], path: Path_) -> int | None:
    """The line of the nearest node at or above a path; None: there is none."""
    for end in range(len(path), -1, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


def dotted(path: Path_) -> str:
    """A path as people write it: ``domains[0].name``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


# -- YAML -----------------------------------------------------------------------------------------------


def parsed(file: Path) -> Source:
    """The tree of a file, references as they are written.

    Raises:
        UsageError: it cannot be read.
        PlaybookError: it is no YAML, or none that a playbook could be.
    """
    text = _text(file)
    source = Source(file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)  # the C loader dies of deep nesting
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark or error.context_mark, error.problem or error.context or ""
        line = mark.line + 1 if mark else None
        # neither the quoted parts nor the cause, which holds the line: either may be a secret
        told = re.sub(r" ?'[^']{2,}'", "", problem)
        raise PlaybookError(f"not valid YAML: {told}", file=file, line=line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PlaybookError("not valid YAML: a control character", file=file, line=line) from None
    except RecursionError as error:
        raise PlaybookError("too deeply nested for a playbook", file=file) from error
    if not isinstance(node, yaml.MappingNode):
        raise PlaybookError("expected a mapping of keys to values, as in 'version: 1'", file=file, line=1)
    source.tree = _Builder(source).build(node, ())
    return source


def _text(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise PlaybookError(f"{size} bytes: a playbook has at most {MAX_BYTES}", file=file)
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PlaybookError("not UTF-8 text", file=file, line=line, hint="save the file as UTF-8") from error


class _Builder:
    """Plain data from YAML nodes, with their lines; duplicate keys and bombs of aliases are refused."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._scalars = yaml.SafeLoader("")
        self._count = 0

    def build(self, node: yaml.Node, path: Path_) -> Any:
        self._source.lines.setdefault(path, node.start_mark.line + 1)
        self._count += 1
        if self._count > MAX_NODES or len(path) > MAX_DEPTH:
            raise self._source.error("too large or too deeply nested for a playbook", path)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(element, (*path, number)) for number, element in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise PlaybookError("expected a plain word as the key", file=self._source.file, line=line)
            key = str(key_node.value)
            if key in result:
                first = self._source.lines[(*path, key)]
                raise PlaybookError(
                    f"the key {key!r} is there twice (first in line {first})",
                    file=self._source.file,
                    line=line,
                )
            self._source.lines[(*path, key)] = line
            result[key] = self.build(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.Node, path: Path_) -> Any:
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value
        try:
            return self._scalars.construct_object(node)
        except Exception:  # noqa: BLE001 - a tag that does not fit makes PyYAML raise almost anything
            raise self._source.error(
                f"{dotted(path)}: cannot read this value as what it claims to be", path
            ) from None


# -- references -----------------------------------------------------------------------------------------


def substituted(source: Source, variables: Variables) -> Source:
    """The same with references replaced; what refers to a variable that is not set is left out, and noted.

    Raises:
        PlaybookError: a reference is none, or its value cannot be had.
    """
    source.tree = _replace(source.tree, (), source, variables)
    return source


def _replace(value: Any, path: Path_, source: Source, variables: Variables) -> Any:
    if isinstance(value, dict):
        replaced = {key: _replace(inner, (*path, key), source, variables) for key, inner in value.items()}
        return {key: inner for key, inner in replaced.items() if not isinstance(inner, _Unset)}
    if isinstance(value, list):
        replaced_list = [
            _replace(inner, (*path, number), source, variables) for number, inner in enumerate(value)
        ]
        return [inner for inner in replaced_list if not isinstance(inner, _Unset)]
    if isinstance(value, str) and "${" in value:
        return _replace_text(value, path, source, variables)
    return value


def _replace_text(text: str, path: Path_, source: Source, variables: Variables) -> str | _Unset:
    unset: list[str] = []

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return match[0][1:]
        try:
            found = _lookup(match["body"], source, variables)
        except UsageError as error:
            raise source.error(f"{dotted(path)}: {error.message}", path, hint=error.hint) from error
        if found is None:
            unset.append(match["body"])
        return found or ""

    replaced = _REFERENCE.sub(value, text)
    if names := [match["body"] for match in _REFERENCE.finditer(text) if not match["escaped"]]:
        source.references[path] = tuple(name.partition(":-")[0] for name in names)
    if unset:
        source.unset[path] = tuple(unset)
        return _Unset(tuple(unset))
    return replaced


def _lookup(body: str, source: Source, variables: Variables) -> str | None:
    kind, colon, rest = body.partition(":")
    if colon and kind == "file":
        return variables.file(rest, source.file.parent)
    if colon and kind == "keyring":
        return variables.keyring(rest)
    name, has_default, default = body.partition(":-")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"${{{body}}} is no reference",
            hint="expected ${NAME}, ${NAME:-default}, ${file:path} or ${keyring:service/name}; "
            "write $${ for a plain ${",
        )
    return variables.variable(name) or (default if has_default else None)
