"""App role assignments and delegated permission grants."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import documents, odata
from provisioner.sandbox.entra.graph.call import NO_CONTENT, Call, Reply
from provisioner.sandbox.entra.graph.entities import EntitySet, any_object, find, is_guid
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request, not_found
from provisioner.sandbox.entra.graph.metadata import check_body
from provisioner.sandbox.store import Document

DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
_PRINCIPAL_TYPES = {"user": "User", "group": "Group", "servicePrincipal": "ServicePrincipal"}


def assign(entity_set: EntitySet, relation: str, call: Call, key: str) -> Reply:
    """``POST .../appRoleAssignedTo`` of a resource, or ``.../appRoleAssignments`` of a principal."""
    body = call.json_object()
    check_body(body, "appRoleAssignment")
    anchor = find(call.directory, entity_set, key)
    for member in ("principalId", "resourceId", "appRoleId"):
        if not is_guid(body.get(member)):
            raise bad_request(f"A value is required for property '{member}' of resource 'AppRoleAssignment'.")
    end = "resourceId" if relation == "appRoleAssignedTo" else "principalId"
    if body[end] != anchor["id"]:
        raise not_valid_reference()
    assignment = _assignment(call, body)
    call.directory.put("appRoleAssignment", assignment["id"], assignment)
    context = f"{call.root}/$metadata#{entity_set.name}('{anchor['id']}')/{relation}/$entity"
    return Reply(201, {"@odata.context": context, **assignment})


def not_valid_reference() -> GraphError:
    """The refusal of an assignment whose principal or resource is not there (yet)."""
    return bad_request("Not a valid reference update.")


def _assignment(call: Call, body: Document) -> Document:
    principal = any_object(call.directory, body["principalId"])
    resource = call.directory.get("servicePrincipal", body["resourceId"])
    kind = principal["@odata.type"].rpartition(".")[2] if principal else ""
    if principal is None or resource is None or kind not in _PRINCIPAL_TYPES:
        raise not_valid_reference()
    if kind == "group" and not principal["securityEnabled"]:
        raise bad_request("App role assignments can only be created for security-enabled groups.")
    _check_role(resource, body["appRoleId"], kind)
    identity = (body["principalId"], body["resourceId"], body["appRoleId"])
    for other in call.directory.all("appRoleAssignment"):
        if identity == (other["principalId"], other["resourceId"], other["appRoleId"]):
            raise bad_request("Permission being assigned already exists on the object")
    return documents.app_role_assignment(principal, _PRINCIPAL_TYPES[kind], resource, body["appRoleId"])


def _check_role(resource: Document, role_id: str, kind: str) -> None:
    """The role has to be one of the resource's, enabled and meant for this kind of principal.

    The zero GUID stands for default access of a resource without app roles. That Graph refuses it for a resource
    which has roles follows from the property's description; unverified.
    """
    wanted = "Application" if kind == "servicePrincipal" else "User"
    offered = [r for r in resource["appRoles"] if r["isEnabled"] and wanted in r["allowedMemberTypes"]]
    if role_id == DEFAULT_ACCESS and not resource["appRoles"]:
        return
    if role_id not in [role["id"] for role in offered]:
        raise bad_request("Permission being assigned was not found on application")


def _of(entity_set: EntitySet, relation: str, call: Call, key: str, assignment: str) -> Document:
    anchor = find(call.directory, entity_set, key)
    found = call.directory.get("appRoleAssignment", assignment)
    end = "resourceId" if relation == "appRoleAssignedTo" else "principalId"
    if found is None or found[end] != anchor["id"]:
        raise not_found(assignment)
    return found


def read(entity_set: EntitySet, relation: str, call: Call, key: str, assignment: str) -> Reply:
    """``GET .../appRoleAssignedTo/{id}`` or ``.../appRoleAssignments/{id}``."""
    found = _of(entity_set, relation, call, key, assignment)
    return Reply(
        200, odata.entity(call, found, "appRoleAssignment", f"{entity_set.name}('{key}')/{relation}", {})
    )


def unassign(entity_set: EntitySet, relation: str, call: Call, key: str, assignment: str) -> Reply:
    """``DELETE .../appRoleAssignedTo/{id}`` or ``.../appRoleAssignments/{id}``."""
    call.directory.delete("appRoleAssignment", _of(entity_set, relation, call, key, assignment)["id"])
    return NO_CONTENT


# Delegated permission grants.


def list_grants(call: Call) -> Reply:
    """``GET /oauth2PermissionGrants``."""
    grants = call.directory.all("oauth2PermissionGrant")
    return odata.collection(call, grants, "oAuth2PermissionGrant", "oauth2PermissionGrants")


def read_grant(call: Call, key: str) -> Reply:
    """``GET /oauth2PermissionGrants/{id}``."""
    return Reply(
        200, odata.entity(call, _grant(call, key), "oAuth2PermissionGrant", "oauth2PermissionGrants", {})
    )


def _grant(call: Call, key: str) -> Document:
    grant = call.directory.get("oauth2PermissionGrant", key)
    if grant is None:
        raise not_found(key)
    return grant


def grant(call: Call) -> Reply:
    """``POST /oauth2PermissionGrants``: one per client, resource, consent type and principal."""
    body = call.json_object()
    check_body(body, "oAuth2PermissionGrant")
    client, resource = (
        call.directory.get("servicePrincipal", str(body.get(e))) for e in ("clientId", "resourceId")
    )
    if client is None or resource is None:
        raise bad_request("clientId and resourceId must be service principals of this tenant.")
    _check_consent(call, body)
    document = {
        "clientId": client["id"],
        "consentType": body["consentType"],
        "id": documents.new_key(),
        "principalId": body.get("principalId"),
        "resourceId": resource["id"],
        "scope": body.get("scope") or "",
    }
    same = ("clientId", "consentType", "principalId", "resourceId")
    for other in call.directory.all("oauth2PermissionGrant"):
        if all(other[name] == document[name] for name in same):
            raise GraphError(
                409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists."
            )
    call.directory.put("oauth2PermissionGrant", document["id"], document)
    return Reply(201, {"@odata.context": f"{call.root}/$metadata#oauth2PermissionGrants/$entity", **document})


def _check_consent(call: Call, body: Document) -> None:
    consent, principal = body.get("consentType"), body.get("principalId")
    if consent not in ("AllPrincipals", "Principal"):
        raise bad_request(
            "Invalid value specified for property 'consentType' of resource 'OAuth2PermissionGrant'."
        )
    if (consent == "Principal") != (principal is not None):
        raise bad_request("principalId is required for consentType Principal, and must be null otherwise.")
    if principal is not None and call.directory.get("user", principal) is None:
        raise not_found(principal)


def regrant(call: Call, key: str) -> Reply:
    """``PATCH /oauth2PermissionGrants/{id}``: only ``scope`` can change."""
    body = call.json_object()
    document = _grant(call, key)
    check_body(body, "oAuth2PermissionGrant")
    if set(body) - {"scope", "@odata.type"}:
        raise bad_request("Only the scope of a delegated permission grant can be updated.")
    call.directory.put("oauth2PermissionGrant", key, {**document, "scope": body.get("scope") or ""})
    return NO_CONTENT


def revoke(call: Call, key: str) -> Reply:
    """``DELETE /oauth2PermissionGrants/{id}``."""
    call.directory.delete("oauth2PermissionGrant", _grant(call, key)["id"])
    return NO_CONTENT
