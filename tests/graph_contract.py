"""A check of recorded exchanges against Microsoft's descriptions of Graph.

The OpenAPI document has types, formats, enumerations and required members; the metadata shows that no response has a
member that Microsoft does not declare. Both are read in place, beside the repository.
"""

from __future__ import annotations

import importlib.util
import json
import re
import warnings
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from provisioner.sandbox import Exchange
from tests.contract_checker import ContractChecker, openapi_violations

CONTRACTS = Path(__file__).resolve().parents[2] / "shared" / "contracts"
ABSENT = "the official API descriptions are not beside the repository"

# Requests that are not in the description; Graph serves them, and Microsoft documents them elsewhere.
UNDESCRIBED = {
    r"/policies/\w+Policy$": "policies are not in the description's subset",
    r"/synchronization/secrets$": "GET of secrets is not in the reference; PUT is described and checked",
    r"/\$batch$": "described as multipart only; every request of a batch is recorded and checked",
    r"/(groups|servicePrincipals)/[^/]+/transitiveMemberOf$": "left out of the description's subset",
    r"/users/[^/]+/manager(/\$ref)?$": "left out of the description's subset",
    r"/(users|groups|servicePrincipals)/[^/]+/(get|check)Member|/checkMemberObjects$": "described for /directoryObjects",
}
# Documented forms of paths that the description does not have, and equivalent ones that it has.
EQUIVALENT_PATHS = {
    r"/(applications|groups)\(uniqueName='[^']+'\)": r"/\1/by-unique-name",  # another key of the same object
    r"/groups/[^/]+/members/microsoft\.graph\.(user|group)$": r"/\1s",  # a cast is a collection of that type
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

_VARIABLE = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}|\d{4}-\d\d-\d\dT[\d:.]+Z|[A-Za-z0-9_-]{43}"
)


class GraphContract(ContractChecker):
    """Checks exchanges with Microsoft Graph."""

    variable = _VARIABLE

    def check(self, exchange: Exchange) -> list[str]:
        """The violations of either description."""
        return self.openapi_violations(exchange) + self.undeclared(exchange)

    def openapi_violations(self, exchange: Exchange) -> list[str]:
        """The violations of the OpenAPI document by a request (if it was accepted) and its response."""
        if exchange.status == 0 or _undescribed(exchange):
            return []
        request, response = _as_openapi(exchange)
        return openapi_violations(self._description, request, response, accepted=exchange.status < 400)

    def undeclared(self, exchange: Exchange) -> list[str]:
        """Members of a response that the metadata does not declare."""
        kind = _type_of(exchange)
        if kind is None:
            return []
        value = exchange.response.get("value")
        body = value if isinstance(value, list) else exchange.response
        return [name for name in self.strict_props.unknown(body, kind) if not name.endswith(OPEN_TYPE)]

    @cached_property
    def _description(self) -> Any:
        import yaml
        from openapi_core import OpenAPI

        text = (CONTRACTS / "graph-subset.yaml").read_text(encoding="utf-8")
        document = yaml.load(text, Loader=yaml.CSafeLoader)
        document["servers"] = [{"url": "http://graph.test/v1.0"}]
        return OpenAPI.from_dict(document)

    @cached_property
    def strict_props(self) -> ModuleType:
        specification = importlib.util.spec_from_file_location("strict_props", CONTRACTS / "strict_props.py")
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        with warnings.catch_warnings():
            # the script does not close its data file
            warnings.simplefilter("ignore", ResourceWarning)
            specification.loader.exec_module(module)
        return module


def _as_openapi(exchange: Exchange) -> tuple[Any, Any]:
    from openapi_core.testing import MockRequest, MockResponse

    parts = urlsplit(exchange.path)
    path = re.sub(r"/{2,}", "/", unquote(parts.path))
    for pattern, equivalent in EQUIVALENT_PATHS.items():
        path = re.sub(pattern, equivalent, path)
    request = MockRequest(
        "http://graph.test",
        exchange.method.lower(),
        path,
        args=dict(parse_qsl(parts.query)),
        data=None if exchange.body is None else json.dumps(exchange.body).encode(),
        content_type="application/json",
        headers={"ConsistencyLevel": exchange.headers.get("Consistencylevel", "")},
    )
    data = b"" if exchange.response is None else json.dumps(exchange.response).encode()
    # The description has errors only as 4XX; a 5xx response of Graph has the same body.
    status = min(exchange.status, 499)
    return request, MockResponse(data, status_code=status, content_type="application/json")


def _undescribed(exchange: Exchange) -> bool:
    path = unquote(urlsplit(exchange.path).path)
    described = exchange.method == "PUT" and path.endswith("/secrets")
    return not described and any(re.search(pattern, path) for pattern in UNDESCRIBED)


def _type_of(exchange: Exchange) -> str | None:
    """The type of a response, from its context."""
    if not isinstance(exchange.response, dict) or exchange.status >= 400:
        return None
    context = str(exchange.response.get("@odata.context", "")).rpartition("#")[2].removesuffix("/$entity")
    context = re.sub(r"\((?:'[^']*'|[^)]*)\)", "", context)
    candidates = [kind for ending, kind in TYPES.items() if context.endswith(ending)]
    return f"microsoft.graph.{candidates[-1]}" if candidates else None
