"""Conditional Access policies: ``/identity/conditionalAccess/policies`` (Microsoft Graph v1.0)."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import documents
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request
from provisioner.sandbox.entra.graph.metadata import apply_patch, check_body
from provisioner.sandbox.entra.graph.request import NO_CONTENT, GraphRequest, GraphResponse
from provisioner.sandbox.store import Document

_STATES = ("enabled", "disabled", "enabledForReportingButNotEnforced")
_CONDITIONS: Document = {
    "userRiskLevels": [],
    "signInRiskLevels": [],
    "clientAppTypes": [],
    "servicePrincipalRiskLevels": [],
    "platforms": None,
    "locations": None,
    "devices": None,
    "clientApplications": None,
    "applications": {
        "includeApplications": [],
        "excludeApplications": [],
        "includeUserActions": [],
        "includeAuthenticationContextClassReferences": [],
        "applicationFilter": None,
    },
    "users": {
        name: [] for end in ("Users", "Groups", "Roles") for name in (f"include{end}", f"exclude{end}")
    },
}
_OPTIONAL_CONDITIONS: Document = {
    "locations": {"includeLocations": [], "excludeLocations": []},
    "platforms": {"includePlatforms": [], "excludePlatforms": []},
}
_GRANT_CONTROLS: Document = {
    "operator": None,
    "builtInControls": [],
    "customAuthenticationFactors": [],
    "termsOfUse": [],
}


def create_policy(request: GraphRequest) -> GraphResponse:
    """``POST /identity/conditionalAccess/policies``: the response lists omitted conditions as empty."""
    body = request.json_object()
    check_body(body, "conditionalAccessPolicy")
    document: Document = {
        "id": documents.new_id(),
        "templateId": None,
        "displayName": None,
        "createdDateTime": documents.now(),
        "modifiedDateTime": None,
        "state": None,
        "sessionControls": None,
        "conditions": _complete(_CONDITIONS, body.get("conditions") or {}),
        "grantControls": body.get("grantControls") and _complete(_GRANT_CONTROLS, body["grantControls"]),
    }
    document |= {name: body[name] for name in ("displayName", "state", "sessionControls") if name in body}
    _check(document)
    request.directory.put("conditionalAccessPolicy", document["id"], document)
    context = f"{request.root}/$metadata#conditionalAccess/policies/$entity"
    return GraphResponse(201, {"@odata.context": context, **document})


def _complete(template: Document, members: Document) -> Document:
    """The members over a template; nested objects are completed too."""
    result: Document = {**template, **members}
    for name, value in members.items():
        inner = template.get(name) or _OPTIONAL_CONDITIONS.get(name)
        if isinstance(value, dict) and isinstance(inner, dict):
            result[name] = _complete(inner, value)
    return result


def _check(document: Document) -> None:
    conditions = document["conditions"]
    users, applications = conditions["users"], conditions["applications"]
    if not document["displayName"] or document["state"] not in _STATES:
        raise bad_request("1000: Policy must have a displayName and a valid state.", "BadRequest")
    if not any(users[name] for name in users if name.startswith("include")):
        raise bad_request("1001: Policy must specify users.", "BadRequest")
    if not any(applications[name] for name in applications if name.startswith("include")):
        raise bad_request("1002: Policy must specify applications.", "BadRequest")
    if not document["grantControls"] and not document["sessionControls"]:
        raise bad_request("1003: Policy must specify grant or session controls.", "BadRequest")


def update_policy(request: GraphRequest, key: str) -> GraphResponse:
    """``PATCH /identity/conditionalAccess/policies/{id}``."""
    body = request.json_object()
    before = _policy(request, key)
    check_body(body, "conditionalAccessPolicy")
    after = apply_patch(before, body, "conditionalAccessPolicy") | {"modifiedDateTime": documents.now()}
    _check(after)
    request.directory.put("conditionalAccessPolicy", key, after)
    return NO_CONTENT


def delete_policy(request: GraphRequest, key: str) -> GraphResponse:
    """``DELETE /identity/conditionalAccess/policies/{id}``."""
    request.directory.delete("conditionalAccessPolicy", _policy(request, key)["id"])
    return NO_CONTENT


def _policy(request: GraphRequest, key: str) -> Document:
    document = request.directory.get("conditionalAccessPolicy", key)
    if document is None:
        raise GraphError(404, "NotFound", f"1040: {key} does not exist in the directory.")
    return document
