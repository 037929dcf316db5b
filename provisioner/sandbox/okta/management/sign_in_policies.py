"""App sign-in policies (Okta Management API 2026.06.3, Policy; recorded: the list, in many TestAccResourceOktaAppOauth_*)."""

from __future__ import annotations

from provisioner.sandbox.okta.management import paging
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import OktaError, not_found
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.okta.management.server_documents import link
from provisioner.sandbox.store import Document

_PAGE = Size(200, 200)
_ABOUT_ACCOUNTS = (
    "This policy defines how users must authenticate for authenticator enrollment, password reset, or unlock account. "
    "Password policy rules control whether to enforce this policy for password reset and unlock account."
)


def documents() -> list[Document]:
    """The policies that an org comes with; the default one is marked ``system``."""
    return [
        _new("Okta Admin Console", reserved=True),
        _new("Okta Dashboard", reserved=True),
        _new("Okta Browser Plugin", reserved=True),
        {**_new("Any two factors", "Require two factors to access."), "system": True},
        {**_new("Okta Account Management Policy", _ABOUT_ACCOUNTS), "_type": "END_USER_ACCOUNT_MANAGEMENT"},
        _new("Microsoft Office 365"),
        _new(
            "Password only",
            "Require only a password. Suggested for low risk or consumer-facing applications.",
        ),
    ]


def _new(name: str, description: str | None = None, *, reserved: bool = False) -> Document:
    moment = now()
    described = {} if description is None else {"description": description}
    return {
        "id": new_id("rst"),
        "status": "ACTIVE",
        "name": name,
        **described,
        "priority": 1,
        "system": False,
        "conditions": None,
        "created": moment,
        "lastUpdated": moment,
        "type": "ACCESS_POLICY",
        "_reserved": reserved,
    }


def _render(call: Call, policy: Document) -> Document:
    base = f"policies/{policy['id']}"
    kind = policy.get("_type", "APP")
    fixed = policy["system"] or kind != "APP"
    methods = ["GET"] if kind != "APP" else ["GET", "PUT"] if fixed else ["GET", "PUT", "DELETE"]
    links = {"self": link(call, base, *methods), "rules": link(call, f"{base}/rules", "GET", "POST")}
    if not fixed:
        links["mappings"] = link(call, f"{base}/mappings", "GET", "POST")
        links["deactivate"] = link(call, f"{base}/lifecycle/deactivate", "POST")
    shown = {name: value for name, value in policy.items() if not name.startswith("_")}
    return {**shown, "_links": links, "_embedded": {"resourceType": kind}}


def _list(call: Call) -> Reply:
    kind = call.query.get("type")
    if kind is None:
        raise OktaError(400, "E0000028", "The request is missing a required parameter.", ["type"])
    found = [each for each in call.store.all("signInPolicy") if each["type"] == kind]
    if q := call.query.get("q", "").lower():
        found = [each for each in found if each["name"].lower().startswith(q)]
    if status := call.query.get("status"):
        found = [each for each in found if each["status"] == status]
    return paging.page(call, found, _PAGE, lambda each: _render(call, each))


def _get(call: Call, policy_id: str) -> Reply:
    found = call.store.get("signInPolicy", policy_id)
    if found is None:
        raise not_found(policy_id, "Policy")
    return Reply(200, _render(call, found))


ROUTES = (
    Route("GET", "/api/v1/policies", _list, ("okta.policies.read",), "policies"),
    Route("GET", "/api/v1/policies/{policy_id}", _get, ("okta.policies.read",), "policies"),
)
