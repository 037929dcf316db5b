"""Applications: list, create, read, replace, delete, activate, deactivate (Okta Management API 2026.06.3, Application)."""

from __future__ import annotations

import re
from typing import Any

from provisioner.sandbox.okta.management import (
    app_documents,
    client_secrets,
    filters,
    mapping_documents,
    paging,
    rendering,
)
from provisioner.sandbox.okta.management.app_documents import render
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import OktaError, invalid, not_found
from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.okta.management.log_events import app_target, note, target
from provisioner.sandbox.okta.management.paging import Size
from provisioner.sandbox.store import Document, Store

_FILTERS = ("id", "status", "name", "credentials.signing.kid", "settings.slo.enabled")
_ASSIGNED = re.compile(r'\s*(user|group)\.id\s+eq\s+"([^"]+)"\s*')
_EXPAND = re.compile(r"user/[\w@.-]+")
_PAGE = Size(20, 200)
_NOT_LINKED = ("useOptimization", "alwaysIncludeVpnSettings", "includeNonDeleted")  # recorded


def find(store: Store, app_id: str) -> Document:
    """The application.

    Raises:
        OktaError: 404.
    """
    app = store.get("app", app_id)
    if app is None:
        raise not_found(app_id, "AppInstance")
    return app


def _list(call: Call) -> Reply:
    """``q`` is the beginning of a name or a label; ``filter`` narrows that further.

    ``includeNonDeleted`` changes nothing here: what is deleted leaves no trace.
    """
    expand = call.query.get("expand")
    if expand is not None and not _EXPAND.fullmatch(expand):
        raise invalid("RequestParams", "Expand query is malformed.")
    found = call.store.containing("app", call.query.get("q", ""))
    if q := call.query.get("q", "").lower():
        found = [
            app for app in found if app["name"].lower().startswith(q) or app["label"].lower().startswith(q)
        ]
    if expression := call.query.get("filter"):
        found = _filtered(call.store, found, expression)
    return paging.page(call, found, _PAGE, lambda app: _expanded(call, app, expand), hidden=_NOT_LINKED)


def _filtered(store: Store, apps: list[Document], expression: str) -> list[Document]:
    assigned = _ASSIGNED.fullmatch(expression)
    if assigned is None:
        fits = filters.parse(expression, _FILTERS)
        return [app for app in apps if fits(app)]
    kind = "appUser" if assigned.group(1) == "user" else "appGroup"
    return [app for app in apps if store.get(kind, f"{app['id']}:{assigned.group(2)}")]


def _expanded(call: Call, app: Document, expand: str | None) -> Document:
    shown = render(call, app)
    if expand:
        user = call.store.get("appUser", f"{app['id']}:{expand.partition('/')[2]}")
        shown["_embedded"] = {"user": rendering.app_user(call, user)} if user else {}
    return shown


def _create(call: Call) -> Reply:
    sent, store = call.document(), call.store
    app = app_documents.new(store, sent, active=call.flag("activate", default=True))
    _check_client_id(store, app)
    _check_label(store, app)
    store.put("app", app["id"], app)
    client_secrets.remember(store, app)
    mapping_documents.create_for(store, app)
    note(call, "application.lifecycle.create", app_target(app))
    if app["status"] == "ACTIVE":
        note(call, "application.lifecycle.activate", app_target(app))
    return Reply(200, render(call, app, with_secret=True))


def _check_client_id(store: Store, app: Document) -> None:
    client = app["credentials"].get("oauthClient")
    if client and any(
        other["credentials"].get("oauthClient", {}).get("client_id") == client["client_id"]
        for other in store.all("app")
    ):
        raise invalid(
            "credentials.oauthClient.client_id",
            f"client_id: A client with the id '{client['client_id']}' already exists.",
        )


def _check_label(store: Store, app: Document) -> None:
    """Labels may repeat; with the setting ``unique_labels`` they may not, as an org of 2020 was seen to have it.

    The sentence is from okta-cli issue 56.
    """
    if not store.setting("unique_labels", default=False):
        return
    for other in store.all("app"):
        if other["status"] == "ACTIVE" and (other["name"], other["label"]) == (app["name"], app["label"]):
            raise invalid(
                "label",
                f'label: An active {app["_title"]} instance with the label "{app["label"]}" already exists.',
            )


def _get(call: Call, app_id: str) -> Reply:
    return Reply(200, _expanded(call, find(call.store, app_id), call.query.get("expand")))


def _replace(call: Call, app_id: str) -> Reply:
    """Replace an app. On one whose provisioning a person set up in the console, this undoes that.

    Inactive apps that are not OpenID Connect cannot be replaced (recorded traffic of terraform-provider-okta). The damage to
    provisioning: terraform-provider-okta issues 655 and 710.
    """
    app, sent = find(call.store, app_id), call.document()
    if app["status"] == "INACTIVE" and app["name"] != "oidc_client":
        raise OktaError(
            400,
            "E0000024",
            "Bad request. This operation on app metadata is not yet supported: No active instances.",
        )
    changed = app_documents.replaced(app, sent)
    if call.store.get("appConnection", app_id) is not None and app["_mode"].startswith("SAML"):
        call.store.delete("appConnection", app_id)
        changed["features"] = []
        note(call, "application.configuration.update", app_target(changed))
    call.store.put("app", app_id, changed)
    client_secrets.remember(call.store, changed)
    note(call, "application.lifecycle.update", app_target(changed))
    call.touched.add(app_id)
    return Reply(200, render(call, changed, with_secret=True))


def _delete(call: Call, app_id: str) -> Reply:
    app, store = find(call.store, app_id), call.store
    if app["status"] == "ACTIVE":
        raise OktaError(
            403,
            "E0000056",
            "Delete application forbidden.",
            ["The application must be deactivated before deletion."],
        )
    for kind in ("appUser", "appGroup", "pushLink", "clientSecret"):
        store.delete_many(kind, store.keys(kind, f"{app_id}:"))
    for kind in ("mapping", "pushMapping", "grant"):
        store.delete_many(kind, [each["id"] for each in store.all(kind) if each["_appId"] == app_id])
    for kind in ("app", "appConnection", "appSchema"):
        store.delete(kind, app_id)
    note(call, "application.lifecycle.delete", app_target(app))
    return Reply(204)


def _activate(call: Call, app_id: str) -> Reply:
    return _turn(call, app_id, "ACTIVE", "application.lifecycle.activate")


def _deactivate(call: Call, app_id: str) -> Reply:
    return _turn(call, app_id, "INACTIVE", "application.lifecycle.deactivate")


def _turn(call: Call, app_id: str, status: str, event: str) -> Reply:
    app = find(call.store, app_id)
    if app["status"] != status:
        app = {**app, "status": status, "lastUpdated": now()}
        call.store.put("app", app_id, app)
        note(call, event, app_target(app))
        call.touched.add(app_id)
    return Reply(200, {})


def _assign_policy(call: Call, app_id: str, policy_id: str) -> Reply:
    """Give an app another sign-in policy; some belong to Okta's own apps (recorded: test_assign_application_policy)."""
    app = find(call.store, app_id)
    policy = call.store.get("signInPolicy", policy_id)
    if policy is None:
        raise not_found(policy_id, "Policy")
    if policy.get("_reserved"):
        raise invalid(
            "Policy",
            f'This policy belongs to "{policy["name"]}", and re-assignment of this policy is not allowed',
        )
    call.store.put("app", app_id, {**app, "_policyId": policy_id, "lastUpdated": now()})
    about = target("PolicyEntity", policy_id, policy["name"])
    note(call, "application.policy.sign_on.update", app_target(app), about)
    return Reply(204)


def _id_token(call: Call, app_id: str) -> Reply:
    """An internal address that the Terraform provider uses (recorded: TestAccResourceOktaAppOauth_*)."""
    app = find(call.store, app_id)
    client = app["credentials"].get("oauthClient") or {}
    settings = app["settings"].get("oauthClient") or {}
    kept: dict[str, Any] = app.get("_idToken") or {"issuerMode": settings.get("issuer_mode", "ORG_URL")}
    known = {"issuer": call.root, "orgUrl": None, "customUrl": None, "audience": client.get("client_id")}
    if call.method == "POST":
        kept, known = {**kept, **call.document()}, dict.fromkeys(known)
        call.store.put("app", app_id, {**app, "_idToken": kept})
    return Reply(200, {**known, **kept})


_READ, _MANAGE = ("okta.apps.read",), ("okta.apps.manage",)
_APP = "/api/v1/apps/{app_id}"
_ID_TOKEN = "/api/v1/internal/apps/{app_id}/settings/oauth/idToken"  # noqa: S105 (an address)
ROUTES = (
    Route("GET", "/api/v1/apps", _list, _READ, "apps"),
    Route("POST", "/api/v1/apps", _create, _MANAGE, "apps"),
    Route("GET", _APP, _get, _READ, "app"),
    Route("PUT", _APP, _replace, _MANAGE, "app"),
    Route("DELETE", _APP, _delete, _MANAGE, "app"),
    Route("POST", f"{_APP}/lifecycle/activate", _activate, _MANAGE, "apps"),
    Route("POST", f"{_APP}/lifecycle/deactivate", _deactivate, _MANAGE, "apps"),
    Route("PUT", f"{_APP}/policies/{{policy_id}}", _assign_policy, _MANAGE, "apps"),
    Route("GET", _ID_TOKEN, _id_token, _READ, "other"),
    Route("POST", _ID_TOKEN, _id_token, _MANAGE, "other"),
)
