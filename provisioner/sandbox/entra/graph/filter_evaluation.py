"""Evaluation of a ``$filter``.

Comparisons of directory objects ignore case; those of the provisioning log are case-sensitive (Microsoft Graph v1.0,
"List provisioningObjectSummary").
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.entra.graph.filter import (
    Comparison,
    Expression,
    Function,
    InList,
    Lambda,
    Logical,
    Not,
    Path,
    Scalar,
    Value,
)

_ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


def matches(expression: Expression, document: Mapping[str, Any], *, case_sensitive: bool = False) -> bool:
    """Whether the document satisfies the filter.

    Args:
        expression: a parsed filter.
        document: a JSON object; a path that does not exist is null.
        case_sensitive: compare strings exactly.
    """
    return _Evaluation(case_sensitive).matches(expression, document)


class _Evaluation:
    def __init__(self, case_sensitive: bool) -> None:
        self._case_sensitive = case_sensitive

    def matches(self, expression: Expression, scope: Mapping[str, Any]) -> bool:
        match expression:
            case Logical(name, operands):
                combine = all if name == "and" else any
                return combine(self.matches(operand, scope) for operand in operands)
            case Not(operand):
                return not self.matches(operand, scope)
            case Lambda():
                return self._quantify(expression, scope)
            case Comparison(path, name, literal):
                return self._compare(resolve(path, scope), name, literal)
            case InList(path, literals):
                value = resolve(path, scope)
                return any(self._compare(value, "eq", literal) for literal in literals)
            case Function(name, path, literal):
                return self._apply(name, resolve(path, scope), str(literal.value))

    def _quantify(self, expression: Lambda, scope: Mapping[str, Any]) -> bool:
        items = resolve(expression.path, scope) or []
        condition = expression.condition
        if not isinstance(items, list):
            return False
        if condition is None:
            return bool(items)
        quantifier = any if expression.quantifier == "any" else all
        return quantifier(self.matches(condition, {**scope, expression.variable: item}) for item in items)

    def _compare(self, value: Any, name: str, literal: Value) -> bool:
        left, right = self._comparable(value, literal.value)
        if name in ("eq", "ne"):
            return bool(left == right) == (name == "eq")
        if left is None or right is None or type(left) is not type(right):
            return False
        return _ORDERINGS[name](left, right)

    def _comparable(self, value: Any, literal: Scalar) -> tuple[Any, Any]:
        """Both operands as moments, folded strings or floats if both can be; else as they are."""
        if isinstance(value, str) and isinstance(literal, str):
            left, right = _parse_moment(value), _parse_moment(literal)
            if left is not None and right is not None:
                return left, right
            return self._fold(value), self._fold(literal)
        if (
            isinstance(value, int | float)
            and isinstance(literal, int | float)
            and not isinstance(value, bool)
        ):
            return float(value), float(literal)
        return value, literal

    def _apply(self, name: str, value: Any, literal: str) -> bool:
        if not isinstance(value, str):
            return False
        left, right = self._fold(value), self._fold(literal)
        return {
            "startsWith": left.startswith(right),
            "endsWith": left.endswith(right),
            "contains": right in left,
        }[name]

    def _fold(self, text: str) -> str:
        return text if self._case_sensitive else text.casefold()


def resolve(path: Path, scope: Mapping[str, Any]) -> Any:
    """The value at a path, or None. Type casts in the path (``microsoft.graph.user``) are ignored."""
    current: Any = scope
    for segment in path:
        if segment == "$count":
            return len(current) if isinstance(current, list) else 0
        if segment.startswith("microsoft.graph."):
            continue
        current = current.get(segment) if isinstance(current, Mapping) else None
    return current


_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?)(\.\d+)?(Z|[+-]\d{2}:\d{2}))?")


def _parse_moment(text: str) -> datetime | None:
    """A date, or date and time, in UTC; Graph writes up to seven digits of a second."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    day, time, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z") else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{time or '00:00'}{(fraction or '')[:7]}{offset}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
