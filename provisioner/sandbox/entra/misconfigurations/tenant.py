"""One application in the emulated tenant, and what belongs to it: what Entra misconfigurations change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.entra.login.tokens import service_principal
from provisioner.sandbox.entra.seed import AUTOMATION_CLIENT
from provisioner.sandbox.misconfigurations import Misconfigurations, existing, first, newest, no_application
from provisioner.sandbox.store import Document, Store


@dataclass(frozen=True)
class Tenant:
    """The emulated tenant, with the application to break.

    Attributes:
        directory: the tenant's documents.
        kiro: the Kiro side's documents.
        application_name: display name of the application to break; None for the newest one.
    """

    directory: Store
    kiro: Store
    application_name: str | None = None

    @property
    def application(self) -> Document:
        candidates = [
            application
            for application in self.directory.all("application")
            if self.application_name in (None, application["displayName"])
            and application["displayName"] != AUTOMATION_CLIENT
        ]
        return newest(candidates, no_application(self.application_name))

    @property
    def principal(self) -> Document:
        principal = service_principal(self.directory, self.application["appId"])
        return existing(principal, "the application has no service principal")

    @property
    def job(self) -> Document:
        key = self.principal["id"]
        jobs = [job for job in self.directory.all("synchronizationJob") if job["_servicePrincipalId"] == key]
        return first(jobs, "there is no provisioning job yet")

    @property
    def assignments(self) -> list[Document]:
        key = self.principal["id"]
        assignments = self.directory.all("appRoleAssignment")
        return [assignment for assignment in assignments if assignment["resourceId"] == key]

    @property
    def group(self) -> Document:
        """The first assigned group."""
        assigned = [a["principalId"] for a in self.assignments if a["principalType"] == "Group"]
        groups = [group for group in self.directory.all("group") if group["id"] in assigned]
        return first(groups, "no group is assigned yet")

    def change(self, kind: str, document: Document, **members: Any) -> None:
        """Store a document with changed members."""
        self.directory.put(kind, document["id"], {**document, **members})

    def change_application(self, **members: Any) -> None:
        self.change("application", self.application, **members)

    def change_job(self, **status: Any) -> None:
        job = self.job
        self.change("synchronizationJob", job, status={**job["status"], **status})

    def edit_user_mappings(self, edit: Callable[[list[Document]], list[Document]]) -> None:
        """Edit the attribute mappings of users."""
        job_id = self.job["id"]
        schema = self.directory.get("synchronizationSchema", job_id) or {}
        for mapping in object_mappings(schema):
            if mapping["sourceObjectName"] == "User":
                mapping["attributeMappings"] = edit(mapping["attributeMappings"])
        self.directory.put("synchronizationSchema", job_id, schema)

    def change_secrets(self, **values: str) -> None:
        """Change the job's secrets."""
        key = self.principal["id"]
        secrets = self.directory.get("synchronizationSecrets", key) or {"values": {}}
        self.directory.put("synchronizationSecrets", key, {"values": {**secrets["values"], **values}})


misconfiguration: Misconfigurations[Tenant] = Misconfigurations(Tenant)


def object_mappings(schema: Document) -> list[Document]:
    return [mapping for rule in schema.get("synchronizationRules", []) for mapping in rule["objectMappings"]]
