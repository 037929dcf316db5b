"""What an application looks like: kept, and answered.

Members and defaults: recorded traffic of terraform-provider-okta and okta-sdk-python (bookmark, OpenID Connect,
``okta_org2org`` and ``deelhr`` apps).
"""

from __future__ import annotations

import re
import secrets

from provisioner.sandbox.okta.management import catalog, oauth_settings
from provisioner.sandbox.okta.management.call import Call
from provisioner.sandbox.okta.management.catalog import AppKind
from provisioner.sandbox.okta.management.errors import invalid
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.store import Document, Store

_LABEL_LENGTH = 100
_TEMPLATE = {"template": "${source.login}", "type": "BUILT_IN"}
_SIGN_ON: Document = {
    "defaultRelayState": None,
    "ssoAcsUrlOverride": None,
    "audienceOverride": None,
    "recipientOverride": None,
    "destinationOverride": None,
    "attributeStatements": [],
}
_VPN = {"vpn": {"network": {"connection": "DISABLED"}, "message": None, "helpUrl": None}}


def label_of(sent: Document) -> str:
    """The label that a request gives.

    Raises:
        OktaError: 400 when it is missing or too long.
    """
    label = sent.get("label")
    if not isinstance(label, str) or not label.strip():
        raise invalid("label", "label: The field cannot be left blank")
    if len(label) > _LABEL_LENGTH:
        raise invalid("label", f"label: The field is too long (at most {_LABEL_LENGTH} characters)")
    return label


def new(store: Store, sent: Document, *, active: bool) -> Document:
    """A new application, not yet stored.

    Args:
        store: the org.
        sent: the request's body.
        active: whether it starts active.

    Raises:
        OktaError: 400 or 404 for what Okta does not take.
    """
    label = label_of(sent)
    kind = catalog.wanted(sent.get("name"), sent.get("signOnMode"))
    app_id = new_id("0oa")
    name = kind.name if kind else _own_name(store, label)
    mode = sent.get("signOnMode") or (kind.modes[0] if kind else "SAML_2_0")
    moment = now()
    app: Document = {
        "id": app_id,
        "orn": f"orn:okta:idp:{store.setting('org_id')}:apps:{name}:{app_id}",
        "name": name,
        "label": label,
        "status": "ACTIVE" if active else "INACTIVE",
        "lastUpdated": moment,
        "created": moment,
        "features": [],
        "signOnMode": None if kind and kind.seldom_mode else mode,
        "_mode": mode,
        "_title": kind.title if kind else label,
        "_policyId": store.setting("default_policy"),
    }
    return app | _body(app, sent, kind, None)


def replaced(app: Document, sent: Document) -> Document:
    """An application after a PUT: what is not sent is lost, except what the API description keeps.

    Raises:
        OktaError: 400 for what Okta does not take.
    """
    kind = catalog.KINDS.get(app["name"])
    changed = {**app, "label": label_of(sent), "lastUpdated": now()}
    return changed | _body(changed, sent, kind, app)


def _body(app: Document, sent: Document, kind: AppKind | None, before: Document | None) -> Document:
    visibility, accessibility = sent.get("visibility") or {}, sent.get("accessibility") or {}
    hide = visibility.get("hide") or {}
    link = kind.link if kind else f"{app['name']}_link"
    links = {link: True} if link else {}
    found: Document = {
        "accessibility": {
            "selfService": bool(accessibility.get("selfService", False)),
            "errorRedirectUrl": accessibility.get("errorRedirectUrl"),
            "loginRedirectUrl": accessibility.get("loginRedirectUrl"),
        },
        "visibility": {
            "autoLaunch": bool(visibility.get("autoLaunch", False)),
            "autoSubmitToolbar": bool(visibility.get("autoSubmitToolbar", False)),
            "hide": {"iOS": bool(hide.get("iOS", False)), "web": bool(hide.get("web", False))},
            "appLinks": links
            | {name: on for name, on in (visibility.get("appLinks") or {}).items() if name in links},
        },
        "universalLogout": None,
        "credentials": _credentials(app, sent, before),
        "settings": _settings(app, sent, kind, before),
    }
    if sent.get("profile") is not None:
        found["profile"] = sent["profile"]
    return found


def _credentials(app: Document, sent: Document, before: Document | None) -> Document:
    given = sent.get("credentials") or {}
    template = given.get("userNameTemplate") or _TEMPLATE
    found: Document = {"userNameTemplate": template, "signing": {}}
    if app["_mode"] in ("OPENID_CONNECT", "SAML_2_0", "SAML_1_1"):
        found["signing"] = {
            "kid": ((before or {}).get("credentials") or {}).get("signing", {}).get("kid") or new_kid()
        }
    if given.get("scheme"):
        found["scheme"] = given["scheme"]
    if app["name"] == "oidc_client":
        kind = ((sent.get("settings") or {}).get("oauthClient") or {}).get("application_type") or "web"
        kept = before["credentials"]["oauthClient"] if before else None
        found["oauthClient"] = oauth_settings.credentials(
            given.get("oauthClient") or {}, kind, app["id"], kept
        )
    return found


def new_kid() -> str:
    """The id of a signing key that nobody looks up: the sandbox signs nothing in an application's name."""
    return secrets.token_urlsafe(32)


def _settings(app: Document, sent: Document, kind: AppKind | None, before: Document | None) -> Document:
    given = sent.get("settings") or {}
    notes = given.get("notes") or {}
    own = {**(kind.defaults if kind else {}), **(given.get("app") or {})}
    if kind:
        catalog.check_settings(kind, own)
    found: Document = {
        "app": own,
        "notifications": given.get("notifications") or _VPN,
        "manualProvisioning": bool(given.get("manualProvisioning", False)),
        "implicitAssignment": bool(given.get("implicitAssignment", False)),
        "emOptInStatus": "NONE",
        "notes": {"admin": notes.get("admin"), "enduser": notes.get("enduser")},
    }
    if app["_mode"].startswith("SAML"):
        found["signOn"] = {**_SIGN_ON, **(given.get("signOn") or {})}
    elif given.get("signOn"):
        found["signOn"] = given["signOn"]
    if app["name"] == "oidc_client":
        if not isinstance(given.get("oauthClient"), dict):
            raise invalid("settings.oauthClient", "oauthClient: The field cannot be left blank")
        kept = before["settings"]["oauthClient"] if before else None
        found["oauthClient"] = oauth_settings.settings(given["oauthClient"], kept)
    return found


def _own_name(store: Store, label: str) -> str:
    """Okta names a SAML app of one's own after the org and its label, with a number."""
    count = sum(1 for app in store.all("app") if app["_mode"].startswith("SAML"))
    return f"contoso_{re.sub(r'[^a-z0-9]', '', label.lower()) or 'app'}_{count + 1}"


def render(call: Call, app: Document, *, with_secret: bool = False) -> Document:
    """An application as the API answers it.

    Args:
        call: the request.
        app: the stored document.
        with_secret: whether to show the client secret, as answers to creating and replacing do.
    """
    shown = {name: value for name, value in app.items() if not name.startswith("_")}
    client = app["credentials"].get("oauthClient")
    if client and not with_secret:
        visible = {name: value for name, value in client.items() if name != "client_secret"}
        shown["credentials"] = {**app["credentials"], "oauthClient": visible}
    shown["_links"] = _links(call, app)
    return shown


def _links(call: Call, app: Document) -> Document:
    kind, base = catalog.kind_of(app), f"apps/{app['id']}"
    links: Document = {}
    if app["_mode"].startswith("SAML") and not kind.own:
        href = f"{call.root}/app/{app['name']}/{app['id']}/setup/help/{app['_mode']}/external-doc"
        links["help"] = {"href": href, "type": "text/html"}
    if app["_mode"].startswith("SAML"):
        links["metadata"] = {"href": call.api(f"{base}/sso/saml/metadata"), "type": "application/xml"}
    links["uploadLogo"] = {"href": call.api(f"{base}/logo"), "hints": {"allow": ["POST"]}}
    links["appLinks"] = [
        {
            "name": name,
            "href": "/".join((call.root, "home", app["name"], app["id"], kind.tile)),
            "type": "text/html",
        }
        for name in app["visibility"]["appLinks"]
    ]
    enrollment = call.store.setting("enrollment_policy")
    links["profileEnrollment"] = {"href": call.api(f"policies/{enrollment}")}
    if app["status"] == "INACTIVE":
        links["activate"] = {"href": call.api(f"{base}/lifecycle/activate")}
    links["policies"] = {"href": call.api(f"{base}/policies"), "hints": {"allow": ["PUT"]}}
    links["groups"] = {"href": call.api(f"{base}/groups")}
    links["logo"] = [
        {"name": "medium", "href": f"{call.root}/assets/img/logos/default.png", "type": "image/png"}
    ]
    if app["credentials"].get("oauthClient"):
        links["clientCredentials"] = [{"name": "secrets", "href": call.api(f"{base}/credentials/secrets")}]
    links["accessPolicy"] = {"href": call.api(f"policies/{app['_policyId']}")}
    links["users"] = {"href": call.api(f"{base}/users")}
    if app["status"] == "ACTIVE":
        links["deactivate"] = {"href": call.api(f"{base}/lifecycle/deactivate")}
    return links
