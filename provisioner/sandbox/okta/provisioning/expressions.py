"""The part of Okta Expression Language that profile mappings use.

"Okta Expression Language overview" (developer.okta.com): references such as ``user.firstName``, string literals, ``+``,
``==``, ``!=``, ``&&``, ``||``, ``!``, the conditional ``? :``, and the functions ``String.append``, ``String.join``,
``String.toLowerCase``, ``String.toUpperCase``, ``String.substringBefore``, ``String.substringAfter``, ``String.removeSpaces``
and ``String.replace``. Other functions are refused, as an invalid expression is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<name>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)"""
    r"""|(?P<number>\d+)|(?P<sign>==|!=|&&|\|\||[+?:(),!]))"""
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
_WORDS = {"null": None, "true": True, "false": False}


class ExpressionError(ValueError):
    """An expression that cannot be evaluated."""


def evaluate(expression: str, holders: Mapping[str, Mapping[str, Any]]) -> Any:
    """The value of an expression.

    Args:
        expression: as a profile mapping has it.
        holders: profiles by the name they are referred to with, such as ``user``.

    Raises:
        ExpressionError: it cannot be read, or names something unknown; an attribute that a profile lacks is null.
    """
    return _Reader(expression, holders).whole()


class _Reader:
    """Evaluates while it reads; both branches of a conditional are evaluated, which has no effect but cost."""

    def __init__(self, expression: str, holders: Mapping[str, Mapping[str, Any]]) -> None:
        self._text = expression
        self._holders = holders
        self._tokens = self._split(expression)
        self._at = 0

    def whole(self) -> Any:
        value = self._conditional()
        if self._at < len(self._tokens):
            raise self._error()
        return value

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise self._error()
            tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        return tokens

    def _conditional(self) -> Any:
        condition = self._binary(0)
        if not self._take("?"):
            return condition
        yes = self._conditional()
        self._need(":")
        no = self._conditional()
        return yes if condition else no

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
        while (sign := self._peek()) in levels[level]:
            self._at += 1
            value = levels[level][sign](value, self._binary(level + 1))
        return value

    def _unary(self) -> Any:
        if self._take("!"):
            return not self._unary()
        if self._take("("):
            value = self._conditional()
            self._need(")")
            return value
        if self._at >= len(self._tokens):
            raise self._error()
        kind, word = self._tokens[self._at]
        self._at += 1
        match kind:
            case "text":
                return word[1:-1]
            case "number":
                return int(word)
            case "name":
                return self._call(word) if self._take("(") else self._named(word)
        raise self._error()

    def _named(self, name: str) -> Any:
        if name in _WORDS:
            return _WORDS[name]
        holder, dot, attribute = name.partition(".")
        if not dot or holder not in self._holders:
            raise self._error()
        return self._holders[holder].get(attribute)

    def _call(self, name: str) -> Any:
        arguments: list[Any] = []
        if not self._take(")"):
            arguments.append(self._conditional())
            while self._take(","):
                arguments.append(self._conditional())
            self._need(")")
        if name not in _FUNCTIONS:
            raise self._error()
        if arguments and arguments[0] is None:
            return None
        try:
            return _FUNCTIONS[name](*arguments)
        except (TypeError, AttributeError) as error:
            raise self._error() from error

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            return ""
        kind, word = self._tokens[self._at]
        return word if kind == "sign" else ""

    def _take(self, sign: str) -> bool:
        taken = self._peek() == sign
        self._at += taken
        return taken

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error()

    def _error(self) -> ExpressionError:
        return ExpressionError(f"Invalid property expression: {self._text}")


def _plus(left: Any, right: Any) -> Any:
    if left is None or right is None:
        return left if right is None else right
    return left + right if isinstance(left, int) and isinstance(right, int) else f"{left}{right}"
