"""Functions of attribute mapping expressions.

Names, arguments and results are those of "Reference for writing expressions for attribute mappings in Microsoft Entra
ID". Functions for dates, random values and other directories are missing: the sandbox refuses a mapping that uses one.
Where the reference has no rule for null, the result for null is null.
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
    """An expression, or an argument of one of its functions, is invalid."""


@dataclass(frozen=True)
class Function:
    """One function and the keys of its arguments in a source object.

    Attributes:
        apply: takes the arguments by position, None for null or omitted.
        named: keys of the leading arguments; a key ending in ``?`` is optional.
        repeated: keys of the arguments that may follow any number of times.
        aliases: alternative keys, lower case, with their position.
    """

    apply: Callable[..., Value]
    named: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    aliases: tuple[tuple[str, int], ...] = ()

    def argument_keys(self, count: int) -> list[str]:
        """Keys of the first ``count`` arguments, in order."""
        leading = [key.rstrip("?") for key in self.named[:count]]
        return leading + [self.repeated[i % len(self.repeated)] for i in range(count - len(leading))]

    def arrange(self, arguments: Sequence[tuple[str, _T | None]]) -> tuple[_T | None, ...]:
        """Arguments by position.

        Args:
            arguments: arguments with their keys; an empty or unknown key is the next position.

        Raises:
            ExpressionError: when an argument is missing, or there are too many.
        """
        positions = {key.rstrip("?").lower(): i for i, key in enumerate(self.named)} | dict(self.aliases)
        slots: dict[int, _T | None] = {}
        for key, argument in arguments:
            position = positions.get(key.lower())
            if position is None or position in slots:
                position = self._next_position(slots, keyed=bool(key))
            slots[position] = argument
        self._check(slots)
        last = max((i for i, argument in slots.items() if argument is not None), default=-1)
        return tuple(slots.get(i) for i in range(last + 1))

    def _next_position(self, slots: dict[int, _T | None], *, keyed: bool) -> int:
        """The position after the last argument; a keyed one also comes after the named ones of a repeating function."""
        after_named = keyed and self.repeated
        return max([*slots, len(self.named) - 1] if after_named else slots, default=-1) + 1

    def _check(self, slots: dict[int, _T | None]) -> None:
        missing = [key for i, key in enumerate(self.named) if not key.endswith("?") and slots.get(i) is None]
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


def boolean_text(condition: object) -> str:
    """``True`` or ``False``, as the reference writes Booleans."""
    return "True" if condition else "False"


def _is_true(value: Value) -> bool:
    return text_of(value).lower() == "true"


def _number(value: Value) -> int:
    try:
        return int(text_of(value))
    except ValueError:
        raise ExpressionError(f"{text_of(value)!r} is not a whole number") from None


def _on_text(change: Callable[[str], str]) -> Callable[..., Value]:
    """A function of its first argument's text; further arguments are ignored."""

    def apply(source: Value, *_: Value) -> Value:
        return None if source is None else change(text_of(source))

    return apply


def _append(source: Value, suffix: Value) -> Value:
    return None if source is None else text_of(source) + text_of(suffix)


def _coalesce(*sources: Value) -> Value:
    return next((source for source in sources if source is not None), None)


def _iif(condition: Value, if_true: Value, if_false: Value) -> Value:
    return if_true if _is_true(condition) else if_false


def _item(attribute: Value, index: Value) -> Value:
    values = attribute if isinstance(attribute, list) else [] if attribute is None else [attribute]
    position = _number(index)
    return values[position - 1] if 1 <= position <= len(values) else None


def _join(separator: Value, *sources: Value) -> Value:
    parts: list[str] = []
    for source in sources:
        parts += source if isinstance(source, list) else [source] if source else []
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
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _remove_duplicates(attribute: Value) -> Value:
    return list(dict.fromkeys(attribute)) if isinstance(attribute, list) else attribute


def _single_role(assignments: Value) -> Value:
    return text_of(assignments) or None


def _split(source: Value, delimiter: Value) -> Value:
    if source is None:
        return None
    return [part.strip() for part in text_of(source).split(text_of(delimiter) or None)]


def _switch(source: Value, default: Value = None, *cases: Value) -> Value:
    text = text_of(source)
    pairs = zip(cases[::2], cases[1::2], strict=True)
    return next((value for key, value in pairs if text_of(key) == text), default)


def _word(source: Value, number: Value, delimiters: Value) -> Value:
    spaced = text_of(source).translate(dict.fromkeys(map(ord, text_of(delimiters)), "\0"))
    words = [word for word in spaced.split("\0") if word]
    position = _number(number)
    return words[position - 1] if 1 <= position <= len(words) else ""


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
        match = pattern.search(text_of(other))
        return text or (match.group(name) if match else None)
    if name:
        return pattern.sub(lambda match: _replace_group(match, name, text_of(replacement)), text)
    inserted = re.sub(r"\$\{(\w+)\}", r"\\g<\1>", text_of(replacement).replace("\\", "\\\\"))
    try:
        return pattern.sub(inserted, text)
    except (re.error, IndexError) as error:
        raise ExpressionError(f"the replacement does not fit the regular expression: {error}") from error


def _replace_group(match: re.Match[str], name: str, replacement: str) -> str:
    start, end = (position - match.start() for position in match.span(name))
    text = match.group()
    return text if start < 0 or end < 0 else text[:start] + replacement + text[end:]


def _pattern(value: Value) -> re.Pattern[str]:
    try:
        return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", text_of(value)))  # .NET names groups (?<name>...)
    except re.error as error:
        raise ExpressionError(f"not a regular expression: {error}") from error


def _comparison(holds: Callable[[int], bool]) -> Function:
    """A comparison of two texts, as numbers if both are numbers.

    Args:
        holds: whether it is true for -1 (less), 0 (equal) or 1 (greater).
    """

    def apply(left: Value, right: Value) -> Value:
        # "if the source attribute is empty or null, the condition check fails"
        if left is None or right is None:
            return "False"
        left_text, right_text = text_of(left), text_of(right)
        try:
            return boolean_text(holds(_order(float(left_text), float(right_text))))
        except ValueError:
            return boolean_text(holds(_order(left_text, right_text)))

    return Function(apply, ("left", "right"))


def _order(left: _Ordered, right: _Ordered) -> int:
    return (left > right) - (left < right)


_TEXT = ("source",)

FUNCTIONS: dict[str, Function] = {
    "Append": Function(_append, ("source", "suffix")),
    "CBool": Function(lambda value: boolean_text(text_of(value) not in {"", "0", "False"}), ("Expression",)),
    "Coalesce": Function(_coalesce, _TEXT, ("source",)),
    "ConvertToBase64": Function(_on_text(lambda t: base64.b64encode(t.encode("utf-16-le")).decode()), _TEXT),
    "ConvertToUTF8Hex": Function(_on_text(lambda t: t.encode().hex().upper()), _TEXT),
    "Count": Function(lambda v: str(len(v) if isinstance(v, list) else int(v is not None)), ("attribute",)),
    "CStr": Function(_on_text(str), ("value",)),
    "IIF": Function(
        _iif, ("condition", "valueIfTrue", "valueIfFalse"), aliases=(("one", 0), ("two", 1), ("three", 2))
    ),
    "IgnoreFlowIfNullOrEmpty": Function(lambda value: value or None, _TEXT),
    "IsNull": Function(lambda value: boolean_text(value is None), _TEXT),
    "IsNullOrEmpty": Function(lambda value: boolean_text(not value), _TEXT),
    "IsPresent": Function(boolean_text, _TEXT),
    "IsString": Function(lambda value: boolean_text(isinstance(value, str)), _TEXT),
    "Item": Function(_item, ("attribute", "index")),
    "Join": Function(_join, ("separator", "source"), ("source",)),
    "Left": Function(_left, ("String", "NumChars")),
    "Mid": Function(_mid, ("source", "start", "length")),
    "NormalizeDiacritics": Function(_on_text(_without_diacritics), _TEXT),
    "Not": Function(lambda source: boolean_text(not _is_true(source)), _TEXT),
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
    "StripSpaces": Function(_on_text(lambda t: t.replace(" ", "")), _TEXT),
    "Switch": Function(_switch, ("source", "defaultValue?"), ("key", "value")),
    "ToLower": Function(_on_text(str.lower), ("source", "culture?")),
    "ToUpper": Function(_on_text(str.upper), ("source", "culture?")),
    "Word": Function(_word, ("String", "WordNumber", "Delimiters")),
}
"""The supported functions by name; names are case-sensitive, as in the reference."""

OPERATORS: dict[str, Function] = {
    "=": _comparison(lambda order: order == 0),
    "<>": _comparison(lambda order: order != 0),
    ">": _comparison(lambda order: order > 0),
    ">=": _comparison(lambda order: order >= 0),
    "<": _comparison(lambda order: order < 0),
    "<=": _comparison(lambda order: order <= 0),
}
"""The comparison operators of conditions."""
