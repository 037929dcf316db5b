"""The tenant itself: organization, domains, licences, policies, conditional access, and directory objects by id."""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.entra.graph import documents, odata
from provisioner.sandbox.entra.graph.call import NO_CONTENT, Call, Reply
from provisioner.sandbox.entra.graph.entities import KINDS, any_object, is_guid
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request, not_found
from provisioner.sandbox.entra.graph.metadata import check_body, merged
from provisioner.sandbox.store import Document

_MAX_IDS = 1000
_STATES = ("enabled", "disabled", "enabledForReportingButNotEnforced")


def list_documents(kind: str, context: str, call: Call) -> Reply:
    """A collection without rules of its own, such as ``GET /domains``."""
    return odata.collection(call, call.directory.all(kind), kind, context)


def read_document(kind: str, context: str, call: Call, key: str) -> Reply:
    """One document of such a collection."""
    document = call.directory.get(kind, key)
    if document is None:
        raise not_found(key)
    return Reply(200, odata.entity(call, document, kind, context, {}))


def read_policy(name: str, call: Call) -> Reply:
    """A singleton policy such as ``/policies/authorizationPolicy``."""
    document = call.directory.get("policy", name) or {}
    return Reply(
        200, {"@odata.context": f"{call.root}/$metadata#policies/{name}/$entity", **odata.public(document)}
    )


# Logs, newest first.

_LOG_TYPES = {
    "provisioningLog": "provisioningObjectSummary",
    "signIn": "signIn",
    "directoryAudit": "directoryAudit",
}


def list_log(kind: str, name: str, call: Call) -> Reply:
    """``GET /auditLogs/provisioning`` and its neighbours."""
    type_name = _LOG_TYPES[kind]
    if kind == "signIn" and not _premium(call):
        raise GraphError(
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "Neither tenant is B2C or tenant doesn't have premium license",
        )
    if kind == "provisioningLog" and "select" in call.options:
        raise bad_request("$select is not supported for provisioning logs.", "BadRequest")
    return odata.collection(call, reversed(call.directory.all(kind)), type_name, f"auditLogs/{name}")


def _premium(call: Call) -> bool:
    """Whether the tenant has a P1 or P2 licence; that sign-in logs need one, and the wording, are from experience."""
    plans = (plan for sku in call.directory.all("subscribedSku") for plan in sku["servicePlans"])
    return any(plan["servicePlanName"] in ("AAD_PREMIUM", "AAD_PREMIUM_P2") for plan in plans)


def read_log(kind: str, name: str, call: Call, key: str) -> Reply:
    """``GET /auditLogs/{log}/{id}``."""
    document = call.directory.get(kind, key)
    if document is None:
        raise GraphError(404, "Request_ResourceNotFound", f"Log entry '{key}' does not exist.")
    return Reply(200, odata.entity(call, document, _LOG_TYPES[kind], f"auditLogs/{name}", {}))


# Directory objects of any kind.


def read_object(call: Call, key: str) -> Reply:
    """``GET /directoryObjects/{id}``."""
    document = any_object(call.directory, key)
    if document is None:
        raise not_found(key) if is_guid(key) else bad_request(f"Invalid object identifier '{key}'.")
    return Reply(200, odata.entity(call, document, "directoryObject", "directoryObjects", {}))


def objects_by_ids(call: Call) -> Reply:
    """``POST /directoryObjects/getByIds``: those that exist, unknown ids are left out."""
    body = call.json_object()
    keys, kinds = body.get("ids"), body.get("types") or list(KINDS)
    if not isinstance(keys, list) or not keys or len(keys) > _MAX_IDS or not all(map(is_guid, keys)):
        raise bad_request(
            f"Invalid value specified for parameter 'ids': 1 to {_MAX_IDS} object ids are expected."
        )
    found = [document for key in keys if (document := any_object(call.directory, key)) is not None]
    kept = [d for d in found if "directoryObject" in kinds or d["@odata.type"].rpartition(".")[2] in kinds]
    return odata.collection(call, kept, "directoryObject", "directoryObjects")


# Conditional access policies.

_CONDITIONAL_ACCESS = ("conditionalAccessPolicy", "conditionalAccess/policies")
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
_GRANT_CONTROLS: Document = {
    "operator": None,
    "builtInControls": [],
    "customAuthenticationFactors": [],
    "termsOfUse": [],
}


def list_conditional_access(call: Call) -> Reply:
    """``GET /identity/conditionalAccess/policies``."""
    return list_documents(*_CONDITIONAL_ACCESS, call)


def read_conditional_access(call: Call, key: str) -> Reply:
    """``GET /identity/conditionalAccess/policies/{id}``."""
    return read_document(*_CONDITIONAL_ACCESS, call, key)


def create_conditional_access(call: Call) -> Reply:
    """``POST /identity/conditionalAccess/policies``: conditions left out come back empty."""
    body = call.json_object()
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
    _check_conditional_access(document)
    call.directory.put("conditionalAccessPolicy", document["id"], document)
    context = f"{call.root}/$metadata#conditionalAccess/policies/$entity"
    return Reply(201, {"@odata.context": context, **document})


_OPTIONAL_CONDITIONS: Document = {
    "locations": {"includeLocations": [], "excludeLocations": []},
    "platforms": {"includePlatforms": [], "excludePlatforms": []},
}


def _complete(template: Document, given: Document) -> Document:
    """The given members over a template, member by member: unnamed lists come back empty."""
    result: dict[str, Any] = {**template, **given}
    for name, value in given.items():
        inner = template.get(name) or _OPTIONAL_CONDITIONS.get(name)
        if isinstance(value, dict) and isinstance(inner, dict):
            result[name] = _complete(inner, value)
    return result


def _check_conditional_access(document: Document) -> None:
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


def update_conditional_access(call: Call, key: str) -> Reply:
    """``PATCH /identity/conditionalAccess/policies/{id}``."""
    body = call.json_object()
    before = _policy(call, key)
    check_body(body, "conditionalAccessPolicy")
    after = merged(before, body, "conditionalAccessPolicy") | {"modifiedDateTime": documents.now()}
    _check_conditional_access(after)
    call.directory.put("conditionalAccessPolicy", key, after)
    return NO_CONTENT


def delete_conditional_access(call: Call, key: str) -> Reply:
    """``DELETE /identity/conditionalAccess/policies/{id}``."""
    call.directory.delete("conditionalAccessPolicy", _policy(call, key)["id"])
    return NO_CONTENT


def _policy(call: Call, key: str) -> Document:
    document = call.directory.get("conditionalAccessPolicy", key)
    if document is None:
        raise GraphError(404, "NotFound", f"1040: {key} does not exist in the directory.")
    return document
