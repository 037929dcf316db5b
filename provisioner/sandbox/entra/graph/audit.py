"""The directory audit log: an entry for every change that succeeded (Microsoft Graph v1.0, directoryAudit).

Activity names follow Microsoft's "Audit log activity reference". The real log lists changed properties and comes
minutes later; this one names the activity, who did it and to what, at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.sandbox.entra.graph.call import Call, Reply
from provisioner.sandbox.entra.graph.documents import new_id, now
from provisioner.sandbox.entra.graph.entities import any_object
from provisioner.sandbox.store import Document

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


def target(call: Call, arguments: Mapping[str, str]) -> dict[str, Any] | None:
    """What a change is about, looked up before it happens (afterwards it may be gone)."""
    found = any_object(call.directory, arguments.get("key", ""))
    return None if found is None else _described(found, found["@odata.type"].rpartition(".")[2])


def _described(document: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": document["id"],
        "displayName": document.get("displayName"),
        "type": _TYPES.get(kind, "Other"),
        "userPrincipalName": document.get("userPrincipalName"),
        "groupType": "azureAD" if kind == "group" else None,
        "modifiedProperties": [],
    }


def note(call: Call, route: str, about: dict[str, Any] | None, reply: Reply) -> None:
    """Write the entry of a change, when it is of a kind the log knows.

    Args:
        call: the request.
        route: method and path pattern of its route.
        about: what `target` found, or None for something new.
        reply: the answer, which shows what is new.
    """
    activity = _ACTIVITIES.get(route)
    if activity is None:
        return
    entry: Document = {
        "id": f"Directory_{new_id()}",
        "category": _CATEGORIES[route.split("/")[1]],
        "correlationId": call.headers.get("client-request-id") or new_id(),
        "result": "success",
        "resultReason": "",
        "activityDisplayName": activity,
        "activityDateTime": now(),
        "loggedByService": "Core Directory",
        "operationType": _OPERATIONS[call.method],
        "initiatedBy": {"user": None, "app": _initiator(call)},
        "targetResources": [about or _new(reply)],
        "additionalDetails": [],
    }
    call.directory.put("directoryAudit", entry["id"], entry)


def _initiator(call: Call) -> dict[str, Any]:
    principal = call.directory.get("servicePrincipal", call.caller.principal_id) or {}
    return {
        "appId": call.caller.app_id,
        "displayName": principal.get("displayName"),
        "servicePrincipalId": call.caller.principal_id,
        "servicePrincipalName": None,
    }


def _new(reply: Reply) -> dict[str, Any]:
    body = reply.body if isinstance(reply.body, dict) else {}
    document = body.get("application", body)
    kind = str(body.get("@odata.context", "")).rpartition("#")[2].partition("/")[0].removesuffix("s")
    return _described(
        {"id": document.get("id"), **document}, "application" if "application" in body else kind
    )
