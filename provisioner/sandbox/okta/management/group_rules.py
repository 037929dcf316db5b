"""Group rules: kept and answered, not carried out (recorded: TestAccResourceOktaGroupRule_423ResponseCapture)."""

from __future__ import annotations

from provisioner.sandbox.okta.management import paging
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import invalid, not_found
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.store import Document

_PAGE = Size(50, 200)


def _find(call: Call, rule_id: str) -> Document:
    found = call.store.get("groupRule", rule_id)
    if found is None:
        raise not_found(rule_id, "GroupRule")
    return found


def _members(sent: Document) -> Document:
    name = sent.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 50:
        raise invalid("name", "name: must have 1 to 50 characters")
    conditions = sent.get("conditions") or {}
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
        "actions": sent.get("actions") or {},
    }


def _list(call: Call) -> Reply:
    found = call.store.all("groupRule")
    if search := call.query.get("search", "").lower():
        found = [each for each in found if search in each["name"].lower()]
    return paging.page(call, found, _PAGE, lambda each: each)


def _create(call: Call) -> Reply:
    moment = now()
    made = {
        "type": "group_rule",
        "id": new_id("0pr"),
        "status": "INACTIVE",
        "created": moment,
        "lastUpdated": moment,
        **_members(call.document()),
        "allGroupsValid": True,
    }
    call.store.put("groupRule", made["id"], made)
    return Reply(200, made)


def _get(call: Call, rule_id: str) -> Reply:
    return Reply(200, _find(call, rule_id))


def _replace(call: Call, rule_id: str) -> Reply:
    changed = {**_find(call, rule_id), **_members(call.document()), "lastUpdated": now()}
    call.store.put("groupRule", rule_id, changed)
    return Reply(200, changed)


def _turn(call: Call, rule_id: str) -> Reply:
    status = "ACTIVE" if call.path.endswith("/activate") else "INACTIVE"
    call.store.put("groupRule", rule_id, {**_find(call, rule_id), "status": status, "lastUpdated": now()})
    return Reply(204)


def _delete(call: Call, rule_id: str) -> Reply:
    _find(call, rule_id)
    call.store.delete("groupRule", rule_id)
    return Reply(202, {})


_READ, _MANAGE = ("okta.groups.read",), ("okta.groups.manage",)
_ALL = "/api/v1/groups/rules"
_ONE = f"{_ALL}/{{rule_id}}"
ROUTES = (
    Route("GET", _ALL, _list, _READ, "groups"),
    Route("POST", _ALL, _create, _MANAGE, "groups"),
    Route("GET", _ONE, _get, _READ, "groups"),
    Route("PUT", _ONE, _replace, _MANAGE, "groups"),
    Route("DELETE", _ONE, _delete, _MANAGE, "groups"),
    Route("POST", f"{_ONE}/lifecycle/activate", _turn, _MANAGE, "groups"),
    Route("POST", f"{_ONE}/lifecycle/deactivate", _turn, _MANAGE, "groups"),
)
