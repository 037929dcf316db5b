"""Access policies of an authorization server, and their rules (Okta Management API 2026.06.3).

Recorded: okta-sdk-python test_policy_rules_lifecycle, terraform-provider-okta TestAccResourceOktaAuthServerPolicy*.
"""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import invalid, not_found
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.okta.management.log_events import note, target
from provisioner.sandbox.okta.management.server_documents import find as find_server
from provisioner.sandbox.okta.management.server_documents import link
from provisioner.sandbox.store import Document, Store

_GRANTS = (
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
"""Okta answers grant types in an order of its own; ``client_credentials`` before ``authorization_code`` is recorded."""
_NAME_LENGTH = 100
_LIFETIMES = {
    "accessTokenLifetimeMinutes": (60, 5, 1440),
    "refreshTokenLifetimeMinutes": (0, 0, 2_628_000),
    "refreshTokenWindowMinutes": (10080, 10, 2_628_000),
}


def new_policy(store: Store, server_id: str, name: str, description: str, clients: list[str]) -> Document:
    """Make a policy, the last of its server."""
    made = _policy_document(server_id, name, description, clients)
    place(store, "authPolicy", "_serverId", made, None)
    return made


def _policy_document(server_id: str, name: str, description: str, clients: list[str]) -> Document:
    moment = now()
    return {
        "id": new_id("00p"),
        "status": "ACTIVE",
        "name": name,
        "description": description,
        "priority": 1,
        "system": False,
        "conditions": {"clients": {"include": clients}},
        "created": moment,
        "lastUpdated": moment,
        "type": "OAUTH_AUTHORIZATION_POLICY",
        "_serverId": server_id,
    }


def new_rule(store: Store, policy_id: str, sent: Document) -> Document:
    """Make a rule.

    Raises:
        OktaError: 400 for what Okta does not take.
    """
    moment = now()
    made = {
        "id": new_id("0pr"),
        "status": _status(sent.get("status", "ACTIVE")),
        "name": _name(sent),
        "priority": 1,
        "created": moment,
        "lastUpdated": moment,
        "system": False,
        "conditions": _conditions(sent.get("conditions") or {}),
        "actions": _actions(sent.get("actions") or {}),
        "type": "RESOURCE_ACCESS",
        "_policyId": policy_id,
    }
    place(store, "authRule", "_policyId", made, sent.get("priority"))
    return made


def place(store: Store, kind: str, parent: str, document: Document, wanted: Any) -> None:
    """Store a policy or a rule at a priority; the others move, and nothing stays unnumbered or numbered twice.

    A priority beyond the last becomes the last (recorded: 2 was sent, 1 was stored, there being one rule).

    Args:
        store: the org.
        kind: ``authPolicy`` or ``authRule``.
        parent: the private member that names what it belongs to.
        document: what to store.
        wanted: the priority asked for; None for the last, or for the one it has.
    """
    others = [
        each for each in store.all(kind) if each[parent] == document[parent] and each["id"] != document["id"]
    ]
    others.sort(key=lambda each: each["priority"])
    known = store.get(kind, document["id"])
    if wanted is None:
        wanted = known["priority"] if known else len(others) + 1
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0:
        raise invalid("priority", "priority: must be a positive number")
    at = min(max(wanted, 1), len(others) + 1) - 1
    for index, each in enumerate([*others[:at], document, *others[at:]]):
        if each is document or each["priority"] != index + 1:
            each["priority"] = index + 1
            store.put(kind, each["id"], each)


def close_gap(store: Store, kind: str, parent: str, parent_id: str) -> None:
    """Number what is left after one was deleted."""
    left = [each for each in store.all(kind) if each[parent] == parent_id]
    for index, each in enumerate(sorted(left, key=lambda each: each["priority"])):
        if each["priority"] != index + 1:
            store.put(kind, each["id"], {**each, "priority": index + 1})


def _status(value: Any) -> str:
    if value not in ("ACTIVE", "INACTIVE"):
        raise invalid("status", "status: must be ACTIVE or INACTIVE")
    return str(value)


def _name(sent: Document) -> str:
    name = sent.get("name")
    if not isinstance(name, str) or not name.strip():
        raise invalid("name", "name: The field cannot be left blank")
    if len(name) > _NAME_LENGTH:
        raise invalid("name", f"name: The field is too long (at most {_NAME_LENGTH} characters)")
    return name


def _conditions(sent: Document) -> Document:
    """Whom, how and for what; what is left out means nobody's anything (recorded for scopes: ``{}`` becomes none)."""
    people = sent.get("people") or {}
    users, groups = people.get("users") or {}, people.get("groups") or {}
    grants = (sent.get("grantTypes") or {}).get("include") or []
    if unknown := [grant for grant in grants if grant not in _GRANTS]:
        raise invalid("conditions.grantTypes", f"grantTypes: unknown value '{unknown[0]}'")
    found_users: Document = {"exclude": users.get("exclude") or []}
    if users.get("include"):
        found_users = {"include": users["include"], **found_users}
    found_groups: Document = {"include": groups.get("include") or []}
    if groups.get("exclude"):
        found_groups["exclude"] = groups["exclude"]
    return {
        "people": {"users": found_users, "groups": found_groups},
        "grantTypes": {"include": sorted(set(grants), key=_GRANTS.index)},
        "scopes": {"include": (sent.get("scopes") or {}).get("include") or []},
    }


def _actions(sent: Document) -> Document:
    token = sent.get("token") or {}
    found: Document = {}
    for name, (default, least, most) in _LIFETIMES.items():
        value = token.get(name, default)
        if not isinstance(value, int) or not least <= value <= most:
            raise invalid(f"actions.token.{name}", f"{name}: must be between {least} and {most}")
        found[name] = value
    if token.get("inlineHook"):
        found["inlineHook"] = token["inlineHook"]
    return {"token": found}


def _find_policy(call: Call, server_id: str, policy_id: str) -> Document:
    server = find_server(call.store, server_id)
    found = call.store.get("authPolicy", policy_id)
    if found is None or found["_serverId"] != server["id"]:
        raise not_found(policy_id, "Policy")
    return found


def _find_rule(call: Call, server_id: str, policy_id: str, rule_id: str) -> Document:
    _find_policy(call, server_id, policy_id)
    found = call.store.get("authRule", rule_id)
    if found is None or found["_policyId"] != policy_id:
        raise not_found(rule_id, "PolicyRule")
    return found


def _render_policy(call: Call, policy: Document) -> Document:
    base = f"authorizationServers/{policy['_serverId']}/policies/{policy['id']}"
    return _render(call, policy, base, {"rules": link(call, f"{base}/rules", "GET")})


def _render_rule(call: Call, rule: Document) -> Document:
    policy = call.store.get("authPolicy", rule["_policyId"]) or {}
    base = f"authorizationServers/{policy['_serverId']}/policies/{policy['id']}/rules/{rule['id']}"
    return _render(call, rule, base, {})


def _render(call: Call, document: Document, base: str, more: Document) -> Document:
    turn = "deactivate" if document["status"] == "ACTIVE" else "activate"
    links = {"self": link(call, base, "GET", "PUT", "DELETE"), **more}
    links[turn] = link(call, f"{base}/lifecycle/{turn}", "POST")
    shown = {name: value for name, value in document.items() if not name.startswith("_")}
    return {**shown, "_links": links}


def _by_priority(found: list[Document]) -> list[Document]:
    return sorted(found, key=lambda each: each["priority"])


def _policies(call: Call, server_id: str) -> Reply:
    server = find_server(call.store, server_id)
    found = [each for each in call.store.all("authPolicy") if each["_serverId"] == server["id"]]
    return Reply(200, [_render_policy(call, each) for each in _by_priority(found)])


def _create_policy(call: Call, server_id: str) -> Reply:
    """Without conditions a policy is for no client (recorded: test_policy_rules_lifecycle)."""
    server, sent = find_server(call.store, server_id), call.document()
    made = _policy_document(server["id"], *_policy_members(sent))
    made["status"] = _status(sent.get("status", "ACTIVE"))
    place(call.store, "authPolicy", "_serverId", made, sent.get("priority"))
    note(call, "policy.lifecycle.create", target("PolicyEntity", made["id"], made["name"]))
    return Reply(201, _render_policy(call, made))


def _policy_members(sent: Document) -> tuple[str, str, list[str]]:
    if sent.get("type", "OAUTH_AUTHORIZATION_POLICY") != "OAUTH_AUTHORIZATION_POLICY":
        raise invalid("type", "type: must be OAUTH_AUTHORIZATION_POLICY")
    description = sent.get("description")
    if not isinstance(description, str) or not 1 <= len(description) <= 255:
        raise invalid("description", "description: must have 1 to 255 characters")
    clients = ((sent.get("conditions") or {}).get("clients") or {}).get("include") or []
    return _name(sent), description, list(clients)


def _get_policy(call: Call, server_id: str, policy_id: str) -> Reply:
    return Reply(200, _render_policy(call, _find_policy(call, server_id, policy_id)))


def _replace_policy(call: Call, server_id: str, policy_id: str) -> Reply:
    policy, sent = _find_policy(call, server_id, policy_id), call.document()
    name, description, clients = _policy_members(sent)
    changed = {
        **policy,
        "name": name,
        "description": description,
        "conditions": {"clients": {"include": clients}},
        "status": _status(sent.get("status", policy["status"])),
        "lastUpdated": now(),
    }
    place(call.store, "authPolicy", "_serverId", changed, sent.get("priority"))
    note(call, "policy.lifecycle.update", target("PolicyEntity", policy_id, name))
    return Reply(200, _render_policy(call, changed))


def _delete_policy(call: Call, server_id: str, policy_id: str) -> Reply:
    policy, store = _find_policy(call, server_id, policy_id), call.store
    store.delete_many(
        "authRule", [each["id"] for each in store.all("authRule") if each["_policyId"] == policy_id]
    )
    store.delete("authPolicy", policy_id)
    close_gap(store, "authPolicy", "_serverId", policy["_serverId"])
    note(call, "policy.lifecycle.delete", target("PolicyEntity", policy_id, policy["name"]))
    return Reply(204)


def _turn_policy(call: Call, server_id: str, policy_id: str) -> Reply:
    policy, turn = _find_policy(call, server_id, policy_id), call.path.rpartition("/")[2]
    status = "ACTIVE" if turn == "activate" else "INACTIVE"
    call.store.put("authPolicy", policy_id, {**policy, "status": status, "lastUpdated": now()})
    note(call, f"policy.lifecycle.{turn}", target("PolicyEntity", policy_id, policy["name"]))
    return Reply(204)


def _rules(call: Call, server_id: str, policy_id: str) -> Reply:
    _find_policy(call, server_id, policy_id)
    found = [each for each in call.store.containing("authRule", policy_id) if each["_policyId"] == policy_id]
    return Reply(200, [_render_rule(call, each) for each in _by_priority(found)])


def _create_rule(call: Call, server_id: str, policy_id: str) -> Reply:
    policy = _find_policy(call, server_id, policy_id)
    made = new_rule(call.store, policy_id, call.document())
    _note_rule(call, "add", made, policy)
    return Reply(201, _render_rule(call, made))


def _get_rule(call: Call, server_id: str, policy_id: str, rule_id: str) -> Reply:
    return Reply(200, _render_rule(call, _find_rule(call, server_id, policy_id, rule_id)))


def _replace_rule(call: Call, server_id: str, policy_id: str, rule_id: str) -> Reply:
    rule, sent = _find_rule(call, server_id, policy_id, rule_id), call.document()
    changed = {
        **rule,
        "name": _name(sent),
        "status": _status(sent.get("status", rule["status"])),
        "conditions": _conditions(sent.get("conditions") or {}),
        "actions": _actions(sent.get("actions") or {}),
        "lastUpdated": now(),
    }
    place(call.store, "authRule", "_policyId", changed, sent.get("priority"))
    _note_rule(call, "update", changed, _find_policy(call, server_id, policy_id))
    return Reply(200, _render_rule(call, changed))


def _delete_rule(call: Call, server_id: str, policy_id: str, rule_id: str) -> Reply:
    rule = _find_rule(call, server_id, policy_id, rule_id)
    call.store.delete("authRule", rule_id)
    close_gap(call.store, "authRule", "_policyId", policy_id)
    _note_rule(call, "delete", rule, _find_policy(call, server_id, policy_id))
    return Reply(204)


def _turn_rule(call: Call, server_id: str, policy_id: str, rule_id: str) -> Reply:
    rule, turn = _find_rule(call, server_id, policy_id, rule_id), call.path.rpartition("/")[2]
    status = "ACTIVE" if turn == "activate" else "INACTIVE"
    call.store.put("authRule", rule_id, {**rule, "status": status, "lastUpdated": now()})
    _note_rule(call, turn, rule, _find_policy(call, server_id, policy_id))
    return Reply(204)


def _note_rule(call: Call, what: str, rule: Document, policy: Document) -> None:
    about = target("PolicyRule", rule["id"], rule["name"])
    note(call, f"policy.rule.{what}", about, target("PolicyEntity", policy["id"], policy["name"]))


_READ, _MANAGE = ("okta.authorizationServers.read",), ("okta.authorizationServers.manage",)
_BUCKET = "authorizationServers"
_POLICIES = "/api/v1/authorizationServers/{server_id}/policies"
_POLICY = f"{_POLICIES}/{{policy_id}}"
_RULE = f"{_POLICY}/rules/{{rule_id}}"
ROUTES = (
    Route("GET", _POLICIES, _policies, _READ, _BUCKET),
    Route("POST", _POLICIES, _create_policy, _MANAGE, _BUCKET),
    Route("GET", _POLICY, _get_policy, _READ, _BUCKET),
    Route("PUT", _POLICY, _replace_policy, _MANAGE, _BUCKET),
    Route("DELETE", _POLICY, _delete_policy, _MANAGE, _BUCKET),
    Route("POST", f"{_POLICY}/lifecycle/activate", _turn_policy, _MANAGE, _BUCKET),
    Route("POST", f"{_POLICY}/lifecycle/deactivate", _turn_policy, _MANAGE, _BUCKET),
    Route("GET", f"{_POLICY}/rules", _rules, _READ, _BUCKET),
    Route("POST", f"{_POLICY}/rules", _create_rule, _MANAGE, _BUCKET),
    Route("GET", _RULE, _get_rule, _READ, _BUCKET),
    Route("PUT", _RULE, _replace_rule, _MANAGE, _BUCKET),
    Route("DELETE", _RULE, _delete_rule, _MANAGE, _BUCKET),
    Route("POST", f"{_RULE}/lifecycle/activate", _turn_rule, _MANAGE, _BUCKET),
    Route("POST", f"{_RULE}/lifecycle/deactivate", _turn_rule, _MANAGE, _BUCKET),
)
