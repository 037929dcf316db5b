"""A small tenant that provisions to a Kiro endpoint on a loopback port."""

from __future__ import annotations

import gc
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs

import pytest
from werkzeug.serving import make_server

from provisioner.sandbox import kiro
from provisioner.sandbox.entra import provisioning
from provisioner.sandbox.store import Store

Document = dict[str, Any]

SHARED = Path(__file__).resolve().parents[3] / "shared"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
JOB = "scim.0123.app"
PRINCIPAL = "principal"
USER_ROLE = "18d14569-c3bd-439b-9a66-3a2aee01d14f"


def shared(name: str) -> Path:
    """The path of a reference file beside the repository; the test is skipped if it does not exist."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the reference data {name} is not beside the repository")
    return path


@dataclass
class Sent:
    """One request that the endpoint received, and the status of its response."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    status: int


class LoopbackServer:
    """A WSGI application on a free loopback port that records its requests."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.sent: list[Sent] = []
        self._application = application
        self._server = make_server("127.0.0.1", 0, self._spy, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _spy(self, environ: Document, start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)

        def start(status: str, headers: Any, *rest: Any) -> Any:
            self.sent.append(
                Sent(
                    environ["REQUEST_METHOD"],
                    environ["PATH_INFO"].partition("/v2")[2],
                    {k: v[0] for k, v in parse_qs(environ["QUERY_STRING"], keep_blank_values=True).items()},
                    {k: v for k, v in environ.items() if k.startswith("HTTP_")},
                    _parsed(body),
                    int(status.split(maxsplit=1)[0]),
                )
            )
            return start_response(status, headers, *rest)

        return self._application(environ, start)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


class ConnectedTenant:
    """A tenant with users, groups and one synchronization job, connected to a Kiro profile.

    The job's schema is the template's default; ``follow_guide`` applies the edits of Kiro's guide.
    """

    def __init__(self, folder: Path) -> None:
        self.directory = Store(folder / "entra.db")
        self.kiro = Store(folder / "kiro.db")
        self.server = LoopbackServer(kiro.KiroEndpoint(self.kiro))
        variables = kiro.automatic_credentials(self.kiro, self.server.url)
        self.endpoint, self.token = variables["KIRO_SCIM_ENDPOINT"], variables["KIRO_SCIM_TOKEN"]
        self.profile = self.endpoint.split("/")[-2]
        self.directory.set("tenant_id", "11111111-1111-1111-1111-111111111111")
        for name in ("alice", "bob", "carol", "dan"):
            self.add_user(name)
        self.add_group("Kiro-Users", ["alice", "bob"])
        self._add_job()
        self.assign("Kiro-Users")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
        self.directory.close()
        self.kiro.close()

    # The tenant.

    def add_user(self, name: str, **properties: Any) -> None:
        user = {
            "id": f"id-{name}",
            "userPrincipalName": f"{name}@contoso.example",
            "displayName": name.title(),
            "givenName": name.title(),
            "surname": "Example",
            "mail": f"{name}@contoso.example",
            "mailNickname": name,
            "accountEnabled": True,
        }
        self.directory.put("user", f"id-{name}", user | properties)

    def change_user(self, name: str, **properties: Any) -> None:
        self.directory.put(
            "user", f"id-{name}", (self.directory.get("user", f"id-{name}") or {}) | properties
        )

    def add_group(self, name: str, members: list[str], **properties: Any) -> None:
        group = {"id": f"id-{name}", "displayName": name, "securityEnabled": True}
        groups = {group["id"] for group in self.directory.all("group")}
        ids = [f"id-{member}" for member in members]
        assert all(key in groups or self.directory.get("user", key) for key in ids)
        self.directory.put("group", f"id-{name}", group | {"_members": ids} | properties)

    def set_members(self, name: str, members: list[str]) -> None:
        group = self.directory.get("group", f"id-{name}") or {}
        self.directory.put(
            "group", f"id-{name}", group | {"_members": [f"id-{member}" for member in members]}
        )

    def assign(self, name: str) -> None:
        kind = "Group" if self.directory.get("group", f"id-{name}") else "User"
        self.directory.put(
            "appRoleAssignment",
            f"assignment-{name}",
            {
                "id": f"assignment-{name}",
                "principalId": f"id-{name}",
                "principalType": kind,
                "resourceId": PRINCIPAL,
                "appRoleId": USER_ROLE,
            },
        )

    def unassign(self, name: str) -> None:
        self.directory.delete("appRoleAssignment", f"assignment-{name}")

    def recycle(self, name: str) -> None:
        """Soft delete a user."""
        user = self.directory.get("user", f"id-{name}") or {}
        self.directory.delete("user", f"id-{name}")
        self.directory.put("deletedItem", f"id-{name}", user | {"@odata.type": "#microsoft.graph.user"})

    def purge(self, name: str) -> None:
        self.directory.delete("deletedItem", f"id-{name}")

    # The job.

    def secrets(self, **values: str) -> None:
        saved = (self.directory.get("synchronizationSecrets", PRINCIPAL) or {"values": {}})["values"]
        self.directory.put("synchronizationSecrets", PRINCIPAL, {"values": saved | values})

    @property
    def schema(self) -> Document:
        return self.directory.get("synchronizationSchema", JOB) or {}

    def put_schema(self, schema: Document) -> None:
        """Replace the schema as PUT .../schema does: a new version, and the next cycle is an initial one."""
        assert provisioning.schema_problems(schema) == []
        self.directory.put("synchronizationSchema", JOB, schema | {"version": schema["version"] + "+"})
        self.change_job(_watermark=None)

    def edit_mapping(self, kind: str, edit: Callable[[Document], None]) -> None:
        schema = self.schema
        edit(object_mapping(schema, kind))
        self.put_schema(schema)

    def follow_guide(self, *, external_id: str = "objectId") -> None:
        """The guide's edits: externalId from objectId, the six unsupported attributes removed."""
        self.edit_mapping("User", remove_unsupported)
        self.edit_mapping("User", lambda mapping: set_source(mapping, "externalId", external_id))

    @property
    def job(self) -> Document:
        return self.directory.get("synchronizationJob", JOB) or {}

    def change_job(self, **members: Any) -> None:
        self.directory.put("synchronizationJob", JOB, self.job | members)

    def cycle(self) -> Document:
        """Run a cycle and return the job's status. ``writes`` and ``log`` then contain this cycle only."""
        self.server.sent.clear()
        self._logged = len(self.directory.all("provisioningLog"))
        provisioning.run_cycle(self.directory, JOB)
        return dict(self.job["status"])

    @property
    def writes(self) -> list[Sent]:
        return [request for request in self.server.sent if request.method != "GET"]

    @property
    def log(self) -> list[Document]:
        return self.directory.all("provisioningLog")[self._logged :]

    def on_demand(
        self, key: str, kind: str = "User", members: list[str] | None = None
    ) -> tuple[int, Document]:
        self.server.sent.clear()
        self._logged = len(self.directory.all("provisioningLog"))
        subject: Document = {"objectId": key, "objectTypeName": kind}
        if members is not None:
            subject["links"] = {
                "members": [{"objectId": member, "objectTypeName": "User"} for member in members]
            }
        rule = self.schema["synchronizationRules"][0]["id"]
        body = {"parameters": [{"ruleId": rule, "subjects": [subject]}]}
        return provisioning.provision_on_demand(self.directory, JOB, body)

    # The Kiro side.

    def described(self) -> Document:
        return next(
            profile for profile in kiro.describe(self.kiro)["profiles"] if profile["id"] == self.profile
        )

    def kiro_users(self) -> dict[str, Document]:
        return {user["userName"].split("@")[0]: user for user in self.described()["users"]}

    def kiro_groups(self) -> dict[str, list[str]]:
        return {
            group["displayName"]: sorted(name.split("@")[0] for name in group["members"])
            for group in self.described()["groups"]
        }

    def _add_job(self) -> None:
        role = {"id": USER_ROLE, "displayName": "User", "value": None}
        principal = {"id": PRINCIPAL, "appId": "app", "displayName": "Kiro-Entra", "appRoles": [role]}
        self.directory.put("servicePrincipal", PRINCIPAL, principal)
        self.secrets(BaseAddress=self.endpoint, SecretToken=self.token, SyncAll="false")
        self.directory.put("synchronizationSchema", JOB, provisioning.default_schema(JOB))
        job = provisioning.new_job(JOB, "scim", PRINCIPAL)
        job["schedule"]["state"] = job["status"]["code"] = "Active"
        self.directory.put("synchronizationJob", JOB, job)


def object_mapping(schema: Document, kind: str) -> Document:
    return next(
        mapping
        for rule in schema["synchronizationRules"]
        for mapping in rule["objectMappings"]
        if mapping["sourceObjectName"] == kind
    )


def attribute_mapping(mapping: Document, target: str) -> Document:
    return next(
        attribute for attribute in mapping["attributeMappings"] if attribute["targetAttributeName"] == target
    )


def set_source(mapping: Document, target: str, attribute: str) -> None:
    source = {"expression": f"[{attribute}]", "name": attribute, "type": "Attribute", "parameters": []}
    attribute_mapping(mapping, target)["source"] = source


def remove_unsupported(mapping: Document) -> None:
    unsupported = {f"{ENTERPRISE}:{name}" for name in ("employeeNumber", "department", "manager")}
    unsupported |= {f'phoneNumbers[type eq "{kind}"].value' for kind in ("work", "mobile", "fax")}
    mapping["attributeMappings"] = [
        attribute
        for attribute in mapping["attributeMappings"]
        if attribute["targetAttributeName"] not in unsupported
    ]


def unknown_members(value: Any, graph_type: str) -> list[str]:
    """Members that Graph's CSDL does not declare; those of the open type detailsInfo may have any name."""
    folder = str(shared("contracts/strict_props.py").parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the module does not close a file
        import strict_props

        gc.collect()
    unknown: list[str] = strict_props.unknown(value, graph_type)
    return [member for member in unknown if not member.endswith("(not in detailsInfo)")]
