"""Applications (Okta Management API 2026.06.3, Application)."""

from __future__ import annotations

import re
from typing import Any

from provisioner.sandbox.okta.management import app_settings, catalog, client_secrets, profile_mappings
from provisioner.sandbox.okta.management.assignments import render_app_user
from provisioner.sandbox.okta.management.errors import OktaError, invalid
from provisioner.sandbox.okta.management.filters import parse_filter
from provisioner.sandbox.okta.management.objects import delete_matching, find, now, public_members
from provisioner.sandbox.okta.management.pagination import PageSize, paginate
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route, lifecycle_routes
from provisioner.sandbox.okta.management.system_log import app_target, log_request, target
from provisioner.sandbox.store import Document, Store

_FILTER_PROPERTIES = ("id", "status", "name", "credentials.signing.kid", "settings.slo.enabled")
_ASSIGNEE_FILTER = re.compile(r'\s*(user|group)\.id\s+eq\s+"([^"]+)"\s*')
_EXPAND = re.compile(r"user/[\w@.-]+")
_PAGE = PageSize(20, 200)
_HIDDEN_PARAMETERS = ("useOptimization", "alwaysIncludeVpnSettings", "includeNonDeleted")  # recorded


def render(request: ApiRequest, app: Document, *, with_secret: bool = False) -> Document:
    """The JSON of an application.

    Args:
        request: the request.
        app: the stored application.
        with_secret: whether to include the client secret, as the responses to create and replace do.
    """
    members = public_members(app)
    client = app["credentials"].get("oauthClient")
    if client and not with_secret:
        visible = {name: value for name, value in client.items() if name != "client_secret"}
        members["credentials"] = {**app["credentials"], "oauthClient": visible}
    return {**members, "_links": _links(request, app)}


def _links(request: ApiRequest, app: Document) -> Document:
    definition, base = catalog.definition_of(app), f"apps/{app['id']}"
    links: Document = {}
    if app["_mode"].startswith("SAML"):
        if not definition.custom:
            path = f"app/{app['name']}/{app['id']}/setup/help/{app['_mode']}/external-doc"
            links["help"] = {"href": f"{request.base_url}/{path}", "type": "text/html"}
        links["metadata"] = {"href": request.url(f"{base}/sso/saml/metadata"), "type": "application/xml"}
    links["uploadLogo"] = request.link(f"{base}/logo", "POST")
    links["appLinks"] = [
        {
            "name": name,
            "href": "/".join((request.base_url, "home", app["name"], app["id"], definition.link_id)),
            "type": "text/html",
        }
        for name in app["visibility"]["appLinks"]
    ]
    enrollment_policy = request.store.setting("enrollment_policy")
    links["profileEnrollment"] = {"href": request.url(f"policies/{enrollment_policy}")}
    if app["status"] == "INACTIVE":
        links["activate"] = {"href": request.url(f"{base}/lifecycle/activate")}
    links["policies"] = request.link(f"{base}/policies", "PUT")
    links["groups"] = {"href": request.url(f"{base}/groups")}
    logo = f"{request.base_url}/assets/img/logos/default.png"
    links["logo"] = [{"name": "medium", "href": logo, "type": "image/png"}]
    if app["credentials"].get("oauthClient"):
        secrets_url = request.url(f"{base}/credentials/secrets")
        links["clientCredentials"] = [{"name": "secrets", "href": secrets_url}]
    links["accessPolicy"] = {"href": request.url(f"policies/{app['_policyId']}")}
    links["users"] = {"href": request.url(f"{base}/users")}
    if app["status"] == "ACTIVE":
        links["deactivate"] = {"href": request.url(f"{base}/lifecycle/deactivate")}
    return links


def _list(request: ApiRequest) -> ApiResponse:
    """``q`` is a prefix of the name or label; ``filter`` narrows the result.

    ``includeNonDeleted`` has no effect: the sandbox keeps no deleted applications.
    """
    expand = request.query.get("expand")
    if expand is not None and not _EXPAND.fullmatch(expand):
        raise invalid("RequestParams", "Expand query is malformed.")
    apps = request.store.containing("app", request.query.get("q", ""))
    if q := request.query.get("q", "").lower():
        apps = [
            app for app in apps if app["name"].lower().startswith(q) or app["label"].lower().startswith(q)
        ]
    if expression := request.query.get("filter"):
        apps = _filter(request.store, apps, expression)
    return paginate(
        request, apps, _PAGE, lambda app: _expand(request, app, expand), hidden=_HIDDEN_PARAMETERS
    )


def _filter(store: Store, apps: list[Document], expression: str) -> list[Document]:
    assignee = _ASSIGNEE_FILTER.fullmatch(expression)
    if assignee is None:
        matches = parse_filter(expression, _FILTER_PROPERTIES)
        return [app for app in apps if matches(app)]
    kind = "appUser" if assignee.group(1) == "user" else "appGroup"
    return [app for app in apps if store.get(kind, f"{app['id']}:{assignee.group(2)}")]


def _expand(request: ApiRequest, app: Document, expand: str | None) -> Document:
    members = render(request, app)
    if expand:
        app_user = request.store.get("appUser", f"{app['id']}:{expand.partition('/')[2]}")
        members["_embedded"] = {"user": render_app_user(request, app_user)} if app_user else {}
    return members


def _create(request: ApiRequest) -> ApiResponse:
    body, store = request.json_object(), request.store
    app = app_settings.new_app(store, body, active=request.flag("activate", default=True))
    _check_client_id(store, app)
    _check_label(store, app)
    store.put("app", app["id"], app)
    client_secrets.store_secret(store, app)
    profile_mappings.create_for(store, app)
    log_request(request, "application.lifecycle.create", app_target(app))
    if app["status"] == "ACTIVE":
        log_request(request, "application.lifecycle.activate", app_target(app))
    return ApiResponse(200, render(request, app, with_secret=True))


def _check_client_id(store: Store, app: Document) -> None:
    client = app["credentials"].get("oauthClient")
    if client and app_settings.app_with_client_id(store, client["client_id"]):
        raise invalid(
            "credentials.oauthClient.client_id",
            f"client_id: A client with the id '{client['client_id']}' already exists.",
        )


def _check_label(store: Store, app: Document) -> None:
    """Labels may repeat, unless the setting ``unique_labels`` is on: an org of 2020 required unique labels.

    The text is from okta-cli issue 56.
    """
    if not store.setting("unique_labels", default=False):
        return
    for other in store.all("app"):
        if other["status"] == "ACTIVE" and (other["name"], other["label"]) == (app["name"], app["label"]):
            raise invalid(
                "label",
                f'label: An active {app["_title"]} instance with the label "{app["label"]}" already exists.',
            )


def _get(request: ApiRequest, app_id: str) -> ApiResponse:
    app = find(request.store, "app", app_id)
    return ApiResponse(200, _expand(request, app, request.query.get("expand")))


def _replace(request: ApiRequest, app_id: str) -> ApiResponse:
    """Replace an application; this also removes provisioning that was configured in the Admin Console.

    An inactive application cannot be replaced unless it is an OpenID Connect one (recorded traffic of
    terraform-provider-okta). The loss of provisioning: terraform-provider-okta issues 655 and 710.
    """
    app, body = find(request.store, "app", app_id), request.json_object()
    if app["status"] == "INACTIVE" and app["name"] != "oidc_client":
        raise OktaError(
            400,
            "E0000024",
            "Bad request. This operation on app metadata is not yet supported: No active instances.",
        )
    changed = app_settings.replaced_app(app, body)
    if request.store.get("appConnection", app_id) is not None and app["_mode"].startswith("SAML"):
        request.store.delete("appConnection", app_id)
        changed["features"] = []
        log_request(request, "application.configuration.update", app_target(changed))
    request.store.put("app", app_id, changed)
    client_secrets.store_secret(request.store, changed)
    log_request(request, "application.lifecycle.update", app_target(changed))
    request.apps_to_push.add(app_id)
    return ApiResponse(200, render(request, changed, with_secret=True))


def _delete(request: ApiRequest, app_id: str) -> ApiResponse:
    app = find(request.store, "app", app_id)
    if app["status"] == "ACTIVE":
        raise OktaError(
            403,
            "E0000056",
            "Delete application forbidden.",
            ["The application must be deactivated before deletion."],
        )
    delete_app(request.store, app_id)
    log_request(request, "application.lifecycle.delete", app_target(app))
    return ApiResponse(204)


def delete_app(store: Store, app_id: str) -> None:
    """Delete an application with its assignments, mappings, grants, secrets and connection."""
    for kind in ("appUser", "appGroup", "pushLink", "clientSecret"):
        store.delete_many(kind, store.keys(kind, f"{app_id}:"))
    for kind in ("mapping", "pushMapping", "grant"):
        delete_matching(store, kind, _appId=app_id)
    for kind in ("app", "appConnection", "appSchema"):
        store.delete(kind, app_id)


def _change_status(request: ApiRequest, app_id: str) -> ApiResponse:
    app, status = find(request.store, "app", app_id), request.target_status
    if app["status"] != status:
        app = {**app, "status": status, "lastUpdated": now()}
        request.store.put("app", app_id, app)
        log_request(request, f"application.lifecycle.{request.operation}", app_target(app))
        request.apps_to_push.add(app_id)
    return ApiResponse(200, {})


def _assign_policy(request: ApiRequest, app_id: str, policy_id: str) -> ApiResponse:
    """Assign a sign-in policy; the policies of Okta's own applications are reserved (recorded: test_assign_application_policy)."""
    app, policy = find(request.store, "app", app_id), find(request.store, "signInPolicy", policy_id)
    if policy.get("_reserved"):
        raise invalid(
            "Policy",
            f'This policy belongs to "{policy["name"]}", and re-assignment of this policy is not allowed',
        )
    request.store.put("app", app_id, {**app, "_policyId": policy_id, "lastUpdated": now()})
    policy_target = target("PolicyEntity", policy_id, policy["name"])
    log_request(request, "application.policy.sign_on.update", app_target(app), policy_target)
    return ApiResponse(204)


def _id_token(request: ApiRequest, app_id: str) -> ApiResponse:
    """An internal endpoint that the Terraform provider uses (recorded: TestAccResourceOktaAppOauth_*)."""
    app = find(request.store, "app", app_id)
    client = app["credentials"].get("oauthClient") or {}
    settings = app["settings"].get("oauthClient") or {}
    stored: dict[str, Any] = app.get("_idToken") or {"issuerMode": settings.get("issuer_mode", "ORG_URL")}
    defaults = {
        "issuer": request.base_url,
        "orgUrl": None,
        "customUrl": None,
        "audience": client.get("client_id"),
    }
    if request.method == "POST":
        stored, defaults = {**stored, **request.json_object()}, dict.fromkeys(defaults)
        request.store.put("app", app_id, {**app, "_idToken": stored})
    return ApiResponse(200, {**defaults, **stored})


_READ, _MANAGE = ("okta.apps.read",), ("okta.apps.manage",)
_APP = "/api/v1/apps/{app_id}"
_ID_TOKEN = "/api/v1/internal/apps/{app_id}/settings/oauth/idToken"  # noqa: S105 (a path)
ROUTES = (
    Route("GET", "/api/v1/apps", _list, _READ, "apps"),
    Route("POST", "/api/v1/apps", _create, _MANAGE, "apps"),
    Route("GET", _APP, _get, _READ, "app"),
    Route("PUT", _APP, _replace, _MANAGE, "app"),
    Route("DELETE", _APP, _delete, _MANAGE, "app"),
    *lifecycle_routes(_APP, _change_status, _MANAGE, "apps"),
    Route("PUT", f"{_APP}/policies/{{policy_id}}", _assign_policy, _MANAGE, "apps"),
    Route("GET", _ID_TOKEN, _id_token, _READ, "other"),
    Route("POST", _ID_TOKEN, _id_token, _MANAGE, "other"),
)
