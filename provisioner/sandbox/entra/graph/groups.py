"""Groups: ``/groups`` (Microsoft Graph v1.0, group resource and its operations)."""

from __future__ import annotations

import re

from provisioner.sandbox.entra.graph import documents
from provisioner.sandbox.entra.graph.applications import initial_domain
from provisioner.sandbox.entra.graph.deleted_items import delete_object
from provisioner.sandbox.entra.graph.entity_sets import GROUPS, entity_response, find, key_to_create
from provisioner.sandbox.entra.graph.errors import already_exists, bad_request
from provisioner.sandbox.entra.graph.metadata import apply_patch, check_body
from provisioner.sandbox.entra.graph.references import bound_ids
from provisioner.sandbox.entra.graph.request import NO_CONTENT, GraphRequest, GraphResponse
from provisioner.sandbox.store import Document

_NICKNAME = re.compile(r"[^@()/\[\]';:<>,\s\"\\]{1,64}", re.ASCII)
_REQUIRED = ("displayName", "mailEnabled", "mailNickname", "securityEnabled")
_MAX_BOUND_MEMBERS = 20


def create(request: GraphRequest) -> GraphResponse:
    """``POST /groups``; ``owners@odata.bind`` and ``members@odata.bind`` add owners and members."""
    return _create(request, request.json_object())


def _create(request: GraphRequest, body: Document) -> GraphResponse:
    check_body(body, "group")
    for name in _REQUIRED:
        if body.get(name) is None:
            raise bad_request(f"A value is required for property '{name}' of resource 'Group'.")
    document = apply_patch(documents.group(body["displayName"], body["mailNickname"]), body, "group")
    _check(document)
    if "DynamicMembership" in document["groupTypes"]:
        document["membershipRuleProcessingState"] = document["membershipRuleProcessingState"] or "On"
    if "Unified" in document["groupTypes"]:
        _add_mailbox(request, document)
    _check_unique(request, document)
    document["_owners"] = bound_ids(request.directory, body, "owners")
    document["_members"] = list(dict.fromkeys(bound_ids(request.directory, body, "members")))
    request.directory.put("group", document["id"], document)
    return entity_response(request, GROUPS, document, 201)


def _add_mailbox(request: GraphRequest, document: Document) -> None:
    address = f"{document['mailNickname']}@{initial_domain(request.directory)}"
    document |= {
        "mail": address,
        "proxyAddresses": [f"SMTP:{address}"],
        "visibility": document["visibility"] or "Public",
    }


def _check(document: Document) -> None:
    if not document["displayName"]:
        raise bad_request("Invalid value specified for property 'displayName' of resource 'Group'.")
    if not _NICKNAME.fullmatch(document["mailNickname"] or ""):
        raise bad_request("Invalid value specified for property 'mailNickname' of resource 'Group'.")
    if not document["mailEnabled"] and not document["securityEnabled"]:
        raise bad_request("A group must be mail-enabled, security-enabled, or both.")
    if document["mailEnabled"] and "Unified" not in document["groupTypes"]:
        raise bad_request(
            "Mail-enabled security groups and distribution groups cannot be created through Graph."
        )
    if ("DynamicMembership" in document["groupTypes"]) != bool(document["membershipRule"]):
        raise bad_request("groupTypes DynamicMembership and membershipRule belong together.")


def _check_unique(request: GraphRequest, document: Document) -> None:
    others = [group for group in request.directory.all("group") if group["id"] != document["id"]]
    if document["uniqueName"] and any(group["uniqueName"] == document["uniqueName"] for group in others):
        raise already_exists("uniqueName")
    if "Unified" in document["groupTypes"] and any(group["mail"] == document["mail"] for group in others):
        raise already_exists("mailNickname")


def update(request: GraphRequest, key: str) -> GraphResponse:
    """``PATCH /groups/{id}``; an upsert by unique name. ``members@odata.bind`` adds up to 20 members."""
    body = request.json_object()
    unique_name = key_to_create(GROUPS, request, key, "uniqueName")
    if unique_name is not None:
        return _create(request, {**body, "uniqueName": unique_name})
    before = find(request.directory, GROUPS, key)
    check_body(body, "group")
    if "isAssignableToRole" in body and body["isAssignableToRole"] != before["isAssignableToRole"]:
        raise bad_request("Property 'isAssignableToRole' is immutable.")
    if before["uniqueName"] and body.get("uniqueName", before["uniqueName"]) != before["uniqueName"]:
        raise bad_request("Property 'uniqueName' is immutable and cannot be changed once it has been set.")
    after = apply_patch(before, body, "group")
    _check(after)
    _check_unique(request, after)
    bound = bound_ids(request.directory, body, "members")
    if len(bound) > _MAX_BOUND_MEMBERS:
        raise bad_request(f"At most {_MAX_BOUND_MEMBERS} members can be added in one request.")
    after["_members"] = [*before["_members"], *(key for key in bound if key not in before["_members"])]
    request.directory.put("group", before["id"], after)
    return NO_CONTENT


def delete(request: GraphRequest, key: str) -> GraphResponse:
    """``DELETE /groups/{id}``: soft delete of Microsoft 365 and security groups; distribution groups are not kept."""
    document = find(request.directory, GROUPS, key)
    restorable = document["securityEnabled"] or "Unified" in document["groupTypes"]
    delete_object(request.directory, "group", document, restorable=restorable)
    return NO_CONTENT
