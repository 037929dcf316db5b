"""Groups: ``/groups`` and their members (Microsoft Graph v1.0, group resource and its operations)."""

from __future__ import annotations

import re
from typing import Any

from provisioner.sandbox.entra.graph import documents, recycle_bin
from provisioner.sandbox.entra.graph.applications import initial_domain
from provisioner.sandbox.entra.graph.call import NO_CONTENT, Call, Reply
from provisioner.sandbox.entra.graph.entities import GROUPS, alternate_key, bound_ids, find, referenced, shown
from provisioner.sandbox.entra.graph.errors import GraphError, already_exists, bad_request, not_found
from provisioner.sandbox.entra.graph.metadata import check_body, merged
from provisioner.sandbox.store import Document

_NICKNAME = re.compile(r"[^@()/\[\]';:<>,\s\"\\]{1,64}", re.ASCII)
_REQUIRED = ("displayName", "mailEnabled", "mailNickname", "securityEnabled")
_MEMBER_KINDS = ("user", "group", "servicePrincipal")
_MAX_BOUND_MEMBERS = 20


def create(call: Call) -> Reply:
    """``POST /groups``, with owners and members bound if given."""
    return _created(call, call.json_object())


def _created(call: Call, body: Document) -> Reply:
    check_body(body, "group")
    for name in _REQUIRED:
        if body.get(name) is None:
            raise bad_request(f"A value is required for property '{name}' of resource 'Group'.")
    document = merged(documents.group(body["displayName"], body["mailNickname"]), body, "group")
    _check(document)
    if "DynamicMembership" in document["groupTypes"]:
        document["membershipRuleProcessingState"] = document["membershipRuleProcessingState"] or "On"
    if "Unified" in document["groupTypes"]:
        _give_mailbox(call, document)
    _check_unique(call, document)
    document["_owners"] = bound_ids(call.directory, body, "owners")
    document["_members"] = list(dict.fromkeys(bound_ids(call.directory, body, "members")))
    call.directory.put("group", document["id"], document)
    return shown(call, GROUPS, document, 201)


def _give_mailbox(call: Call, document: Document) -> None:
    address = f"{document['mailNickname']}@{initial_domain(call.directory)}"
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


def _check_unique(call: Call, document: Document) -> None:
    others = [group for group in call.directory.all("group") if group["id"] != document["id"]]
    if document["uniqueName"] and any(group["uniqueName"] == document["uniqueName"] for group in others):
        raise already_exists("uniqueName")
    if "Unified" in document["groupTypes"] and any(g["mail"] == document["mail"] for g in others):
        raise already_exists("mailNickname")


def update(call: Call, key: str) -> Reply:
    """``PATCH /groups/{id}``; ``members@odata.bind`` adds up to 20 members.

    By unique name with ``Prefer: create-if-missing`` it creates too (Microsoft Graph v1.0, "Upsert group").
    """
    body = call.json_object()
    try:
        before = find(call.directory, GROUPS, key)
    except GraphError as missing:
        alternate = alternate_key(key)
        if missing.status != 404 or not call.prefers("create-if-missing") or not alternate:
            raise
        return _created(call, {**body, "uniqueName": alternate[1]})
    check_body(body, "group")
    if "isAssignableToRole" in body and body["isAssignableToRole"] != before["isAssignableToRole"]:
        raise bad_request("Property 'isAssignableToRole' is immutable.")
    if before["uniqueName"] and body.get("uniqueName", before["uniqueName"]) != before["uniqueName"]:
        raise bad_request("Property 'uniqueName' is immutable and cannot be changed once it has been set.")
    after = merged(before, body, "group")
    _check(after)
    _check_unique(call, after)
    added = [key for key in bound_ids(call.directory, body, "members") if key not in before["_members"]]
    if len(body.get("members@odata.bind") or []) > _MAX_BOUND_MEMBERS:
        raise bad_request(f"At most {_MAX_BOUND_MEMBERS} members can be added in one request.")
    after["_members"] = [*before["_members"], *added]
    call.directory.put("group", before["id"], after)
    return NO_CONTENT


def delete(call: Call, key: str) -> Reply:
    """``DELETE /groups/{id}``: Microsoft 365 and security groups go to the recycle bin, distribution groups do not."""
    document = find(call.directory, GROUPS, key)
    recoverable = document["securityEnabled"] or "Unified" in document["groupTypes"]
    recycle_bin.discard(call.directory, "group", document, recoverable=recoverable)
    return NO_CONTENT


def add_member(call: Call, key: str) -> Reply:
    """``POST /groups/{id}/members/$ref``."""
    group = _assigned(find(call.directory, GROUPS, key))
    member = referenced(call.directory, call.json_object().get("@odata.id"))
    if member["@odata.type"].rpartition(".")[2] not in _MEMBER_KINDS or member["id"] == group["id"]:
        raise bad_request("The reference target is invalid for the 'members' reference.")
    if member["id"] in group["_members"]:
        raise bad_request(
            "One or more added object references already exist for the following modified properties: 'members'."
        )
    return _with_members(call, group, [*group["_members"], member["id"]])


def remove_member(call: Call, key: str, member: str) -> Reply:
    """``DELETE /groups/{id}/members/{member}/$ref``."""
    group = _assigned(find(call.directory, GROUPS, key))
    if member not in group["_members"]:
        raise not_found(member)
    return _with_members(call, group, [other for other in group["_members"] if other != member])


def _assigned(group: Document) -> Document:
    """A group whose members are assigned by hand; those of a dynamic one follow its rule."""
    if "DynamicMembership" in group["groupTypes"]:
        raise bad_request("Insufficient privileges to change the membership of a dynamic group.")
    return group


def _with_members(call: Call, group: Document, members: list[str]) -> Reply:
    changed: dict[str, Any] = {**group, "_members": members}
    call.directory.put("group", group["id"], changed)
    return NO_CONTENT
