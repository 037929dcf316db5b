"""Applications: ``/applications`` (Microsoft Graph v1.0, application resource and its operations)."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import application_rules, documents
from provisioner.sandbox.entra.graph.deleted_items import delete_object
from provisioner.sandbox.entra.graph.entity_sets import APPLICATIONS, entity_response, find, key_to_create
from provisioner.sandbox.entra.graph.errors import bad_request
from provisioner.sandbox.entra.graph.metadata import apply_patch, check_body
from provisioner.sandbox.entra.graph.references import bound_ids
from provisioner.sandbox.entra.graph.relationships import kind_of
from provisioner.sandbox.entra.graph.request import NO_CONTENT, GraphRequest, GraphResponse
from provisioner.sandbox.store import Document, Store


def create(request: GraphRequest) -> GraphResponse:
    """``POST /applications``: creates no service principal."""
    return _create(request, request.json_object())


def _create(request: GraphRequest, body: Document) -> GraphResponse:
    _check(body)
    if not body.get("displayName"):
        raise bad_request("A value is required for property 'displayName' of resource 'Application'.")
    new = documents.application(body["displayName"], initial_domain(request.directory))
    new["createdByAppId"] = request.caller.app_id
    document = apply_patch(new, body, "application")
    owners = bound_ids(request.directory, body, "owners")
    document["_owners"] = list(dict.fromkeys([*owners, request.caller.principal_id]))
    save(request, None, document)
    return entity_response(request, APPLICATIONS, document, 201)


def _check(body: Document) -> None:
    check_body(body, "application")
    if body.get("passwordCredentials"):
        raise bad_request(
            "Adding passwordCredentials is not supported; use addPassword.", "CannotUpdatePasswordCredentials"
        )
    for role in body.get("appRoles") or []:
        role["origin"] = "Application"


def initial_domain(directory: Store) -> str:
    """The tenant's ``onmicrosoft.com`` domain."""
    return next((str(domain["id"]) for domain in directory.all("domain") if domain["isInitial"]), "")


def save(request: GraphRequest, before: Document | None, after: Document) -> None:
    """Check an application against every rule, store it, and update its service principal.

    Args:
        request: the request.
        before: the stored application, or None for a new one.
        after: the application to store.

    Raises:
        GraphError: 400 when a rule forbids it.
    """
    directory = request.directory
    application_rules.check(before, after)
    others = [other for other in directory.all("application") if other["id"] != after["id"]]
    deleted = [item for item in directory.all("deletedItem") if kind_of(item) == "application"]
    application_rules.check_uniqueness(after, others, deleted)
    policy = directory.get("policy", "defaultAppManagementPolicy") or {}
    domains = [domain["id"] for domain in directory.all("domain") if domain["isVerified"]]
    application_rules.check_identifier_policy(before, after, policy, request.tenant_id, domains)
    directory.put("application", after["id"], after)
    for principal in directory.all("servicePrincipal"):
        if principal["appId"] == after["appId"]:
            updated = documents.update_from_application(principal, after)
            directory.put("servicePrincipal", principal["id"], updated)


def update(request: GraphRequest, key: str) -> GraphResponse:
    """``PATCH /applications/{id}``; an upsert by unique name."""
    body = request.json_object()
    unique_name = key_to_create(APPLICATIONS, request, key, "uniqueName")
    if unique_name is not None:
        return _create(request, {**body, "uniqueName": unique_name})
    before = find(request.directory, APPLICATIONS, key)
    _check(body)
    save(request, before, apply_patch(before, body, "application"))
    return NO_CONTENT


def delete(request: GraphRequest, key: str) -> GraphResponse:
    """``DELETE /applications/{id}``: soft delete; the item can be restored for 30 days.

    The service principal of the home tenant is deleted too. Microsoft's pages state this for the portal; reports about
    the API disagree, so this is unverified.
    """
    document = find(request.directory, APPLICATIONS, key)
    delete_object(request.directory, "application", document)
    for principal in request.directory.all("servicePrincipal"):
        if principal["appId"] == document["appId"]:
            delete_object(request.directory, "servicePrincipal", principal)
    return NO_CONTENT
