"""The ``$filter`` language: syntax tree and parser (OData 4.01 URL conventions, the part Microsoft Graph supports)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from provisioner.sandbox.entra.graph.errors import GraphError, bad_request

Scalar = str | bool | int | float | None
Path = tuple[str, ...]
"""The segments of a property path such as ``provisioningStatusInfo/status`` or ``assignedLicenses/$count``."""

COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
FUNCTIONS = {"startswith": "startsWith", "endswith": "endsWith", "contains": "contains"}
MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Value:
    """A literal; ``quoted`` distinguishes the string ``'true'`` from the Boolean ``true``."""

    value: Scalar
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """``path eq value``, or another comparison operator."""

    path: Path
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class InList:
    """``path in (a, b)``."""

    path: Path
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """``startsWith``, ``endsWith`` or ``contains`` of a path and a string."""

    name: str
    path: Path
    value: Value


@dataclass(frozen=True, slots=True)
class Lambda:
    """``path/any(x:condition)``, ``path/all(x:condition)`` or ``path/any()``."""

    path: Path
    quantifier: str
    variable: str
    condition: Expression | None


@dataclass(frozen=True, slots=True)
class Not:
    """``not (operand)``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Logical:
    """Operands joined by a logical operator, ``and`` or ``or``."""

    operator: Literal["and", "or"]
    operands: tuple[Expression, ...]


Expression = Comparison | InList | Function | Lambda | Not | Logical

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*')
    | (?P<date>\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?(?![\w-]))
    | (?P<guid>[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?!\w))
    | (?P<number>-?\d+(?:\.\d+)?(?!\w))
    | (?P<path>[A-Za-z_@][\w.@]*(?:/(?:\$count|[A-Za-z_][\w.]*))*)
    | (?P<symbol>[(),:])
    )""",
    re.VERBOSE,
)


def parse_filter(text: str) -> Expression:
    """Parse a filter.

    Args:
        text: the decoded value of ``$filter``.

    Raises:
        GraphError: 400 BadRequest on a syntax error.
    """
    parser = _Parser(text)
    expression = parser.disjunction(0)
    parser.end()
    return expression


class _Parser:
    """Recursive descent; each method consumes the tokens of one grammar rule."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._position = 0

    def end(self) -> None:
        if self._position < len(self._tokens):
            raise self._error()

    def disjunction(self, depth: int) -> Expression:
        return self._logical("or", depth)

    def _conjunction(self, depth: int) -> Expression:
        return self._logical("and", depth)

    def _logical(self, operator: Literal["and", "or"], depth: int) -> Expression:
        inner = self._conjunction if operator == "or" else self._negation
        operands = [inner(depth)]
        while self._accept_word(operator):
            operands.append(inner(depth))
        return operands[0] if len(operands) == 1 else Logical(operator, tuple(operands))

    def _negation(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise self._error()
        if self._accept_word("not"):
            return Not(self._negation(depth + 1))
        if self._accept("("):
            inner = self.disjunction(depth + 1)
            self._expect(")")
            return inner
        return self._condition(depth)

    def _condition(self, depth: int) -> Expression:
        name = self._take("path")
        if name.lower() in FUNCTIONS and self._accept("("):
            return self._function(FUNCTIONS[name.lower()])
        head, _, last = name.rpartition("/")
        if head and last in ("any", "all") and self._accept("("):
            return self._lambda(_path(head), last, depth)
        path = _path(name)
        operator = self._take("path").lower()
        if operator == "in":
            return InList(path, self._list())
        if operator not in COMPARISONS:
            raise self._error()
        return Comparison(path, operator, self._value())

    def _function(self, name: str) -> Expression:
        path = _path(self._take("path"))
        self._expect(",")
        value = self._value()
        self._expect(")")
        if not value.quoted:
            raise self._error()
        if self._accept_word("eq"):  # startsWith(x, 'y') eq true is a common spelling
            expected = self._value().value
            if not isinstance(expected, bool):
                raise self._error()
            return Function(name, path, value) if expected else Not(Function(name, path, value))
        return Function(name, path, value)

    def _lambda(self, path: Path, quantifier: str, depth: int) -> Expression:
        if self._accept(")"):
            if quantifier == "all":
                raise self._error()
            return Lambda(path, quantifier, "", None)
        variable = self._take("path")
        self._expect(":")
        condition = self.disjunction(depth + 1)
        self._expect(")")
        return Lambda(path, quantifier, variable, condition)

    def _list(self) -> tuple[Value, ...]:
        self._expect("(")
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> Value:
        kind, text = self._peek()
        self._position += 1
        if kind == "string":
            return Value(text[1:-1].replace("''", "'"), quoted=True)
        if kind in ("date", "guid"):
            return Value(text)
        if kind == "number":
            return Value(float(text) if "." in text else int(text))
        words: dict[str, Scalar] = {"true": True, "false": False, "null": None}
        if kind == "path" and text.lower() in words:
            return Value(words[text.lower()])
        raise self._error()

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._position] if self._position < len(self._tokens) else ("end", "")

    def _take(self, kind: str) -> str:
        next_kind, text = self._peek()
        if next_kind != kind:
            raise self._error()
        self._position += 1
        return text

    def _accept_word(self, word: str) -> bool:
        kind, text = self._peek()
        if kind == "path" and text.lower() == word:
            self._position += 1
            return True
        return False

    def _accept(self, symbol: str) -> bool:
        if self._peek() == ("symbol", symbol):
            self._position += 1
            return True
        return False

    def _expect(self, symbol: str) -> None:
        if not self._accept(symbol):
            raise self._error()

    def _error(self) -> GraphError:
        return _syntax_error(self._text)


def _path(text: str) -> Path:
    return tuple(text.split("/"))


def _syntax_error(text: str) -> GraphError:
    return bad_request(f"Invalid filter clause: Syntax error in '{text}'.", "BadRequest")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _syntax_error(text)
        yield match.lastgroup, match.group(match.lastgroup)
        position = match.end()


@dataclass(frozen=True, slots=True)
class OperatorUse:
    """One operator applied to one property."""

    path: Path
    operator: str
    value: Value | None = None


def operator_uses(
    expression: Expression, variables: Mapping[str, Path] | None = None
) -> Iterator[OperatorUse]:
    """Every operator that a filter applies to a property.

    ``not`` replaces each operator below it; a comparison with null is ``null``, one with a ``$count`` is ``count``.

    Args:
        expression: the filter.
        variables: lambda variables in scope, with the path of their collection.
    """
    scope = variables or {}
    match expression:
        case Logical(_, operands):
            for operand in operands:
                yield from operator_uses(operand, scope)
        case Not(operand):
            for use in operator_uses(operand, scope):
                yield OperatorUse(use.path, "not", use.value)
        case Comparison(path, operator, value):
            yield OperatorUse(_resolve(path, scope), _operator(path, operator, value), value)
        case InList(path, values):
            yield OperatorUse(_resolve(path, scope), "in", values[0])
        case Function(name, path, value):
            yield OperatorUse(_resolve(path, scope), name, value)
        case Lambda(path, _, variable, condition):
            collection = _resolve(path, scope)
            if condition is None:
                yield OperatorUse(collection, "eq")
            else:
                yield from operator_uses(condition, {**scope, variable: collection})


def _operator(path: Path, operator: str, value: Value) -> str:
    if path[-1] == "$count":
        return "count"
    return "null" if value.value is None and operator == "eq" else operator


def _resolve(path: Path, variables: Mapping[str, Path]) -> Path:
    """A path with its lambda variable replaced by the path of the collection."""
    collection = variables.get(path[0])
    return collection + path[1:] if collection else path
