"""Feeds every regular expression of the package long texts that are made from its own parts, in a process of its own.

A matcher that backtracks needs a time that grows with the square of the length, or worse: minutes for these texts, where
a linear one needs milliseconds. Each text has a limit of CPU time between the two, so a busy machine changes nothing.
Prints the expressions that exceed it, as JSON.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import json
import pkgutil
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from re import _constants as op  # the tree of a pattern has no public form
from re import _parser as parser
from typing import Any

import provisioner

LENGTH = 200_000
CPU_SECONDS = 5
SEARCHES = frozenset({"search", "findall", "finditer", "sub", "subn", "split"})
"""Methods that try every position of the text; the others try one."""
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


class TooSlowError(Exception):
    """The limit of CPU time struck."""


def modules() -> Iterator[Any]:
    """The modules that meet data from outside: all except those of the sandbox, which serves the tests of this machine."""
    for found in pkgutil.walk_packages(provisioner.__path__, "provisioner."):
        if found.name != "provisioner.__main__" and not found.name.startswith("provisioner.sandbox"):
            yield importlib.import_module(found.name)


def held(module: Any, tree: ast.Module) -> Iterator[tuple[re.Pattern[Any], bool]]:
    """The patterns that a module holds, and whether it searches with them."""
    methods: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            methods.setdefault(node.value.id, set()).add(node.attr)
    for name, value in vars(module).items():
        for element in value if isinstance(value, tuple | list) else (value,):
            if isinstance(element, re.Pattern):
                used = methods.get(name, set())
                yield element, bool(used & SEARCHES) or not used


def inline(tree: ast.Module) -> Iterator[tuple[re.Pattern[Any], bool]]:
    """The patterns that the functions of a module pass to ``re``; one that is built from variables is not known here."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr=method), args=[ast.Constant(value=text), *_]
            ):
                flags = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)} & {
                    *re.RegexFlag.__members__
                }
                yield re.compile(text, sum(re.RegexFlag[name] for name in flags)), method in SEARCHES


def patterns() -> dict[tuple[Any, int], tuple[re.Pattern[Any], bool]]:
    """Every pattern of the package, and whether it searches."""
    found: dict[tuple[Any, int], tuple[re.Pattern[Any], bool]] = {}
    for module in modules():
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        for pattern, searches in (*held(module, tree), *inline(tree)):
            key = pattern.pattern, pattern.flags
            found[key] = pattern, searches or found.get(key, (None, False))[1]
    return found


def samples(tree: Any) -> list[str]:
    """Texts that parts of a pattern match: each literal, each class, each beginning of a sequence."""
    collected: list[str] = []

    def sequence(items: Any) -> str:
        text = ""
        for code, argument in items:
            inner = [sequence(part) for part in parts_of(code, argument)]
            one = inner[0] * repetitions(code, argument) if inner else leaf(code, argument)
            text += one
            collected.extend((one, text))
        return text

    sequence(tree)
    return [text for text in dict.fromkeys(collected) if text]


def parts_of(code: Any, argument: Any) -> list[Any]:
    """The sequences inside a part of a pattern."""
    if code is op.BRANCH:
        return list(argument[1])
    places = {op.SUBPATTERN: 3, op.ASSERT: 1, op.ASSERT_NOT: 1} | dict.fromkeys(REPEATS, 2)
    if code in places:
        return [argument[places[code]]]
    return [argument] if code is op.ATOMIC_GROUP else []


def repetitions(code: Any, argument: Any) -> int:
    if code in (op.ASSERT, op.ASSERT_NOT):
        return 0
    return max(argument[0], 1) if code in REPEATS else 1


def leaf(code: Any, argument: Any) -> str:
    if code is op.LITERAL:
        return chr(argument)
    if code is op.IN:
        return member(argument)
    return "a" if code in (op.ANY, op.NOT_LITERAL) else ""


def member(items: Any) -> str:
    """A character of a class."""
    candidates = "a-0 _.\t\n\"'<>(){}[]@:/=+%,;\\A\u00e9"
    negated = any(code is op.NEGATE for code, _ in items)
    inside = [char for char in candidates if in_class(char, items) != negated]
    return inside[0] if inside else next(chr(low) for code, low in items if code is op.LITERAL)


def in_class(char: str, items: Any) -> bool:
    for code, argument in items:
        if code is op.LITERAL and ord(char) == argument:
            return True
        if code is op.RANGE and argument[0] <= ord(char) <= argument[1]:
            return True
        if code is op.CATEGORY:
            classes = {
                op.CATEGORY_SPACE: char.isspace(),
                op.CATEGORY_NOT_SPACE: not char.isspace(),
                op.CATEGORY_DIGIT: char.isdigit(),
                op.CATEGORY_NOT_DIGIT: not char.isdigit(),
                op.CATEGORY_WORD: char.isalnum() or char == "_",
                op.CATEGORY_NOT_WORD: not (char.isalnum() or char == "_"),
            }
            if classes.get(argument, False):
                return True
    return False


def attacks(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Long texts: each part of the pattern repeated, alone, after each other part, and before what does not fit."""
    source = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    parts = samples(
        parser.parse(
            source, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
        )
    )
    units = sorted(parts, key=len)[:12] + sorted(parts, key=len)[-6:]
    for unit in dict.fromkeys(units):
        body = unit * (LENGTH // len(unit))
        yield body
        yield body + "\x00"
        for prefix in (*parts[:8], *parts[-3:]):
            if prefix != unit:
                yield prefix + body + "\x00"
    for first, second in itertools.islice(itertools.permutations(dict.fromkeys(units), 2), 40):
        yield (first + second) * (LENGTH // len(first + second))


def strike(*_: object) -> None:
    raise TooSlowError


def limit_cpu(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)


def survives(pattern: re.Pattern[Any], text: str, *, searches: bool) -> bool:
    data: Any = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
    limit_cpu(CPU_SECONDS)
    try:
        for _ in pattern.finditer(data) if searches else ():
            pass
        pattern.match(data)
        pattern.fullmatch(data)
    except TooSlowError:
        return False
    finally:
        limit_cpu(0)
    return True


def main(extra: list[str]) -> None:
    """Attack the patterns of the package, or those that are given."""
    signal.signal(signal.SIGVTALRM, strike)
    attacked = [(re.compile(text), True) for text in extra] or [*patterns().values()]
    slow = [
        pattern.pattern
        for pattern, searches in attacked
        if not all(survives(pattern, text, searches=searches) for text in attacks(pattern))
    ]
    json.dump(
        {"patterns": [str(pattern.pattern) for pattern, _ in attacked], "slow": [*map(str, slow)]}, sys.stdout
    )


if __name__ == "__main__":
    main(sys.argv[1:])
