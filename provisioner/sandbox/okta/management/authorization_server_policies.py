"""Access policies of an authorization server, and their rules.

Okta Management API 2026.06.3, AuthorizationServerPolicies, AuthorizationServerRules; recorded: okta-sdk-python
test_policy_rules_lifecycle, terraform-provider-okta TestAccResourceOktaAuthServerPolicy*.
"""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.management.errors import invalid
from provisioner.sandbox.okta.management.objects import (
    delete_matching,
    find,
    new_id,
    now,
    one_of,
    public_members,
    required_text,
    select,
)
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route, lifecycle_routes
from provisioner.sandbox.okta.management.system_log import log_request, target
from provisioner.sandbox.store import Document, Store

_GRANT_TYPES = (
    "client_credentials",
    "password",
    "interaction_code",
    "authorization_code",
    "implicit",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:openid:params:grant-type:ciba",
    "urn:okta:params:oauth:grant-type:otp",
    "urn:okta:params:oauth:grant-type:oob",
    "http://auth0.com/oauth/grant-type/mfa-otp",
    "http://auth0.com/oauth/grant-type/mfa-oob",
)
"""In the order of Okta's responses; ``client_credentials`` before ``authorization_code`` is recorded."""
_MAX_NAME_LENGTH = 100
_STATUSES = ("ACTIVE", "INACTIVE")
_LIFETIMES = {
    "accessTokenLifetimeMinutes": (60, 5, 1440),
    "refreshTokenLifetimeMinutes": (0, 0, 2_628_000),
    "refreshTokenWindowMinutes": (10080, 10, 2_628_000),
}
"""Default, minimum and maximum."""
_PARENTS = {"authPolicy": "_serverId", "authRule": "_policyId"}
"""The member with the id of the server or policy that a policy or rule belongs to."""


def new_policy(
    store: Store,
    server_id: str,
    name: str,
    description: str,
    client_ids: list[str],
    *,
    status: Any = "ACTIVE",
    priority: Any = None,
) -> Document:
    """Store a new policy.

    Args:
        store: the org.
        server_id: id of the authorization server.
        name: the name.
        description: the description.
        client_ids: client ids that the policy applies to, or ``ALL_CLIENTS``.
        status: ``ACTIVE`` or ``INACTIVE``.
        priority: the requested priority; None for the last.

    Raises:
        OktaError: 400 for values that Okta does not accept.
    """
    timestamp = now()
    policy = {
        "id": new_id("00p"),
        "status": one_of("status", status, _STATUSES),
        "name": name,
        "description": description,
        "priority": 1,
        "system": False,
        "conditions": {"clients": {"include": client_ids}},
        "created": timestamp,
        "lastUpdated": timestamp,
        "type": "OAUTH_AUTHORIZATION_POLICY",
        "_serverId": server_id,
    }
    _put_at_priority(store, "authPolicy", policy, priority)
    return policy


def new_rule(store: Store, policy_id: str, body: Document) -> Document:
    """Store a new rule.

    Args:
        store: the org.
        policy_id: id of the policy.
        body: body of the request.

    Raises:
        OktaError: 400 for values that Okta does not accept.
    """
    timestamp = now()
    rule = {
        "id": new_id("0pr"),
        "status": one_of("status", body.get("status", "ACTIVE"), _STATUSES),
        "name": required_text(body, "name", _MAX_NAME_LENGTH),
        "priority": 1,
        "created": timestamp,
        "lastUpdated": timestamp,
        "system": False,
        "conditions": _rule_conditions(body.get("conditions") or {}),
        "actions": _rule_actions(body.get("actions") or {}),
        "type": "RESOURCE_ACCESS",
        "_policyId": policy_id,
    }
    _put_at_priority(store, "authRule", rule, body.get("priority"))
    return rule


def _by_priority(store: Store, kind: str, parent_id: str) -> list[Document]:
    """The policies of a server, or the rules of a policy."""
    siblings = select(store, kind, **{_PARENTS[kind]: parent_id})
    return sorted(siblings, key=lambda sibling: sibling["priority"])


def _put_at_priority(store: Store, kind: str, document: Document, priority: Any) -> None:
    """Store a policy or rule at the requested priority and renumber its siblings without gaps.

    None keeps the current priority; for a new document it is the last. A priority beyond the last one becomes the last
    (recorded: 2 was sent for the only rule, 1 was stored).
    """
    siblings = _by_priority(store, kind, document[_PARENTS[kind]])
    others = [sibling for sibling in siblings if sibling["id"] != document["id"]]
    stored = store.get(kind, document["id"])
    if priority is None:
        priority = stored["priority"] if stored else len(others) + 1
    if not isinstance(priority, int) or isinstance(priority, bool) or priority < 0:
        raise invalid("priority", "priority: must be a positive number")
    index = min(max(priority, 1), len(others) + 1) - 1
    for number, sibling in enumerate([*others[:index], document, *others[index:]], start=1):
        if sibling is document or sibling["priority"] != number:
            sibling["priority"] = number
            store.put(kind, sibling["id"], sibling)


def _renumber(store: Store, kind: str, parent_id: str) -> None:
    """Close the gap in the priorities after a deletion."""
    for number, sibling in enumerate(_by_priority(store, kind, parent_id), start=1):
        if sibling["priority"] != number:
            store.put(kind, sibling["id"], {**sibling, "priority": number})


def _rule_conditions(conditions: Document) -> Document:
    """Conditions as Okta stores them; a missing condition matches nothing (recorded for scopes: ``{}`` becomes none)."""
    people = conditions.get("people") or {}
    users, groups = people.get("users") or {}, people.get("groups") or {}
    grant_types = (conditions.get("grantTypes") or {}).get("include") or []
    if unknown := [grant_type for grant_type in grant_types if grant_type not in _GRANT_TYPES]:
        raise invalid("conditions.grantTypes", f"grantTypes: unknown value '{unknown[0]}'")
    user_condition: Document = {"exclude": users.get("exclude") or []}
    if users.get("include"):
        user_condition = {"include": users["include"], **user_condition}
    group_condition: Document = {"include": groups.get("include") or []}
    if groups.get("exclude"):
        group_condition["exclude"] = groups["exclude"]
    return {
        "people": {"users": user_condition, "groups": group_condition},
        "grantTypes": {"include": sorted(set(grant_types), key=_GRANT_TYPES.index)},
        "scopes": {"include": (conditions.get("scopes") or {}).get("include") or []},
    }


def _rule_actions(actions: Document) -> Document:
    requested = actions.get("token") or {}
    token: Document = {}
    for name, (default, minimum, maximum) in _LIFETIMES.items():
        value = requested.get(name, default)
        if not isinstance(value, int) or not minimum <= value <= maximum:
            raise invalid(f"actions.token.{name}", f"{name}: must be between {minimum} and {maximum}")
        token[name] = value
    if requested.get("inlineHook"):
        token["inlineHook"] = requested["inlineHook"]
    return {"token": token}


def _find_policy(request: ApiRequest, server_id: str, policy_id: str) -> Document:
    server = find(request.store, "authorizationServer", server_id)
    return find(request.store, "authPolicy", policy_id, _serverId=server["id"])


def _find_rule(request: ApiRequest, server_id: str, policy_id: str, rule_id: str) -> Document:
    _find_policy(request, server_id, policy_id)
    return find(request.store, "authRule", rule_id, _policyId=policy_id)


def _policy_path(policy: Document) -> str:
    return f"authorizationServers/{policy['_serverId']}/policies/{policy['id']}"


def _render_policy(request: ApiRequest, policy: Document) -> Document:
    path = _policy_path(policy)
    return _render(request, policy, path, {"rules": request.link(f"{path}/rules", "GET")})


def _render_rule(request: ApiRequest, rule: Document, policy: Document) -> Document:
    return _render(request, rule, f"{_policy_path(policy)}/rules/{rule['id']}", {})


def _render(request: ApiRequest, document: Document, path: str, links: Document) -> Document:
    operation = "deactivate" if document["status"] == "ACTIVE" else "activate"
    links = {"self": request.link(path, "GET", "PUT", "DELETE"), **links}
    links[operation] = request.link(f"{path}/lifecycle/{operation}", "POST")
    return {**public_members(document), "_links": links}


def _list_policies(request: ApiRequest, server_id: str) -> ApiResponse:
    server = find(request.store, "authorizationServer", server_id)
    policies = _by_priority(request.store, "authPolicy", server["id"])
    return ApiResponse(200, [_render_policy(request, policy) for policy in policies])


def _create_policy(request: ApiRequest, server_id: str) -> ApiResponse:
    """Without conditions a policy applies to no client (recorded: test_policy_rules_lifecycle)."""
    server, body = find(request.store, "authorizationServer", server_id), request.json_object()
    policy = new_policy(
        request.store,
        server["id"],
        *_policy_members(body),
        status=body.get("status", "ACTIVE"),
        priority=body.get("priority"),
    )
    _log_policy(request, "create", policy)
    return ApiResponse(201, _render_policy(request, policy))


def _policy_members(body: Document) -> tuple[str, str, list[str]]:
    """Name, description and client ids."""
    if body.get("type", "OAUTH_AUTHORIZATION_POLICY") != "OAUTH_AUTHORIZATION_POLICY":
        raise invalid("type", "type: must be OAUTH_AUTHORIZATION_POLICY")
    description = body.get("description")
    if not isinstance(description, str) or not 1 <= len(description) <= 255:
        raise invalid("description", "description: must have 1 to 255 characters")
    client_ids = ((body.get("conditions") or {}).get("clients") or {}).get("include") or []
    return required_text(body, "name", _MAX_NAME_LENGTH), description, list(client_ids)


def _get_policy(request: ApiRequest, server_id: str, policy_id: str) -> ApiResponse:
    return ApiResponse(200, _render_policy(request, _find_policy(request, server_id, policy_id)))


def _replace_policy(request: ApiRequest, server_id: str, policy_id: str) -> ApiResponse:
    policy, body = _find_policy(request, server_id, policy_id), request.json_object()
    name, description, client_ids = _policy_members(body)
    changed = {
        **policy,
        "name": name,
        "description": description,
        "conditions": {"clients": {"include": client_ids}},
        "status": one_of("status", body.get("status", policy["status"]), _STATUSES),
        "lastUpdated": now(),
    }
    _put_at_priority(request.store, "authPolicy", changed, body.get("priority"))
    _log_policy(request, "update", changed)
    return ApiResponse(200, _render_policy(request, changed))


def _delete_policy(request: ApiRequest, server_id: str, policy_id: str) -> ApiResponse:
    policy, store = _find_policy(request, server_id, policy_id), request.store
    delete_matching(store, "authRule", _policyId=policy_id)
    store.delete("authPolicy", policy_id)
    _renumber(store, "authPolicy", policy["_serverId"])
    _log_policy(request, "delete", policy)
    return ApiResponse(204)


def _change_policy_status(request: ApiRequest, server_id: str, policy_id: str) -> ApiResponse:
    policy = _find_policy(request, server_id, policy_id)
    changed = {**policy, "status": request.target_status, "lastUpdated": now()}
    request.store.put("authPolicy", policy_id, changed)
    _log_policy(request, request.operation, policy)
    return ApiResponse(204)


def _log_policy(request: ApiRequest, operation: str, policy: Document) -> None:
    log_request(request, f"policy.lifecycle.{operation}", _policy_target(policy))


def _policy_target(policy: Document) -> Document:
    return target("PolicyEntity", policy["id"], policy["name"])


def _list_rules(request: ApiRequest, server_id: str, policy_id: str) -> ApiResponse:
    policy = _find_policy(request, server_id, policy_id)
    rules = _by_priority(request.store, "authRule", policy_id)
    return ApiResponse(200, [_render_rule(request, rule, policy) for rule in rules])


def _create_rule(request: ApiRequest, server_id: str, policy_id: str) -> ApiResponse:
    policy = _find_policy(request, server_id, policy_id)
    rule = new_rule(request.store, policy_id, request.json_object())
    _log_rule(request, "add", rule, policy)
    return ApiResponse(201, _render_rule(request, rule, policy))


def _get_rule(request: ApiRequest, server_id: str, policy_id: str, rule_id: str) -> ApiResponse:
    rule = _find_rule(request, server_id, policy_id, rule_id)
    return ApiResponse(200, _render_rule(request, rule, _find_policy(request, server_id, policy_id)))


def _replace_rule(request: ApiRequest, server_id: str, policy_id: str, rule_id: str) -> ApiResponse:
    rule, body = _find_rule(request, server_id, policy_id, rule_id), request.json_object()
    policy = _find_policy(request, server_id, policy_id)
    changed = {
        **rule,
        "name": required_text(body, "name", _MAX_NAME_LENGTH),
        "status": one_of("status", body.get("status", rule["status"]), _STATUSES),
        "conditions": _rule_conditions(body.get("conditions") or {}),
        "actions": _rule_actions(body.get("actions") or {}),
        "lastUpdated": now(),
    }
    _put_at_priority(request.store, "authRule", changed, body.get("priority"))
    _log_rule(request, "update", changed, policy)
    return ApiResponse(200, _render_rule(request, changed, policy))


def _delete_rule(request: ApiRequest, server_id: str, policy_id: str, rule_id: str) -> ApiResponse:
    rule = _find_rule(request, server_id, policy_id, rule_id)
    request.store.delete("authRule", rule_id)
    _renumber(request.store, "authRule", policy_id)
    _log_rule(request, "delete", rule, _find_policy(request, server_id, policy_id))
    return ApiResponse(204)


def _change_rule_status(request: ApiRequest, server_id: str, policy_id: str, rule_id: str) -> ApiResponse:
    rule = _find_rule(request, server_id, policy_id, rule_id)
    changed = {**rule, "status": request.target_status, "lastUpdated": now()}
    request.store.put("authRule", rule_id, changed)
    _log_rule(request, request.operation, rule, _find_policy(request, server_id, policy_id))
    return ApiResponse(204)


def _log_rule(request: ApiRequest, operation: str, rule: Document, policy: Document) -> None:
    rule_target = target("PolicyRule", rule["id"], rule["name"])
    log_request(request, f"policy.rule.{operation}", rule_target, _policy_target(policy))


_READ, _MANAGE = ("okta.authorizationServers.read",), ("okta.authorizationServers.manage",)
_BUCKET = "authorizationServers"
_POLICIES = "/api/v1/authorizationServers/{server_id}/policies"
_POLICY = f"{_POLICIES}/{{policy_id}}"
_RULES = f"{_POLICY}/rules"
_RULE = f"{_RULES}/{{rule_id}}"
ROUTES = (
    Route("GET", _POLICIES, _list_policies, _READ, _BUCKET),
    Route("POST", _POLICIES, _create_policy, _MANAGE, _BUCKET),
    Route("GET", _POLICY, _get_policy, _READ, _BUCKET),
    Route("PUT", _POLICY, _replace_policy, _MANAGE, _BUCKET),
    Route("DELETE", _POLICY, _delete_policy, _MANAGE, _BUCKET),
    *lifecycle_routes(_POLICY, _change_policy_status, _MANAGE, _BUCKET),
    Route("GET", _RULES, _list_rules, _READ, _BUCKET),
    Route("POST", _RULES, _create_rule, _MANAGE, _BUCKET),
    Route("GET", _RULE, _get_rule, _READ, _BUCKET),
    Route("PUT", _RULE, _replace_rule, _MANAGE, _BUCKET),
    Route("DELETE", _RULE, _delete_rule, _MANAGE, _BUCKET),
    *lifecycle_routes(_RULE, _change_rule_status, _MANAGE, _BUCKET),
)
