"""The part of Okta Expression Language that profile mappings use.

"Okta Expression Language overview" (developer.okta.com): references such as ``user.firstName``, string literals, ``+``,
``==``, ``!=``, ``&&``, ``||``, ``!``, the conditional ``? :``, and the functions ``String.append``, ``String.join``,
``String.toLowerCase``, ``String.toUpperCase``, ``String.substringBefore``, ``String.substringAfter``, ``String.removeSpaces``
and ``String.replace``. Any other function is an invalid expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<name>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)"""
    r"""|(?P<number>\d+)|(?P<operator>==|!=|&&|\|\||[+?:(),!]))"""
)
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "String.append": lambda text, more: f"{text}{more}",
    "String.join": lambda separator, *parts: separator.join(part for part in parts if part),
    "String.removeSpaces": lambda text: text.replace(" ", ""),
    "String.replace": lambda text, old, new: text.replace(old, new),
    "String.substringAfter": lambda text, mark: text.partition(mark)[2],
    "String.substringBefore": lambda text, mark: text.partition(mark)[0],
    "String.toLowerCase": lambda text: text.lower(),
    "String.toUpperCase": lambda text: text.upper(),
}
_LITERALS = {"null": None, "true": True, "false": False}


class ExpressionError(ValueError):
    """An expression cannot be evaluated."""


def evaluate(expression: str, scopes: Mapping[str, Mapping[str, Any]]) -> Any:
    """The value of an expression; an attribute that a profile lacks is null.

    Args:
        expression: expression of a profile mapping.
        scopes: profiles by the name that references begin with, such as ``user``.

    Raises:
        ExpressionError: the expression has a syntax error or an unknown name.
    """
    return _Evaluator(expression, scopes).evaluate()


class _Evaluator:
    """Evaluates while it parses. It evaluates both branches of a conditional, since expressions have no side effects."""

    def __init__(self, expression: str, scopes: Mapping[str, Mapping[str, Any]]) -> None:
        self._expression = expression
        self._scopes = scopes
        self._tokens = self._tokenize(expression)
        self._position = 0

    def evaluate(self) -> Any:
        value = self._conditional()
        if self._position < len(self._tokens):
            raise self._error()
        return value

    def _tokenize(self, text: str) -> list[tuple[str, str]]:
        """Kind and text of each token."""
        tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise self._error()
            tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        return tokens

    def _conditional(self) -> Any:
        condition = self._binary(0)
        if not self._accept("?"):
            return condition
        if_true = self._conditional()
        self._expect(":")
        if_false = self._conditional()
        return if_true if condition else if_false

    def _binary(self, level: int) -> Any:
        levels: tuple[dict[str, Callable[[Any, Any], Any]], ...] = (
            {"||": lambda left, right: left or right},
            {"&&": lambda left, right: left and right},
            {"==": lambda left, right: left == right, "!=": lambda left, right: left != right},
            {"+": _plus},
        )
        if level == len(levels):
            return self._unary()
        value = self._binary(level + 1)
        while (operator := self._peek_operator()) in levels[level]:
            self._position += 1
            value = levels[level][operator](value, self._binary(level + 1))
        return value

    def _unary(self) -> Any:
        if self._accept("!"):
            return not self._unary()
        if self._accept("("):
            value = self._conditional()
            self._expect(")")
            return value
        if self._position >= len(self._tokens):
            raise self._error()
        kind, token = self._tokens[self._position]
        self._position += 1
        match kind:
            case "text":
                return token[1:-1]
            case "number":
                return int(token)
            case "name":
                return self._call(token) if self._accept("(") else self._reference(token)
        raise self._error()

    def _reference(self, name: str) -> Any:
        if name in _LITERALS:
            return _LITERALS[name]
        scope, dot, attribute = name.partition(".")
        if not dot or scope not in self._scopes:
            raise self._error()
        return self._scopes[scope].get(attribute)

    def _call(self, name: str) -> Any:
        arguments: list[Any] = []
        if not self._accept(")"):
            arguments.append(self._conditional())
            while self._accept(","):
                arguments.append(self._conditional())
            self._expect(")")
        if name not in _FUNCTIONS:
            raise self._error()
        if arguments and arguments[0] is None:
            return None
        try:
            return _FUNCTIONS[name](*arguments)
        except (TypeError, AttributeError) as error:
            raise self._error() from error

    def _peek_operator(self) -> str:
        if self._position >= len(self._tokens):
            return ""
        kind, token = self._tokens[self._position]
        return token if kind == "operator" else ""

    def _accept(self, operator: str) -> bool:
        accepted = self._peek_operator() == operator
        self._position += accepted
        return accepted

    def _expect(self, operator: str) -> None:
        if not self._accept(operator):
            raise self._error()

    def _error(self) -> ExpressionError:
        return ExpressionError(f"Invalid property expression: {self._expression}")


def _plus(left: Any, right: Any) -> Any:
    if left is None or right is None:
        return left if right is None else right
    return left + right if isinstance(left, int) and isinstance(right, int) else f"{left}{right}"
