"""Functions of attribute mapping expressions.

Names, arguments and results are those of "Reference for writing expressions for attribute mappings in Microsoft Entra
ID". Functions about dates, randomness and other directories are left out: the sandbox refuses a mapping that uses one,
naming it. Where the reference gives no rule for null, null in gives null out.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Value = str | list[str] | None
_T = TypeVar("_T")
_Ordered = TypeVar("_Ordered", float, str)


class ExpressionError(ValueError):
    """An expression, or a value given to one of its functions, that cannot be used."""


@dataclass(frozen=True)
class Function:
    """One function: what computes it, and how its arguments are called in the object form.

    Attributes:
        apply: takes the arguments by position, None for null or left out.
        named: keys of the leading arguments; a key ending in ``?`` may be left out.
        repeated: keys of the arguments that may follow any number of times, in turn.
        aliases: other spellings of keys, lower case, to their position.
    """

    apply: Callable[..., Value]
    named: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    aliases: tuple[tuple[str, int], ...] = ()

    def keys(self, count: int) -> list[str]:
        """Keys of ``count`` arguments, in order."""
        leading = [key.rstrip("?") for key in self.named[:count]]
        return leading + [self.repeated[i % len(self.repeated)] for i in range(count - len(leading))]

    def arrange(self, given: Sequence[tuple[str, _T | None]]) -> tuple[_T | None, ...]:
        """Put arguments given with a key (or "" for "in turn") where they belong.

        Raises:
            ExpressionError: when one is missing or too many are given.
        """
        positions = {key.rstrip("?").lower(): i for i, key in enumerate(self.named)} | dict(self.aliases)
        slots: dict[int, _T | None] = {}
        for key, argument in given:
            position = positions.get(key.lower())
            if position is None or position in slots:
                position = self._next(slots, keyed=bool(key))
            slots[position] = argument
        self._check(slots)
        last = max((i for i, argument in slots.items() if argument is not None), default=-1)
        return tuple(slots.get(i) for i in range(last + 1))

    def _next(self, slots: dict[int, _T | None], *, keyed: bool) -> int:
        after_named = keyed and self.repeated
        return max([*slots, len(self.named) - 1] if after_named else slots, default=-1) + 1

    def _check(self, slots: dict[int, _T | None]) -> None:
        missing = [k for i, k in enumerate(self.named) if not k.endswith("?") and slots.get(i) is None]
        extra = max(slots, default=-1) + 1 - len(self.named)
        if missing:
            raise ExpressionError(f"argument {missing[0]!r} is missing")
        if extra > 0 and not self.repeated:
            raise ExpressionError("too many arguments")
        if extra > 0 and extra % len(self.repeated):
            raise ExpressionError(f"arguments {', '.join(self.repeated)} must come together")


def text_of(value: Value) -> str:
    """A value as one string; null is empty."""
    if isinstance(value, list):
        return value[0] if value else ""
    return value or ""


def truth(condition: object) -> str:
    return "True" if condition else "False"


def _is_true(value: Value) -> bool:
    return text_of(value).lower() == "true"


def _number(value: Value) -> int:
    try:
        return int(text_of(value))
    except ValueError:
        raise ExpressionError(f"{text_of(value)!r} is not a whole number") from None


def _each(change: Callable[[str], str]) -> Callable[..., Value]:
    def apply(source: Value, *_: Value) -> Value:
        return None if source is None else change(text_of(source))

    return apply


def _append(source: Value, suffix: Value) -> Value:
    return None if source is None else text_of(source) + text_of(suffix)


def _coalesce(*sources: Value) -> Value:
    return next((each for each in sources if each is not None), None)


def _iif(condition: Value, if_true: Value, if_false: Value) -> Value:
    return if_true if _is_true(condition) else if_false


def _item(attribute: Value, index: Value) -> Value:
    values = attribute if isinstance(attribute, list) else [] if attribute is None else [attribute]
    at = _number(index)
    return values[at - 1] if 1 <= at <= len(values) else None


def _join(separator: Value, *sources: Value) -> Value:
    parts: list[str] = []
    for each in sources:
        parts += each if isinstance(each, list) else [] if not each else [each]
    return text_of(separator).join(parts) if parts else None


def _left(source: Value, count: Value) -> Value:
    length = _number(count)
    return text_of(source) if length < 0 else text_of(source)[:length]


def _mid(source: Value, start: Value, length: Value) -> Value:
    first = max(_number(start) - 1, 0)
    return None if source is None else text_of(source)[first : first + max(_number(length), 0)]


def _without_diacritics(text: str) -> str:
    special = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "oe", "Ø": "OE", "ł": "l", "Ł": "L"})
    decomposed = unicodedata.normalize("NFKD", text.translate(special))
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def _remove_duplicates(attribute: Value) -> Value:
    return list(dict.fromkeys(attribute)) if isinstance(attribute, list) else attribute


def _single_role(assignments: Value) -> Value:
    return text_of(assignments) or None


def _split(source: Value, delimiter: Value) -> Value:
    if source is None:
        return None
    return [each.strip() for each in text_of(source).split(text_of(delimiter) or None)]


def _switch(source: Value, default: Value = None, *cases: Value) -> Value:
    wanted = text_of(source)
    pairs = zip(cases[::2], cases[1::2], strict=True)
    return next((value for key, value in pairs if text_of(key) == wanted), default)


def _word(source: Value, number: Value, delimiters: Value) -> Value:
    spaced = text_of(source).translate(dict.fromkeys(map(ord, text_of(delimiters)), "\0"))
    words = [each for each in spaced.split("\0") if each]
    at = _number(number)
    return words[at - 1] if 1 <= at <= len(words) else ""


def _replace(  # the seven arguments of the reference, in its order
    source: Value,
    old: Value = None,
    pattern: Value = None,
    group: Value = None,
    replacement: Value = None,
    other: Value = None,
    template: Value = None,
) -> Value:
    text = text_of(source)
    if old is not None and template is not None:
        return text_of(template).replace(text_of(old), text)
    if pattern is not None:
        return _replace_pattern(text, _pattern(pattern), group, replacement, other)
    if source is None or old is None or replacement is None:
        return source
    return text.replace(text_of(old), text_of(replacement))


def _replace_pattern(
    text: str, pattern: re.Pattern[str], group: Value, replacement: Value, other: Value
) -> Value:
    name = text_of(group)
    if name and name not in pattern.groupindex:
        raise ExpressionError(f"the regular expression has no group {name!r}")
    if name and other is not None and replacement is None:
        found = pattern.search(text_of(other))
        return text or (found.group(name) if found else None)
    if name:
        return pattern.sub(lambda found: _with_group(found, name, text_of(replacement)), text)
    inserted = re.sub(r"\$\{(\w+)\}", r"\\g<\1>", text_of(replacement).replace("\\", "\\\\"))
    try:
        return pattern.sub(inserted, text)
    except (re.error, IndexError) as error:
        raise ExpressionError(f"the replacement does not fit the regular expression: {error}") from error


def _with_group(found: re.Match[str], name: str, replacement: str) -> str:
    start, end = (at - found.start() for at in found.span(name))
    whole = found.group()
    return whole if start < 0 or end < 0 else whole[:start] + replacement + whole[end:]


def _pattern(value: Value) -> re.Pattern[str]:
    try:
        return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", text_of(value)))  # .NET names groups (?<name>...)
    except re.error as error:
        raise ExpressionError(f"not a regular expression: {error}") from error


def _compare(accept: Callable[[int], bool]) -> Function:
    def apply(left: Value, right: Value) -> Value:
        if (
            left is None or right is None
        ):  # "if the source attribute is empty or null, the condition check fails"
            return "False"
        one, other = text_of(left), text_of(right)
        try:
            return truth(accept(_order(float(one), float(other))))
        except ValueError:
            return truth(accept(_order(one, other)))

    return Function(apply, ("left", "right"))


def _order(one: _Ordered, other: _Ordered) -> int:
    return (one > other) - (one < other)


_TEXT = ("source",)

FUNCTIONS: dict[str, Function] = {
    "Append": Function(_append, ("source", "suffix")),
    "CBool": Function(lambda value: truth(text_of(value) not in {"", "0", "False"}), ("Expression",)),
    "Coalesce": Function(_coalesce, _TEXT, ("source",)),
    "ConvertToBase64": Function(_each(lambda t: base64.b64encode(t.encode("utf-16-le")).decode()), _TEXT),
    "ConvertToUTF8Hex": Function(_each(lambda t: t.encode().hex().upper()), _TEXT),
    "Count": Function(lambda v: str(len(v) if isinstance(v, list) else int(v is not None)), ("attribute",)),
    "CStr": Function(_each(str), ("value",)),
    "IIF": Function(
        _iif, ("condition", "valueIfTrue", "valueIfFalse"), aliases=(("one", 0), ("two", 1), ("three", 2))
    ),
    "IgnoreFlowIfNullOrEmpty": Function(lambda value: value or None, _TEXT),
    "IsNull": Function(lambda value: truth(value is None), _TEXT),
    "IsNullOrEmpty": Function(lambda value: truth(not value), _TEXT),
    "IsPresent": Function(truth, _TEXT),
    "IsString": Function(lambda value: truth(isinstance(value, str)), _TEXT),
    "Item": Function(_item, ("attribute", "index")),
    "Join": Function(_join, ("separator", "source"), ("source",)),
    "Left": Function(_left, ("String", "NumChars")),
    "Mid": Function(_mid, ("source", "start", "length")),
    "NormalizeDiacritics": Function(_each(_without_diacritics), _TEXT),
    "Not": Function(lambda source: truth(not _is_true(source)), _TEXT),
    "Redact": Function(lambda value: value, ("attribute",)),
    "RemoveDuplicates": Function(_remove_duplicates, ("attribute",)),
    "Replace": Function(
        _replace,
        (
            "source",
            "oldValue?",
            "regexPattern?",
            "regexGroupName?",
            "replacementValue?",
            "replacementAttributeName?",
            "template?",
        ),
        aliases=(("find", 1), ("replacement", 4)),  # as in Graph's parseExpression example
    ),
    "SingleAppRoleAssignment": Function(_single_role, _TEXT),
    "Split": Function(_split, ("source", "delimiter")),
    "StripSpaces": Function(_each(lambda t: t.replace(" ", "")), _TEXT),
    "Switch": Function(_switch, ("source", "defaultValue?"), ("key", "value")),
    "ToLower": Function(_each(str.lower), ("source", "culture?")),
    "ToUpper": Function(_each(str.upper), ("source", "culture?")),
    "Word": Function(_word, ("String", "WordNumber", "Delimiters")),
}
"""The functions the sandbox knows, by name; names are case-sensitive, as in the reference."""

OPERATORS: dict[str, Function] = {
    "=": _compare(lambda order: order == 0),
    "<>": _compare(lambda order: order != 0),
    ">": _compare(lambda order: order > 0),
    ">=": _compare(lambda order: order >= 0),
    "<": _compare(lambda order: order < 0),
    "<=": _compare(lambda order: order <= 0),
}
"""The comparisons that a condition may use."""
