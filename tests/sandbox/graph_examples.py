"""Replays a documented example of Microsoft Graph with the ids of objects created for it."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from provisioner.sandbox.entra.graph.api import normalize_path
from provisioner.sandbox.entra.graph.errors import GraphError
from provisioner.sandbox.entra.graph.routes import match
from tests.sandbox.graph_fixtures import NON_GALLERY, Kiro
from tests.sandboxes import Sandbox

GRAPH_SERVICE = "(appId='00000003-0000-0000-c000-000000000000')"


def route_of(example: dict[str, Any]) -> tuple[Any, dict[str, str]] | None:
    path = re.sub(r"^/(v1\.0|beta)", "", unquote(urlsplit(example["path"]).path))
    try:
        return match(example["method"], normalize_path(path))
    except GraphError:
        return None


class Stage:
    """Creates the objects that an example needs."""

    def __init__(self, graph: httpx.Client, sandbox: Sandbox) -> None:
        self.graph, self.sandbox = graph, sandbox
        self.count = 0

    def post(self, path: str, body: dict[str, Any], expected: int = 201) -> dict[str, Any]:
        response = self.graph.post(path, json=body)
        assert response.status_code == expected, response.text
        return response.json() if response.content else {}

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def user(self) -> str:
        name = self.name("user")
        password = {"password": "xWwvJ]6NMw+bWH-d"}
        body = {
            "accountEnabled": True,
            "displayName": name,
            "mailNickname": name,
            "passwordProfile": password,
        }
        return self.post("/users", {**body, "userPrincipalName": f"{name}@contoso.example"})["id"]

    def group(self, *members: str) -> str:
        name = self.name("group")
        body: dict[str, Any] = {
            "displayName": name,
            "mailNickname": name,
            "mailEnabled": True,
            "securityEnabled": True,
            "groupTypes": ["Unified"],
        }
        bind = [self.reference(member) for member in members]
        return self.post("/groups", {**body, "members@odata.bind": bind, "owners@odata.bind": bind[:1]})["id"]

    def reference(self, key: str) -> str:
        return f"{self.sandbox.url}/v1.0/directoryObjects/{key}"

    def plain_principal(self) -> str:
        """A service principal whose application declares no roles."""
        app = self.post("/applications", {"displayName": self.name("app")})
        return self.post("/servicePrincipals", {"appId": app["appId"]})["id"]

    def assignment(self, relation: str, principal: str, resource: str) -> tuple[str, str]:
        body = {
            "principalId": principal,
            "resourceId": resource,
            "appRoleId": "00000000-0000-0000-0000-000000000000",
        }
        created = self.post(f"/servicePrincipals/{resource}/appRoleAssignedTo", body)["id"]
        return (resource if relation == "appRoleAssignedTo" else principal), created

    def grant(self) -> str:
        client = self.plain_principal()
        body = {"clientId": client, "consentType": "AllPrincipals", "resourceId": client, "scope": "a"}
        return self.post("/oauth2PermissionGrants", body)["id"]

    def policy(self) -> str:
        conditions = {
            "clientAppTypes": ["all"],
            "applications": {"includeApplications": ["All"]},
            "users": {"includeUsers": ["All"]},
            "locations": {"includeLocations": ["All"]},
        }
        body = {
            "displayName": "p",
            "state": "disabled",
            "conditions": conditions,
            "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        }
        return self.post("/identity/conditionalAccess/policies", body)["id"]

    def job(self) -> tuple[str, str]:
        principal = Kiro(self.graph, self.name("app")).principal["id"]
        variables = self.sandbox.variables()
        pairs = [
            {"key": "BaseAddress", "value": variables["KIRO_SCIM_ENDPOINT"]},
            {"key": "SecretToken", "value": variables["KIRO_SCIM_TOKEN"]},
        ]
        assert (
            self.graph.put(
                f"/servicePrincipals/{principal}/synchronization/secrets", json={"value": pairs}
            ).status_code
            == 204
        )
        job = self.post(f"/servicePrincipals/{principal}/synchronization/jobs", {"templateId": "scim"})["id"]
        return principal, job


class Replay:
    """One example with its ids replaced."""

    def __init__(self, stage: Stage, example: dict[str, Any]) -> None:
        self.stage, self.example = stage, example
        match = route_of(example)
        assert match is not None
        self.route, self.arguments = match
        self.body: Any = json.loads(json.dumps(example["requestBody"]))

    def send(self) -> httpx.Response:
        replaced = self.replacements()
        path = self.route.path
        for name, value in {**self.arguments, **replaced}.items():
            path = path.replace(f"<{name}>", value)
        query = unquote(urlsplit(self.example["path"]).query).replace("+", " ").strip("&")
        options = dict(part.partition("=")[::2] for part in query.split("&") if "=" in part)
        lines = [line.split(": ", 1) for line in self.example.get("requestHeaders") or []]
        headers = {n: v for n, v in lines if n.lower() not in ("authorization", "content-length")}
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        version = self.example["path"].split("/")[1]
        url = f"{self.stage.sandbox.url}/{version}{path}"
        content = None if self.body is None else json.dumps(self.body)
        return self.stage.graph.request(
            self.example["method"], url, params=options, content=content, headers=headers
        )

    def replacements(self) -> dict[str, str]:
        collection, relation = self.route.path.split("/")[1], self.route.path.split("/")[-1]
        for part in ("appRoleAssignedTo", "appRoleAssignments"):
            if f"/{part}" in self.route.path:
                return self.assignments(collection, part)
        if "/synchronization/" in self.route.path:
            return self.synchronization()
        if collection in ("applications", "servicePrincipals") and "key" in self.arguments:
            return self.registration(collection, relation)
        prepare = getattr(self, f"in_{collection}", None)
        return prepare() if prepare else {}

    def assignments(self, collection: str, relation: str) -> dict[str, str]:
        principal = {"groups": self.stage.group, "users": self.stage.user}.get(
            collection, self.stage.plain_principal
        )()
        resource = self.stage.plain_principal()
        if self.body is None:
            if collection == "servicePrincipals" and relation == "appRoleAssignedTo":
                principal = self.stage.user()
            elif collection == "servicePrincipals":
                return self.granted(principal)
            key, created = self.stage.assignment(relation, principal, resource)
            return {"key": key, "assignment": created}
        if collection == "servicePrincipals" and relation == "appRoleAssignedTo":
            kiro = Kiro(self.stage.graph, self.stage.name("app"))
            self.body |= {
                "principalId": self.stage.group(),
                "resourceId": kiro.principal["id"],
                "appRoleId": kiro.user_role,
            }
            return {"key": kiro.principal["id"]}
        self.body |= {"principalId": principal, "resourceId": resource}
        if collection == "servicePrincipals":
            self.body["resourceId"] = self.graph_service()
        return {"key": principal}

    def granted(self, principal: str) -> dict[str, str]:
        """A service principal that holds an application permission."""
        role = "498476ce-e0fe-48b0-b801-37ba7e2685c6"
        body = {"principalId": principal, "resourceId": self.graph_service(), "appRoleId": role}
        created = self.stage.post(f"/servicePrincipals/{principal}/appRoleAssignments", body)["id"]
        return {"key": principal, "assignment": created}

    def graph_service(self) -> str:
        return self.stage.graph.get(f"/servicePrincipals{GRAPH_SERVICE}").json()["id"]

    def synchronization(self) -> dict[str, str]:
        principal, job = self.stage.job()
        if isinstance(self.body, dict) and "templateId" in self.body:
            self.body["templateId"] = "scim"
        if isinstance(self.body, dict) and "parameters" in self.body:
            schema = self.stage.graph.get(
                f"/servicePrincipals/{principal}/synchronization/jobs/{job}/schema"
            ).json()
            self.body["parameters"][0]["ruleId"] = schema["synchronizationRules"][0]["id"]
            self.body["parameters"][0]["subjects"][0]["objectId"] = self.stage.user()
        return {"key": principal, "job_id": job}

    def registration(self, collection: str, relation: str) -> dict[str, str]:
        kiro = Kiro(self.stage.graph, self.stage.name("app"))
        created = kiro.application if collection == "applications" else kiro.principal
        url = f"/{collection}/{created['id']}"
        replaced = {"key": created["id"]}
        if "/owners" in self.route.path:
            owner = self.stage.user()
            if "owner" in self.arguments:
                self.stage.post(f"{url}/owners/$ref", {"@odata.id": self.stage.reference(owner)}, 204)
                replaced["owner"] = owner
            if isinstance(self.body, dict):
                self.body["@odata.id"] = self.stage.reference(owner)
        if relation == "removePassword":
            self.body["keyId"] = self.stage.post(f"{url}/addPassword", {}, 200)["keyId"]
        if relation in ("memberOf", "transitiveMemberOf"):
            self.stage.group(created["id"])
        if relation == "oauth2PermissionGrants":
            body = {
                "clientId": created["id"],
                "consentType": "AllPrincipals",
                "resourceId": created["id"],
                "scope": "a",
            }
            self.stage.post("/oauth2PermissionGrants", body)
        return replaced

    def in_servicePrincipals(self) -> dict[str, str]:  # noqa: N802 (named after the entity set)
        if self.body is not None:
            self.body["appId"] = self.stage.post("/applications", {"displayName": "My App"})["appId"]
        return {}

    def in_groups(self) -> dict[str, str]:
        member = self.stage.user()
        if "key" not in self.arguments:
            for name in [n for n in self.body or {} if "@odata.bind" in n]:
                self.body[name] = [self.stage.reference(member)]
            return {}
        if isinstance(self.body, dict) and "@odata.id" in self.body:
            self.body["@odata.id"] = self.stage.reference(self.stage.user())
        return {"key": self.stage.group(member), "member": member, "owner": member}

    def in_users(self) -> dict[str, str]:
        return {"key": self.stage.user()} if "key" in self.arguments else {}

    def in_identity(self) -> dict[str, str]:
        return {"key": self.stage.policy()}

    def in_organization(self) -> dict[str, str]:
        return {"key": self.stage.sandbox.tenant_id}

    def in_domains(self) -> dict[str, str]:
        return {"key": "contoso.example"}

    def in_applicationTemplates(self) -> dict[str, str]:  # noqa: N802 (named after the entity set)
        return {"key": NON_GALLERY}

    def in_oauth2PermissionGrants(self) -> dict[str, str]:  # noqa: N802 (named after the entity set)
        if isinstance(self.body, dict) and "clientId" in self.body:
            principal = self.stage.plain_principal()
            self.body |= {"clientId": principal, "resourceId": principal}
        return {"key": self.stage.grant()}

    def in_directory(self) -> dict[str, str]:
        group = self.stage.group()
        assert self.stage.graph.delete(f"/groups/{group}").status_code == 204
        return {} if self.arguments["key"].startswith("microsoft.graph") else {"key": group}

    def in_auditLogs(self) -> dict[str, str]:  # noqa: N802 (named after the entity set)
        """Sign-ins come from the documented entries; the provisioning log from a cycle."""
        if "signIns" in self.route.path:
            for entry in self.example["responseBody"]["value"]:
                self.stage.sandbox.directory.put("signIn", entry["id"], entry)
        else:
            principal, job = self.stage.job()
            user = self.stage.user()
            body = {
                "principalId": user,
                "resourceId": principal,
                "appRoleId": "18d14569-c3bd-439b-9a66-3a2aee01d14f",
            }
            self.stage.post(f"/servicePrincipals/{principal}/appRoleAssignedTo", body)
            self.stage.graph.post(f"/servicePrincipals/{principal}/synchronization/jobs/{job}/start")
            assert self.stage.sandbox.wait_for_cycles(300)
        return {}
