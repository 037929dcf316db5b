"""Directory objects of any kind: ``/directoryObjects``, and the actions that check group membership.

The four actions (getMemberGroups and its siblings; Microsoft Graph v1.0, directoryObject) are bound to
``/directoryObjects`` (no entity set) and to ``/users``, ``/groups`` and ``/servicePrincipals``.
"""

from __future__ import annotations

from provisioner.sandbox.entra.graph import odata
from provisioner.sandbox.entra.graph.documents import is_guid
from provisioner.sandbox.entra.graph.entity_sets import EntitySet, find
from provisioner.sandbox.entra.graph.errors import bad_request, not_found
from provisioner.sandbox.entra.graph.relationships import KINDS, find_object, kind_of, transitive_member_of
from provisioner.sandbox.entra.graph.request import GraphRequest, GraphResponse

_MAX_IDS = 1000
_MAX_CHECKED_IDS = 20


def read_object(request: GraphRequest, key: str) -> GraphResponse:
    """``GET /directoryObjects/{id}``."""
    document = find_object(request.directory, key)
    if document is None:
        raise not_found(key) if is_guid(key) else bad_request(f"Invalid object identifier '{key}'.")
    return odata.entity(request, document, "directoryObject", "directoryObjects")


def get_by_ids(request: GraphRequest) -> GraphResponse:
    """``POST /directoryObjects/getByIds``; unknown ids are ignored."""
    body = request.json_object()
    ids, kinds = body.get("ids"), body.get("types") or list(KINDS)
    if not isinstance(ids, list) or not ids or len(ids) > _MAX_IDS or not all(map(is_guid, ids)):
        raise bad_request(
            f"Invalid value specified for parameter 'ids': 1 to {_MAX_IDS} object ids are expected."
        )
    documents = [document for key in ids if (document := find_object(request.directory, key)) is not None]
    selected = [d for d in documents if "directoryObject" in kinds or kind_of(d) in kinds]
    return odata.collection(request, selected, "directoryObject", "directoryObjects")


def get_member_groups(entity_set: EntitySet | None, request: GraphRequest, key: str) -> GraphResponse:
    """``POST .../getMemberGroups {"securityEnabledOnly": bool}``.

    Also ``getMemberObjects``, because groups are the only objects with members in the sandbox.
    """
    security_only = request.json_object().get("securityEnabledOnly", False)
    groups = _groups(entity_set, request, key)
    return _ids(request, [group for group, secure in groups.items() if secure or not security_only])


def check_member_groups(entity_set: EntitySet | None, request: GraphRequest, key: str) -> GraphResponse:
    """``POST .../checkMemberGroups {"groupIds": [...]}`` and ``.../checkMemberObjects {"ids": [...]}``."""
    body = request.json_object()
    ids = body.get("groupIds", body.get("ids"))
    if not isinstance(ids, list) or len(ids) > _MAX_CHECKED_IDS or not all(map(is_guid, ids)):
        raise bad_request(f"Up to {_MAX_CHECKED_IDS} ids are expected.", "BadRequest")
    groups = _groups(entity_set, request, key)
    return _ids(request, [group for group in ids if group in groups])


def _groups(entity_set: EntitySet | None, request: GraphRequest, key: str) -> dict[str, bool]:
    """Ids of the groups an object is in, directly or transitively, and whether they are security enabled."""
    if entity_set is None:
        document = find_object(request.directory, key)
        if document is None:
            raise not_found(key)
    else:
        document = find(request.directory, entity_set, key)
    groups = transitive_member_of(request.directory, document)
    return {group["id"]: group["securityEnabled"] for group in groups}


def _ids(request: GraphRequest, ids: list[str]) -> GraphResponse:
    context = f"{request.root}/$metadata#Collection(Edm.String)"
    return GraphResponse(200, {"@odata.context": context, "value": ids})
