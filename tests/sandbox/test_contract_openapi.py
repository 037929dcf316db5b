"""A session that calls every route; each exchange must be valid against Microsoft's official API description."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from provisioner.sandbox import Exchange
from provisioner.sandbox.entra.graph.api import normalize_path
from provisioner.sandbox.entra.graph.errors import GraphError
from provisioner.sandbox.entra.graph.routes import ROUTES, match
from tests.graph_contract import ABSENT, CONTRACTS, GraphContract
from tests.sandbox.graph_fixtures import open_graph
from tests.sandbox.graph_tour import session

pytestmark = pytest.mark.skipif(not CONTRACTS.is_dir(), reason=ABSENT)


@pytest.fixture(scope="module")
def contract() -> GraphContract:
    return GraphContract()


@pytest.fixture(scope="module")
def recorded(seeded_home: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Exchange]:
    """The exchanges of the session."""
    exchanges: list[Exchange] = []
    with open_graph(seeded_home, tmp_path_factory.mktemp("openapi"), exchanges.append) as (graph, sandbox):
        session(graph, sandbox)
    return exchanges


def test_every_exchange_is_valid(recorded, contract):
    failures = contract.problems(recorded)
    assert not failures, "\n".join(failures[:40])


def test_the_session_calls_every_route(recorded):
    assert {exchange.status for exchange in recorded} >= {200, 201, 204, 400, 404}
    visited = {route_of(exchange) for exchange in recorded}
    missing = {f"{route.method} {route.path}" for route in ROUTES} - visited
    # Counts and casts are variants of routes that the session calls.
    assert not {name for name in missing if "$count" not in name and "<cast>" not in name}


def route_of(exchange: Exchange) -> str | None:
    try:
        path = unquote(urlsplit(exchange.path).path).removeprefix("/v1.0")
        route, _ = match(exchange.method, normalize_path(path))
    except GraphError:
        return None
    return f"{route.method} {route.path}"


def test_an_invalid_response_is_reported(recorded, contract):
    """The checks above can fail: a changed response is reported."""
    exchange = next(e for e in recorded if e.method == "GET" and e.path.endswith("/organization"))
    changed = Exchange(exchange.method, exchange.path, exchange.headers, None, 200, {"value": [{"id": 5}]})
    assert contract.problems([changed])
    assert contract.strict_props.unknown({"displayNames": "x"}, "microsoft.graph.organization")
