"""Directory objects of any kind, and the relationships between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from provisioner.sandbox.entra.graph.odata import Relationship
from provisioner.sandbox.store import Document, Store

KINDS = ("user", "group", "servicePrincipal", "application")
_TYPE_PREFIX = "#microsoft.graph."


def find_object(directory: Store, key: str) -> Document | None:
    """The directory object with this id, of any kind, with its ``@odata.type``."""
    for kind in KINDS:
        document = directory.get(kind, key)
        if document is not None:
            return with_type(document, kind)
    return None


def with_type(document: Document, kind: str) -> Document:
    """A document with its ``@odata.type``, as in lists of mixed objects."""
    return {"@odata.type": f"{_TYPE_PREFIX}{kind}", **document}


def kind_of(document: Document) -> str:
    """The kind that a document's ``@odata.type`` names, such as ``servicePrincipal``."""
    return str(document["@odata.type"]).removeprefix(_TYPE_PREFIX)


def application_of(directory: Store, app_id: str) -> Document | None:
    """The application registered in this tenant with this application id."""
    return next((a for a in directory.all("application") if a["appId"] == app_id), None)


def owners(directory: Store, document: Document) -> list[Document]:
    """Owners, in the order they were added."""
    return _find_objects(directory, document.get("_owners", []))


def members(directory: Store, group: Document) -> list[Document]:
    """Direct members, in the order they were added."""
    return _find_objects(directory, group["_members"])


def _find_objects(directory: Store, keys: Iterable[str]) -> list[Document]:
    documents = (find_object(directory, key) for key in keys)
    return [document for document in documents if document is not None]


def transitive_members(directory: Store, group: Document) -> list[Document]:
    """Members, members of member groups, and so on; each once."""

    def members_of(document: Document) -> list[Document]:
        return members(directory, document) if "_members" in document else []

    return _closure(group, members_of)


def member_of(directory: Store, document: Document) -> list[Document]:
    """Groups that the object is a direct member of."""
    return [
        with_type(group, "group") for group in directory.all("group") if document["id"] in group["_members"]
    ]


def transitive_member_of(directory: Store, document: Document) -> list[Document]:
    """Groups that the object is in, directly or through other groups; each once."""
    return _closure(document, lambda item: member_of(directory, item))


def _closure(start: Document, related: Callable[[Document], list[Document]]) -> list[Document]:
    """The objects related to an object, directly or transitively, nearest first."""
    reached: dict[str, Document] = {}
    queue = related(start)
    while queue:
        document = queue.pop(0)
        if document["id"] not in reached:
            reached[document["id"]] = document
            queue += related(document)
    return list(reached.values())


def app_role_assignments(directory: Store, principal: Document) -> list[Document]:
    """App roles granted to a user, group or service principal."""
    return [a for a in directory.all("appRoleAssignment") if a["principalId"] == principal["id"]]


def app_role_assigned_to(directory: Store, resource: Document) -> list[Document]:
    """Grants of this service principal's app roles."""
    return [a for a in directory.all("appRoleAssignment") if a["resourceId"] == resource["id"]]


def oauth2_permission_grants(directory: Store, document: Document) -> list[Document]:
    """Delegated permission grants of a client, or for a user."""
    return [
        grant
        for grant in directory.all("oauth2PermissionGrant")
        if document["id"] in (grant["clientId"], grant.get("principalId"))
    ]


_GROUP_MEMBERSHIPS: Mapping[str, Relationship] = {
    "memberOf": member_of,
    "transitiveMemberOf": transitive_member_of,
}
RELATIONSHIPS: Mapping[str, Mapping[str, Relationship]] = {
    "application": {"owners": owners},
    "servicePrincipal": {
        **_GROUP_MEMBERSHIPS,
        "owners": owners,
        "appRoleAssignments": app_role_assignments,
        "appRoleAssignedTo": app_role_assigned_to,
        "oauth2PermissionGrants": oauth2_permission_grants,
    },
    "group": {
        **_GROUP_MEMBERSHIPS,
        "owners": owners,
        "members": members,
        "transitiveMembers": transitive_members,
        "appRoleAssignments": app_role_assignments,
    },
    "user": {
        **_GROUP_MEMBERSHIPS,
        "appRoleAssignments": app_role_assignments,
        "oauth2PermissionGrants": oauth2_permission_grants,
    },
}
"""Relationships that can be listed or expanded, by kind of directory object."""
