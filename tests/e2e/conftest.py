"""The whole product, in this process, against the sandbox over real HTTP."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from product import Product

from provisioner.sandbox import Sandbox


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
