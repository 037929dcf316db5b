"""A seeded sandbox per test: one is seeded per session, and its files are copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from provisioner.sandbox import Exchange
from provisioner.sandbox.dns import Dns
from tests.okta_contract import CONTRACTS, OktaContract
from tests.sandbox.dns_fixtures import Client as DnsClient
from tests.sandbox.graph_fixtures import Kiro
from tests.sandbox.okta_fixtures import Org
from tests.sandboxes import Sandbox


@pytest.fixture(scope="session")
def seeded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("seeded")
    with Sandbox(home) as sandbox:
        sandbox.access_token()
        sandbox.okta_token()
    return home


@pytest.fixture
def home(seeded_home: Path, tmp_path: Path) -> Path:
    """The folder of a fresh sandbox that was never started."""
    return Path(shutil.copytree(seeded_home, tmp_path / "sandbox"))


@pytest.fixture
def exchanges() -> list[Exchange]:
    """The exchanges that the recorder of `sandbox` got."""
    return []


@pytest.fixture
def sandbox(home: Path, exchanges: list[Exchange]) -> Iterator[Sandbox]:
    with Sandbox(home, recorder=exchanges.append).start() as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Callable[..., httpx.Client]]:
    """Creates HTTP clients of the sandbox: ``client()``, ``client(permissions=[...])``, ``client(version="beta")``."""
    clients: list[httpx.Client] = []

    def new_client(permissions: list[str] | None = None, version: str = "v1.0") -> httpx.Client:
        headers = {"Authorization": f"Bearer {sandbox.access_token(permissions)}"}
        clients.append(
            httpx.Client(base_url=f"{sandbox.url}/{version}", headers=headers, timeout=300, verify=False)
        )
        return clients[-1]

    yield new_client
    for client in clients:
        client.close()


@pytest.fixture
def graph(client: Callable[..., httpx.Client]) -> httpx.Client:
    """Graph v1.0 with every permission."""
    return client()


@pytest.fixture
def kiro(graph: httpx.Client) -> Kiro:
    return Kiro(graph)


@pytest.fixture
def group_id(graph: httpx.Client) -> str:
    """Id of the seeded group Kiro-Users."""
    (group,) = graph.get("/groups", params={"$filter": "displayName eq 'Kiro-Users'"}).json()["value"]
    return str(group["id"])


@pytest.fixture(scope="session")
def okta_contract() -> OktaContract:
    return OktaContract()


@pytest.fixture
def org(sandbox: Sandbox, exchanges: list[Exchange], okta_contract: OktaContract) -> Iterator[Org]:
    """The Okta org, for an admin with an API token; every exchange has to match Okta's API description."""
    org = Org(sandbox)
    yield org
    org.http.close()
    if CONTRACTS.is_dir():
        assert (
            okta_contract.problems(exchange for exchange in exchanges if "/v1.0/" not in exchange.path) == []
        )


@pytest.fixture
def dns_client(tmp_path: Path) -> Iterator[DnsClient]:
    """A client of a fresh DNS, whose folder is ``tmp_path``."""
    with Dns(tmp_path) as service:
        yield DnsClient(service.start())
