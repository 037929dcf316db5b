"""Acme in the sandbox: what the protocol requires, and nothing else."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from typing import Any

from werkzeug.wrappers import Request, Response

from provisioner.sandbox.background import Background
from provisioner.sandbox.misconfigurations import Misconfigurations, newest
from provisioner.sandbox.server import Mount
from provisioner.sandbox.settings import Setting, parse_flag
from provisioner.sandbox.store import Document, Store
from provisioner.sandbox.vendor import Item, Summary, Vendor, quantity

TOKEN = "acme-token"
APPLICATION = re.compile(r"/acme/applications/([^/]+)(?:/groups/([^/]+))?")

misconfiguration: Misconfigurations[Store] = Misconfigurations(lambda store, _kiro, _name: store)


@misconfiguration("acme-redirect-uri")
def _redirect_uri(store: Store) -> None:
    """An admin removed the redirect URIs."""
    application = newest(store.all("application"), "there is no application yet")
    store.put("application", application["name"], {**application, "redirectUris": []})


@misconfiguration("acme-group-missing")
def _group_missing(store: Store) -> None:
    """An admin deleted the group."""
    group = newest(store.all("group"), "there is no group yet")
    store.delete("group", group["name"])


class AcmeApi:
    """Applications and groups."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle(self, request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Response("unknown token", 401)
        if request.method == "GET":
            kind = request.path.removeprefix("/acme/").removesuffix("s")
            return self.json(self.store.all(kind))
        name, group = APPLICATION.fullmatch(request.path).groups()
        with self.store.transaction():
            return self.write(request, name, group)

    def write(self, request: Request, name: str, group: str | None) -> Response:
        application = self.store.get("application", name)
        deletes = request.method == "DELETE"
        if group:
            others = [assigned for assigned in application["groups"] if assigned != group]
            application["groups"] = others if deletes else [*others, group]
        elif deletes:
            self.store.delete("application", name)
            return self.json({})
        else:
            new = {"id": str(uuid.uuid4()), "name": name, "groups": []}
            application = {**(application or new), **request.get_json()}
        self.store.put("application", name, application)
        return self.json(application)

    def json(self, data: Any) -> Response:
        return Response(json.dumps(data), mimetype="application/json")

    def error_response(self, status: int, _retry_after: int | None) -> Response:
        return Response("refused by Acme", status)


class Acme(Vendor):
    """Groups with members."""

    title = "Acme directory"
    domain = "acme.example"
    settings = (Setting("acme_locked", "true: no one can change the directory", parse_flag, False),)

    def create_tenant(self, store: Store) -> None:
        store.put("group", "Kiro-Users", self.new_group("Kiro-Users", [f"alice@{self.domain}"]))

    def new_group(self, name: str, members: Sequence[str] = ()) -> Document:
        return {"id": f"group-{name.replace(' ', '-')}", "name": name, "members": list(members)}

    def create_provisioning_service(self) -> Background:
        return Background(lambda _key: None, self.name)

    def catch_up(self) -> None:
        pass

    def mounts(self) -> Sequence[Mount]:
        return (Mount(re.compile("/acme/"), lambda: AcmeApi(self.store), recorded=True),)

    def admin_token(self) -> str:
        return TOKEN

    def variables(self) -> dict[str, str]:
        return {"ACME_URL": self.context.http_url}

    def connection(self) -> dict[str, str]:
        return {"Acme directory": f"{self.context.url}/acme"}

    def summary(self) -> Summary:
        items = [Item(name, "active", "") for name in self.store.keys("group")]
        return Summary({"group": len(items)}, items, {"groups": self.store.keys("group")})

    def add_group(self, name: str, like: str = "Kiro-Users") -> None:
        members = (self.store.get("group", like) or {"members": []})["members"]
        self.store.put("group", name, self.new_group(name, members))

    def add_member(self, user: str, group: str = "Kiro-Users") -> None:
        document = self.store.get("group", group)
        if document is None:
            raise ValueError(f"there is no group {group}")
        document["members"].append(self.user_name(user))
        self.store.put("group", group, document)

    def populate(self, *, users: int = 0, groups: int = 0, members: int = 0) -> None:
        for number in range(groups):
            self.add_group(f"Team {number}")

    def run_provisioning(self) -> dict[str, str]:
        return {"acme": quantity(len(self.store.keys("group")), "group")}

    def owns_profile(self, profile: Document) -> bool:
        return bool(profile["clientId"] == "acme")

    def console_actions(self) -> dict[str, Any]:
        return {"acme-enable": lambda: "Enabled Acme."}

    @staticmethod
    def misconfigurations() -> Misconfigurations[Any]:
        return misconfiguration

    def replace_address(self, before: str, url: str) -> None:
        self.store.set("moved", [before, url])
