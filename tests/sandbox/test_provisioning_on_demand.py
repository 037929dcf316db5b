"""provisionOnDemand: the documented forms, limits and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner.sandbox.entra import provisioning
from tests.sandbox.provisioning_fixtures import JOB, World, shared


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        made.fit_for_kiro()
        yield made


def decoded(answer: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    assert set(answer) == {"key", "value"}
    return json.loads(answer["key"]), json.loads(answer["value"])


def steps(value: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["type"], each["status"]) for each in value["provisioningSteps"]]


def test_a_user_is_created(world: World) -> None:
    status, answer = world.on_demand("id-alice")
    key, value = decoded(answer)

    assert status == 200
    assert key == {"result": "Success", "details": {}}
    assert value["action"] == "Create"
    assert value["statusInfo"]["status"] == "Success"
    assert steps(value) == [
        ("Import", "Success"),
        ("Matching", "Success"),
        ("Scoping", "Success"),
        ("Export", "Success"),
    ]
    assert set(world.kiro_users()) == {"alice"}
    assert value["targetIdentity"]["id"] == world.kiro_users()["alice"]["id"]
    assert {"displayName": "externalId", "oldValue": None, "newValue": "id-alice"} in value[
        "modifiedProperties"
    ]


def test_a_user_in_sync_is_a_redundant_export_as_documented(world: World) -> None:
    document = json.loads(shared("examples/graph/v1.0-contrib-provisionondemand-1.json").read_text())
    world.on_demand("id-alice")
    status, answer = world.on_demand("id-alice")
    key, value = decoded(answer)

    assert status == document["status"]
    assert key == json.loads(document["responseBody"]["key"])
    documented = {"action", "changeId", "startTime", "endTime", "modifiedProperties", "provisioningSteps"}
    documented |= {"statusInfo", "reportableIdentifier", "sourceIdentity", "sourceSystem", "targetIdentity"}
    assert set(value) == documented | {"targetSystem"}
    assert value["action"] == "Other"
    assert value["statusInfo"]["status"] == "Skipped"
    assert value["provisioningSteps"][-1]["details"] == {"SkipReason": "RedundantExport"}
    assert value["provisioningSteps"][2]["details"] == {
        "IsActive": "True",
        "Assigned": "True",
        "IsEffectivelyEntitledForProvisioning": "True",
        "IsInProvisioningScopeDisplayName": "True",
        "ScopeEvaluationResult": "{}",
    }
    assert value["targetSystem"]["name"] == "customappsso"
    assert world.writes == []


def test_what_was_provisioned_on_demand_is_known_to_the_next_cycle(world: World) -> None:
    world.on_demand("id-alice")
    world.cycle()
    created = [each.body.get("userName") for each in world.writes if each.method == "POST"]
    assert created == ["bob@contoso.example", None]


def test_a_user_who_is_not_assigned_is_skipped(world: World) -> None:
    status, answer = world.on_demand("id-dan")
    key, value = decoded(answer)

    assert status == 200
    assert key["result"] == "Skipped"
    assert key["details"]["errorCode"] == "NotEffectivelyEntitled"
    assert "1) This object is not assigned to the application." in key["details"]["errorMessage"]
    scoping = next(each for each in value["provisioningSteps"] if each["type"] == "Scoping")
    assert scoping["details"]["Assigned"] == "False"
    assert scoping["details"]["IsEffectivelyEntitledForProvisioning"] == "False"
    assert world.kiro_users() == {}


def test_a_disabled_user_is_skipped(world: World) -> None:
    world.change_user("alice", accountEnabled=False)
    key, value = decoded(world.on_demand("id-alice")[1])
    assert key["details"]["errorCode"] == "NotEffectivelyEntitled"
    assert value["provisioningSteps"][1]["details"]["IsActive"] == "False"


def test_an_unassigned_user_is_disabled(world: World) -> None:
    world.cycle()
    world.set_members("Kiro-Users", ["alice"])
    key, value = decoded(world.on_demand("id-bob")[1])
    assert key["result"] == "Success"
    assert value["action"] == "Disable"
    assert world.kiro_users()["bob"]["active"] is False


def test_a_failure_carries_what_the_endpoint_said(world: World) -> None:
    world.put_schema(provisioning.default_schema(JOB))
    world.change_user("alice", department="Sales")
    status, answer = world.on_demand("id-alice")
    key, value = decoded(answer)

    assert status == 200
    assert key["result"] == "Failure"
    assert key["details"]["errorCode"] == "SystemForCrossDomainIdentityManagementBadRequest"
    assert "department: This attribute is not supported." in key["details"]["errorMessage"]
    assert value["statusInfo"]["status"] == "Failure"
    assert value["statusInfo"]["errorCode"] == key["details"]["errorCode"]
    assert steps(value)[-1] == ("Export", "Failure")
    (entry,) = world.log
    assert entry["provisioningStatusInfo"]["status"] == "failure"


def test_bad_credentials_fail_at_the_test_connection_step(world: World) -> None:
    world.secrets(SecretToken="wrong")
    key, value = decoded(world.on_demand("id-alice")[1])
    assert key["details"]["errorCode"] == "SystemForCrossDomainIdentityManagementInvalidCredentials"
    assert [each["name"] for each in value["provisioningSteps"]] == ["TestConnection"]
    assert world.job["status"]["code"] == "Active", "only cycles quarantine"


def test_a_group_with_some_of_its_members(world: World) -> None:
    status, answer = world.on_demand("id-Kiro-Users", "Group", ["id-alice"])
    assert (status, decoded(answer)) == (200, ({"result": "Success", "details": {}}, {}))
    assert set(world.kiro_users()) == {"alice"}
    assert world.kiro_groups() == {"Kiro-Users": ["alice"]}

    world.on_demand("id-Kiro-Users", "Group", ["id-alice", "id-bob"])
    assert world.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}
    world.cycle()
    assert world.writes == []


def test_a_group_without_members_is_created_empty(world: World) -> None:
    world.on_demand("id-Kiro-Users", "Group")
    assert world.kiro_groups() == {"Kiro-Users": []}


def test_a_group_in_sync_is_redundant(world: World) -> None:
    world.cycle()
    key, value = decoded(world.on_demand("id-Kiro-Users", "Group", ["id-alice", "id-bob"])[1])
    assert key["details"] == {
        "errorCode": "RedundantExport",
        "errorMessage": "The state of the group in both the source and target systems already match.",
    }
    assert value["sourceIdentity"]["type"] == "Group"


def test_somebody_who_left_the_group_is_taken_out_of_it(world: World) -> None:
    world.cycle()
    world.set_members("Kiro-Users", ["alice"])
    world.on_demand("id-Kiro-Users", "Group", ["id-bob", "id-dan"])
    assert world.kiro_groups() == {"Kiro-Users": ["alice"]}


def test_a_member_that_fails_makes_the_call_a_failure(world: World) -> None:
    world.put_schema(provisioning.default_schema(JOB))
    world.change_user("bob", department="Sales")
    key, value = decoded(world.on_demand("id-Kiro-Users", "Group", ["id-alice", "id-bob"])[1])
    assert key["result"] == "Failure"
    assert value["sourceIdentity"]["id"] == "id-bob"
    assert world.kiro_groups() == {"Kiro-Users": ["alice"]}


def request(world: World, **changes: Any) -> dict[str, Any]:
    rule = world.schema["synchronizationRules"][0]["id"]
    assert rule.endswith("#V2")
    parameters = {"ruleId": rule, "subjects": [{"objectId": "id-alice", "objectTypeName": "User"}]}
    return {"parameters": [parameters | changes]}


def test_requests_that_are_refused(world: World) -> None:
    six = [{"objectId": f"id-{i}", "objectTypeName": "User"} for i in range(6)]
    group = {"objectId": "id-Kiro-Users", "objectTypeName": "Group", "links": {"members": six}}
    user = {"objectId": "id-alice", "objectTypeName": "User"}
    refused = [
        {},
        {"parameters": []},
        {"parameters": [1]},
        request(world, ruleId="ea807875-5618-4f0a-9125-0b46a05298ca"),
        request(world, subjects=[]),
        request(world, subjects=[user, user]),
        request(world, subjects=[group]),
        request(world, subjects=[{"objectId": "id-alice", "objectTypeName": "Device"}]),
        request(world, subjects=[{"objectId": "nobody", "objectTypeName": "User"}]),
    ]
    for body in refused:
        status, answer = provisioning.provision_on_demand(world.directory, JOB, body)
        assert status == 400, body
        assert set(answer) == {"code", "message"}
    assert provisioning.provision_on_demand(world.directory, "no job", request(world))[0] == 400
    assert world.server.sent == []


def test_a_paused_job_provisions_on_demand(world: World) -> None:
    world.change_job(schedule=world.job["schedule"] | {"state": "Disabled"})
    assert decoded(world.on_demand("id-alice")[1])[0]["result"] == "Success"


def test_the_compliance_flag_does_not_work_on_demand(world: World) -> None:
    world.secrets(BaseAddress=f"{world.endpoint}?aadOptscim062020")
    world.on_demand("id-alice")
    world.change_user("alice", displayName="Other")
    world.on_demand("id-alice")
    assert world.writes[0].body["Operations"] == [{"op": "Replace", "path": "displayName", "value": "Other"}]


def test_it_is_logged(world: World) -> None:
    world.on_demand("id-Kiro-Users", "Group", ["id-alice"])
    assert [(each["sourceIdentity"]["identityType"], each["provisioningAction"]) for each in world.log] == [
        ("User", "create"),
        ("Group", "create"),
        ("Group", "update"),
    ]
