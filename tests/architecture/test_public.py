"""Size, names and documentation of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "provisioner"
MODULES = sorted(PACKAGE.rglob("*.py"))

MODULE_LINES = 400
FUNCTION_LINES = 60
LONG_MODULES = {}
"""Modules that may be longer, and why."""

VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "shared"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def modules(*, sandbox: bool = True) -> pytest.MarkDecorator:
    """Parametrizes by module."""
    chosen = [module for module in MODULES if sandbox or "sandbox" not in module.relative_to(PACKAGE).parts]
    return pytest.mark.parametrize("module", chosen, ids=name_of)


def public(body: list[ast.stmt]) -> Iterator[ast.ClassDef | Function]:
    """The public classes and functions of a module."""
    for node in body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield node


def test_there_are_modules_to_look_at():
    assert len(MODULES) > 40
    assert {*LONG_MODULES} <= {name_of(module) for module in MODULES}


@modules(sandbox=False)
def test_every_public_module_class_and_function_is_documented(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    bare = [node.name for node in public(tree.body) if not ast.get_docstring(node)]
    assert bare == []
    if module.stat().st_size:
        assert ast.get_docstring(tree)


@modules()
def test_no_module_is_too_long_to_be_read_at_a_sitting(module):
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES or name_of(module) in LONG_MODULES


def test_every_exception_is_still_needed():
    too_long = {
        name_of(module)
        for module in MODULES
        if len(module.read_text(encoding="utf-8").splitlines()) > MODULE_LINES
    }
    assert set(LONG_MODULES) <= too_long


@modules()
def test_no_function_is_too_long_to_be_seen_at_once(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, Function) and node.end_lineno - node.lineno >= FUNCTION_LINES
    }
    assert long == {}


@modules()
def test_no_module_or_folder_has_a_name_that_says_nothing(module):
    assert VAGUE.isdisjoint({module.stem.strip("_"), *module.relative_to(ROOT).parts})


@modules()
def test_nothing_is_left_to_be_done_in_a_comment(module):
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", module.read_text(encoding="utf-8"))


@modules()
def test_nothing_of_the_machine_it_was_written_on_is_in_it(module):
    assert not re.search(r"(?<![\w.])/(work|root|home)/", module.read_text(encoding="utf-8"))
