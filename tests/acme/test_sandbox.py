"""A third vendor is one line in the register: everything else finds it there."""

from __future__ import annotations

import ast
import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from provisioner.cli import main
from provisioner.providers import PROVIDERS
from provisioner.sandbox import Exchange, Sandbox, console_actions, control, faults, kiro, register
from tests.acme.vendor import TOKEN

PACKAGE = Path(register.__file__).parent
CLI = PACKAGE.parent / "cli"


@pytest.fixture
def exchanges() -> list[Exchange]:
    return []


@pytest.fixture
def sandbox(home: Path, exchanges: list[Exchange]) -> Iterator[Sandbox]:
    with Sandbox(home, recorder=exchanges.append).start() as running:
        yield running


def command(*arguments: str) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(("sandbox", *arguments)) == 0
    return output.getvalue()


def test_its_api_is_served_with_faults_and_recorded(sandbox: Sandbox, exchanges: list[Exchange]) -> None:
    assert httpx.get(f"{sandbox.url}/acme/groups", headers={"Authorization": f"Bearer {TOKEN}"}).json()
    faults.add(sandbox.store, {"on": "GET /acme/*", "effect": "status", "status": 503})
    assert httpx.get(f"{sandbox.url}/acme/groups").text == "refused by Acme"
    assert [exchange.status for exchange in exchanges] == [200, 503]


def test_it_has_settings_and_misconfigurations(sandbox: Sandbox) -> None:
    control.configure(sandbox, "acme_locked", "true")
    assert control.settings(sandbox)["acme_locked"] == (True, "true: no one can change the directory")
    assert control.misconfigurations()["acme-group-missing"] == "An admin deleted the group."
    control.misconfigure(sandbox, "acme-group-missing")
    assert sandbox.vendors["acme"].summary().counts == {"group": 0}


def test_it_is_provisioned_and_has_console_actions(sandbox: Sandbox) -> None:
    assert control.run_provisioning(sandbox)["acme"] == "1 group"
    profile = kiro.create_profile(sandbox.kiro, "acme")
    assert sandbox.vendors["acme"].newest_profile()["id"] == profile["id"]
    assert console_actions.perform(sandbox, "acme", "acme-enable").summary == "Enabled Acme."
    assert console_actions.perform(sandbox, "acme", "kiro-domain-acme.example").output
    control.configure(sandbox, "console", "manual")
    assert console_actions.perform(sandbox, "acme", "acme-enable") is None


def test_it_follows_the_server_to_another_address(home: Path) -> None:
    with Sandbox(home) as sandbox:
        store = sandbox.vendors["acme"].store
        sandbox.start()
        assert store.setting("moved") == ["", sandbox.http_url]


def test_the_commands_know_it(home: Path) -> None:
    shown = command("show")
    assert "Acme directory          1 group\n    Kiro-Users" in shown
    assert json.loads(command("show", "--format", "json"))["acme"] == {
        "counts": {"group": 1},
        "groups": ["Kiro-Users"],
    }
    assert "acme_locked=true" in command("set", "acme_locked=true")
    assert "acme-group-missing" in command("break")
    assert command("break", "acme-group-missing") == "An admin deleted the group.\n"
    assert "acme  0 groups" in command("cycle")


def test_every_provider_has_a_vendor_in_the_sandbox() -> None:
    assert set(PROVIDERS) == set(register.VENDORS)


def names_in(module: Path) -> set[str]:
    """Vendors that the code of a module names, docstrings aside."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    words = {
        str(word).lower()
        for node in ast.walk(tree)
        if id(node) not in docstrings
        for word in (getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "value", ""))
        if isinstance(word, str)
    }
    return {name for name in register.VENDORS if any(name in word for word in words)}


def test_nothing_else_names_a_vendor() -> None:
    """Kiro's console has a form for each of the two, and Okta's Admin Console has commands: both are in their own modules."""
    packages = [PACKAGE / name for name in register.VENDORS]
    modules = [
        *(
            module
            for module in PACKAGE.rglob("*.py")
            if not any(package in module.parents for package in packages)
        ),
        CLI / "sandbox.py",
        CLI / "sandbox_console.py",
    ]
    naming = {module.name: sorted(names) for module in modules if (names := names_in(module))}
    assert naming == {"register.py": sorted(register.VENDORS), "sandbox_console.py": ["entra", "okta"]}
