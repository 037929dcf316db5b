"""Scope: whether an object is assigned and passes the scoping filter of its mapping."""

from __future__ import annotations

import re
from collections.abc import Callable

from provisioner.sandbox.entra.provisioning.functions import Value, text_of
from provisioner.sandbox.entra.provisioning.mapping import ObjectMapping
from provisioner.sandbox.entra.provisioning.source import Entry
from provisioner.sandbox.store import Document


def in_scope(entry: Entry, mapping: ObjectMapping) -> bool:
    """Whether an object is assigned and passes the mapping's scoping filter."""
    return entry.assigned and passes_filter(mapping.scope, entry.attributes(in_scope=True))


def passes_filter(scoping_filter: Document | None, attributes: dict[str, Value]) -> bool:
    """Whether an object passes a scoping filter: it satisfies every clause of at least one group.

    Operators and their meaning: "Scoping users or groups to be provisioned with scoping filters in Microsoft Entra ID".
    The names of the operators are those of Graph's filter clauses; ENDS_WITH and others are accepted with a space too. A
    clause about a null value fails, and so does an unknown operator.
    """
    groups = [group for group in (scoping_filter or {}).get("groups") or [] if group.get("clauses")]
    return not groups or any(
        all(_satisfies(clause, attributes) for clause in group["clauses"]) for group in groups
    )


def _satisfies(clause: Document, attributes: dict[str, Value]) -> bool:
    value = attributes.get(clause.get("sourceOperandName") or "")
    operator = str(clause.get("operatorName") or "").upper().replace("_", " ")
    if operator == "IS NULL":
        return not value
    operands = (clause.get("targetOperand") or {}).get("values") or [""]
    compare = _OPERATORS.get(operator)
    return bool(value) and compare is not None and compare(text_of(value), str(operands[0]))


def _compare_integers(compare: Callable[[int, int], bool]) -> Callable[[str, str], bool]:
    def compare_texts(value: str, operand: str) -> bool:
        return value.isdecimal() and operand.isdecimal() and compare(int(value), int(operand))

    return compare_texts


def _matches_regex(value: str, pattern: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return False


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda value, operand: value == operand,
    "NOT EQUALS": lambda value, operand: value != operand,
    "INCLUDES": lambda value, operand: operand in value,
    "ENDS WITH": lambda value, operand: value.endswith(operand),
    "IS TRUE": lambda value, _: value == "True",
    "IS FALSE": lambda value, _: value == "False",
    "IS NOT NULL": lambda value, _: bool(value),
    "REGEX MATCH": _matches_regex,
    "NOT REGEX MATCH": lambda value, operand: not _matches_regex(value, operand),
    "GREATER THAN": _compare_integers(lambda value, operand: value > operand),
    "GREATER THAN OR EQUALS": _compare_integers(lambda value, operand: value >= operand),
}
