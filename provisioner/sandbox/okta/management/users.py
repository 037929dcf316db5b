"""Users (Okta Management API 2026.06.3, User, UserLifecycle)."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from provisioner.sandbox.okta.management import filters, membership, paging, rendering
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import OktaError, invalid, malformed, not_found
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.okta.management.log_events import group_target, note, user_target
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.store import Document, Store

_PAGE = Size(200, 200)
_QUERY_PAGE = Size(10, 200)
_FILTERS = (
    "status",
    "lastUpdated",
    "id",
    "profile.login",
    "profile.email",
    "profile.firstName",
    "profile.lastName",
)
_REQUIRED = ("login", "email", "firstName", "lastName")


def new(profile: Document, *, status: str = "ACTIVE", type_id: str) -> Document:
    """A new user, not yet stored.

    Args:
        profile: its profile.
        status: ``STAGED``, ``PROVISIONED`` or ``ACTIVE``.
        type_id: its user type.
    """
    moment = now()
    return {
        "id": new_id("00u"),
        "status": status,
        "created": moment,
        "activated": None if status == "STAGED" else moment,
        "statusChanged": moment,
        "lastLogin": None,
        "lastUpdated": moment,
        "passwordChanged": None,
        "type": {"id": type_id},
        "profile": {"secondEmail": None, "mobilePhone": None, **profile},
        "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}},
    }


def find(store: Store, key: str) -> Document:
    """The user of an id, a login, or the part of a login before the @ when that is one user's only.

    Raises:
        OktaError: 404.
    """
    found = store.get("user", key)
    if found is None:
        wanted = key.lower()
        candidates = store.containing("user", key)
        logins = [(user["profile"]["login"].lower(), user) for user in candidates]
        exact = [user for login, user in logins if login == wanted]
        short = [user for login, user in logins if login.partition("@")[0] == wanted]
        found = exact[0] if exact else short[0] if len(short) == 1 else None
    if found is None:
        raise not_found(key, "User")
    return found


def _list(call: Call) -> Reply:
    """Without ``search`` or ``filter`` deactivated users are left out; ``search`` reads an index that lags behind."""
    q, search, expression = (call.query.get(name) for name in ("q", "search", "filter"))
    if q is not None:
        found = [
            each for each in call.store.all("user") if each["status"] != "DEPROVISIONED" and _begins(each, q)
        ]
        count = paging.limit(call, _QUERY_PAGE)
        return Reply(200, [rendering.user(call, each) for each in found[:count]])
    if search is None and expression is None:
        return _plain(call)
    with call.store.lagging_replica() if search is not None else nullcontext():
        found = call.store.all("user")
    for text, allowed in ((search, None), (expression, _FILTERS)):
        if text is not None:
            fits = filters.parse(text, allowed)
            found = [each for each in found if fits(each)]
    return paging.page(call, found, _PAGE, lambda each: rendering.user(call, each))


def _begins(user: Document, q: str) -> bool:
    return any(
        str(user["profile"].get(name) or "").lower().startswith(q.lower())
        for name in ("firstName", "lastName", "email")
    )


def _plain(call: Call) -> Reply:
    """A page by itself: an org may have a hundred thousand users."""
    count, after = paging.limit(call, _PAGE), paging.cursor(call)
    shown: list[Document] = []
    while True:
        read = call.store.page("user", "", count + 1, after)
        shown += [each for each in read if each["status"] != "DEPROVISIONED"]
        if len(shown) > count or len(read) <= count:
            break
        after = read[-1]["id"]
    more = shown[count - 1]["id"] if len(shown) > count else None
    return paging.answer(call, [rendering.user(call, each) for each in shown[:count]], count, more)


def _profile(call: Call, sent: Any, own_id: str = "") -> Document:
    """A whole profile; logins are unique."""
    if not isinstance(sent, dict):
        raise malformed()
    for name in _REQUIRED:
        if not isinstance(sent.get(name), str) or not sent[name].strip():
            raise invalid(name, f"{name}: The field cannot be left blank")
    known = {name for part in _definitions(call).values() for name in part["properties"]}
    if unknown := sorted(set(sent) - known):
        raise invalid(unknown[0], f"{unknown[0]}: is not in the schema of this user type")
    login = sent["login"].lower()
    for other in call.store.containing("user", login):
        if other["profile"]["login"].lower() == login and other["id"] != own_id:
            raise invalid(
                "login", "login: An object with this field already exists in the current organization"
            )
    return dict(sent)


def _definitions(call: Call) -> Document:
    found: Document = call.store.setting("user_schema")["definitions"]
    return found


def _create(call: Call) -> Reply:
    sent, store = call.document(), call.store
    profile = _profile(call, sent.get("profile"))
    password = ((sent.get("credentials") or {}).get("password") or {}).get("value")
    active = call.flag("activate", default=True)
    status = "STAGED" if not active else "ACTIVE" if password else "PROVISIONED"
    types = store.all("userType")
    user = new(profile, status=status, type_id=next(each["id"] for each in types if each["default"]))
    if password:
        user["credentials"] = {"password": {}, **user["credentials"]}
        user["passwordChanged"] = user["created"]
    store.put("user", user["id"], user)
    note(call, "user.lifecycle.create", user_target(user))
    if active:
        note(call, "user.lifecycle.activate", user_target(user))
    everyone = next((each["id"] for each in store.all("group") if each["type"] == "BUILT_IN"), None)
    for group_id in [*([everyone] if everyone else []), *(sent.get("groupIds") or [])]:
        _join(call, user, group_id)
    return Reply(200, rendering.user(call, user))


def _join(call: Call, user: Document, group_id: str) -> None:
    group = call.store.get("group", group_id)
    if group is None:
        raise not_found(group_id, "UserGroup")
    if user["id"] in group["_members"]:
        return
    changed = {**group, "_members": [*group["_members"], user["id"]], "lastMembershipUpdated": now()}
    call.store.put("group", group_id, changed)
    if group["type"] != "BUILT_IN":
        note(call, "group.user_membership.add", user_target(user), group_target(group))
    call.touched.update(membership.members_changed(call.store, group_id, [user["id"]]))


def _get(call: Call, user_id: str) -> Reply:
    """``me`` is the owner of the API token; a service app is nobody (not recorded)."""
    if user_id == "me":
        if call.caller.kind != "User":
            raise not_found("me", "User")
        user_id = call.caller.id
    return Reply(200, rendering.user(call, find(call.store, user_id)))


def _update(call: Call, user_id: str) -> Reply:
    """POST merges the profile, PUT replaces it."""
    user, sent = find(call.store, user_id), call.document()
    profile = sent.get("profile") or {}
    if not isinstance(profile, dict):
        raise malformed()
    kept = user["profile"] if call.method == "POST" else {}
    changed = {**user, "profile": _profile(call, {**kept, **profile}, user["id"]), "lastUpdated": now()}
    call.store.put("user", user["id"], changed)
    note(call, "user.account.update_profile", user_target(changed))
    call.touched.update(membership.user_changed(call.store, changed, came_or_went=False))
    return Reply(200, rendering.user(call, changed))


_STEPS = {
    "activate": (("STAGED", "DEPROVISIONED"), "ACTIVE"),
    "reactivate": (("PROVISIONED", "DEPROVISIONED"), "ACTIVE"),
    "deactivate": (
        ("STAGED", "PROVISIONED", "ACTIVE", "SUSPENDED", "LOCKED_OUT", "RECOVERY"),
        "DEPROVISIONED",
    ),
    "suspend": (("ACTIVE",), "SUSPENDED"),
    "unsuspend": (("SUSPENDED",), "ACTIVE"),
}
_REFUSALS = {
    "activate": (403, "E0000016", "Activation failed because the user is already active"),
    "reactivate": (403, "E0000038", "This operation is not allowed in the user's current status."),
    "deactivate": (403, "E0000038", "This operation is not allowed in the user's current status."),
    "suspend": (400, "E0000001", "Api validation failed: suspendUser"),
    "unsuspend": (400, "E0000001", "Api validation failed: unsuspendUser"),
}


def _step(call: Call, user_id: str) -> Reply:
    """Activate, reactivate, deactivate, suspend, unsuspend; the path's last part says which."""
    user, step = find(call.store, user_id), call.path.rpartition("/")[2]
    begin, end = _STEPS[step]
    if user["status"] not in begin:
        raise OktaError(*_REFUSALS[step])
    moment = now()
    changed = {**user, "status": end, "statusChanged": moment, "lastUpdated": moment}
    if step == "activate":
        changed["activated"] = moment
    call.store.put("user", user["id"], changed)
    note(call, f"user.lifecycle.{step}", user_target(changed))
    gone = "DEPROVISIONED" in (user["status"], end)
    call.touched.update(membership.user_changed(call.store, changed, came_or_went=gone))
    return Reply(200, {})


def _delete(call: Call, user_id: str) -> Reply:
    """The first DELETE deactivates a user who is not, the next one removes it."""
    user, store = find(call.store, user_id), call.store
    if user["status"] != "DEPROVISIONED":
        moment = now()
        user = {**user, "status": "DEPROVISIONED", "statusChanged": moment, "lastUpdated": moment}
        store.put("user", user["id"], user)
        note(call, "user.lifecycle.deactivate", user_target(user))
    else:
        for group in store.all("group"):
            if user["id"] in group["_members"]:
                members = [each for each in group["_members"] if each != user["id"]]
                store.put("group", group["id"], {**group, "_members": members})
        store.delete("user", user["id"])
        note(call, "user.lifecycle.delete.initiated", user_target(user))
    call.touched.update(membership.user_changed(store, user, came_or_went=True))
    return Reply(204)


def _groups(call: Call, user_id: str) -> Reply:
    user = find(call.store, user_id)
    found = [each for each in call.store.all("group") if user["id"] in each["_members"]]
    return Reply(200, [rendering.group(call, each) for each in found])


_READ, _MANAGE = ("okta.users.read",), ("okta.users.manage",)
_ALL = "/api/v1/users"
_ONE = f"{_ALL}/{{user_id}}"
ROUTES = (
    Route("GET", _ALL, _list, _READ, "users"),
    Route("POST", _ALL, _create, _MANAGE, "users"),
    Route("GET", _ONE, _get, _READ, "users"),
    Route("POST", _ONE, _update, _MANAGE, "users"),
    Route("PUT", _ONE, _update, _MANAGE, "users"),
    Route("DELETE", _ONE, _delete, _MANAGE, "users"),
    Route("GET", f"{_ONE}/groups", _groups, _READ, "users"),
    *(Route("POST", f"{_ONE}/lifecycle/{step}", _step, _MANAGE, "users") for step in _STEPS),
)
