"""Groups and their members (Okta Management API 2026.06.3, Group; recorded: EveryoneGroup_read, GroupAssignments_read)."""

from __future__ import annotations

from contextlib import nullcontext

from provisioner.sandbox.okta.management import app_documents, filters, membership, paging, rendering, users
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import OktaError, invalid, malformed, not_found
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.okta.management.log_events import group_target, note, user_target
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.store import Document, Store

_PAGE = Size(10000, 10000)
_QUERY_LIMIT = 300
_MEMBERS_PAGE = Size(1000, 1000)
_APPS_PAGE = Size(20, 200)
_FILTERS = ("id", "type", "lastUpdated", "lastMembershipUpdated")
_NAME_LENGTH = 255


def new(name: str, description: str | None = None, *, kind: str = "OKTA_GROUP") -> Document:
    """A new group without members, not yet stored.

    Args:
        name: its name.
        description: what it is for.
        kind: ``OKTA_GROUP``, ``APP_GROUP`` or ``BUILT_IN``.
    """
    moment = now()
    return {
        "id": new_id("00g"),
        "created": moment,
        "lastUpdated": moment,
        "lastMembershipUpdated": moment,
        "objectClass": ["okta:user_group"],
        "type": kind,
        "profile": {"name": name, "description": description},
        "_members": [],
    }


def find(store: Store, group_id: str) -> Document:
    """The group.

    Raises:
        OktaError: 404.
    """
    found = store.get("group", group_id)
    if found is None:
        raise not_found(group_id, "UserGroup")
    return found


def _list(call: Call) -> Reply:
    """``q`` begins a name and is not paged; ``search`` reads an index that lags behind; ``filter`` knows few properties."""
    q, search, expression = (call.query.get(name) for name in ("q", "search", "filter"))
    if q is not None:
        count = paging.limit(call, Size(_QUERY_LIMIT, _QUERY_LIMIT))
        found = [
            each for each in call.store.all("group") if each["profile"]["name"].lower().startswith(q.lower())
        ]
        return Reply(200, [_expanded(call, each) for each in found[:count]])
    if search is None and expression is None:
        return _plain(call)
    with call.store.lagging_replica() if search is not None else nullcontext():
        found = call.store.all("group")
    if search is not None:
        fits = filters.parse(search)
        found = _sorted(call, [each for each in found if fits(each)])
    if expression is not None:
        fits = filters.parse(expression, _FILTERS)
        found = [each for each in found if fits(each)]
    return paging.page(call, found, _PAGE, lambda each: _expanded(call, each))


def _plain(call: Call) -> Reply:
    count, after = paging.limit(call, _PAGE), paging.cursor(call)
    read = call.store.page("group", "", count + 1, after)
    more = read[count - 1]["id"] if len(read) > count else None
    return paging.answer(call, [_expanded(call, each) for each in read[:count]], count, more)


def _sorted(call: Call, found: list[Document]) -> list[Document]:
    path = call.query.get("sortBy", "id").split(".")

    def key(group: Document) -> tuple[str, str]:
        value = group["profile"].get(path[1]) if len(path) > 1 else group.get(path[0])
        return str(value or "").lower(), group["id"]

    return sorted(found, key=key, reverse=call.query.get("sortOrder", "asc").lower() == "desc")


def _expanded(call: Call, group: Document) -> Document:
    shown = rendering.group(call, group)
    if "stats" in call.query.get("expand", "").split(","):
        apps = sum(1 for app in call.store.keys("app") if call.store.get("appGroup", f"{app}:{group['id']}"))
        shown["_embedded"] = {"stats": {"usersCount": len(group["_members"]), "appsCount": apps}}
    return shown


def _profile(store: Store, sent: Document, own_id: str = "") -> Document:
    """The profile that a request gives; names are unique among the org's own groups."""
    profile = sent.get("profile")
    if not isinstance(profile, dict):
        raise malformed()
    name = profile.get("name")
    if not isinstance(name, str) or not name.strip():
        raise invalid("name", "name: The field cannot be left blank")
    if len(name) > _NAME_LENGTH:
        raise invalid("name", f"name: The field is too long (at most {_NAME_LENGTH} characters)")
    for other in store.all("group"):
        same = other["profile"]["name"] == name and other["type"] != "APP_GROUP"
        if same and other["id"] != own_id:
            raise invalid(
                "name", "name: An object with this field already exists in the current organization"
            )
    return {"name": name, "description": profile.get("description")} | profile


def _create(call: Call) -> Reply:
    group = new("")
    group["profile"] = _profile(call.store, call.document())
    call.store.put("group", group["id"], group)
    note(call, "group.lifecycle.create", group_target(group))
    return Reply(200, rendering.group(call, group))


def _get(call: Call, group_id: str) -> Reply:
    return Reply(200, rendering.group(call, find(call.store, group_id)))


def _replace(call: Call, group_id: str) -> Reply:
    group = _editable(call, group_id)
    profile = _profile(call.store, call.document(), group_id)
    changed = {**group, "profile": profile, "lastUpdated": now()}
    call.store.put("group", group_id, changed)
    note(call, "group.profile.update", group_target(changed))
    call.touched.update(app["id"] for app in membership.apps_of_group(call.store, group_id))
    return Reply(200, rendering.group(call, changed))


def _editable(call: Call, group_id: str) -> Document:
    """The group, if it is one of the org's own."""
    group = find(call.store, group_id)
    if group["type"] != "OKTA_GROUP":
        raise OktaError(403, "E0000060", "Unsupported operation.")
    return group


def _delete(call: Call, group_id: str) -> Reply:
    group = find(call.store, group_id)
    if group["type"] == "BUILT_IN":
        raise OktaError(403, "E0000060", "Unsupported operation.")
    apps = membership.apps_of_group(call.store, group_id)
    call.store.delete("group", group_id)
    for app in apps:
        call.store.delete("appGroup", f"{app['id']}:{group_id}")
        membership.refresh(call.store, app, group["_members"])
    gone = [each["id"] for each in call.store.all("pushMapping") if each["sourceGroupId"] == group_id]
    call.store.delete_many("pushMapping", gone)
    call.touched.update(app["id"] for app in apps)
    note(call, "group.lifecycle.delete", group_target(group))
    return Reply(204)


def _members(call: Call, group_id: str) -> Reply:
    ids = find(call.store, group_id)["_members"]
    count, after = paging.limit(call, _MEMBERS_PAGE), paging.cursor(call)
    start = ids.index(after) + 1 if after in ids else 0
    chosen = ids[start : start + count]
    found = [user for each in chosen if (user := call.store.get("user", each))]
    more = chosen[-1] if start + count < len(ids) and chosen else None
    return paging.answer(call, [rendering.user(call, user) for user in found], count, more)


def _join(call: Call, group_id: str, user_id: str) -> Reply:
    group, user = _editable(call, group_id), users.find(call.store, user_id)
    if user["id"] not in group["_members"]:
        _keep(call, group, [*group["_members"], user["id"]])
        note(call, "group.user_membership.add", user_target(user), group_target(group))
        call.touched.update(membership.members_changed(call.store, group_id, [user["id"]]))
    return Reply(204)


def _leave(call: Call, group_id: str, user_id: str) -> Reply:
    group, user = _editable(call, group_id), users.find(call.store, user_id)
    if user["id"] in group["_members"]:
        _keep(call, group, [each for each in group["_members"] if each != user["id"]])
        note(call, "group.user_membership.remove", user_target(user), group_target(group))
        call.touched.update(membership.members_changed(call.store, group_id, [user["id"]]))
    return Reply(204)


def _keep(call: Call, group: Document, members: list[str]) -> None:
    changed = {**group, "_members": members, "lastMembershipUpdated": now()}
    call.store.put("group", group["id"], changed)


def _apps(call: Call, group_id: str) -> Reply:
    find(call.store, group_id)
    found = [app for app in call.store.all("app") if call.store.get("appGroup", f"{app['id']}:{group_id}")]
    return paging.page(call, found, _APPS_PAGE, lambda app: app_documents.render(call, app))


def _owners(call: Call, group_id: str) -> Reply:
    find(call.store, group_id)
    return Reply(200, [])


_READ, _MANAGE = ("okta.groups.read",), ("okta.groups.manage",)
_ALL = "/api/v1/groups"
_ONE = f"{_ALL}/{{group_id}}"
ROUTES = (
    Route("GET", _ALL, _list, _READ, "groups"),
    Route("POST", _ALL, _create, _MANAGE, "groups"),
    Route("GET", _ONE, _get, _READ, "groups"),
    Route("PUT", _ONE, _replace, _MANAGE, "groups"),
    Route("DELETE", _ONE, _delete, _MANAGE, "groups"),
    Route("GET", f"{_ONE}/users", _members, _READ, "groups"),
    Route("PUT", f"{_ONE}/users/{{user_id}}", _join, _MANAGE, "groups"),
    Route("DELETE", f"{_ONE}/users/{{user_id}}", _leave, _MANAGE, "groups"),
    Route("GET", f"{_ONE}/apps", _apps, _READ, "groups"),
    Route("GET", f"{_ONE}/owners", _owners, _READ, "groups"),
)
