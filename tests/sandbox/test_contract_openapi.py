"""A session over the whole surface; every exchange has to be valid against Microsoft's official API description."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import httpx
import pytest

from provisioner.sandbox import Exchange, Sandbox
from provisioner.sandbox.entra.graph.api import normalize_path
from provisioner.sandbox.entra.graph.errors import GraphError
from provisioner.sandbox.entra.graph.routes import ROUTES, match
from tests.graph_contract import ABSENT, CONTRACTS, GraphContract
from tests.sandbox.graph_tour import session

pytestmark = pytest.mark.skipif(not CONTRACTS.is_dir(), reason=ABSENT)


@pytest.fixture(scope="module")
def contract() -> GraphContract:
    return GraphContract()


@pytest.fixture
def recorded(
    graph: httpx.Client, sandbox: Sandbox, group_id: str, exchanges: list[Exchange]
) -> list[Exchange]:
    exchanges.clear()
    session(graph, sandbox, group_id)
    return list(exchanges)


def test_every_exchange_is_valid(recorded, contract):
    failures = contract.problems(recorded)
    assert not failures, "\n".join(failures[:40])


def test_the_session_covers_the_surface(recorded):
    assert {exchange.status for exchange in recorded} >= {200, 201, 204, 400, 404}
    visited = {route_of(exchange) for exchange in recorded}
    left = {f"{route.method} {route.path}" for route in ROUTES} - visited
    # What only varies a call that is made: counts, casts, other ends of a relation.
    assert not {name for name in left if "$count" not in name and "<cast>" not in name}


def route_of(exchange: Exchange) -> str | None:
    try:
        path = unquote(urlsplit(exchange.path).path).removeprefix("/v1.0")
        route, _ = match(exchange.method, normalize_path(path))
    except GraphError:
        return None
    return f"{route.method} {route.path}"


def test_a_wrong_answer_would_be_noticed(recorded, contract):
    """The checks above can fail: the same answers, damaged, are reported."""
    exchange = next(e for e in recorded if e.method == "GET" and e.path.endswith("/organization"))
    damaged = Exchange(exchange.method, exchange.path, exchange.headers, None, 200, {"value": [{"id": 5}]})
    assert contract.problems([damaged])
    assert contract.strict_props.unknown({"displayNames": "x"}, "microsoft.graph.organization")
