"""One push of one application: its input, and the state that pushes keep about the endpoint.

That state is in ``pushLink`` documents with the key ``{application}:{user or group}``, private to this package:

- of a user: ``scimId`` (None until the user exists at the endpoint), ``active``, ``sent`` (the last accepted body), ``of`` (what
  it was built from), ``refused`` (``{"body", "error"}`` of the last refusal; that body is not sent again until it changes or an
  admin retries);
- of a group: ``scimId``, ``name``, ``members`` (SCIM ids by Okta user id), ``failed`` (whether the last push failed).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from provisioner.sandbox.okta.management.system_log import app_target, write_event
from provisioner.sandbox.okta.provisioning.client import ScimClient, ScimError
from provisioner.sandbox.okta.provisioning.profile import profile_mapping
from provisioner.sandbox.store import Document, Store

CREATE = "PUSH_NEW_USERS"
UPDATE = "PUSH_PROFILE_UPDATES"
DEACTIVATE = "PUSH_USER_DEACTIVATION"
GROUPS = "GROUP_PUSH"

PROVISIONED_STATUSES = frozenset({"ACTIVE", "LOCKED_OUT", "PASSWORD_EXPIRED", "RECOVERY"})
"""Statuses of Okta users who are active in their applications; STAGED, SUSPENDED and DEPROVISIONED users are not."""


@dataclass
class Run:
    """A push.

    Attributes:
        store: the org.
        app: the application at the start of the push.
        client: connection to the endpoint.
        force: send unchanged profiles as well.
        retry: send again what the endpoint refused.
        authentication_failure_logged: whether the log has an event for refused credentials.
    """

    store: Store
    app: Document
    client: ScimClient
    force: bool = False
    retry: bool = False
    authentication_failure_logged: bool = False

    @property
    def app_id(self) -> str:
        return str(self.app["id"])

    @cached_property
    def features(self) -> frozenset[str]:
        return frozenset(self.app.get("features") or ())

    @cached_property
    def mapping(self) -> Document:
        return profile_mapping(self.store, self.app_id)

    @cached_property
    def schema(self) -> Document | None:
        return self.store.get("appSchema", self.app_id)

    def link(self, key: str) -> Document:
        """The state of a user or group at the endpoint; empty before its first push."""
        return self.store.get("pushLink", f"{self.app_id}:{key}") or {}

    def links(self) -> dict[str, Document]:
        """The state of every user and group, by Okta id."""
        return {link["id"]: link for link in self.store.under("pushLink", f"{self.app_id}:")}

    def update_link(self, key: str, **members: object) -> None:
        document = {**self.link(key), "id": key, "_appId": self.app_id, **members}
        self.store.put("pushLink", f"{self.app_id}:{key}", document)

    def log(self, event_type: str, target: Document, failure: str | None = None) -> None:
        write_event(self.store, event_type, [target, app_target(self.app)], failure=failure)

    def log_refused_credentials(self, error: ScimError) -> None:
        """Write an event, once per push, when the endpoint refuses the credentials."""
        if error.unauthorized and not self.authentication_failure_logged:
            self.authentication_failure_logged = True
            event_type = "application.integration.authentication_failure"
            write_event(self.store, event_type, [app_target(self.app)], failure=str(error))
