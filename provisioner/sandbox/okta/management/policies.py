"""App sign-in policies (Okta Management API 2026.06.3, Policy; recorded: the list, in many TestAccResourceOktaAppOauth_*)."""

from __future__ import annotations

from provisioner.sandbox.okta.management.errors import missing_parameter
from provisioner.sandbox.okta.management.objects import find, new_id, now, public_members, select
from provisioner.sandbox.okta.management.pagination import PageSize, paginate
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route
from provisioner.sandbox.store import Document

_PAGE = PageSize(200, 200)
_ACCOUNT_MANAGEMENT = (
    "This policy defines how users must authenticate for authenticator enrollment, password reset, or unlock account. "
    "Password policy rules control whether to enforce this policy for password reset and unlock account."
)


def default_policies() -> list[Document]:
    """The policies of a new org, not yet stored; the default one has ``system`` true."""
    return [
        _new("Okta Admin Console", reserved=True),
        _new("Okta Dashboard", reserved=True),
        _new("Okta Browser Plugin", reserved=True),
        {**_new("Any two factors", "Require two factors to access."), "system": True},
        {
            **_new("Okta Account Management Policy", _ACCOUNT_MANAGEMENT),
            "_type": "END_USER_ACCOUNT_MANAGEMENT",
        },
        _new("Microsoft Office 365"),
        _new(
            "Password only",
            "Require only a password. Suggested for low risk or consumer-facing applications.",
        ),
    ]


def _new(name: str, description: str | None = None, *, reserved: bool = False) -> Document:
    timestamp = now()
    return {
        "id": new_id("rst"),
        "status": "ACTIVE",
        "name": name,
        **({} if description is None else {"description": description}),
        "priority": 1,
        "system": False,
        "conditions": None,
        "created": timestamp,
        "lastUpdated": timestamp,
        "type": "ACCESS_POLICY",
        "_reserved": reserved,
    }


def _render(request: ApiRequest, policy: Document) -> Document:
    base = f"policies/{policy['id']}"
    resource_type = policy.get("_type", "APP")
    fixed = policy["system"] or resource_type != "APP"
    methods = ["GET"] if resource_type != "APP" else ["GET", "PUT"] if fixed else ["GET", "PUT", "DELETE"]
    links = {"self": request.link(base, *methods), "rules": request.link(f"{base}/rules", "GET", "POST")}
    if not fixed:
        links["mappings"] = request.link(f"{base}/mappings", "GET", "POST")
        links["deactivate"] = request.link(f"{base}/lifecycle/deactivate", "POST")
    return {**public_members(policy), "_links": links, "_embedded": {"resourceType": resource_type}}


def _list(request: ApiRequest) -> ApiResponse:
    policy_type = request.query.get("type")
    if policy_type is None:
        raise missing_parameter("type")
    policies = select(request.store, "signInPolicy", type=policy_type)
    if q := request.query.get("q", "").lower():
        policies = [policy for policy in policies if policy["name"].lower().startswith(q)]
    if status := request.query.get("status"):
        policies = [policy for policy in policies if policy["status"] == status]
    return paginate(request, policies, _PAGE, lambda policy: _render(request, policy))


def _get(request: ApiRequest, policy_id: str) -> ApiResponse:
    return ApiResponse(200, _render(request, find(request.store, "signInPolicy", policy_id)))


ROUTES = (
    Route("GET", "/api/v1/policies", _list, ("okta.policies.read",), "policies"),
    Route("GET", "/api/v1/policies/{policy_id}", _get, ("okta.policies.read",), "policies"),
)
