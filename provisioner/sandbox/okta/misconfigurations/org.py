"""The applications in the emulated org, and what belongs to them: what Okta misconfigurations change."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.misconfigurations import (
    Misconfigurations,
    NothingToBreakError,
    first,
    newest,
    no_application,
)
from provisioner.sandbox.okta.console import SCIM_APPLICATION
from provisioner.sandbox.okta.management import assignments
from provisioner.sandbox.okta.management.objects import now
from provisioner.sandbox.store import Document, Store

OFFLINE_ACCESS = "offline_access"


@dataclass(frozen=True)
class Org:
    """The emulated org, with the application to break.

    Attributes:
        okta: the org's documents.
        kiro: the Kiro side's documents.
        label: label of the application for sign-in to break; None for the newest native one.
    """

    okta: Store
    kiro: Store
    label: str | None = None

    @property
    def application(self) -> Document:
        """The OpenID Connect application for sign-in."""
        candidates = [
            app
            for app in self.okta.all("app")
            if app["name"] == "oidc_client"
            and app["settings"]["oauthClient"]["application_type"] == "native"
            and self.label in (None, app["label"])
        ]
        return newest(candidates, no_application(self.label))

    @property
    def client_id(self) -> str:
        return str(self.application["credentials"]["oauthClient"]["client_id"])

    @property
    def server(self) -> Document:
        """The custom authorization server with a policy for the application, else the newest one."""
        servers = [server for server in self.okta.all("authorizationServer") if not server.get("default")]
        policies = filter(self._includes_client, self.okta.all("authPolicy"))
        used = {policy["_serverId"] for policy in policies}
        return newest(
            [server for server in servers if server["id"] in used] or servers,
            "there is no authorization server yet",
        )

    @property
    def policy(self) -> Document:
        key = self.server["id"]
        policies = [policy for policy in self.okta.all("authPolicy") if policy["_serverId"] == key]
        matching = [policy for policy in policies if self._includes_client(policy)]
        return newest(matching or policies, "the authorization server has no access policy")

    @property
    def rule(self) -> Document:
        key = self.policy["id"]
        rules = [rule for rule in self.okta.all("authRule") if rule["_policyId"] == key]
        return newest(rules, "the access policy has no rule")

    @property
    def scopes(self) -> list[Document]:
        """The server's custom scopes; at least one."""
        key = self.server["id"]
        scopes = [
            scope
            for scope in self.okta.all("authScope")
            if scope["_serverId"] == key and not scope.get("system")
        ]
        newest(scopes, "the authorization server has no custom scopes")
        return scopes

    @property
    def scim(self) -> Document:
        """The application for provisioning."""
        apps = [app for app in self.okta.all("app") if app["name"] == SCIM_APPLICATION]
        return newest(apps, "there is no application for provisioning yet")

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
        mappings = [mapping for mapping in self.okta.all("pushMapping") if mapping["_appId"] == key]
        return first(mappings, "no group is pushed yet")

    @property
    def pushed_group(self) -> Document:
        key = self.push_mapping["sourceGroupId"]
        groups = [group for group in self.okta.all("group") if group["id"] == key]
        return newest(groups, "the pushed group was deleted")

    def assigned_user(self) -> Document:
        """A user of the application for provisioning, assigned through a group and active."""
        for assigned in self.okta.under("appUser", f"{self.scim['id']}:"):
            user = self.okta.get("user", assigned["id"])
            if user is not None and user["status"] == "ACTIVE":
                return user
        raise NothingToBreakError("no active user is assigned to the application for provisioning")

    def unassigned_user(self) -> Document:
        """An active user who is assigned to neither application."""
        apps = (self.application["id"], self.scim["id"])
        for user in self.okta.all("user"):
            if user["status"] == "ACTIVE" and not any(
                self.okta.get("appUser", f"{app}:{user['id']}") for app in apps
            ):
                return user
        raise NothingToBreakError("every active user is assigned already")

    def change(self, kind: str, document: Document, **members: Any) -> None:
        """Store a document with changed members."""
        if "lastUpdated" in document:
            members = {"lastUpdated": now(), **members}
        self.okta.put(kind, document["id"], {**document, **members})

    def edit_oauth_settings(self, edit: Callable[[Document], Document]) -> None:
        """Edit the OAuth settings of the application for sign-in."""
        app = self.application
        settings = app["settings"]
        changed = {**settings["oauthClient"], **edit(settings["oauthClient"])}
        self.change("app", app, settings={**settings, "oauthClient": changed})

    def assign_user(self, app: Document, user: Document) -> None:
        """Assign a user directly."""
        profile = assignments.profile_builder(self.okta, app["id"])(user)
        assignment = assignments.new_app_user(app, user, "USER", profile)
        self.okta.put("appUser", f"{app['id']}:{user['id']}", assignment)

    def assign_group(self, app: Document, group: Document) -> None:
        """Assign a group and its members."""
        assignment = {
            "id": group["id"],
            "lastUpdated": now(),
            "priority": self._next_priority(app),
            "profile": {},
            "_appId": app["id"],
            "_assignedAt": time.time(),
        }
        self.okta.put("appGroup", f"{app['id']}:{group['id']}", assignment)
        assignments.refresh_group_assignments(self.okta, app, group["_members"])

    def unassign_group(self, app: Document, group: Document) -> None:
        """Remove the assignment of a group and of its members."""
        self.okta.delete("appGroup", f"{app['id']}:{group['id']}")
        assignments.refresh_group_assignments(self.okta, app, group["_members"])

    def delete_app(self, app: Document) -> None:
        """Delete an application and everything that belongs to it."""
        key = app["id"]
        with self.okta.transaction():
            for kind in ("appUser", "appGroup", "pushLink", "clientSecret"):
                self.okta.delete_many(kind, self.okta.keys(kind, f"{key}:"))
            for kind in ("mapping", "pushMapping", "grant"):
                ids = [owned["id"] for owned in self.okta.all(kind) if owned.get("_appId") == key]
                self.okta.delete_many(kind, ids)
            for kind in ("app", "appConnection", "appSchema"):
                self.okta.delete(kind, key)

    def push(self) -> None:
        """Push the changes of the application for provisioning."""
        from provisioner.sandbox.okta import provisioning  # noqa: PLC0415 (start-up time)

        provisioning.push(self.okta, self.scim["id"])

    def _includes_client(self, policy: Document) -> bool:
        return self.client_id in policy["conditions"]["clients"]["include"]

    def _next_priority(self, app: Document) -> int:
        taken = [assignment.get("priority", 0) for assignment in self.okta.under("appGroup", f"{app['id']}:")]
        return max(taken, default=-1) + 1


misconfiguration: Misconfigurations[Org] = Misconfigurations(Org)
