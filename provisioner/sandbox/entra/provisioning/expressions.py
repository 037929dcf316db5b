"""Sources of attribute mappings: read, written and evaluated.

The syntax is that of "Reference for writing expressions for attribute mappings in Microsoft Entra ID": functions with
arguments in parentheses, attributes in square brackets, string constants in double quotes with backslash escapes.

Graph carries a source twice: as the object ``type``, ``name``, ``parameters`` and as the text ``expression``, which
Graph's reference calls the "equivalent expression representation of this attributeMappingSource object". The object is
therefore authoritative here. A text that says something else is refused when the schema is saved (see
``schema_rules``), and a source that has only the text is read from the text. What Microsoft does with a contradiction
is not documented.

The object form of a function (parameters by key, omitted arguments left out, a constant's ``name`` being its value)
follows Graph's parseExpression example; the keys of functions that example does not show are a reconstruction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.sandbox.entra.provisioning.functions import (
    FUNCTIONS,
    OPERATORS,
    ExpressionError,
    Function,
    Value,
)


@dataclass(frozen=True)
class Attribute:
    """``[name]``: the value of an attribute of the source object."""

    name: str


@dataclass(frozen=True)
class Constant:
    """``"text"``, or a bare number."""

    text: str
    quoted: bool = field(default=True, compare=False)


@dataclass(frozen=True)
class Call:
    """``Name(argument, ...)``, or a comparison whose name is its operator; None is an argument left out."""

    name: str
    arguments: tuple[Node | None, ...]


Node = Attribute | Constant | Call

_TOKEN = re.compile(
    r"""\s*(?:
      \[(?P<attribute>[^\]]+)\]
    | "(?P<string>(?:[^"\\]|\\.)*)"
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<operator><>|>=|<=|=|>|<)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r'\\(["\\])')
_DEEPEST = 50


def parse(text: str) -> Node:
    """Read an expression.

    Raises:
        ExpressionError: when the text is not an expression of the reference, or names a function the sandbox lacks.
    """
    parser = _Parser(text)
    node = parser.expression(0)
    parser.expect_end()
    return node


def render(node: Node) -> str:
    """The text of an expression, as the portal shows it."""
    match node:
        case Attribute(name):
            return f"[{name}]"
        case Constant(text, quoted):
            return _quote(text) if quoted else text
        case Call(name, arguments):
            texts = ["" if each is None else render(each) for each in arguments]
            return f" {name} ".join(texts) if name in OPERATORS else f"{name}({', '.join(texts)})"


def to_source(node: Node) -> dict[str, Any]:
    """The Graph attributeMappingSource object of an expression."""
    parameters: list[dict[str, Any]] = []
    match node:
        case Attribute(name):
            kind, label = "Attribute", name
        case Constant(text):
            kind, label = "Constant", text
        case Call(name, arguments):
            kind, label = "Function", name
            keys = _signature(name).keys(len(arguments))
            parameters = [
                {"key": key, "value": to_source(each)}
                for key, each in zip(keys, arguments, strict=True)
                if each is not None
            ]
    return {"expression": render(node), "name": label, "type": kind, "parameters": parameters}


def from_source(source: Mapping[str, Any]) -> Node:
    """Read a Graph attributeMappingSource object, from its text only when it has nothing else.

    Raises:
        ExpressionError: when it names nothing, or an unknown type or function.
    """
    kind, name = str(source.get("type") or "").lower(), source.get("name")
    if name is None:
        if not source.get("expression"):
            raise ExpressionError("the source has neither a name nor an expression")
        return parse(source["expression"])
    match kind:
        case "attribute" | "":
            return Attribute(name)
        case "constant":
            return Constant(name)
        case "function":
            given = [(each.get("key") or "", each.get("value")) for each in source.get("parameters") or []]
            if not all(value is None or isinstance(value, Mapping) for _, value in given):
                raise ExpressionError("the value of a parameter must be a source object")
            nodes = [(key, None if value is None else from_source(value)) for key, value in given]
            return Call(name, _signature(name).arrange(nodes))
    raise ExpressionError(f"unknown source type {source['type']!r}")


def evaluate(node: Node, attributes: Mapping[str, Value]) -> Value:
    """The value of an expression for one source object.

    Args:
        node: what ``parse`` or ``from_source`` returned.
        attributes: the source object's attributes by name; one that is missing counts as null.

    Returns:
        A string, a list of strings, or None for null. Truth values are "True" and "False", as in the reference.

    Raises:
        ExpressionError: when an argument cannot be used, such as a word where a number is needed.
    """
    match node:
        case Attribute(name):
            return attributes.get(name)
        case Constant(text):
            return text
        case Call(name, arguments):
            values = [None if each is None else evaluate(each, attributes) for each in arguments]
            return _signature(name).apply(*values)


def attributes_of(node: Node) -> set[str]:
    """Names of the source attributes an expression reads."""
    match node:
        case Attribute(name):
            return {name}
        case Call(_, arguments):
            return {name for each in arguments if each is not None for name in attributes_of(each)}
    return set()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._advance()

    def expression(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise ExpressionError("the expression is nested too deeply")
        left = self._term(depth)
        if self._kind != "operator":
            return left
        operator = self._take()
        return Call(operator, (left, self._term(depth)))

    def expect_end(self) -> None:
        if self._kind != "end":
            raise self._error("the end of the expression")

    def _term(self, depth: int) -> Node:
        match self._kind:
            case "attribute":
                return Attribute(self._take())
            case "string":
                return Constant(_ESCAPED.sub(r"\1", self._take()))
            case "number":
                return Constant(self._take(), quoted=False)
            case "name":
                return self._call(self._take(), depth)
        raise self._error("an attribute, a constant or a function")

    def _call(self, name: str, depth: int) -> Call:
        function = _signature(name)
        self._expect("(")
        arguments: list[Node | None] = []
        if not self._is(")"):
            arguments.append(self._argument(depth))
            while self._is(","):
                self._take()
                arguments.append(self._argument(depth))
        self._expect(")")
        return Call(name, function.arrange([("", each) for each in arguments]))

    def _argument(self, depth: int) -> Node | None:
        return None if self._kind == "mark" and self._value != "(" else self.expression(depth + 1)

    def _advance(self) -> None:
        rest = self._text[self._at :]
        if not rest.strip():
            self._kind, self._value = "end", ""
            return
        token = _TOKEN.match(self._text, self._at)
        if token is None:
            raise ExpressionError(f"unexpected text at {rest.strip()[:20]!r}")
        self._at = token.end()
        self._kind, self._value = next((k, v) for k, v in token.groupdict().items() if v is not None)

    def _take(self) -> str:
        value = self._value
        self._advance()
        return value

    def _is(self, mark: str) -> bool:
        return self._kind == "mark" and self._value == mark

    def _expect(self, mark: str) -> None:
        if not self._is(mark):
            raise self._error(repr(mark))
        self._take()

    def _error(self, wanted: str) -> ExpressionError:
        return ExpressionError(f"expected {wanted}, found {self._value or 'the end'!r}")


def _signature(name: str) -> Function:
    function = FUNCTIONS.get(name) or OPERATORS.get(name)
    if function is None:
        raise ExpressionError(f"unknown function {name!r} (the syntax is case-sensitive)")
    return function


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
