"""Size, names, words and documentation of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "provisioner"
MODULES = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {path: ast.parse(text) for path, text in MODULES.items()}

MODULE_LINES = 400
FUNCTION_LINES = 60

VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "shared"}

DIALECT = re.compile(
    r"\b(?:somebody|nobody|whoever|told|tells of|misspelt|mended|left alone|leaves alone|let pass|by hand|take it back|"
    r"wish|says so|as it should be|no telling|bereft|superfluous|strays?|leftovers)\b",
    re.IGNORECASE,
)
"""Colloquial words, for which Terraform, Graph and Okta have better ones; see docs/architecture.md."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def public(body: list[ast.stmt]) -> Iterator[ast.ClassDef | Function]:
    """The public classes and functions of a module."""
    for node in body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield node


def test_public_modules_classes_and_functions_are_documented():
    bare = [
        f"{name_of(path)}: {node.name}"
        for path, tree in TREES.items()
        if "sandbox" not in path.relative_to(PACKAGE).parts
        for node in public(tree.body)
        if not ast.get_docstring(node)
    ]
    assert bare == []
    assert [name_of(path) for path, tree in TREES.items() if tree.body and not ast.get_docstring(tree)] == []


def test_modules_are_short():
    lengths = {name_of(path): len(text.splitlines()) for path, text in MODULES.items()}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}
    assert len(lengths) > 40


def test_functions_are_short():
    lengths = {
        f"{name_of(path)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, Function)
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_names_of_modules_say_what_is_inside():
    parts = {path: {path.stem.strip("_"), *path.relative_to(ROOT).parts} for path in MODULES}
    assert [name_of(path) for path, names in parts.items() if names & VAGUE] == []


def test_nothing_is_left_to_do_in_comments():
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    assert [name_of(path) for path, text in MODULES.items() if unfinished.search(text)] == []


def test_no_path_of_a_developer_s_machine_is_in_the_code():
    local = re.compile(r"(?<![\w.])/(work|root|home)/")
    assert [name_of(path) for path, text in MODULES.items() if local.search(text)] == []


def test_the_code_and_its_pages_use_the_words_of_the_field():
    pages = {path: path.read_text(encoding="utf-8") for path in documents()}
    found = [
        f"{name_of(path)}:{number}: {match[0]}"
        for path, text in {**MODULES, **pages}.items()
        for number, line in enumerate(text.splitlines(), start=1)
        for match in DIALECT.finditer(line)
    ]
    assert found == []


def documents() -> Iterator[Path]:
    """Everything that people read beside the code."""
    yield from (ROOT / name for name in ("README.md", "CHANGELOG.md"))
    for folder, pattern in (("docs", "*.md"), ("playbooks", "*.yaml"), ("templates", "*.j2")):
        yield from sorted((ROOT / folder).rglob(pattern))


def test_only_the_registers_name_a_provider():
    """A third provider needs a package, a package in the sandbox, and a line in each register: nothing else asks for a name."""
    names = {"entra", "okta"}
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare | ast.Match)
        for constant in ast.walk(node)
        if isinstance(constant, ast.Constant) and constant.value in names
    ]
    assert found == []
