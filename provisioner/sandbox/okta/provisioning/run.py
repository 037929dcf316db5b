"""One push of one application: what it works with, and what it knows of the endpoint.

What was provisioned is kept as ``pushLink`` documents, ``{application}:{user or group}``, private to this package:

- of a user: ``scimId`` (None until it exists there), ``active``, ``sent`` (the last body that was accepted), ``of`` (what
  it was made from), ``refused`` (``{"wanted", "error"}`` of what was refused last: it is not tried again until it changes or somebody retries);
- of a group: ``scimId``, ``name``, ``members`` (SCIM ids by Okta user id), ``failed`` (whether the last push did).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from provisioner.sandbox.okta.management import log_events
from provisioner.sandbox.okta.provisioning import events
from provisioner.sandbox.okta.provisioning.client import OktaScim, Refused
from provisioner.sandbox.okta.provisioning.profile import mapping_of
from provisioner.sandbox.store import Document, Store

CREATE = "PUSH_NEW_USERS"
UPDATE = "PUSH_PROFILE_UPDATES"
DEACTIVATE = "PUSH_USER_DEACTIVATION"
GROUPS = "GROUP_PUSH"

PROVISIONED_STATUSES = frozenset({"ACTIVE", "LOCKED_OUT", "PASSWORD_EXPIRED", "RECOVERY"})
"""Okta users who are active in their applications; a staged one is not yet, a suspended or deprovisioned one no more."""


@dataclass
class Run:
    """A push.

    Attributes:
        store: the org.
        app: the application as it was when the push began.
        client: the connection to the endpoint.
        force: send profiles that did not change, too.
        retry: try again what was refused.
        told: whether the endpoint's refusal of the credentials is in the log.
    """

    store: Store
    app: Document
    client: OktaScim
    force: bool = False
    retry: bool = False
    told: bool = False

    @property
    def app_id(self) -> str:
        return str(self.app["id"])

    @cached_property
    def features(self) -> frozenset[str]:
        return frozenset(self.app.get("features") or ())

    @cached_property
    def mapping(self) -> Document:
        return mapping_of(self.store, self.app_id)

    @cached_property
    def schema(self) -> Document | None:
        return self.store.get("appSchema", self.app_id)

    def link(self, key: str) -> Document:
        """What is known of a user or group at the endpoint; empty when nothing is."""
        return self.store.get("pushLink", f"{self.app_id}:{key}") or {}

    def links(self) -> dict[str, Document]:
        """All of them, by Okta id."""
        return {each["id"]: each for each in self.store.under("pushLink", f"{self.app_id}:")}

    def put_link(self, key: str, **members: object) -> None:
        document = {**self.link(key), "id": key, "_appId": self.app_id, **members}
        self.store.put("pushLink", f"{self.app_id}:{key}", document)

    def log(self, event_type: str, target: Document, error: str | None = None) -> None:
        events.note(self.store, event_type, [target, log_events.app_target(self.app)], error)

    def note_refusal(self, refused: Refused) -> None:
        """Tell the log, once, that the endpoint does not accept the credentials."""
        if refused.unauthorized and not self.told:
            self.told = True
            kind = "application.integration.authentication_failure"
            events.note(self.store, kind, [log_events.app_target(self.app)], str(refused))
