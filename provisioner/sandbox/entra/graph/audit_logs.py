"""Audit logs: ``/auditLogs`` (Microsoft Graph v1.0), and the directoryAudit entry of every successful change.

Activity names follow Microsoft's "Audit log activity reference". The real log lists changed properties and has a delay of
minutes; this one immediately records the activity, its initiator and its target.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.sandbox.entra.graph import odata
from provisioner.sandbox.entra.graph.documents import new_id, now
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request
from provisioner.sandbox.entra.graph.relationships import find_object, kind_of
from provisioner.sandbox.entra.graph.request import GraphRequest, GraphResponse
from provisioner.sandbox.store import Document

_LOG_TYPES = {
    "provisioningLog": "provisioningObjectSummary",
    "signIn": "signIn",
    "directoryAudit": "directoryAudit",
}
_APPLICATIONS, _GROUPS, _USERS = "ApplicationManagement", "GroupManagement", "UserManagement"
_CATEGORIES = {
    "applications": _APPLICATIONS,
    "applicationTemplates": _APPLICATIONS,
    "servicePrincipals": _APPLICATIONS,
    "oauth2PermissionGrants": _APPLICATIONS,
    "groups": _GROUPS,
    "users": _USERS,
}
_ACTIVITIES = {
    "POST /applicationTemplates/<key>/instantiate": "Add application",
    "POST /applications": "Add application",
    "PATCH /applications/<key>": "Update application",
    "DELETE /applications/<key>": "Delete application",
    "POST /applications/<key>/owners/$ref": "Add owner to application",
    "POST /applications/<key>/addPassword": "Update application \u2013 Certificates and secrets management",
    "POST /applications/<key>/removePassword": "Update application \u2013 Certificates and secrets management",
    "POST /servicePrincipals": "Add service principal",
    "PATCH /servicePrincipals/<key>": "Update service principal",
    "DELETE /servicePrincipals/<key>": "Remove service principal",
    "POST /servicePrincipals/<key>/appRoleAssignedTo": "Add app role assignment grant to user",
    "DELETE /servicePrincipals/<key>/appRoleAssignedTo/<assignment>": "Remove app role assignment from user",
    "POST /servicePrincipals/<key>/appRoleAssignments": "Add app role assignment to service principal",
    "POST /groups/<key>/appRoleAssignments": "Add app role assignment to group",
    "DELETE /groups/<key>/appRoleAssignments/<assignment>": "Remove app role assignment from group",
    "POST /oauth2PermissionGrants": "Add delegated permission grant",
    "DELETE /oauth2PermissionGrants/<key>": "Remove delegated permission grant",
    "POST /groups": "Add group",
    "PATCH /groups/<key>": "Update group",
    "DELETE /groups/<key>": "Delete group",
    "POST /groups/<key>/members/$ref": "Add member to group",
    "DELETE /groups/<key>/members/<member>/$ref": "Remove member from group",
    "POST /users": "Add user",
    "PATCH /users/<key>": "Update user",
    "DELETE /users/<key>": "Delete user",
}
_OPERATIONS = {"POST": "Add", "PATCH": "Update", "DELETE": "Delete"}
_TYPES = {
    "application": "Application",
    "servicePrincipal": "ServicePrincipal",
    "group": "Group",
    "user": "User",
}


def list_log(kind: str, name: str, request: GraphRequest) -> GraphResponse:
    """``GET /auditLogs/{log}``, newest entry first."""
    if kind == "signIn" and not _has_premium_license(request):
        raise GraphError(
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "Neither tenant is B2C or tenant doesn't have premium license",
        )
    if kind == "provisioningLog" and "select" in request.options:
        raise bad_request("$select is not supported for provisioning logs.", "BadRequest")
    entries = reversed(request.directory.all(kind))
    return odata.collection(request, entries, _LOG_TYPES[kind], f"auditLogs/{name}")


def _has_premium_license(request: GraphRequest) -> bool:
    """Whether the tenant has a P1 or P2 license. That sign-in logs need one, and the wording, are from experience."""
    plans = (plan for sku in request.directory.all("subscribedSku") for plan in sku["servicePlans"])
    return any(plan["servicePlanName"] in ("AAD_PREMIUM", "AAD_PREMIUM_P2") for plan in plans)


def read_log_entry(kind: str, name: str, request: GraphRequest, key: str) -> GraphResponse:
    """``GET /auditLogs/{log}/{id}``."""
    document = request.directory.get(kind, key)
    if document is None:
        raise GraphError(404, "Request_ResourceNotFound", f"Log entry '{key}' does not exist.")
    return odata.entity(request, document, _LOG_TYPES[kind], f"auditLogs/{name}")


def find_target(request: GraphRequest, arguments: Mapping[str, str]) -> Document | None:
    """The targetResource of a change, to be read before the change: a deletion removes it."""
    document = find_object(request.directory, arguments.get("key", ""))
    return None if document is None else _target_resource(document, kind_of(document))


def _target_resource(document: Mapping[str, Any], kind: str) -> Document:
    return {
        "id": document.get("id"),
        "displayName": document.get("displayName"),
        "type": _TYPES.get(kind, "Other"),
        "userPrincipalName": document.get("userPrincipalName"),
        "groupType": "azureAD" if kind == "group" else None,
        "modifiedProperties": [],
    }


def record_change(
    request: GraphRequest, route: str, target: Document | None, response: GraphResponse
) -> None:
    """Store the directoryAudit entry of a change, if its activity is in the log.

    Args:
        request: the request.
        route: method and path pattern of its route.
        target: the changed object from `find_target`, or None for a new one.
        response: the response, which contains a new object.
    """
    activity = _ACTIVITIES.get(route)
    if activity is None:
        return
    entry: Document = {
        "id": f"Directory_{new_id()}",
        "category": _CATEGORIES[route.split("/")[1]],
        "correlationId": request.headers.get("client-request-id") or new_id(),
        "result": "success",
        "resultReason": "",
        "activityDisplayName": activity,
        "activityDateTime": now(),
        "loggedByService": "Core Directory",
        "operationType": _OPERATIONS[request.method],
        "initiatedBy": {"user": None, "app": _initiator(request)},
        "targetResources": [target or _new_target(response)],
        "additionalDetails": [],
    }
    request.directory.put("directoryAudit", entry["id"], entry)


def _initiator(request: GraphRequest) -> Document:
    principal = request.directory.get("servicePrincipal", request.caller.principal_id) or {}
    return {
        "appId": request.caller.app_id,
        "displayName": principal.get("displayName"),
        "servicePrincipalId": request.caller.principal_id,
        "servicePrincipalName": None,
    }


def _new_target(response: GraphResponse) -> Document:
    body = response.body if isinstance(response.body, dict) else {}
    if "application" in body:  # the response of instantiate
        return _target_resource(body["application"], "application")
    context = str(body.get("@odata.context", ""))
    return _target_resource(body, context.rpartition("#")[2].partition("/")[0].removesuffix("s"))
