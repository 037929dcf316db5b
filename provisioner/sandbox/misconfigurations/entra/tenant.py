"""The emulated tenant as those who break it see it: from one application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.misconfigurations.registry import last
from provisioner.sandbox.seed import AUTOMATION_CLIENT
from provisioner.sandbox.store import Document, Store


@dataclass(frozen=True)
class Tenant:
    """The emulated tenant, seen from one application.

    Attributes:
        application_name: display name of the application to break; None means the newest one that was made from
            a template, or registered.
    """

    directory: Store
    kiro: Store
    application_name: str | None = None

    @property
    def application(self) -> Document:
        candidates = [
            found
            for found in self.directory.all("application")
            if self.application_name in (None, found["displayName"])
            and found["displayName"] != AUTOMATION_CLIENT
        ]
        return last(candidates, "there is no application yet: apply a playbook first")

    @property
    def principal(self) -> Document:
        app_id = self.application["appId"]
        principals = [found for found in self.directory.all("servicePrincipal") if found["appId"] == app_id]
        return last(principals, "the application has no service principal")

    @property
    def job(self) -> Document:
        key = self.principal["id"]
        jobs = [
            found for found in self.directory.all("synchronizationJob") if found["_servicePrincipalId"] == key
        ]
        return last(jobs[:1], "there is no provisioning job yet")

    @property
    def assignments(self) -> list[Document]:
        key = self.principal["id"]
        return [found for found in self.directory.all("appRoleAssignment") if found["resourceId"] == key]

    @property
    def group(self) -> Document:
        """The first assigned group."""
        ids = [found["principalId"] for found in self.assignments if found["principalType"] == "Group"]
        groups = [found for found in self.directory.all("group") if found["id"] in ids]
        return last(groups[:1], "no group is assigned yet")

    def change(self, kind: str, document: Document, **members: Any) -> None:
        """Store a document with other members."""
        self.directory.put(kind, document["id"], {**document, **members})

    def change_application(self, **members: Any) -> None:
        self.change("application", self.application, **members)

    def change_job(self, **status: Any) -> None:
        job = self.job
        self.change("synchronizationJob", job, status={**job["status"], **status})

    def user_mappings(self, edit: Callable[[list[Document]], list[Document]]) -> None:
        """Edit the attribute mappings of users."""
        job_id = self.job["id"]
        schema = self.directory.get("synchronizationSchema", job_id) or {}
        for mapping in object_mappings(schema):
            if mapping["sourceObjectName"] == "User":
                mapping["attributeMappings"] = edit(mapping["attributeMappings"])
        self.directory.put("synchronizationSchema", job_id, schema)

    def secrets(self, **values: str) -> None:
        """Change the job's secrets."""
        key = self.principal["id"]
        kept = self.directory.get("synchronizationSecrets", key) or {"values": {}}
        self.directory.put("synchronizationSecrets", key, {"values": {**kept["values"], **values}})


def object_mappings(schema: Document) -> list[Document]:
    return [mapping for rule in schema.get("synchronizationRules", []) for mapping in rule["objectMappings"]]
