"""A session over the whole surface; every exchange has to be valid against Microsoft's official API description.

Two descriptions are used: the OpenAPI document (types, formats, enumerations, required members) and the metadata,
through a strict check that no answer holds a member Microsoft does not declare.
"""

from __future__ import annotations

import importlib.util
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest
from graph_tour import session

from provisioner.sandbox import Exchange, Sandbox
from provisioner.sandbox.graph.api import _normal
from provisioner.sandbox.graph.errors import GraphError
from provisioner.sandbox.graph.routes import ROUTES, match

CONTRACTS = Path(__file__).resolve().parents[3] / "shared" / "contracts"
pytestmark = pytest.mark.skipif(
    not CONTRACTS.is_dir(), reason="the official API descriptions are not beside the repository"
)

# What the description does not hold: Graph answers these, and Microsoft documents them on pages of their own.
UNDESCRIBED = {
    r"/policies/\w+Policy$": "policies are not in the description's subset",
    r"/synchronization/secrets$": "GET of secrets is not in the reference; PUT is described and checked",
    r"/\$batch$": "described as multipart only; the parts are recorded and checked one by one",
    r"/(groups|servicePrincipals)/[^/]+/transitiveMemberOf$": "left out of the description's subset",
    r"/users/[^/]+/manager(/\$ref)?$": "left out of the description's subset",
    r"/(users|groups|servicePrincipals)/[^/]+/(get|check)Member|/checkMemberObjects$": "described for /directoryObjects",
}
OPEN_TYPE = "(not in detailsInfo)"  # declared as an open type: any member is allowed in it
TYPES = {
    "applications": "application",
    "servicePrincipals": "servicePrincipal",
    "groups": "group",
    "users": "user",
    "oauth2PermissionGrants": "oAuth2PermissionGrant",
    "organization": "organization",
    "domains": "domain",
    "subscribedSkus": "subscribedSku",
    "applicationTemplates": "applicationTemplate",
    "conditionalAccess/policies": "conditionalAccessPolicy",
    "auditLogs/provisioning": "provisioningObjectSummary",
    "appRoleAssignedTo": "appRoleAssignment",
    "appRoleAssignments": "appRoleAssignment",
    "synchronization/jobs": "synchronizationJob",
    "schema": "synchronizationSchema",
    "synchronization/templates": "synchronizationTemplate",
}


@pytest.fixture(scope="module")
def description() -> Any:
    import yaml
    from openapi_core import OpenAPI

    document = yaml.load((CONTRACTS / "graph-subset.yaml").read_text(), Loader=yaml.CSafeLoader)
    document["servers"] = [{"url": "http://graph.test/v1.0"}]
    return OpenAPI.from_dict(document)


@pytest.fixture(scope="module")
def strict_props() -> ModuleType:
    specification = importlib.util.spec_from_file_location("strict_props", CONTRACTS / "strict_props.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # the script leaves its data file to the garbage collector
        specification.loader.exec_module(module)
    return module


def problems(description: Any, exchange: Exchange) -> list[str]:
    from openapi_core.testing import MockRequest, MockResponse

    parts = urlsplit(exchange.path)
    path = re.sub(r"/{2,}", "/", unquote(parts.path))
    request = MockRequest(
        "http://graph.test",
        exchange.method.lower(),
        path,
        args=dict(parse_qsl(parts.query)),
        data=None if exchange.body is None else json.dumps(exchange.body).encode(),
        content_type="application/json",
        headers={"ConsistencyLevel": exchange.headers.get("Consistencylevel", "")},
    )
    data = b"" if exchange.answer is None else json.dumps(exchange.answer).encode()
    response = MockResponse(data, status_code=exchange.status, content_type="application/json")
    checks: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (description.validate_response, (request, response))
    ]
    if exchange.status < 400:
        checks.append((description.validate_request, (request,)))
    found = []
    for check, arguments in checks:
        try:
            check(*arguments)
        except Exception as problem:  # noqa: BLE001 (openapi-core raises many kinds; each is a finding)
            details = getattr(problem.__cause__, "schema_errors", None) or [problem.__cause__ or problem]
            found += [
                f"{type(problem).__name__}: {getattr(d, 'json_path', '')} {getattr(d, 'message', d)}"
                for d in details
            ]
    return found


def undescribed(exchange: Exchange) -> bool:
    path = unquote(urlsplit(exchange.path).path)
    described = exchange.method == "PUT" and path.endswith("/secrets")
    return not described and any(re.search(pattern, path) for pattern in UNDESCRIBED)


def type_of(exchange: Exchange) -> str | None:
    """The type of an answer, from its context or its path."""
    if not isinstance(exchange.answer, dict) or exchange.status >= 400:
        return None
    context = str(exchange.answer.get("@odata.context", "")).rpartition("#")[2].removesuffix("/$entity")
    context = re.sub(r"\((?:'[^']*'|[^)]*)\)", "", context)
    candidates = [kind for ending, kind in TYPES.items() if context.endswith(ending)]
    return f"microsoft.graph.{candidates[-1]}" if candidates else None


@pytest.fixture
def recorded(
    graph: httpx.Client, sandbox: Sandbox, group_id: str, exchanges: list[Exchange]
) -> list[Exchange]:
    exchanges.clear()
    session(graph, sandbox, group_id)
    return list(exchanges)


def test_every_exchange_is_valid(recorded, description, strict_props):
    failures = []
    for exchange in recorded:
        if not undescribed(exchange):
            failures += [
                f"{exchange.method} {exchange.path} {exchange.status}: {p}"
                for p in problems(description, exchange)
            ]
        kind = type_of(exchange)
        if kind is not None:
            body = (
                exchange.answer.get("value", exchange.answer)
                if isinstance(exchange.answer.get("value"), list)
                else exchange.answer
            )
            unknown = [u for u in strict_props.unknown(body, kind) if not u.endswith(OPEN_TYPE)]
            failures += [f"{exchange.method} {exchange.path}: {u}" for u in unknown]
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
        route, _ = match(exchange.method, _normal(path))
    except GraphError:
        return None
    return f"{route.method} {route.path}"


def test_a_wrong_answer_would_be_noticed(recorded, description, strict_props):
    """The checks above can fail: the same answers, damaged, are reported."""
    exchange = next(e for e in recorded if e.method == "GET" and e.path.endswith("/organization"))
    damaged = Exchange(exchange.method, exchange.path, exchange.headers, None, 200, {"value": [{"id": 5}]})
    assert problems(description, damaged)
    assert strict_props.unknown({"displayNames": "x"}, "microsoft.graph.organization")
