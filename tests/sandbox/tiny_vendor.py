"""A third vendor in one module: what the protocol requires, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from werkzeug.wrappers import Request, Response

from provisioner.sandbox.background import Background
from provisioner.sandbox.misconfigurations import Misconfigurations, NothingToBreakError
from provisioner.sandbox.server import Mount
from provisioner.sandbox.settings import Setting, parse_flag
from provisioner.sandbox.store import Document, Store
from provisioner.sandbox.vendor import Item, Summary, Vendor, quantity

misconfiguration: Misconfigurations[Store] = Misconfigurations(lambda store, _kiro, _name: store)


@misconfiguration("acme-group-missing")
def _group_missing(store: Store) -> None:
    """An admin deleted the group."""
    if not store.keys("group"):
        raise NothingToBreakError("there is no group yet")
    for name in store.keys("group"):
        store.delete("group", name)


class AcmeApi:
    """``GET /acme/groups``."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle(self, _request: Request) -> Response:
        return Response(json.dumps(self.store.keys("group")), mimetype="application/json")

    def refusal(self, status: int, _retry_after: int | None) -> Response:
        return Response("refused by Acme", status)


class Acme(Vendor):
    """Groups with members."""

    title = "Acme directory"
    domain = "acme.example"
    settings = (Setting("acme_locked", "true: no one can change the directory", parse_flag, False),)

    def create_tenant(self, store: Store) -> None:
        store.put("group", "Kiro-Users", {"members": [f"alice@{self.domain}"]})

    def create_background(self) -> Background:
        return Background(lambda _key: None, self.name)

    def catch_up(self) -> None:
        pass

    def mounts(self) -> Sequence[Mount]:
        return (Mount(re.compile("/acme/"), lambda: AcmeApi(self.store), recorded=True),)

    def access_token(self) -> str:
        return "acme-token"

    def variables(self) -> dict[str, str]:
        return {"ACME_URL": self.context.http_url}

    def connection(self) -> dict[str, str]:
        return {"Acme directory": f"{self.context.url}/acme"}

    def summary(self) -> Summary:
        items = [Item(name, "active", "") for name in self.store.keys("group")]
        return Summary({"group": len(items)}, items, {"groups": self.store.keys("group")})

    def add_group(self, name: str, like: str = "Kiro-Users") -> None:
        self.store.put("group", name, self.store.get("group", like) or {"members": []})

    def add_member(self, user: str, group: str = "Kiro-Users") -> None:
        members = (self.store.get("group", group) or {"members": []})["members"]
        self.store.put("group", group, {"members": [*members, self.user_name(user)]})

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
