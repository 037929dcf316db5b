"""Evaluating a ``$filter`` on documents.

Directory objects compare strings without regard to case; the provisioning log is case-sensitive (Microsoft Graph
v1.0, "List provisioningObjectSummary").
"""

from __future__ import annotations

import operator as operators
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.entra.graph.filter import (
    Comparison,
    Expression,
    Function,
    Junction,
    Lambda,
    Membership,
    Not,
    Path,
    Scalar,
    Value,
)

_ORDERS = {"gt": operators.gt, "ge": operators.ge, "lt": operators.lt, "le": operators.le}


def matches(expression: Expression, document: Mapping[str, Any], *, case_sensitive: bool = False) -> bool:
    """Whether the document satisfies the filter.

    Args:
        expression: a parsed filter.
        document: a JSON object; paths that lead nowhere are null.
        case_sensitive: compare strings exactly.
    """
    return _Evaluation(case_sensitive).holds(expression, document)


class _Evaluation:
    def __init__(self, case_sensitive: bool) -> None:
        self._case_sensitive = case_sensitive

    def holds(self, expression: Expression, scope: Mapping[str, Any]) -> bool:
        match expression:
            case Junction(operator, operands):
                combine = all if operator == "and" else any
                return combine(self.holds(operand, scope) for operand in operands)
            case Not(operand):
                return not self.holds(operand, scope)
            case Lambda():
                return self._quantify(expression, scope)
            case _:
                return self._condition(expression, scope)

    def _condition(self, condition: Comparison | Membership | Function, scope: Mapping[str, Any]) -> bool:
        match condition:
            case Comparison(path, operator, value):
                return self._compare(resolve(path, scope), operator, value)
            case Membership(path, values):
                found = resolve(path, scope)
                return any(self._compare(found, "eq", value) for value in values)
            case Function(name, path, value):
                return self._apply(name, resolve(path, scope), str(value.value))

    def _quantify(self, expression: Lambda, scope: Mapping[str, Any]) -> bool:
        items = resolve(expression.path, scope) or []
        condition = expression.condition
        if not isinstance(items, list):
            return False
        if condition is None:
            return bool(items)
        quantifier = any if expression.quantifier == "any" else all
        return quantifier(self.holds(condition, {**scope, expression.variable: item}) for item in items)

    def _compare(self, found: Any, operator: str, value: Value) -> bool:
        left, right = self._comparable(found, value.value)
        if operator in ("eq", "ne"):
            return bool(left == right) == (operator == "eq")
        if left is None or right is None or type(left) is not type(right):
            return False
        compare: Callable[[Any, Any], bool] = _ORDERS[operator]
        return compare(left, right)

    def _comparable(self, found: Any, wanted: Scalar) -> tuple[Any, Any]:
        if isinstance(found, str) and isinstance(wanted, str):
            left, right = _moment(found), _moment(wanted)
            if left is not None and right is not None:
                return left, right
            return self._fold(found), self._fold(wanted)
        if isinstance(found, int | float) and isinstance(wanted, int | float) and not isinstance(found, bool):
            return float(found), float(wanted)
        return found, wanted

    def _apply(self, name: str, found: Any, wanted: str) -> bool:
        if not isinstance(found, str):
            return False
        left, right = self._fold(found), self._fold(wanted)
        return {
            "startsWith": left.startswith(right),
            "endsWith": left.endswith(right),
            "contains": right in left,
        }[name]

    def _fold(self, text: str) -> str:
        return text if self._case_sensitive else text.casefold()


def resolve(path: Path, scope: Mapping[str, Any]) -> Any:
    """The value at a path, or None. Type casts in the path (``microsoft.graph.user``) are passed over."""
    current: Any = scope
    for segment in path.segments:
        if segment == "$count":
            return len(current) if isinstance(current, list) else 0
        if segment.startswith("microsoft.graph."):
            continue
        current = current.get(segment) if isinstance(current, Mapping) else None
    return current


_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?)(\.\d+)?(Z|[+-]\d{2}:\d{2}))?")


def _moment(text: str) -> datetime | None:
    """A date or date and time in UTC; Graph writes up to seven digits of a second."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    offset = "+00:00" if zone in (None, "Z") else zone
    try:
        return datetime.fromisoformat(f"{day}T{clock or '00:00'}{(fraction or '')[:7]}{offset}").astimezone(
            UTC
        )
    except (ValueError, OverflowError):
        return None
