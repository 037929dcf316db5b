"""Filter and search expressions.

Grammar: Okta Developer, "Filter results" and "Search for users" (a subset of SCIM filters, RFC 7644 section 3.4.2.2):
comparisons joined by ``and`` and ``or``, parentheses. Strings compare case-insensitively, as in SCIM.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from provisioner.sandbox.okta.management.errors import OktaError
from provisioner.sandbox.store import Document

Predicate = Callable[[Document], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<paren>[()])|(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[^\s()"]+))""", re.VERBOSE
)
_OPERATORS = ("eq", "ne", "sw", "co", "ew", "gt", "ge", "lt", "le", "pr")


def parse_filter(expression: str, properties: Collection[str] | None = None) -> Predicate:
    """Parse an expression into a predicate over documents.

    Args:
        expression: the expression.
        properties: dotted paths of the properties that may be compared; None for any.

    Raises:
        OktaError: 400 for a syntax error, or a property that may not be compared.
    """
    parser = _Parser(expression, properties)
    predicate = parser.parse_or()
    if parser.peek():
        raise _syntax_error(expression)
    return predicate


def _syntax_error(expression: str) -> OktaError:
    return OktaError(400, "E0000031", f"Invalid search criteria. {expression}"[:200])


class _Parser:
    def __init__(self, expression: str, properties: Collection[str] | None) -> None:
        self._expression = expression
        self._properties = properties
        self._tokens: list[str] = []
        position = 0
        while position < len(expression.rstrip()):
            match = _TOKEN.match(expression, position)
            if match is None:
                raise _syntax_error(expression)
            self._tokens.append(match.group().strip())
            position = match.end()
        self._position = 0

    def peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        token = self.peek()
        if not token:
            raise _syntax_error(self._expression)
        self._position += 1
        return token

    def parse_or(self) -> Predicate:
        terms = [self._parse_and()]
        while self.peek().lower() == "or":
            self._next()
            terms.append(self._parse_and())
        return terms[0] if len(terms) == 1 else lambda document: any(term(document) for term in terms)

    def _parse_and(self) -> Predicate:
        terms = [self._parse_term()]
        while self.peek().lower() == "and":
            self._next()
            terms.append(self._parse_term())
        return terms[0] if len(terms) == 1 else lambda document: all(term(document) for term in terms)

    def _parse_term(self) -> Predicate:
        word = self._next()
        if word == "(":
            grouped = self.parse_or()
            if self._next() != ")":
                raise _syntax_error(self._expression)
            return grouped
        if word.lower() == "not":
            negated = self._parse_term()
            return lambda document: not negated(document)
        return self._parse_comparison(word)

    def _parse_comparison(self, name: str) -> Predicate:
        if self._properties is not None and name not in self._properties:
            raise _syntax_error(self._expression)
        operator = self._next().lower()
        if operator not in _OPERATORS:
            raise _syntax_error(self._expression)
        path = name.split(".")
        if operator == "pr":
            return lambda document: any(value not in (None, "") for value in _values(document, path))
        operand = _literal(self._next())
        return lambda document: _compare(_values(document, path), operator, operand)


def _literal(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token


def _values(document: Any, path: list[str]) -> list[Any]:
    """Every value at a path; a list on the way contributes the values of each of its items."""
    values = [document]
    for name in path:
        values = [item[name] for item in _flatten(values) if isinstance(item, dict) and name in item]
    return [value for value in _flatten(values) if value is not None]


def _flatten(values: list[Any]) -> list[Any]:
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


def _compare(values: list[Any], operator: str, operand: str) -> bool:
    if operator == "ne":
        return not _compare(values, "eq", operand)
    return any(_matches(str(value).lower(), operator, operand.lower()) for value in values)


def _matches(value: str, operator: str, operand: str) -> bool:  # noqa: PLR0911 (one line per operator)
    match operator:
        case "eq":
            return value == operand
        case "sw":
            return value.startswith(operand)
        case "ew":
            return value.endswith(operand)
        case "co":
            return operand in value
        case "gt":
            return value > operand
        case "ge":
            return value >= operand
        case "lt":
            return value < operand
        case _:
            return value <= operand
