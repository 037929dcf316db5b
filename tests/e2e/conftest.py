"""The whole product, in this process, against the sandbox over real HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from provisioner.sandbox import Exchange
from tests.e2e.product import Product
from tests.graph_contract import CONTRACTS, GraphContract
from tests.okta_contract import OktaContract
from tests.sandboxes import Sandbox


@pytest.fixture(scope="session")
def contract() -> GraphContract | None:
    """None if the official descriptions are missing: test_contract.py skips with that reason."""
    return GraphContract() if CONTRACTS.is_dir() else None


def is_graph(exchange: Exchange) -> bool:
    """Whether it is one with Microsoft Graph."""
    return exchange.path.startswith(("/v1.0", "/beta"))


@pytest.fixture(scope="session")
def okta_contract() -> OktaContract | None:
    """None if the official descriptions are missing."""
    return OktaContract() if CONTRACTS.is_dir() else None


@pytest.fixture(autouse=True)
def exchanges(contract, okta_contract, monkeypatch: pytest.MonkeyPatch):
    """Validates every request and response of a test against the vendor's API description."""
    recorded: list[Exchange] = []
    monkeypatch.setattr("provisioner.sandbox.sandbox.discard", recorded.append)
    yield recorded
    if contract is not None:
        problems = contract.problems(each for each in recorded if is_graph(each))
        problems += okta_contract.problems(each for each in recorded if not is_graph(each))
        assert not problems, "\n".join(problems[:20])


@pytest.fixture
def provider() -> str:
    """The provider of the playbook; tests that are parametrised over ``provider`` override it."""
    return "entra"


@pytest.fixture
def product(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Product:
    """The product in front of an empty tenant."""
    return Product(tmp_path / "state", monkeypatch, provider)


@pytest.fixture(scope="session")
def applied_states(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The state directory after a provider's shipped playbook was applied once; copy it, do not use it."""

    @cache
    def of(provider: str) -> Path:
        state = tmp_path_factory.mktemp(f"applied-{provider}") / "state"
        with pytest.MonkeyPatch.context() as patch:
            result = Product(state, patch, provider).apply()
        assert result.code == 0, result.err
        return state

    return of


@pytest.fixture
def applied(
    applied_states: Callable[[str], Path], provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Product:
    """The product in front of a tenant in which the shipped playbook was applied."""
    state = tmp_path / "state"
    shutil.copytree(applied_states(provider), state)
    return Product(state, monkeypatch, provider)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory):
    """A new tenant; it is copied, because creating one takes longer."""
    home = tmp_path_factory.mktemp("empty") / "sandbox"
    with Sandbox(home) as sandbox:
        sandbox.variables()
    return home


@pytest.fixture
def served(provider, empty_home, tmp_path, monkeypatch):
    """A served sandbox and a product that uses it."""
    product = Product(tmp_path / "state", monkeypatch, provider)
    shutil.copytree(empty_home, product.home)
    with Sandbox(product.home).start(shared=True) as sandbox:
        yield product, sandbox
