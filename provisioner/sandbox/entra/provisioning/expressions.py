"""Expressions: the sources of attribute mappings.

The syntax is that of "Reference for writing expressions for attribute mappings in Microsoft Entra ID": functions with
arguments in parentheses, attributes in square brackets, string constants in double quotes with backslash escapes.

Graph states a source twice: as an object with ``type``, ``name`` and ``parameters``, and as the text ``expression``, which
Graph's reference calls the "equivalent expression representation of this attributeMappingSource object". The sandbox
therefore uses the object, and the text only when there is no object. A schema in which they differ is refused (see
``schema_validation``); what Microsoft does with one is not documented.

The object of a function (parameters by key without the omitted arguments, a constant's ``name`` as its value) follows
Graph's parseExpression example; the keys of functions that the example does not show are a reconstruction.
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
class FunctionCall:
    """``Name(argument, ...)``, or a comparison with its operator as the name; None is an omitted argument."""

    name: str
    arguments: tuple[Node | None, ...]


Node = Attribute | Constant | FunctionCall

_TOKEN = re.compile(
    r"""\s*(?:
      \[(?P<attribute>[^\]]+)\]
    | "(?P<string>(?:[^"\\]|\\.)*)"
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<operator><>|>=|<=|=|>|<)
    | (?P<symbol>[(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r'\\(["\\])')
_MAX_DEPTH = 50


def parse_expression(text: str) -> Node:
    """Parse an expression.

    Raises:
        ExpressionError: on a syntax error, or a function that the sandbox does not have.
    """
    parser = _Parser(text)
    node = parser.expression(0)
    parser.expect_end()
    return node


def expression_text(node: Node) -> str:
    """The text of an expression, as the portal shows it."""
    match node:
        case Attribute(name):
            return f"[{name}]"
        case Constant(text, quoted):
            return _quote(text) if quoted else text
        case FunctionCall(name, arguments):
            texts = ["" if node is None else expression_text(node) for node in arguments]
            return f" {name} ".join(texts) if name in OPERATORS else f"{name}({', '.join(texts)})"


def source_object(node: Node) -> dict[str, Any]:
    """The Graph attributeMappingSource object of an expression."""
    parameters: list[dict[str, Any]] = []
    match node:
        case Attribute(name):
            kind, label = "Attribute", name
        case Constant(text):
            kind, label = "Constant", text
        case FunctionCall(name, arguments):
            kind, label = "Function", name
            keys = _function(name).argument_keys(len(arguments))
            parameters = [
                {"key": key, "value": source_object(argument)}
                for key, argument in zip(keys, arguments, strict=True)
                if argument is not None
            ]
    return {"expression": expression_text(node), "name": label, "type": kind, "parameters": parameters}


def parse_source(source: Mapping[str, Any]) -> Node:
    """Parse a Graph attributeMappingSource object, or its text when it has no name.

    Raises:
        ExpressionError: when it has neither name nor text, or an unknown type or function.
    """
    kind, name = str(source.get("type") or "").lower(), source.get("name")
    if name is None:
        if not source.get("expression"):
            raise ExpressionError("the source has neither a name nor an expression")
        return parse_expression(source["expression"])
    match kind:
        case "attribute" | "":
            return Attribute(name)
        case "constant":
            return Constant(name)
        case "function":
            parameters = source.get("parameters") or []
            values = [(parameter.get("key") or "", parameter.get("value")) for parameter in parameters]
            if not all(value is None or isinstance(value, Mapping) for _, value in values):
                raise ExpressionError("the value of a parameter must be a source object")
            nodes = [(key, None if value is None else parse_source(value)) for key, value in values]
            return FunctionCall(name, _function(name).arrange(nodes))
    raise ExpressionError(f"unknown source type {source['type']!r}")


def evaluate(node: Node, attributes: Mapping[str, Value]) -> Value:
    """The value of an expression for one source object.

    Args:
        node: the expression.
        attributes: the source object's attributes by name; a missing attribute is null.

    Returns:
        A string, a list of strings, or None for null. Booleans are "True" and "False", as in the reference.

    Raises:
        ExpressionError: when an argument is invalid, such as a word where a number is needed.
    """
    match node:
        case Attribute(name):
            return attributes.get(name)
        case Constant(text):
            return text
        case FunctionCall(name, arguments):
            values = [None if node is None else evaluate(node, attributes) for node in arguments]
            return _function(name).apply(*values)


def attribute_names(node: Node) -> set[str]:
    """Names of the source attributes that an expression uses."""
    match node:
        case Attribute(name):
            return {name}
        case FunctionCall(_, arguments):
            return {name for node in arguments if node is not None for name in attribute_names(node)}
    return set()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._advance()

    def expression(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise ExpressionError("the expression is nested too deeply")
        left = self._term(depth)
        if self._kind != "operator":
            return left
        operator = self._take()
        return FunctionCall(operator, (left, self._term(depth)))

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

    def _call(self, name: str, depth: int) -> FunctionCall:
        function = _function(name)
        self._expect("(")
        arguments: list[Node | None] = []
        if not self._next_is(")"):
            arguments.append(self._argument(depth))
            while self._next_is(","):
                self._take()
                arguments.append(self._argument(depth))
        self._expect(")")
        return FunctionCall(name, function.arrange([("", argument) for argument in arguments]))

    def _argument(self, depth: int) -> Node | None:
        return None if self._kind == "symbol" and self._value != "(" else self.expression(depth + 1)

    def _advance(self) -> None:
        rest = self._text[self._position :]
        if not rest.strip():
            self._kind, self._value = "end", ""
            return
        token = _TOKEN.match(self._text, self._position)
        if token is None:
            raise ExpressionError(f"unexpected text at {rest.strip()[:20]!r}")
        self._position = token.end()
        self._kind, self._value = next((k, v) for k, v in token.groupdict().items() if v is not None)

    def _take(self) -> str:
        value = self._value
        self._advance()
        return value

    def _next_is(self, symbol: str) -> bool:
        return self._kind == "symbol" and self._value == symbol

    def _expect(self, symbol: str) -> None:
        if not self._next_is(symbol):
            raise self._error(repr(symbol))
        self._take()

    def _error(self, expected: str) -> ExpressionError:
        return ExpressionError(f"expected {expected}, found {self._value or 'the end'!r}")


def _function(name: str) -> Function:
    function = FUNCTIONS.get(name) or OPERATORS.get(name)
    if function is None:
        raise ExpressionError(f"unknown function {name!r} (the syntax is case-sensitive)")
    return function


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
