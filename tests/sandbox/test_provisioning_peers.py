"""The engine against somebody else's SCIM server, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import load_default_provider

from tests.sandbox.provisioning_fixtures import LoopbackServer, World


@pytest.fixture
def storage() -> InMemoryStorage:
    return InMemoryStorage()


@pytest.fixture
def world(tmp_path: Path, storage: InMemoryStorage) -> Iterator[World]:
    """A tenant connected to the reference server of the scim2-server package, which knows nothing of Kiro or Entra."""
    application = BearerTokenApplication(storage, load_default_provider(), bearer_tokens=["token"])
    peer = LoopbackServer(application)
    with World(tmp_path) as made:
        made.server.close()
        made.server = peer
        made.secrets(BaseAddress=f"{peer.url}/v2?aadOptscim062020", SecretToken="token")
        yield made


def resources(storage: InMemoryStorage, kind: str) -> list[dict]:
    found = [each.model_dump() for each in storage.resources]
    return [each for each in found if each["meta"]["resourceType"] == kind]


def failures(world: World) -> list[str]:
    found = [each["provisioningStatusInfo"]["errorInformation"] for each in world.log]
    return [each["reason"] for each in found if each]


def test_a_whole_life_against_a_server_that_follows_the_rfc(world: World, storage: InMemoryStorage) -> None:
    """With the flag for compliant PATCH requests, and the default mapping, manager included."""
    world.change_user("alice", department="Sales", mobilePhone="1", businessPhones=["2"], _manager="id-bob")
    assert world.cycle()["lastExecution"]["state"] == "Succeeded", failures(world)
    users = {each["userName"].split("@")[0]: each for each in resources(storage, "User")}
    extension = users["alice"]["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]
    assert extension["department"] == "Sales"
    assert extension["manager"]["value"] == users["bob"]["id"]
    assert [(each["type"], each["value"]) for each in users["alice"]["phoneNumbers"]] == [
        ("work", "2"),
        ("mobile", "1"),
    ]
    (group,) = resources(storage, "Group")
    assert {each["value"] for each in group["members"]} == {each["id"] for each in users.values()}

    world.cycle()
    assert world.writes == []

    world.change_user("alice", displayName="Other", jobTitle="Reader")
    world.set_members("Kiro-Users", ["alice"])
    assert world.cycle()["lastExecution"]["state"] == "Succeeded", failures(world)
    users = {each["userName"].split("@")[0]: each for each in resources(storage, "User")}
    assert (users["alice"]["displayName"], users["alice"]["title"]) == ("Other", "Reader")
    assert users["bob"]["active"] is False
    (group,) = resources(storage, "Group")
    assert [each["value"] for each in group["members"]] == [users["alice"]["id"]]

    world.unassign("Kiro-Users")
    assert world.cycle()["lastExecution"]["state"] == "Succeeded", failures(world)
    assert resources(storage, "Group") == []
    assert [each["active"] for each in resources(storage, "User")] == [False, False]


def test_nothing_heavy_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, provisioner.sandbox.kiro, provisioner.sandbox.entra.provisioning\n"
        "print([m for m in ('httpx', 'scim2_server', 'scim2_models', 'pydantic', 'jwt') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
