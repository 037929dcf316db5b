"""Fixtures for tests of the emulated Graph: an application, an application with a job, a parsed error."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from provisioner.sandbox.exchange import Recorder
from tests.sandboxes import Sandbox

UNKNOWN_ID = "5f6b1a52-0000-4000-8000-000000000001"
NON_GALLERY = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
UNSUPPORTED = [
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    'phoneNumbers[type eq "work"].value',
    'phoneNumbers[type eq "mobile"].value',
    'phoneNumbers[type eq "fax"].value',
]


@contextmanager
def open_graph(
    seeded_home: Path, folder: Path, recorder: Recorder | None = None
) -> Iterator[tuple[httpx.Client, Sandbox]]:
    """Graph v1.0 with every permission and the sandbox behind it, for tests that share one sandbox."""
    home = Path(shutil.copytree(seeded_home, folder / "sandbox"))
    with Sandbox(home, recorder=recorder).start() as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.access_token()}"}
        url = f"{sandbox.url}/v1.0"
        with httpx.Client(base_url=url, headers=headers, timeout=300, verify=False) as graph:
            yield graph, sandbox


class Kiro:
    """An instantiated application and its service principal, as a test's starting point."""

    def __init__(self, graph: httpx.Client, name: str = "Kiro-Entra") -> None:
        response = graph.post(f"/applicationTemplates/{NON_GALLERY}/instantiate", json={"displayName": name})
        assert response.status_code == 201, response.text
        self.application = response.json()["application"]
        self.principal = response.json()["servicePrincipal"]
        self.app_url = f"/applications/{self.application['id']}"
        self.principal_url = f"/servicePrincipals/{self.principal['id']}"
        self.user_role = next(r["id"] for r in self.principal["appRoles"] if r["displayName"] == "User")


class Provisioned:
    """An application with a job whose mapping follows the guide, credentials saved and Kiro-Users assigned."""

    def __init__(self, graph: httpx.Client, sandbox: Sandbox, kiro: Kiro, group_id: str) -> None:
        self.graph, self.sandbox, self.kiro, self.group_id = graph, sandbox, kiro, group_id
        self.base = f"{kiro.principal_url}/synchronization"
        created = graph.post(f"{self.base}/jobs", json={"templateId": "scim"})
        assert created.status_code == 201, created.text
        self.job_id = created.json()["id"]
        self.url = f"{self.base}/jobs/{self.job_id}"
        self.save_credentials()
        schema = graph.get(f"{self.url}/schema").json()
        follow_guide(schema)
        assert graph.put(f"{self.url}/schema", json=schema).status_code == 204
        body = {"principalId": group_id, "resourceId": kiro.principal["id"], "appRoleId": kiro.user_role}
        assert graph.post(f"{kiro.principal_url}/appRoleAssignedTo", json=body).status_code == 201

    def save_credentials(self, **changes: str) -> None:
        variables = self.sandbox.variables()
        values = {
            "BaseAddress": variables["KIRO_SCIM_ENDPOINT"],
            "SecretToken": variables["KIRO_SCIM_TOKEN"],
            "SyncAll": "false",
            **changes,
        }
        pairs = [{"key": key, "value": value} for key, value in values.items()]
        assert self.graph.put(f"{self.base}/secrets", json={"value": pairs}).status_code == 204

    def job(self) -> dict[str, Any]:
        return self.graph.get(self.url).json()

    def start(self) -> dict[str, Any]:
        """Start the job and return it when its cycle has ended."""
        assert self.graph.post(f"{self.url}/start").status_code == 204
        return self.after_cycle()

    def after_cycle(self) -> dict[str, Any]:
        assert self.sandbox.wait_for_cycles(300)
        return self.job()

    def users(self) -> list[dict[str, Any]]:
        from provisioner.sandbox.kiro import describe

        return [user for profile in describe(self.sandbox.kiro)["profiles"] for user in profile["users"]]


def follow_guide(schema: dict[str, Any]) -> None:
    rule = schema["synchronizationRules"][0]
    mapping = next(m for m in rule["objectMappings"] if m["sourceObjectName"] == "User")
    supported = [a for a in mapping["attributeMappings"] if a["targetAttributeName"] not in UNSUPPORTED]
    external = next(a for a in supported if a["targetAttributeName"] == "externalId")
    external["source"] = {
        "expression": "[objectId]",
        "name": "objectId",
        "type": "Attribute",
        "parameters": [],
    }
    mapping["attributeMappings"] = supported


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of a Graph error."""
    error = response.json()["error"]
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    return response.status_code, error["code"], error["message"]
