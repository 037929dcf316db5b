"""Provisioning to an independent SCIM server, and the modules that importing the provisioning service loads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import load_default_provider

from tests.sandbox.provisioning_fixtures import ConnectedTenant, LoopbackServer


@pytest.fixture
def storage() -> InMemoryStorage:
    return InMemoryStorage()


@pytest.fixture
def tenant(tmp_path: Path, storage: InMemoryStorage) -> Iterator[ConnectedTenant]:
    """A tenant connected to the reference server of the scim2-server package, which is independent of Kiro and Entra."""
    application = BearerTokenApplication(storage, load_default_provider(), bearer_tokens=["token"])
    peer = LoopbackServer(application)
    with ConnectedTenant(tmp_path) as connected:
        connected.server.close()
        connected.server = peer
        connected.secrets(BaseAddress=f"{peer.url}/v2?aadOptscim062020", SecretToken="token")
        yield connected


def resources(storage: InMemoryStorage, kind: str) -> list[dict]:
    dumped = [resource.model_dump() for resource in storage.resources]
    return [resource for resource in dumped if resource["meta"]["resourceType"] == kind]


def failures(tenant: ConnectedTenant) -> list[str]:
    errors = [entry["provisioningStatusInfo"]["errorInformation"] for entry in tenant.log]
    return [error["reason"] for error in errors if error]


def test_a_lifecycle_with_a_server_that_follows_the_rfc(
    tenant: ConnectedTenant, storage: InMemoryStorage
) -> None:
    """With the flag for compliant PATCH requests, and the default mapping, manager included."""
    tenant.change_user("alice", department="Sales", mobilePhone="1", businessPhones=["2"], _manager="id-bob")
    assert tenant.cycle()["lastExecution"]["state"] == "Succeeded", failures(tenant)
    users = {user["userName"].split("@")[0]: user for user in resources(storage, "User")}
    extension = users["alice"]["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]
    assert extension["department"] == "Sales"
    assert extension["manager"]["value"] == users["bob"]["id"]
    assert [(phone["type"], phone["value"]) for phone in users["alice"]["phoneNumbers"]] == [
        ("work", "2"),
        ("mobile", "1"),
    ]
    (group,) = resources(storage, "Group")
    assert {member["value"] for member in group["members"]} == {member["id"] for member in users.values()}

    tenant.cycle()
    assert tenant.writes == []

    tenant.change_user("alice", displayName="Other", jobTitle="Reader")
    tenant.set_members("Kiro-Users", ["alice"])
    assert tenant.cycle()["lastExecution"]["state"] == "Succeeded", failures(tenant)
    users = {user["userName"].split("@")[0]: user for user in resources(storage, "User")}
    assert (users["alice"]["displayName"], users["alice"]["title"]) == ("Other", "Reader")
    assert users["bob"]["active"] is False
    (group,) = resources(storage, "Group")
    assert [member["value"] for member in group["members"]] == [users["alice"]["id"]]

    tenant.unassign("Kiro-Users")
    assert tenant.cycle()["lastExecution"]["state"] == "Succeeded", failures(tenant)
    assert resources(storage, "Group") == []
    assert [user["active"] for user in resources(storage, "User")] == [False, False]


def test_the_import_loads_nothing_heavy() -> None:
    code = (
        "import sys, provisioner.sandbox.kiro\n"
        "from provisioner.sandbox.entra.provisioning import run_cycle, templates, provision_on_demand\n"
        "print([m for m in ('httpx', 'scim2_server', 'scim2_models', 'pydantic', 'jwt') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
