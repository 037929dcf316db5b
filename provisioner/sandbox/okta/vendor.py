"""Okta in the sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from provisioner.sandbox.misconfigurations import Misconfigurations
from provisioner.sandbox.okta import DOMAIN
from provisioner.sandbox.server import Api, Mount
from provisioner.sandbox.settings import LAG_SECONDS, Setting, parse_flag, parse_number, parse_subset
from provisioner.sandbox.store import Document, Store
from provisioner.sandbox.vendor import Item, Summary, Vendor, quantity

if TYPE_CHECKING:
    from provisioner.sandbox.okta.management.api import OktaApi
    from provisioner.sandbox.okta.pushes import Pushes

# Modules that take time to load are imported when they are needed.
# ruff: noqa: PLC0415

_PATHS = re.compile(
    r"/api/v1/|/oauth2/|/\.well-known/(?:okta-organization|openid-configuration|oauth-authorization-server)$"
)
_KINDS = {
    "application": "app",
    "user": "user",
    "group": "group",
    "authorizationServer": "authorizationServer",
    "pushMapping": "pushMapping",
}


class _DeniedScopes(Setting):
    """Only scopes that were granted can be denied."""

    def read(self, store: Store) -> str:
        return ",".join(store.setting("denied", []))

    def write(self, store: Store, text: str) -> None:
        store.set("denied", parse_subset(text, store.setting("scopes_granted", [])))


class Okta(Vendor):
    """An Okta org."""

    title = "Okta org"
    domain = DOMAIN
    settings = (
        _DeniedScopes("okta_deny", "Okta scopes to deny, comma-separated; empty: none", str, ""),
        Setting(
            "api_access_management",
            "false: the org has no licence for authorization servers",
            parse_flag,
            True,
        ),
        Setting("async_seconds", "seconds that Okta waits before it provisions", parse_number, 0),
    )

    _api: OktaApi | None = None

    def create_tenant(self, store: Store) -> None:
        from provisioner.sandbox.okta.management import new_org

        new_org.create(store, self.context.http_url)

    def mounts(self) -> Sequence[Mount]:
        return (Mount(_PATHS, self._load_api, recorded=True),)

    def _load_api(self) -> Api:
        from provisioner.sandbox.okta.management.api import OktaApi

        self._api = OktaApi(
            self.store, self.provisioning_service, lambda: float(LAG_SECONDS.read(self.context.store))
        )
        return self._api

    def create_provisioning_service(self) -> Pushes:
        from provisioner.sandbox.okta.pushes import Pushes

        return Pushes(self.store)

    def admin_token(self) -> str:
        """The value of the org's API token (``SSWS``)."""
        return str(self.store.setting("api_token"))

    @property
    def service_app(self) -> dict[str, str]:
        """The org's service app: ``client_id``, ``private_key`` (PEM) and ``key_id``."""
        return dict(self.store.setting("client"))

    def variables(self) -> dict[str, str]:
        """``OKTA_ORG_URL``, ``KIRO_DOMAIN``, and ``KIRO_SCIM_ENDPOINT`` once a Kiro profile for Okta exists."""
        from provisioner.sandbox.kiro import console

        known = {"OKTA_ORG_URL": self.context.url or self.context.http_url, "KIRO_DOMAIN": self.domain}
        profile = self.newest_profile()
        if profile is None:
            return known
        return known | {"KIRO_SCIM_ENDPOINT": console.endpoint(self.context.http_url, profile["id"])}

    def connection(self) -> dict[str, str]:
        return {
            "Okta org": self.context.url,
            "Okta API token": self.admin_token(),
            "Okta client id": self.service_app["client_id"],
        }

    def summary(self) -> Summary:
        """The org's content.

        Its ``details`` have ``applications`` with ``label``, ``name``, ``status``, ``features``, numbers of ``users`` and
        ``groups`` and of the users in ``errors``; ``authorizationServers`` with ``name``, ``status`` and ``issuer``;
        ``pushedGroups`` with ``group``, ``application``, ``status`` and ``error``; and ``client``, the service app.
        """
        from provisioner.sandbox.okta import console

        applications = [_describe_app(self.store, app) for app in self.store.all("app")]
        servers = [
            {
                "name": server["name"],
                "status": server["status"],
                "issuer": console.issuer(server, self.context.url),
            }
            for server in self.store.all("authorizationServer")
        ]
        groups = _describe_pushed_groups(self.store)
        return Summary(
            counts={title: len(self.store.keys(kind)) for title, kind in _KINDS.items()},
            items=[
                *(Item(app["label"], app["status"].lower(), _app_line(app)) for app in applications),
                *(Item(server["name"], server["status"].lower(), server["issuer"]) for server in servers),
                *(Item(group["group"], group["status"].lower(), _push_line(group)) for group in groups),
            ],
            details={
                "applications": applications,
                "authorizationServers": servers,
                "pushedGroups": groups,
                "client": self.service_app,
            },
        )

    def add_group(self, name: str, like: str = "Kiro-Users") -> None:
        from provisioner.sandbox.okta.management import directory

        directory.import_group(self.store, name, like)

    def add_member(self, user: str, group: str = "Kiro-Users") -> None:
        from provisioner.sandbox.okta.management import directory

        directory.import_member(self.store, self.user_name(user), group)

    def populate(self, *, users: int = 0, groups: int = 0, members: int = 0) -> None:
        from provisioner.sandbox.okta.management import directory

        directory.populate(self.store, users=users, groups=groups, members=members)

    def run_provisioning(self) -> dict[str, str]:
        """Push what every application has to push."""
        from provisioner.sandbox.okta import provisioning

        outcomes = {}
        for app_id in self.store.keys("appConnection"):
            provisioning.push(self.store, app_id)
            app = self.store.get("app", app_id)
            if app is not None:
                counts = _describe_app(self.store, app)
                outcomes[app["label"]] = (
                    f"{quantity(counts['users'], 'user')} assigned, {counts['errors']} in error"
                )
        return outcomes

    def owns_profile(self, profile: Document) -> bool:
        return "issuer" in profile

    def console_actions(self) -> Mapping[str, Callable[[], str | None]]:
        from provisioner.sandbox.okta.console_actions import ACTIONS

        return {step: partial(action, self) for step, action in ACTIONS.items()}

    @staticmethod
    def misconfigurations() -> Misconfigurations[Any]:
        from provisioner.sandbox.okta.misconfigurations import MISCONFIGURATIONS

        return MISCONFIGURATIONS

    def replace_address(self, before: str, url: str) -> None:
        """Replace the address in the issuers of authorization servers, in Kiro's copies of them, and in SCIM endpoints."""
        for server in self.store.all("authorizationServer"):
            issuer = str(server["issuer"])
            if issuer.startswith((f"{before}/oauth2/", "/oauth2/")):
                moved = {**server, "issuer": url + issuer.removeprefix(before)}
                self.store.put("authorizationServer", server["id"], moved)
        if not before:
            return
        for connection in self.store.all("appConnection"):
            address = str(connection["baseUrl"])
            if address.startswith(f"{before}/"):
                moved = {**connection, "baseUrl": url + address.removeprefix(before)}
                self.store.put("appConnection", connection["appId"], moved)
        for profile in filter(self.owns_profile, self.context.kiro.all("kiroProfile")):
            issuer = str(profile["issuer"])
            if issuer.startswith(f"{before}/"):
                moved = {**profile, "issuer": url + issuer.removeprefix(before)}
                self.context.kiro.put("kiroProfile", profile["id"], moved)

    def catch_up(self) -> None:
        """Push what the last process may not have pushed."""
        if self.exists:
            self.provisioning_service.catch_up()

    def finish(self) -> None:
        if self._api is not None:
            self._api.close()
        super().finish()


def _describe_app(store: Store, app: Document) -> Document:
    users = store.under("appUser", f"{app['id']}:")
    return {
        **{name: app.get(name) for name in ("label", "name", "status", "features")},
        "users": len(users),
        "groups": len(store.keys("appGroup", f"{app['id']}:")),
        "errors": sum(user.get("syncState") == "ERROR" for user in users),
    }


def _app_line(app: Document) -> str:
    features = ", ".join(app["features"] or ()) or "no provisioning"
    users, groups = quantity(app["users"], "user"), quantity(app["groups"], "group")
    return f"{users}, {app['errors']} in error, {groups}; {features}"


def _describe_pushed_groups(store: Store) -> list[Document]:
    names = {group["id"]: group["profile"]["name"] for group in store.all("group")}
    labels = {app["id"]: app["label"] for app in store.all("app")}
    return [
        {
            "group": names.get(mapping["sourceGroupId"], mapping["sourceGroupId"]),
            "application": labels.get(mapping["_appId"], mapping["_appId"]),
            "status": mapping["status"],
            "error": mapping.get("errorSummary") or None,
        }
        for mapping in store.all("pushMapping")
    ]


def _push_line(group: Document) -> str:
    error = f": {group['error']}" if group["error"] else ""
    return f"pushed to {group['application']}{error}"
