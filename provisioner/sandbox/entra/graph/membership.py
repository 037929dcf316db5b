"""Which groups an object belongs to: getMemberGroups and its three siblings (Microsoft Graph v1.0, directoryObject).

Bound to ``/directoryObjects`` (no entity set) and to ``/users``, ``/groups`` and ``/servicePrincipals``.
"""

from __future__ import annotations

from provisioner.sandbox.entra.graph.call import Call, Reply
from provisioner.sandbox.entra.graph.entities import (
    EntitySet,
    any_object,
    find,
    is_guid,
    transitive_member_of,
)
from provisioner.sandbox.entra.graph.errors import bad_request, not_found

_MAX_CHECKED = 20


def _groups(entity_set: EntitySet | None, call: Call, key: str) -> dict[str, bool]:
    """Ids of the groups an object is in, directly or not, and whether they are security enabled."""
    if entity_set is None:
        document = any_object(call.directory, key)
        if document is None:
            raise not_found(key)
    else:
        document = find(call.directory, entity_set, key)
    return {group["id"]: group["securityEnabled"] for group in transitive_member_of(call.directory, document)}


def get_member_groups(entity_set: EntitySet | None, call: Call, key: str) -> Reply:
    """``POST .../getMemberGroups {"securityEnabledOnly": bool}``; also getMemberObjects, as there are only groups."""
    only = call.json_object().get("securityEnabledOnly", False)
    return _ids(
        call, [group for group, secure in _groups(entity_set, call, key).items() if secure or not only]
    )


def check_member_groups(entity_set: EntitySet | None, call: Call, key: str) -> Reply:
    """``POST .../checkMemberGroups {"groupIds": [...]}`` and ``.../checkMemberObjects {"ids": [...]}``: those that hold."""
    body = call.json_object()
    asked = body.get("groupIds", body.get("ids"))
    if not isinstance(asked, list) or len(asked) > _MAX_CHECKED or not all(map(is_guid, asked)):
        raise bad_request(f"Up to {_MAX_CHECKED} ids are expected.", "BadRequest")
    groups = _groups(entity_set, call, key)
    return _ids(call, [group for group in asked if group in groups])


def _ids(call: Call, keys: list[str]) -> Reply:
    return Reply(200, {"@odata.context": f"{call.root}/$metadata#Collection(Edm.String)", "value": keys})
