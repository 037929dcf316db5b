"""App role assignments and delegated permission grants (Microsoft Graph v1.0)."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import documents, odata
from provisioner.sandbox.entra.graph.entity_sets import EntitySet, find
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request, not_found
from provisioner.sandbox.entra.graph.metadata import check_body
from provisioner.sandbox.entra.graph.relationships import find_object, kind_of
from provisioner.sandbox.entra.graph.request import NO_CONTENT, GraphRequest, GraphResponse
from provisioner.sandbox.store import Document

_DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
_PRINCIPAL_TYPES = {"user": "User", "group": "Group", "servicePrincipal": "ServicePrincipal"}
_ENDS = {"appRoleAssignedTo": "resourceId", "appRoleAssignments": "principalId"}
"""The member of an assignment that refers to the object in the path, by relationship."""


def assign(entity_set: EntitySet, relationship: str, request: GraphRequest, key: str) -> GraphResponse:
    """``POST .../appRoleAssignedTo`` of a resource, or ``.../appRoleAssignments`` of a principal."""
    body = request.json_object()
    check_body(body, "appRoleAssignment")
    document = find(request.directory, entity_set, key)
    for member in ("principalId", "resourceId", "appRoleId"):
        if not documents.is_guid(body.get(member)):
            raise bad_request(f"A value is required for property '{member}' of resource 'AppRoleAssignment'.")
    if body[_ENDS[relationship]] != document["id"]:
        raise not_valid_reference()
    assignment = _assignment(request, body)
    request.directory.put("appRoleAssignment", assignment["id"], assignment)
    context = f"{request.root}/$metadata#{entity_set.name}('{document['id']}')/{relationship}/$entity"
    return GraphResponse(201, {"@odata.context": context, **assignment})


def not_valid_reference() -> GraphError:
    """400 for an assignment whose principal or resource does not exist, or is not replicated yet."""
    return bad_request("Not a valid reference update.")


def _assignment(request: GraphRequest, body: Document) -> Document:
    principal = find_object(request.directory, body["principalId"])
    resource = request.directory.get("servicePrincipal", body["resourceId"])
    kind = kind_of(principal) if principal else ""
    if principal is None or resource is None or kind not in _PRINCIPAL_TYPES:
        raise not_valid_reference()
    if kind == "group" and not principal["securityEnabled"]:
        raise bad_request("App role assignments can only be created for security-enabled groups.")
    _check_role(resource, body["appRoleId"], kind)
    for other in request.directory.all("appRoleAssignment"):
        if all(other[name] == body[name] for name in ("principalId", "resourceId", "appRoleId")):
            raise bad_request("Permission being assigned already exists on the object")
    return documents.app_role_assignment(principal, _PRINCIPAL_TYPES[kind], resource, body["appRoleId"])


def _check_role(resource: Document, role_id: str, kind: str) -> None:
    """Refuse a role that the resource does not have, or that is disabled or not allowed for this kind of principal.

    The zero GUID stands for default access to a resource without app roles. That Graph refuses it for a resource with
    app roles follows from the property's description; unverified.
    """
    if role_id == _DEFAULT_ACCESS and not resource["appRoles"]:
        return
    member_type = "Application" if kind == "servicePrincipal" else "User"
    assignable = [
        role["id"]
        for role in resource["appRoles"]
        if role["isEnabled"] and member_type in role["allowedMemberTypes"]
    ]
    if role_id not in assignable:
        raise bad_request("Permission being assigned was not found on application")


def _find(
    entity_set: EntitySet, relationship: str, request: GraphRequest, key: str, assignment_id: str
) -> Document:
    document = find(request.directory, entity_set, key)
    assignment = request.directory.get("appRoleAssignment", assignment_id)
    if assignment is None or assignment[_ENDS[relationship]] != document["id"]:
        raise not_found(assignment_id)
    return assignment


def read_assignment(
    entity_set: EntitySet, relationship: str, request: GraphRequest, key: str, assignment: str
) -> GraphResponse:
    """``GET .../appRoleAssignedTo/{id}`` or ``.../appRoleAssignments/{id}``."""
    document = _find(entity_set, relationship, request, key, assignment)
    return odata.entity(request, document, "appRoleAssignment", f"{entity_set.name}('{key}')/{relationship}")


def unassign(
    entity_set: EntitySet, relationship: str, request: GraphRequest, key: str, assignment: str
) -> GraphResponse:
    """``DELETE .../appRoleAssignedTo/{id}`` or ``.../appRoleAssignments/{id}``."""
    document = _find(entity_set, relationship, request, key, assignment)
    request.directory.delete("appRoleAssignment", document["id"])
    return NO_CONTENT


# Delegated permission grants.


def list_grants(request: GraphRequest) -> GraphResponse:
    """``GET /oauth2PermissionGrants``."""
    grants = request.directory.all("oauth2PermissionGrant")
    return odata.collection(request, grants, "oAuth2PermissionGrant", "oauth2PermissionGrants")


def read_grant(request: GraphRequest, key: str) -> GraphResponse:
    """``GET /oauth2PermissionGrants/{id}``."""
    return odata.entity(request, _grant(request, key), "oAuth2PermissionGrant", "oauth2PermissionGrants")


def _grant(request: GraphRequest, key: str) -> Document:
    grant = request.directory.get("oauth2PermissionGrant", key)
    if grant is None:
        raise not_found(key)
    return grant


def create_grant(request: GraphRequest) -> GraphResponse:
    """``POST /oauth2PermissionGrants``: one per client, resource, consent type and principal."""
    body = request.json_object()
    check_body(body, "oAuth2PermissionGrant")
    client, resource = (
        request.directory.get("servicePrincipal", str(body.get(name))) for name in ("clientId", "resourceId")
    )
    if client is None or resource is None:
        raise bad_request("clientId and resourceId must be service principals of this tenant.")
    _check_consent(request, body)
    document = {
        "clientId": client["id"],
        "consentType": body["consentType"],
        "id": documents.opaque_id(),
        "principalId": body.get("principalId"),
        "resourceId": resource["id"],
        "scope": body.get("scope") or "",
    }
    unique = ("clientId", "consentType", "principalId", "resourceId")
    for other in request.directory.all("oauth2PermissionGrant"):
        if all(other[name] == document[name] for name in unique):
            raise GraphError(
                409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists."
            )
    request.directory.put("oauth2PermissionGrant", document["id"], document)
    context = f"{request.root}/$metadata#oauth2PermissionGrants/$entity"
    return GraphResponse(201, {"@odata.context": context, **document})


def _check_consent(request: GraphRequest, body: Document) -> None:
    consent, principal = body.get("consentType"), body.get("principalId")
    if consent not in ("AllPrincipals", "Principal"):
        raise bad_request(
            "Invalid value specified for property 'consentType' of resource 'OAuth2PermissionGrant'."
        )
    if (consent == "Principal") != (principal is not None):
        raise bad_request("principalId is required for consentType Principal, and must be null otherwise.")
    if principal is not None and request.directory.get("user", principal) is None:
        raise not_found(principal)


def update_grant(request: GraphRequest, key: str) -> GraphResponse:
    """``PATCH /oauth2PermissionGrants/{id}``: only ``scope`` can change."""
    body = request.json_object()
    document = _grant(request, key)
    check_body(body, "oAuth2PermissionGrant")
    if set(body) - {"scope", "@odata.type"}:
        raise bad_request("Only the scope of a delegated permission grant can be updated.")
    request.directory.put("oauth2PermissionGrant", key, {**document, "scope": body.get("scope") or ""})
    return NO_CONTENT


def delete_grant(request: GraphRequest, key: str) -> GraphResponse:
    """``DELETE /oauth2PermissionGrants/{id}``."""
    request.directory.delete("oauth2PermissionGrant", _grant(request, key)["id"])
    return NO_CONTENT
