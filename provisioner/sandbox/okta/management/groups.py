"""Groups, their members, and group rules.

Okta Management API 2026.06.3, Group, GroupRule; recorded: EveryoneGroup_read, GroupAssignments_read,
TestAccResourceOktaGroupRule_423ResponseCapture. Group rules are stored, but the sandbox does not evaluate them.
"""

from __future__ import annotations

from contextlib import nullcontext

from provisioner.sandbox.okta.management import apps, assignments, directory, errors
from provisioner.sandbox.okta.management.filters import parse_filter
from provisioner.sandbox.okta.management.objects import delete_matching, find, new_id, now, required_text
from provisioner.sandbox.okta.management.pagination import (
    PageSize,
    page_cursor,
    page_limit,
    page_response,
    paginate,
    paginate_stored,
)
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route, lifecycle_routes
from provisioner.sandbox.okta.management.system_log import group_target, log_request, user_target
from provisioner.sandbox.store import Document, Store

_PAGE = PageSize(10000, 10000)
_QUERY_PAGE = PageSize(300, 300)
_MEMBERS_PAGE = PageSize(1000, 1000)
_APPS_PAGE = PageSize(20, 200)
_RULES_PAGE = PageSize(50, 200)
_FILTER_PROPERTIES = ("id", "type", "lastUpdated", "lastMembershipUpdated")
_MAX_NAME_LENGTH = 255


def _list(request: ApiRequest) -> ApiResponse:
    """``q`` is a name prefix and not paginated; ``search`` reads an index that lags behind; ``filter`` has few properties."""
    q, search, expression = (request.query.get(name) for name in ("q", "search", "filter"))
    if q is not None:
        limit = page_limit(request, _QUERY_PAGE)
        groups = [
            group
            for group in request.store.all("group")
            if group["profile"]["name"].lower().startswith(q.lower())
        ]
        return ApiResponse(200, [_expand(request, group) for group in groups[:limit]])
    if search is None and expression is None:
        return paginate_stored(request, "group", _PAGE, lambda group: _expand(request, group))
    with request.store.lagging_replica() if search is not None else nullcontext():
        groups = request.store.all("group")
    if search is not None:
        matches = parse_filter(search)
        groups = _sort(request, [group for group in groups if matches(group)])
    if expression is not None:
        matches = parse_filter(expression, _FILTER_PROPERTIES)
        groups = [group for group in groups if matches(group)]
    return paginate(request, groups, _PAGE, lambda group: _expand(request, group))


def _sort(request: ApiRequest, groups: list[Document]) -> list[Document]:
    path = request.query.get("sortBy", "id").split(".")

    def sort_key(group: Document) -> tuple[str, str]:
        value = group["profile"].get(path[1]) if len(path) > 1 else group.get(path[0])
        return str(value or "").lower(), group["id"]

    return sorted(groups, key=sort_key, reverse=request.query.get("sortOrder", "asc").lower() == "desc")


def _expand(request: ApiRequest, group: Document) -> Document:
    members, store = directory.render_group(request, group), request.store
    if "stats" in request.query.get("expand", "").split(","):
        app_count = sum(1 for app_id in store.keys("app") if store.get("appGroup", f"{app_id}:{group['id']}"))
        members["_embedded"] = {"stats": {"usersCount": len(group["_members"]), "appsCount": app_count}}
    return members


def _validated_profile(store: Store, body: Document, own_id: str = "") -> Document:
    """The profile of a request; names are unique among the org's own groups."""
    profile = body.get("profile")
    if not isinstance(profile, dict):
        raise errors.malformed_body()
    name = required_text(profile, "name", _MAX_NAME_LENGTH)
    for group in store.all("group"):
        same_name = group["profile"]["name"] == name and group["type"] != "APP_GROUP"
        if same_name and group["id"] != own_id:
            raise errors.invalid(
                "name", "name: An object with this field already exists in the current organization"
            )
    return {"name": name, "description": profile.get("description")} | profile


def _create(request: ApiRequest) -> ApiResponse:
    group = directory.new_group("")
    group["profile"] = _validated_profile(request.store, request.json_object())
    request.store.put("group", group["id"], group)
    log_request(request, "group.lifecycle.create", group_target(group))
    return ApiResponse(200, directory.render_group(request, group))


def _get(request: ApiRequest, group_id: str) -> ApiResponse:
    return ApiResponse(200, directory.render_group(request, find(request.store, "group", group_id)))


def _replace(request: ApiRequest, group_id: str) -> ApiResponse:
    group = _find_editable(request, group_id)
    profile = _validated_profile(request.store, request.json_object(), group_id)
    changed = {**group, "profile": profile, "lastUpdated": now()}
    request.store.put("group", group_id, changed)
    log_request(request, "group.profile.update", group_target(changed))
    request.apps_to_push.update(app["id"] for app in assignments.apps_of_group(request.store, group_id))
    return ApiResponse(200, directory.render_group(request, changed))


def _find_editable(request: ApiRequest, group_id: str) -> Document:
    """The group, which must be one of the org's own."""
    group = find(request.store, "group", group_id)
    if group["type"] != "OKTA_GROUP":
        raise errors.unsupported_operation()
    return group


def _delete(request: ApiRequest, group_id: str) -> ApiResponse:
    store = request.store
    group = find(store, "group", group_id)
    if group["type"] == "BUILT_IN":
        raise errors.unsupported_operation()
    affected_apps = assignments.apps_of_group(store, group_id)
    store.delete("group", group_id)
    for app in affected_apps:
        store.delete("appGroup", f"{app['id']}:{group_id}")
        assignments.refresh_group_assignments(store, app, group["_members"])
    delete_matching(store, "pushMapping", sourceGroupId=group_id)
    request.apps_to_push.update(app["id"] for app in affected_apps)
    log_request(request, "group.lifecycle.delete", group_target(group))
    return ApiResponse(204)


def _list_members(request: ApiRequest, group_id: str) -> ApiResponse:
    ids = find(request.store, "group", group_id)["_members"]
    limit, after = page_limit(request, _MEMBERS_PAGE), page_cursor(request)
    start = ids.index(after) + 1 if after in ids else 0
    page = ids[start : start + limit]
    users = [user for user_id in page if (user := request.store.get("user", user_id))]
    next_cursor = page[-1] if start + limit < len(ids) and page else None
    return page_response(
        request, [directory.render_user(request, user) for user in users], limit, next_cursor
    )


def _add_member(request: ApiRequest, group_id: str, user_id: str) -> ApiResponse:
    group, user = _find_editable(request, group_id), directory.find_user(request.store, user_id)
    if user["id"] not in group["_members"]:
        log_request(request, "group.user_membership.add", user_target(user), group_target(group))
        request.apps_to_push.update(directory.add_to_groups(request.store, [group], user))
    return ApiResponse(204)


def _remove_member(request: ApiRequest, group_id: str, user_id: str) -> ApiResponse:
    group, user = _find_editable(request, group_id), directory.find_user(request.store, user_id)
    if user["id"] in group["_members"]:
        directory.set_members(
            request.store, group, [member for member in group["_members"] if member != user["id"]]
        )
        log_request(request, "group.user_membership.remove", user_target(user), group_target(group))
        request.apps_to_push.update(assignments.group_members_changed(request.store, group_id, [user["id"]]))
    return ApiResponse(204)


def _list_apps(request: ApiRequest, group_id: str) -> ApiResponse:
    store = request.store
    find(store, "group", group_id)
    assigned = [app for app in store.all("app") if store.get("appGroup", f"{app['id']}:{group_id}")]
    return paginate(request, assigned, _APPS_PAGE, lambda app: apps.render(request, app))


def _list_owners(request: ApiRequest, group_id: str) -> ApiResponse:
    find(request.store, "group", group_id)
    return ApiResponse(200, [])


def _rule_members(body: Document) -> Document:
    name = body.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 50:
        raise errors.invalid("name", "name: must have 1 to 50 characters")
    conditions = body.get("conditions") or {}
    people = conditions.get("people") or {}
    return {
        "name": name,
        "conditions": {
            "people": {
                "users": {"exclude": (people.get("users") or {}).get("exclude") or []},
                "groups": {"exclude": (people.get("groups") or {}).get("exclude") or []},
            },
            "expression": conditions.get("expression"),
        },
        "actions": body.get("actions") or {},
    }


def _list_rules(request: ApiRequest) -> ApiResponse:
    rules = request.store.all("groupRule")
    if search := request.query.get("search", "").lower():
        rules = [rule for rule in rules if search in rule["name"].lower()]
    return paginate(request, rules, _RULES_PAGE, lambda rule: rule)


def _create_rule(request: ApiRequest) -> ApiResponse:
    timestamp = now()
    rule = {
        "type": "group_rule",
        "id": new_id("0pr"),
        "status": "INACTIVE",
        "created": timestamp,
        "lastUpdated": timestamp,
        **_rule_members(request.json_object()),
        "allGroupsValid": True,
    }
    request.store.put("groupRule", rule["id"], rule)
    return ApiResponse(200, rule)


def _get_rule(request: ApiRequest, rule_id: str) -> ApiResponse:
    return ApiResponse(200, find(request.store, "groupRule", rule_id))


def _replace_rule(request: ApiRequest, rule_id: str) -> ApiResponse:
    rule = find(request.store, "groupRule", rule_id)
    changed = {**rule, **_rule_members(request.json_object()), "lastUpdated": now()}
    request.store.put("groupRule", rule_id, changed)
    return ApiResponse(200, changed)


def _change_rule_status(request: ApiRequest, rule_id: str) -> ApiResponse:
    rule = find(request.store, "groupRule", rule_id)
    request.store.put("groupRule", rule_id, {**rule, "status": request.target_status, "lastUpdated": now()})
    return ApiResponse(204)


def _delete_rule(request: ApiRequest, rule_id: str) -> ApiResponse:
    find(request.store, "groupRule", rule_id)
    request.store.delete("groupRule", rule_id)
    return ApiResponse(202, {})


_READ, _MANAGE = ("okta.groups.read",), ("okta.groups.manage",)
_GROUPS = "/api/v1/groups"
_GROUP = f"{_GROUPS}/{{group_id}}"
_RULES = f"{_GROUPS}/rules"
_RULE = f"{_RULES}/{{rule_id}}"
ROUTES = (
    Route("GET", _RULES, _list_rules, _READ, "groups"),
    Route("POST", _RULES, _create_rule, _MANAGE, "groups"),
    Route("GET", _RULE, _get_rule, _READ, "groups"),
    Route("PUT", _RULE, _replace_rule, _MANAGE, "groups"),
    Route("DELETE", _RULE, _delete_rule, _MANAGE, "groups"),
    *lifecycle_routes(_RULE, _change_rule_status, _MANAGE, "groups"),
    Route("GET", _GROUPS, _list, _READ, "groups"),
    Route("POST", _GROUPS, _create, _MANAGE, "groups"),
    Route("GET", _GROUP, _get, _READ, "groups"),
    Route("PUT", _GROUP, _replace, _MANAGE, "groups"),
    Route("DELETE", _GROUP, _delete, _MANAGE, "groups"),
    Route("GET", f"{_GROUP}/users", _list_members, _READ, "groups"),
    Route("PUT", f"{_GROUP}/users/{{user_id}}", _add_member, _MANAGE, "groups"),
    Route("DELETE", f"{_GROUP}/users/{{user_id}}", _remove_member, _MANAGE, "groups"),
    Route("GET", f"{_GROUP}/apps", _list_apps, _READ, "groups"),
    Route("GET", f"{_GROUP}/owners", _list_owners, _READ, "groups"),
)
