"""The Application object that a request creates or replaces: its credentials and settings, with Okta's defaults.

Members and defaults: recorded traffic of terraform-provider-okta and okta-sdk-python (bookmark, OpenID Connect,
``okta_org2org`` and ``deelhr`` apps).
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from provisioner.sandbox.okta.management import catalog, oauth_client
from provisioner.sandbox.okta.management.catalog import AppDefinition
from provisioner.sandbox.okta.management.errors import required_field
from provisioner.sandbox.okta.management.objects import new_id, now, required_text
from provisioner.sandbox.store import Document, Store

_MAX_LABEL_LENGTH = 100
_USER_NAME_TEMPLATE = {"template": "${source.login}", "type": "BUILT_IN"}
_SIGN_ON: Document = {
    "defaultRelayState": None,
    "ssoAcsUrlOverride": None,
    "audienceOverride": None,
    "recipientOverride": None,
    "destinationOverride": None,
    "attributeStatements": [],
}
_NOTIFICATIONS = {"vpn": {"network": {"connection": "DISABLED"}, "message": None, "helpUrl": None}}


def new_app(store: Store, body: Document, *, active: bool) -> Document:
    """A new application, not yet stored.

    Args:
        store: the org.
        body: body of the request.
        active: whether the application is active.

    Raises:
        OktaError: 400 for values that Okta does not accept.
    """
    label = required_text(body, "label", _MAX_LABEL_LENGTH)
    definition = catalog.requested_definition(body.get("name"), body.get("signOnMode"))
    app_id = new_id("0oa")
    name = definition.name if definition else _custom_name(store, label)
    mode = body.get("signOnMode") or (definition.sign_on_modes[0] if definition else "SAML_2_0")
    timestamp = now()
    app: Document = {
        "id": app_id,
        "orn": f"orn:okta:idp:{store.setting('org_id')}:apps:{name}:{app_id}",
        "name": name,
        "label": label,
        "status": "ACTIVE" if active else "INACTIVE",
        "lastUpdated": timestamp,
        "created": timestamp,
        "features": [],
        "signOnMode": None if definition and definition.null_sign_on_mode else mode,
        "_mode": mode,
        "_title": definition.title if definition else label,
        "_policyId": store.setting("default_policy"),
    }
    return app | _members(app, body, definition, None)


def replaced_app(app: Document, body: Document) -> Document:
    """An application after a PUT: members that the body lacks are reset, except those that the API description keeps.

    Raises:
        OktaError: 400 for values that Okta does not accept.
    """
    label = required_text(body, "label", _MAX_LABEL_LENGTH)
    definition = catalog.DEFINITIONS.get(app["name"])
    changed = {**app, "label": label, "lastUpdated": now()}
    return changed | _members(changed, body, definition, app)


def app_with_client_id(store: Store, client_id: Any) -> Document | None:
    """The application with a client id, or None."""
    if not isinstance(client_id, str) or not client_id:
        return None
    app = store.get(
        "app", client_id
    )  # unless the request chose it, the client id is the id of the application
    candidates = [*([app] if app else []), *store.containing("app", client_id)]
    return next(
        (
            app
            for app in candidates
            if app["credentials"].get("oauthClient", {}).get("client_id") == client_id
        ),
        None,
    )


def _members(
    app: Document, body: Document, definition: AppDefinition | None, before: Document | None
) -> Document:
    visibility, accessibility = body.get("visibility") or {}, body.get("accessibility") or {}
    hide = visibility.get("hide") or {}
    link_name = definition.link_name if definition else f"{app['name']}_link"
    app_links = {link_name: True} if link_name else {}
    requested_links = visibility.get("appLinks") or {}
    members: Document = {
        "accessibility": {
            "selfService": bool(accessibility.get("selfService", False)),
            "errorRedirectUrl": accessibility.get("errorRedirectUrl"),
            "loginRedirectUrl": accessibility.get("loginRedirectUrl"),
        },
        "visibility": {
            "autoLaunch": bool(visibility.get("autoLaunch", False)),
            "autoSubmitToolbar": bool(visibility.get("autoSubmitToolbar", False)),
            "hide": {"iOS": bool(hide.get("iOS", False)), "web": bool(hide.get("web", False))},
            "appLinks": app_links
            | {name: visible for name, visible in requested_links.items() if name in app_links},
        },
        "universalLogout": None,
        "credentials": _credentials(app, body, before),
        "settings": _settings(app, body, definition, before),
    }
    if body.get("profile") is not None:
        members["profile"] = body["profile"]
    return members


def _credentials(app: Document, body: Document, before: Document | None) -> Document:
    requested = body.get("credentials") or {}
    template = requested.get("userNameTemplate") or _USER_NAME_TEMPLATE
    credentials: Document = {"userNameTemplate": template, "signing": {}}
    if app["_mode"] in ("OPENID_CONNECT", "SAML_2_0", "SAML_1_1"):
        kid = ((before or {}).get("credentials") or {}).get("signing", {}).get("kid")
        credentials["signing"] = {"kid": kid or new_signing_kid()}
    if requested.get("scheme"):
        credentials["scheme"] = requested["scheme"]
    if app["name"] == "oidc_client":
        settings = (body.get("settings") or {}).get("oauthClient") or {}
        credentials["oauthClient"] = oauth_client.client_credentials(
            requested.get("oauthClient") or {},
            settings.get("application_type") or "web",
            app["id"],
            before["credentials"]["oauthClient"] if before else None,
        )
    return credentials


def new_signing_kid() -> str:
    """The id of an application's signing key; the key itself does not exist, since the sandbox signs nothing with it."""
    return secrets.token_urlsafe(32)


def _settings(
    app: Document, body: Document, definition: AppDefinition | None, before: Document | None
) -> Document:
    requested = body.get("settings") or {}
    notes = requested.get("notes") or {}
    app_settings = {**(definition.default_settings if definition else {}), **(requested.get("app") or {})}
    if definition:
        catalog.check_settings(definition, app_settings)
    settings: Document = {
        "app": app_settings,
        "notifications": requested.get("notifications") or _NOTIFICATIONS,
        "manualProvisioning": bool(requested.get("manualProvisioning", False)),
        "implicitAssignment": bool(requested.get("implicitAssignment", False)),
        "emOptInStatus": "NONE",
        "notes": {"admin": notes.get("admin"), "enduser": notes.get("enduser")},
    }
    if app["_mode"].startswith("SAML"):
        settings["signOn"] = {**_SIGN_ON, **(requested.get("signOn") or {})}
    elif requested.get("signOn"):
        settings["signOn"] = requested["signOn"]
    if app["name"] == "oidc_client":
        if not isinstance(requested.get("oauthClient"), dict):
            raise required_field("settings.oauthClient")
        client_before = before["settings"]["oauthClient"] if before else None
        settings["oauthClient"] = oauth_client.client_settings(requested["oauthClient"], client_before)
    return settings


def _custom_name(store: Store, label: str) -> str:
    """Okta names a custom SAML app after the org and the label, with a number."""
    count = sum(1 for app in store.all("app") if app["_mode"].startswith("SAML"))
    return f"contoso_{re.sub(r'[^a-z0-9]', '', label.lower()) or 'app'}_{count + 1}"
