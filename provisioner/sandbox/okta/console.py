"""Okta's Admin Console: what has no API, for the integration "AWS IAM Identity Center".

Applications > (application) > Provisioning: "Configure API integration", the features of "To App", "Force Sync"; and
Dashboard > Tasks: "Retry Selected". Steps and texts: "Configure SAML and SCIM with Okta and IAM Identity Center" (AWS) and
Okta's support articles on that integration. When a function returns, the pushes that it started have ended.

That the features appear as ``GROUP_PUSH``, ``PUSH_NEW_USERS``, ``PUSH_PROFILE_UPDATES`` and ``PUSH_USER_DEACTIVATION`` is
inferred from Okta Management API 2026.06.3, Application.features.
"""

from __future__ import annotations

from provisioner.sandbox.okta.management import system_log
from provisioner.sandbox.okta.management.objects import now
from provisioner.sandbox.refusal import ConsoleRefusal
from provisioner.sandbox.store import Document, Store

SCIM_APPLICATION = "amazon_aws_sso"
_GROUP_PUSH = "GROUP_PUSH"
_TO_APP = {
    "create": "PUSH_NEW_USERS",
    "update": "PUSH_PROFILE_UPDATES",
    "deactivate": "PUSH_USER_DEACTIVATION",
}


def enable_provisioning(store: Store, app_id: str, base_url: str, token: str) -> None:
    """Tick "Enable API integration", enter both values, "Test API Credentials", "Save".

    Args:
        store: the org.
        app_id: the application.
        base_url: "Base URL": the SCIM endpoint, without a slash at the end.
        token: "API Token".

    Raises:
        ConsoleRefusal: there is no such application, it has no provisioning, or the credentials were not verified.
    """
    from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

    app = _application(store, app_id)
    if app["name"] != SCIM_APPLICATION:
        raise ConsoleRefusal(f"{app['label']}: this application does not support provisioning.")
    if not base_url.startswith(("http://", "https://")) or base_url.endswith("/"):
        raise ConsoleRefusal("Base URL: Does not match required pattern")
    if not token.strip():
        raise ConsoleRefusal("API Token: The field cannot be left blank")
    try:
        provisioning.verify(base_url, token)
    except provisioning.ScimError as error:
        raise ConsoleRefusal(f"Error authenticating: {error}") from error
    with store.transaction():
        connection = {"appId": app_id, "baseUrl": base_url, "token": token, "enabled": True}
        store.put("appConnection", app_id, connection)
        _save(store, app_id, {_GROUP_PUSH: True})
    provisioning.push(store, app_id)


def disable_provisioning(store: Store, app_id: str) -> None:
    """Untick "Enable API integration": removes address, token and features, and deprovisions no one.

    Raises:
        ConsoleRefusal: there is no such application.
    """
    _application(store, app_id)
    with store.transaction():
        store.delete("appConnection", app_id)
        _save(store, app_id, dict.fromkeys((_GROUP_PUSH, *_TO_APP.values()), False))


def set_to_app(
    store: Store,
    app_id: str,
    *,
    create: bool | None = None,
    update: bool | None = None,
    deactivate: bool | None = None,
) -> None:
    """Edit "Provisioning to App": "Create Users", "Update User Attributes", "Deactivate Users".

    Args:
        store: the org.
        app_id: the application.
        create: "Create Users": tick (True), untick (False), or leave unchanged (None).
        update: "Update User Attributes".
        deactivate: "Deactivate Users".

    Raises:
        ConsoleRefusal: there is no such application, or its API integration is off.
    """
    from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

    _check_connected(store, app_id)
    boxes = {"create": create, "update": update, "deactivate": deactivate}
    with store.transaction():
        _save(store, app_id, {_TO_APP[name]: ticked for name, ticked in boxes.items() if ticked is not None})
    provisioning.push(store, app_id)


def force_sync(store: Store, app_id: str) -> None:
    """Press "Force Sync" below the attribute mappings: sends every profile again.

    Raises:
        ConsoleRefusal: there is no such application, or its API integration is off.
    """
    from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

    _check_connected(store, app_id)
    provisioning.push(store, app_id, force=True)


def retry(store: Store, app_id: str) -> None:
    """Select all failed tasks of the application and press "Retry Selected"; also push failed groups again.

    Raises:
        ConsoleRefusal: there is no such application, or its API integration is off.
    """
    from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

    _check_connected(store, app_id)
    provisioning.push(store, app_id, retry=True)


def scim_application(store: Store, label: str | None = None) -> Document | None:
    """The newest active "AWS IAM Identity Center" of the org, or None.

    Args:
        store: the org.
        label: only the application with this label.
    """
    apps = [
        app
        for app in store.all("app")
        if app["name"] == SCIM_APPLICATION and app["status"] == "ACTIVE" and label in (None, app["label"])
    ]
    return apps[-1] if apps else None


def issuer(server: Document, org_url: str) -> str:
    """The issuer of an authorization server as the Admin Console shows it.

    A dynamic one follows the address at which the org is visited. That of the default server ends with its name.

    Args:
        server: the authorization server.
        org_url: the address at which the org is visited.
    """
    name = "default" if server.get("default") else server["id"]
    if server["issuerMode"] == "DYNAMIC" or server["issuer"].startswith("/"):
        return f"{org_url}/oauth2/{name}"
    return f"{server['issuer'].removesuffix(server['id'])}{name}"


def _application(store: Store, app_id: str) -> Document:
    app = store.get("app", app_id)
    if app is None:
        raise ConsoleRefusal(f"There is no application {app_id}.")
    return app


def _check_connected(store: Store, app_id: str) -> None:
    app = _application(store, app_id)
    if not (store.get("appConnection", app_id) or {}).get("enabled"):
        raise ConsoleRefusal(f"{app['label']}: provisioning is not enabled.")


def _save(store: Store, app_id: str, switches: dict[str, bool]) -> None:
    """Switch features on and off, and write it to the system log."""
    app = _application(store, app_id)
    features = [feature for feature in app.get("features") or [] if switches.get(feature, True)]
    features += [feature for feature, on in switches.items() if on and feature not in features]
    app |= {"features": features, "lastUpdated": now()}
    store.put("app", app_id, app)
    system_log.write_event(
        store, "application.configuration.update", [system_log.app_target(app)], actor=_ADMIN
    )


_ADMIN: Document = {
    "id": "00usandboxadministra",
    "type": "User",
    "alternateId": "admin@fabrikam.example",
    "displayName": "Sandbox Administrator",
}
