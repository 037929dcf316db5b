"""The whole product, in this process, against the sandbox over real HTTP."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from graph_contract import CONTRACTS, GraphContract
from product import Product

from provisioner.sandbox import Exchange, Sandbox


@pytest.fixture(scope="session")
def contract() -> GraphContract | None:
    """None where the official descriptions are not beside the repository: test_contract.py skips and says so."""
    return GraphContract() if CONTRACTS.is_dir() else None


@pytest.fixture(autouse=True)
def exchanges(contract, monkeypatch: pytest.MonkeyPatch):
    """Whatever a test here lets the product say to Graph is held against Microsoft's description when it ends."""
    recorded: list[Exchange] = []
    monkeypatch.setattr("provisioner.sandbox.sandbox._ignore", recorded.append)
    yield recorded
    if contract is not None:
        problems = contract.problems(recorded)
        assert not problems, "\n".join(problems[:20])


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Product:
    """The product in front of an empty tenant."""
    return Product(tmp_path / "state", monkeypatch)


@pytest.fixture(scope="session")
def applied_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory after the shipped playbook was applied once; copy it, do not use it."""
    state = tmp_path_factory.mktemp("applied") / "state"
    with pytest.MonkeyPatch.context() as patch:
        result = Product(state, patch).apply()
    assert result.code == 0, result.err
    return state


@pytest.fixture
def applied(applied_state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Product:
    """The product in front of a tenant in which the shipped playbook was applied."""
    state = tmp_path / "state"
    shutil.copytree(applied_state, state)
    return Product(state, monkeypatch)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory):
    """A tenant nobody has touched; copied, because making one takes longer."""
    home = tmp_path_factory.mktemp("empty") / "sandbox"
    with Sandbox(home) as sandbox:
        sandbox.variables()
    return home


@pytest.fixture
def served(empty_home, tmp_path, monkeypatch):
    """A served sandbox and a product that uses it."""
    product = Product(tmp_path / "state", monkeypatch)
    shutil.copytree(empty_home, product.home)
    with Sandbox(product.home).start(shared=True) as sandbox:
        yield product, sandbox
