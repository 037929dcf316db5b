"""Okta's filter and search expressions, as a test of documents.

Grammar: Okta Developer, "Filter results" and "Search for users" (a subset of SCIM filters, RFC 7644 section 3.4.2.2):
comparisons joined by ``and`` and ``or``, parentheses. Strings compare without regard to case, as in SCIM.
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


def parse(text: str, allowed: Collection[str] | None = None) -> Predicate:
    """The test that an expression means.

    Args:
        text: the expression.
        allowed: the properties that may be compared; None for any.

    Raises:
        OktaError: 400 for what cannot be read, or a property that may not be compared.
    """
    parser = _Parser(text, allowed)
    found = parser.either()
    if parser.peek():
        raise _unreadable(text)
    return found


def _unreadable(text: str) -> OktaError:
    return OktaError(400, "E0000031", f"Invalid search criteria. {text}"[:200])


class _Parser:
    def __init__(self, text: str, allowed: Collection[str] | None) -> None:
        self._text = text
        self._allowed = allowed
        self._tokens: list[str] = []
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if found is None:
                raise _unreadable(text)
            self._tokens.append(found.group().strip())
            position = found.end()
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self.peek()
        if not token:
            raise _unreadable(self._text)
        self._at += 1
        return token

    def either(self) -> Predicate:
        parts = [self._both()]
        while self.peek().lower() == "or":
            self._next()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda document: any(part(document) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._one()]
        while self.peek().lower() == "and":
            self._next()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda document: all(part(document) for part in parts)

    def _one(self) -> Predicate:
        word = self._next()
        if word == "(":
            inside = self.either()
            if self._next() != ")":
                raise _unreadable(self._text)
            return inside
        if word.lower() == "not":
            negated = self._one()
            return lambda document: not negated(document)
        return self._comparison(word)

    def _comparison(self, name: str) -> Predicate:
        if self._allowed is not None and name not in self._allowed:
            raise _unreadable(self._text)
        operator = self._next().lower()
        if operator not in _OPERATORS:
            raise _unreadable(self._text)
        path = name.split(".")
        if operator == "pr":
            return lambda document: any(value not in (None, "") for value in _values(document, path))
        wanted = _literal(self._next())
        return lambda document: _compare(_values(document, path), operator, wanted)


def _literal(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token


def _values(document: Any, path: list[str]) -> list[Any]:
    """Every value at a path; a list on the way stands for each of its items."""
    found = [document]
    for name in path:
        found = [
            item[name]
            for each in found
            for item in (each if isinstance(each, list) else [each])
            if isinstance(item, dict) and name in item
        ]
    return [
        value for each in found for value in (each if isinstance(each, list) else [each]) if value is not None
    ]


def _compare(values: list[Any], operator: str, wanted: str) -> bool:
    if operator == "ne":
        return not _compare(values, "eq", wanted)
    return any(_holds(_text(value), operator, wanted.lower()) for value in values)


def _text(value: Any) -> str:
    return (str(value).lower() if isinstance(value, bool) else str(value)).lower()


def _holds(value: str, operator: str, wanted: str) -> bool:  # noqa: PLR0911 (one line per operator)
    match operator:
        case "eq":
            return value == wanted
        case "sw":
            return value.startswith(wanted)
        case "ew":
            return value.endswith(wanted)
        case "co":
            return wanted in value
        case "gt":
            return value > wanted
        case "ge":
            return value >= wanted
        case "lt":
            return value < wanted
        case _:
            return value <= wanted
