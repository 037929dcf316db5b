"""A small Okta org of stored documents, whose application for provisioning is connected to a Kiro endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from provisioner.sandbox.kiro import console as kiro_console
from provisioner.sandbox.kiro.scim.endpoint import KiroEndpoint
from provisioner.sandbox.okta import provisioning
from provisioner.sandbox.store import Document, Store
from tests.sandbox.provisioning_fixtures import LoopbackServer, Sent

APP = "0oaawsscimapplication"
MAPPING = "prmawsscimapplication"
EVERYTHING = ("GROUP_PUSH", "PUSH_NEW_USERS", "PUSH_PROFILE_UPDATES", "PUSH_USER_DEACTIVATION")
PROPERTIES = {
    "givenName": "user.firstName",
    "familyName": "user.lastName",
    "displayName": 'user.displayName != null ? user.displayName : user.firstName + " " + user.lastName',
    "email": "user.email",
    "title": "user.title",
}


class Org:
    """An org and its Kiro profile."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "okta.db")
        self.kiro = Store(folder / "kiro.db")
        self.server = LoopbackServer(KiroEndpoint(self.kiro))
        self.profile = kiro_console.create_profile(self.kiro, base_url=self.server.url)["id"]
        self.token = kiro_console.generate_token(self.kiro, self.profile)
        self.endpoint = kiro_console.endpoint(self.server.url, self.profile)
        for name in ("alice", "bob", "carol"):
            self.add_user(name)
        self._add_app()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
        self.store.close()
        self.kiro.close()

    def _add_app(self) -> None:
        app = {
            "id": APP,
            "name": "amazon_aws_sso",
            "label": "AWS IAM Identity Center",
            "status": "ACTIVE",
            "signOnMode": "SAML_2_0",
            "features": [*EVERYTHING],
        }
        self.store.put("app", APP, app)
        connection = {"appId": APP, "baseUrl": self.endpoint, "token": self.token, "enabled": True}
        self.store.put("appConnection", APP, connection)
        properties = {name: {"expression": text, "pushStatus": "PUSH"} for name, text in PROPERTIES.items()}
        mapping = {"id": MAPPING, "_appId": APP, "target": {"id": APP}, "properties": properties}
        self.store.put("mapping", MAPPING, mapping)

    def add_user(self, name: str, **profile: Any) -> str:
        key = f"00u{name}"
        address = {"login": f"{name}@fabrikam.example", "email": f"{name}@fabrikam.example"}
        names = {"firstName": name.title(), "lastName": "Example"}
        self.store.put(
            "user", key, {"id": key, "status": "ACTIVE", "profile": {**address, **names, **profile}}
        )
        return key

    def change(self, kind: str, key: str, **members: Any) -> None:
        self.store.put(kind, key, {**(self.store.get(kind, key) or {}), **members})

    def change_profile(self, name: str, **members: Any) -> None:
        user = self.store.get("user", f"00u{name}") or {}
        self.change("user", user["id"], profile={**user["profile"], **members})

    def map(self, name: str, expression: str | None, push: str = "PUSH") -> None:
        mapping = self.store.get("mapping", MAPPING) or {}
        properties = {key: value for key, value in mapping["properties"].items() if key != name}
        if expression is not None:
            properties[name] = {"expression": expression, "pushStatus": push}
        self.change("mapping", MAPPING, properties=properties)

    def assign(self, *names: str) -> None:
        for name in names:
            key = f"00u{name}"
            app_user = {
                "id": key,
                "_appId": APP,
                "scope": "USER",
                "status": "STAGED",
                "syncState": "OUT_OF_SYNC",
                "credentials": {"userName": f"{name}@fabrikam.example"},
                "profile": {},
            }
            self.store.put("appUser", f"{APP}:{key}", app_user)

    def unassign(self, *names: str) -> None:
        for name in names:
            self.store.delete("appUser", f"{APP}:00u{name}")

    def add_group(self, name: str, *members: str) -> str:
        key = f"00g{name}"
        group = {"id": key, "type": "OKTA_GROUP", "profile": {"name": name, "description": None}}
        self.store.put("group", key, {**group, "_members": [f"00u{member}" for member in members]})
        return key

    def push_group(self, name: str, status: str = "ACTIVE") -> str:
        key = f"gPm{name}"
        mapping = {"id": key, "_appId": APP, "sourceGroupId": f"00g{name}", "status": status}
        self.store.put("pushMapping", key, {**mapping, "targetGroupId": "00gunknown"})
        return key

    def features(self, *names: str) -> None:
        self.change("app", APP, features=[*names])

    def connect(self, **members: Any) -> None:
        self.change("appConnection", APP, **members)

    def push(self, **options: bool) -> list[Sent]:
        """Push; returns the requests to the endpoint."""
        before = len(self.server.sent)
        provisioning.push(self.store, APP, **options)
        return self.server.sent[before:]

    def app_user(self, name: str) -> Document:
        return self.store.get("appUser", f"{APP}:00u{name}") or {}

    def mapping(self, name: str) -> Document:
        return self.store.get("pushMapping", f"gPm{name}") or {}

    def events(self, kind: str = "") -> list[Document]:
        return [event for event in self.store.all("logEvent") if event["eventType"].endswith(kind)]

    def users(self) -> dict[str, Document]:
        """Users at the endpoint by the part of their name before the @."""
        users = self.kiro.all(f"scimUser:{self.profile}")
        return {user["userName"].partition("@")[0]: user for user in users}

    def groups(self) -> dict[str, list[str]]:
        """Members by name of the group at the endpoint."""
        (profile,) = kiro_console.describe(self.kiro)["profiles"]
        return {
            group["displayName"]: sorted(member.partition("@")[0] for member in group["members"])
            for group in profile["groups"]
        }
