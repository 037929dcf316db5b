"""The emulated Okta org as those who break it see it: from one application for sign-in, and what belongs to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.misconfigurations.registry import NothingToBreakError, last
from provisioner.sandbox.okta.console import SCIM_APPLICATION
from provisioner.sandbox.okta.management import assignments
from provisioner.sandbox.okta.management.objects import now
from provisioner.sandbox.store import Document, Store

OFFLINE_ACCESS = "offline_access"


@dataclass(frozen=True)
class Org:
    """The emulated org, seen from one application.

    Attributes:
        okta: the org's documents.
        kiro: the Kiro side's documents.
        label: label of the application for sign-in to break; None means the newest native one.
    """

    okta: Store
    kiro: Store
    label: str | None = None

    @property
    def application(self) -> Document:
        """The OpenID Connect application that people sign in to."""
        candidates = [
            app
            for app in self.okta.all("app")
            if app["name"] == "oidc_client"
            and app["settings"]["oauthClient"]["application_type"] == "native"
            and self.label in (None, app["label"])
        ]
        return last(candidates, "there is no application yet: apply a playbook first")

    @property
    def client_id(self) -> str:
        return str(self.application["credentials"]["oauthClient"]["client_id"])

    @property
    def server(self) -> Document:
        """The authorization server with a policy for the application, else the newest of one's own."""
        own = [each for each in self.okta.all("authorizationServer") if not each.get("default")]
        named = {each["_serverId"] for each in self.okta.all("authPolicy") if self._names_client(each)}
        return last(
            [each for each in own if each["id"] in named] or own, "there is no authorization server yet"
        )

    @property
    def policy(self) -> Document:
        key = self.server["id"]
        policies = [each for each in self.okta.all("authPolicy") if each["_serverId"] == key]
        named = [each for each in policies if self._names_client(each)]
        return last(named or policies, "the authorization server has no access policy")

    @property
    def rule(self) -> Document:
        key = self.policy["id"]
        rules = [each for each in self.okta.all("authRule") if each["_policyId"] == key]
        return last(rules, "the access policy has no rule")

    @property
    def scopes(self) -> list[Document]:
        """The server's scopes that are not Okta's own."""
        key = self.server["id"]
        found = [
            each for each in self.okta.all("authScope") if each["_serverId"] == key and not each.get("system")
        ]
        last(found, "the authorization server has no scopes of one's own")
        return found

    @property
    def scim(self) -> Document:
        """The application for provisioning."""
        found = [app for app in self.okta.all("app") if app["name"] == SCIM_APPLICATION]
        return last(found, "there is no application for provisioning yet")

    @property
    def group(self) -> Document:
        """The first group that is assigned to the application for sign-in."""
        for assigned in self.okta.under("appGroup", f"{self.application['id']}:"):
            group = self.okta.get("group", assigned["id"])
            if group is not None and group["type"] != "BUILT_IN":
                return group
        raise NothingToBreakError("no group is assigned yet")

    @property
    def push_mapping(self) -> Document:
        """The first push mapping of the application for provisioning."""
        key = self.scim["id"]
        found = [each for each in self.okta.all("pushMapping") if each["_appId"] == key]
        return last(found[:1], "no group is pushed yet")

    @property
    def pushed_group(self) -> Document:
        key = self.push_mapping["sourceGroupId"]
        return last([each for each in self.okta.all("group") if each["id"] == key], "the group is gone")

    def assigned_user(self) -> Document:
        """A user of the application for provisioning, assigned through a group and active."""
        for assigned in self.okta.under("appUser", f"{self.scim['id']}:"):
            user = self.okta.get("user", assigned["id"])
            if user is not None and user["status"] == "ACTIVE":
                return user
        raise NothingToBreakError("nobody is assigned to the application for provisioning")

    def stranger(self) -> Document:
        """An active user who is in neither application."""
        apps = (self.application["id"], self.scim["id"])
        for user in self.okta.all("user"):
            if user["status"] == "ACTIVE" and not any(
                self.okta.get("appUser", f"{app}:{user['id']}") for app in apps
            ):
                return user
        raise NothingToBreakError("everybody is assigned already")

    def change(self, kind: str, document: Document, **members: Any) -> None:
        """Store a document with other members."""
        if "lastUpdated" in document:
            members = {"lastUpdated": now(), **members}
        self.okta.put(kind, document["id"], {**document, **members})

    def oauth(self, edit: Callable[[Document], Document]) -> None:
        """Edit the OAuth settings of the application for sign-in."""
        app = self.application
        settings = app["settings"]
        changed = {**settings["oauthClient"], **edit(settings["oauthClient"])}
        self.change("app", app, settings={**settings, "oauthClient": changed})

    def assign_user(self, app: Document, user: Document) -> None:
        """Assign a user directly."""
        profile = assignments.profile_builder(self.okta, app["id"])(user)
        made = assignments.new_app_user(app, user, "USER", profile)
        self.okta.put("appUser", f"{app['id']}:{user['id']}", made)

    def assign_group(self, app: Document, group: Document) -> None:
        """Assign a group, and with it its members."""
        assigned = {
            "id": group["id"],
            "lastUpdated": now(),
            "priority": self._next_priority(app),
            "profile": {},
            "_appId": app["id"],
            "_order": time.time(),
        }
        self.okta.put("appGroup", f"{app['id']}:{group['id']}", assigned)
        assignments.refresh_group_assignments(self.okta, app, group["_members"])

    def unassign_group(self, app: Document, group: Document) -> None:
        """Take a group's assignment away, and that of its members."""
        self.okta.delete("appGroup", f"{app['id']}:{group['id']}")
        assignments.refresh_group_assignments(self.okta, app, group["_members"])

    def delete_app(self, app: Document) -> None:
        """Delete an application with all that belongs to it."""
        key = app["id"]
        with self.okta.transaction():
            for kind in ("appUser", "appGroup", "pushLink", "clientSecret"):
                self.okta.delete_many(kind, self.okta.keys(kind, f"{key}:"))
            for kind in ("mapping", "pushMapping", "grant"):
                ids = [each["id"] for each in self.okta.all(kind) if each.get("_appId") == key]
                self.okta.delete_many(kind, ids)
            for kind in ("app", "appConnection", "appSchema"):
                self.okta.delete(kind, key)

    def push(self) -> None:
        """Let the application for provisioning push what changed."""
        from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

        provisioning.push(self.okta, self.scim["id"])

    def _names_client(self, policy: Document) -> bool:
        return self.client_id in policy["conditions"]["clients"]["include"]

    def _next_priority(self, app: Document) -> int:
        taken = [each.get("priority", 0) for each in self.okta.under("appGroup", f"{app['id']}:")]
        return max(taken, default=-1) + 1
