"""provisionOnDemand: the documented requests, limits and responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner.sandbox.entra import provisioning
from tests.sandbox.provisioning_fixtures import JOB, ConnectedTenant, shared


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[ConnectedTenant]:
    with ConnectedTenant(tmp_path) as connected:
        connected.follow_guide()
        yield connected


def decode(response: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    assert set(response) == {"key", "value"}
    return json.loads(response["key"]), json.loads(response["value"])


def steps(value: dict[str, Any]) -> list[tuple[str, str]]:
    return [(step["type"], step["status"]) for step in value["provisioningSteps"]]


def test_a_user_is_created(tenant: ConnectedTenant) -> None:
    status, response = tenant.on_demand("id-alice")
    key, value = decode(response)

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
    assert set(tenant.kiro_users()) == {"alice"}
    assert value["targetIdentity"]["id"] == tenant.kiro_users()["alice"]["id"]
    assert {"displayName": "externalId", "oldValue": None, "newValue": "id-alice"} in value[
        "modifiedProperties"
    ]


def test_a_user_in_sync_is_a_redundant_export_as_documented(tenant: ConnectedTenant) -> None:
    document = json.loads(shared("examples/graph/v1.0-contrib-provisionondemand-1.json").read_text())
    tenant.on_demand("id-alice")
    status, response = tenant.on_demand("id-alice")
    key, value = decode(response)

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
    assert tenant.writes == []


def test_the_next_cycle_does_not_provision_the_object_again(tenant: ConnectedTenant) -> None:
    tenant.on_demand("id-alice")
    tenant.cycle()
    created = [request.body.get("userName") for request in tenant.writes if request.method == "POST"]
    assert created == ["bob@contoso.example", None]


def test_a_user_who_is_not_assigned_is_skipped(tenant: ConnectedTenant) -> None:
    status, response = tenant.on_demand("id-dan")
    key, value = decode(response)

    assert status == 200
    assert key["result"] == "Skipped"
    assert key["details"]["errorCode"] == "NotEffectivelyEntitled"
    assert "1) This object is not assigned to the application." in key["details"]["errorMessage"]
    scoping = next(step for step in value["provisioningSteps"] if step["type"] == "Scoping")
    assert scoping["details"]["Assigned"] == "False"
    assert scoping["details"]["IsEffectivelyEntitledForProvisioning"] == "False"
    assert tenant.kiro_users() == {}


def test_a_disabled_user_is_skipped(tenant: ConnectedTenant) -> None:
    tenant.change_user("alice", accountEnabled=False)
    key, value = decode(tenant.on_demand("id-alice")[1])
    assert key["details"]["errorCode"] == "NotEffectivelyEntitled"
    assert value["provisioningSteps"][1]["details"]["IsActive"] == "False"


def test_an_unassigned_user_is_disabled(tenant: ConnectedTenant) -> None:
    tenant.cycle()
    tenant.set_members("Kiro-Users", ["alice"])
    key, value = decode(tenant.on_demand("id-bob")[1])
    assert key["result"] == "Success"
    assert value["action"] == "Disable"
    assert tenant.kiro_users()["bob"]["active"] is False


def test_a_failure_contains_the_endpoint_s_error(tenant: ConnectedTenant) -> None:
    tenant.put_schema(provisioning.default_schema(JOB))
    tenant.change_user("alice", department="Sales")
    status, response = tenant.on_demand("id-alice")
    key, value = decode(response)

    assert status == 200
    assert key["result"] == "Failure"
    assert key["details"]["errorCode"] == "SystemForCrossDomainIdentityManagementBadRequest"
    assert "department: This attribute is not supported." in key["details"]["errorMessage"]
    assert value["statusInfo"]["status"] == "Failure"
    assert value["statusInfo"]["errorCode"] == key["details"]["errorCode"]
    assert steps(value)[-1] == ("Export", "Failure")
    (entry,) = tenant.log
    assert entry["provisioningStatusInfo"]["status"] == "failure"


def test_bad_credentials_fail_at_the_test_connection_step(tenant: ConnectedTenant) -> None:
    tenant.secrets(SecretToken="wrong")
    key, value = decode(tenant.on_demand("id-alice")[1])
    assert key["details"]["errorCode"] == "SystemForCrossDomainIdentityManagementInvalidCredentials"
    assert [step["name"] for step in value["provisioningSteps"]] == ["TestConnection"]
    assert tenant.job["status"]["code"] == "Active", "only cycles quarantine"


def test_a_group_with_some_of_its_members(tenant: ConnectedTenant) -> None:
    status, response = tenant.on_demand("id-Kiro-Users", "Group", ["id-alice"])
    assert (status, decode(response)) == (200, ({"result": "Success", "details": {}}, {}))
    assert set(tenant.kiro_users()) == {"alice"}
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice"]}

    tenant.on_demand("id-Kiro-Users", "Group", ["id-alice", "id-bob"])
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}
    tenant.cycle()
    assert tenant.writes == []


def test_a_group_without_members_is_created_empty(tenant: ConnectedTenant) -> None:
    tenant.on_demand("id-Kiro-Users", "Group")
    assert tenant.kiro_groups() == {"Kiro-Users": []}


def test_a_group_in_sync_is_redundant(tenant: ConnectedTenant) -> None:
    tenant.cycle()
    key, value = decode(tenant.on_demand("id-Kiro-Users", "Group", ["id-alice", "id-bob"])[1])
    assert key["details"] == {
        "errorCode": "RedundantExport",
        "errorMessage": "The state of the group in both the source and target systems already match.",
    }
    assert value["sourceIdentity"]["type"] == "Group"


def test_a_user_who_left_the_group_is_removed_from_it(tenant: ConnectedTenant) -> None:
    tenant.cycle()
    tenant.set_members("Kiro-Users", ["alice"])
    tenant.on_demand("id-Kiro-Users", "Group", ["id-bob", "id-dan"])
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice"]}


def test_a_member_that_fails_makes_the_call_a_failure(tenant: ConnectedTenant) -> None:
    tenant.put_schema(provisioning.default_schema(JOB))
    tenant.change_user("bob", department="Sales")
    key, value = decode(tenant.on_demand("id-Kiro-Users", "Group", ["id-alice", "id-bob"])[1])
    assert key["result"] == "Failure"
    assert value["sourceIdentity"]["id"] == "id-bob"
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice"]}


def request(tenant: ConnectedTenant, **changes: Any) -> dict[str, Any]:
    rule = tenant.schema["synchronizationRules"][0]["id"]
    assert rule.endswith("#V2")
    parameters = {"ruleId": rule, "subjects": [{"objectId": "id-alice", "objectTypeName": "User"}]}
    return {"parameters": [parameters | changes]}


def test_invalid_requests_are_refused(tenant: ConnectedTenant) -> None:
    six = [{"objectId": f"id-{i}", "objectTypeName": "User"} for i in range(6)]
    group = {"objectId": "id-Kiro-Users", "objectTypeName": "Group", "links": {"members": six}}
    user = {"objectId": "id-alice", "objectTypeName": "User"}
    refused = [
        {},
        {"parameters": []},
        {"parameters": [1]},
        request(tenant, ruleId="ea807875-5618-4f0a-9125-0b46a05298ca"),
        request(tenant, subjects=[]),
        request(tenant, subjects=[user, user]),
        request(tenant, subjects=[group]),
        request(tenant, subjects=[{"objectId": "id-alice", "objectTypeName": "Device"}]),
        request(tenant, subjects=[{"objectId": "unknown", "objectTypeName": "User"}]),
    ]
    for body in refused:
        status, response = provisioning.provision_on_demand(tenant.directory, JOB, body)
        assert status == 400, body
        assert set(response) == {"code", "message"}
    assert provisioning.provision_on_demand(tenant.directory, "no job", request(tenant))[0] == 400
    assert tenant.server.sent == []


def test_a_paused_job_provisions_on_demand(tenant: ConnectedTenant) -> None:
    tenant.change_job(schedule=tenant.job["schedule"] | {"state": "Disabled"})
    assert decode(tenant.on_demand("id-alice")[1])[0]["result"] == "Success"


def test_the_compliance_flag_does_not_work_on_demand(tenant: ConnectedTenant) -> None:
    tenant.secrets(BaseAddress=f"{tenant.endpoint}?aadOptscim062020")
    tenant.on_demand("id-alice")
    tenant.change_user("alice", displayName="Other")
    tenant.on_demand("id-alice")
    assert tenant.writes[0].body["Operations"] == [{"op": "Replace", "path": "displayName", "value": "Other"}]


def test_it_is_logged(tenant: ConnectedTenant) -> None:
    tenant.on_demand("id-Kiro-Users", "Group", ["id-alice"])
    assert [
        (entry["sourceIdentity"]["identityType"], entry["provisioningAction"]) for entry in tenant.log
    ] == [
        ("User", "create"),
        ("Group", "create"),
        ("Group", "update"),
    ]
