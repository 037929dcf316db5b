"""A check of recorded exchanges against Okta's description of its Management API, which is beside the repository."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from provisioner.sandbox import Exchange
from tests.contract_checker import ContractChecker, openapi_violations

CONTRACTS = Path(__file__).resolve().parents[2] / "shared" / "contracts"
ABSENT = "the official API descriptions are not beside the repository"

# Paths that the subset of the description does not have.
UNDESCRIBED = {
    r"^(?!/api/v1/)": "metadata, keys and tokens have another description (OAuth 2.0 and OpenID Connect)",
    r"^/api/v1/internal/": "internal: recorded, not described",
    r"^/api/v1/domains(/|$)": "not in the subset of the description",
    r"^/api/v1/api-tokens(/|$)": "not in the subset of the description",
    r"^/api/v1/idps(/|$)": "not in the subset of the description",
    r"^/api/v1/meta/types/user(/|$)": "not in the subset of the description",
}
# Recorded statuses that differ from the description.
STATUSES = {
    ("POST", r"/group-push/mappings$", 200): 201,
    ("DELETE", r"/group-push/mappings/[^/]+$", 200): 204,
}
# Recorded responses have no other violations (tests/sandbox/test_okta_recordings.py checks them).
_NULL = r"None (is not of type|for not nullable|is not one of)"
DEFECTS = (
    (
        r"^/api/v1/apps(/[^/]+)?$|^/api/v1/groups/[^/]+/apps$",
        rf"InvalidData: \S*(errorRedirectUrl|loginRedirectUrl|universalLogout|signOnMode) {_NULL}",
        "recorded as null, described as never null",
    ),
    (
        r"/scopes(/[^/]+)?$|^/api/v1/authorizationServers(/[^/]+)?$",
        rf"InvalidData: \S*description {_NULL}",
        "recorded as null when not given, for scopes",
    ),
    (
        r"^/api/v1/groups|^/api/v1/users/[^/]+/groups$",
        r"InvalidData: \S*profile .*'description': None",
        "recorded as null when not given",
    ),
    (
        r"^/api/v1/apps/[^/]+/(groups|group-push)",
        r"InvalidData: \S*profile .*'description': None",
        "the same for an embedded group",
    ),
    (
        r"^/api/v1/policies",
        r"InvalidData: .*resourceType '\w+' is not of type 'object'",
        "recorded as text, described as an object",
    ),
    (
        r"^/api/v1/apps/[^/]+/connections/default$",
        r"InvalidData: \$ 'profile' is a required property",
        "recorded without it before the connection was configured",
    ),
    (
        r"^/api/v1/apps/[^/]+/connections/default$",
        r"InvalidRequestBody: \$ \{'profile': \{'authScheme': 'UNKNOWN'\}\}",
        "recorded: Okta accepts UNKNOWN and ignores it",
    ),
    (
        r"^/api/v1/apps(/[^/]+)?$",
        r"InvalidRequestBody: \$.features Tried to write read-only",
        "accepted and ignored (okta-developer-docs issue 5130)",
    ),
    (
        r"^/api/v1/apps/[^/]+/users/",
        r"InvalidRequestBody: \$ .* is valid under each of",
        "one of two forms, and any object matches both",
    ),
    (
        r"^/api/v1/apps/[^/]+/groups/",
        r"InvalidRequestBody: \$\[\d+\].value .* is not of type 'object'",
        "a value of a JSON Patch may be anything (RFC 6902)",
    ),
    (
        r"^/api/v1/apps$",
        r"InvalidRequestBody: \$ 'signOnMode' is a required",
        "recorded: the name is sufficient",
    ),
    (
        r"^/api/v1/apps/[^/]+/groups/",
        r"InvalidRequestBody: \$.id Tried to write read-only",
        "recorded: Okta accepts the id of the path",
    ),
    (
        r"^/api/v1/meta/schemas/apps/",
        r"InvalidRequestBody: \$.definitions.base.(id|type) Tried to write read-only",
        "recorded: Okta accepts its own response",
    ),
    (
        r"^/api/v1/mappings/",
        r"InvalidRequestBody: \$ '(expression|pushStatus)' is a required property",
        "ProfileMapping.properties is described as one property; recorded, it is a map of them",
    ),
    (r"^/api/v1/mappings/", r"^MissingData:", "a 404 without a body is recorded"),
    (
        r"^/api/v1/meta/schemas/apps/",
        r"InvalidRequestBody: \S*custom\.properties\.\w+ None",
        "the description's own text: null removes a custom property",
    ),
    (
        r"^/api/v1/logs$",
        rf"InvalidData: .*{_NULL}",
        "the example event of Okta's System Log guide has nulls; few members are described as nullable",
    ),
)
_VARIABLE = re.compile(
    r"\b(?:0oa|00g|00u|00p|0pr|aus|scp|ocl|rst|prm|oty|osc|gPm|ocs|oag|00T|00o|oae)\w{17,22}\b"
    r"|\d{4}-\d\d-\d\dT[\d:.]+Z|[A-Za-z0-9_-]{43,}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|127\.0\.0\.1:\d+"
)


class OktaContract(ContractChecker):
    """Checks exchanges with Okta."""

    variable = _VARIABLE

    def check(self, exchange: Exchange) -> list[str]:
        """Violations of the description in a request and its response."""
        path = unquote(urlsplit(exchange.path).path)
        if exchange.status in (0, 405) or _undescribed(path):
            return []
        request, response = _as_openapi(exchange)
        lines = openapi_violations(self._description, request, response, accepted=exchange.status < 400)
        return [line for line in lines if not _defect(path, line)]

    @cached_property
    def _description(self) -> Any:
        import yaml
        from openapi_core import OpenAPI

        text = (CONTRACTS / "okta-subset.yaml").read_text(encoding="utf-8")
        document = yaml.load(text, Loader=yaml.CSafeLoader)
        document["servers"] = [{"url": "http://okta.test"}]
        for operations in document["paths"].values():
            for operation in operations.values():
                for response in (
                    operation.get("responses", {}).values() if isinstance(operation, dict) else ()
                ):
                    if (
                        response.get("content") == {}
                    ):  # means an unspecified body, and many responses have none
                        del response["content"]
        return OpenAPI.from_dict(document)


def _undescribed(path: str) -> bool:
    return any(re.search(pattern, path) for pattern in UNDESCRIBED)


def _defect(path: str, line: str) -> bool:
    return any(re.search(where, path) and re.search(what, line) for where, what, _ in DEFECTS)


def _as_openapi(exchange: Exchange) -> tuple[Any, Any]:
    from openapi_core.testing import MockRequest, MockResponse

    parts = urlsplit(exchange.path)
    path = unquote(parts.path)
    request = MockRequest(
        "http://okta.test",
        exchange.method.lower(),
        path,
        args=dict(parse_qsl(parts.query)),
        data=None if exchange.body is None else json.dumps(exchange.body).encode(),
        content_type="application/json",
        headers={"Authorization": "SSWS *"},
    )
    data = b"" if exchange.response is None else json.dumps(exchange.response).encode()
    return request, MockResponse(data, status_code=_status(exchange, path), content_type="application/json")


def _status(exchange: Exchange, path: str) -> int:
    for (method, pattern, recorded), described in STATUSES.items():
        if exchange.method == method and exchange.status == recorded and re.search(pattern, path):
            return described
    # No operation describes every error, but all describe 403, which has the same form.
    return exchange.status if exchange.status < 400 else 403
