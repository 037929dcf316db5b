"""The engine against the emulated Kiro endpoint, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.sandbox import kiro
from provisioner.sandbox.entra import provisioning
from tests.sandbox.provisioning_fixtures import (
    ENTERPRISE,
    JOB,
    World,
    attribute_mapping,
    object_mapping,
    unknown_members,
)

SIX = {
    "employeeId": f"{ENTERPRISE}:employeeNumber",
    "department": f"{ENTERPRISE}:department",
    "businessPhones": 'phoneNumbers[type eq "work"].value',
    "mobilePhone": 'phoneNumbers[type eq "mobile"].value',
    "faxNumber": 'phoneNumbers[type eq "fax"].value',
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def counters(status: dict) -> dict[str, int]:
    return {name: n for name, n in status["lastExecution"].items() if name.startswith("count") and n}


def test_members_of_the_assigned_group_appear_with_their_object_id(world: World) -> None:
    world.fit_for_kiro()
    status = world.cycle()

    assert {name: each["externalId"] for name, each in world.kiro_users().items()} == {
        "alice": "id-alice",
        "bob": "id-bob",
    }
    assert all(each["active"] for each in world.kiro_users().values())
    assert world.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}
    assert status["code"] == "Active"
    assert status["lastExecution"]["state"] == "Succeeded"
    assert status["lastSuccessfulExecution"] == status["lastExecution"]
    assert status["lastSuccessfulExecutionWithExports"] == status["lastExecution"]
    assert status["steadyStateFirstAchievedTime"] == status["lastExecution"]["timeEnded"]
    assert {each["key"]: each["value"] for each in status["synchronizedEntryCountByType"]} == {
        f"User to {ENTERPRISE}": 2,
        "Group to urn:ietf:params:scim:schemas:core:2.0:Group": 1,
    }
    assert counters(status) == {
        "countEntitled": 3,
        "countEntitledForProvisioning": 3,
        "countExported": 4,
        "countExports": 4,
        "countImported": 3,
        "countImportedDeltas": 3,
        "countImportedReferenceDeltas": 1,
    }


def test_the_default_mapping_sends_the_mail_nickname(world: World) -> None:
    world.cycle()
    assert {each["externalId"] for each in world.kiro_users().values()} == {"alice", "bob"}


@pytest.mark.parametrize(("property_", "target"), SIX.items())
def test_each_unsupported_attribute_makes_provisioning_fail(
    world: World, property_: str, target: str
) -> None:
    world.change_user("alice", **{property_: ["+1 555"] if property_ == "businessPhones" else "+1 555"})
    status = world.cycle()

    assert set(world.kiro_users()) == {"bob"}
    assert status["lastExecution"]["state"] == "EntryLevelErrors"
    assert status["lastExecution"]["countEscrowed"] == 1
    assert status["lastSuccessfulExecution"] is None
    (failure,) = [each for each in world.log if each["provisioningStatusInfo"]["status"] == "failure"]
    error = failure["provisioningStatusInfo"]["errorInformation"]
    assert failure["provisioningAction"] == "create"
    assert failure["sourceIdentity"]["id"] == "id-alice"
    assert error["errorCode"] == "SystemForCrossDomainIdentityManagementBadRequest"
    assert "StatusCode: BadRequest" in error["reason"]
    assert target.split("[", maxsplit=1)[0] in error["reason"]


def test_an_unsupported_manager_fails_after_the_user_was_created(world: World) -> None:
    world.change_user("alice", _manager="id-bob")
    status = world.cycle()

    assert set(world.kiro_users()) == {"alice", "bob"}
    assert status["lastExecution"]["state"] == "EntryLevelErrors"
    (patch,) = [each for each in world.writes if each.method == "PATCH" and each.path.startswith("/Users")]
    scim_id = world.kiro_users()["bob"]["id"]
    assert patch.body["Operations"] == [
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": [{"$ref": None, "value": scim_id}]}
    ]
    assert patch.status == 400


def test_a_wrong_external_id_cannot_be_corrected(world: World) -> None:
    """Kiro issue 9582: a user provisioned with the wrong mapping stays as it is, and every try fails."""
    world.edit_mapping("User", lambda mapping: None)
    world.cycle()
    assert world.kiro_users()["alice"]["externalId"] == "alice"

    world.fit_for_kiro()
    first, second = world.cycle(), world.cycle()

    assert world.kiro_users()["alice"]["externalId"] == "alice"
    assert first["lastExecution"]["countEscrowed"] == second["lastExecution"]["countEscrowed"] == 2
    assert world.job["_escrows"]["id-alice"]["retries"] == 1
    reason = world.log[0]["provisioningStatusInfo"]["errorInformation"]["reason"]
    assert "externalId: This attribute does not satisfy the mutability validation" in reason
    assert world.log[0]["provisioningAction"] == "update"


def test_a_second_cycle_without_changes_writes_nothing(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    status = world.cycle()

    assert [each.method for each in world.server.sent] == ["GET"], "only the probe"
    assert world.log == []
    assert counters(status) == {}
    assert status["lastExecution"]["state"] == "Succeeded"
    assert status["lastSuccessfulExecutionWithExports"] != status["lastExecution"]


def test_an_initial_cycle_without_changes_writes_nothing(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    world.change_job(_watermark=None)
    world.cycle()
    assert world.writes == []
    assert len(world.server.sent) == 4, "the probe, and every object looked up again"


def test_a_removed_member_is_disabled_and_a_new_one_appears(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    world.set_members("Kiro-Users", ["alice", "carol"])
    world.cycle()

    assert {name: each["active"] for name, each in world.kiro_users().items()} == {
        "alice": True,
        "bob": False,
        "carol": True,
    }
    assert world.kiro_groups() == {"Kiro-Users": ["alice", "carol"]}
    disable = next(each for each in world.writes if each.path.startswith("/Users/"))
    assert disable.body["Operations"] == [{"op": "Replace", "path": "active", "value": "False"}]
    assert {each["provisioningAction"] for each in world.log} == {"create", "disable", "update"}

    world.set_members("Kiro-Users", ["alice", "bob", "carol"])
    world.cycle()
    assert world.kiro_users()["bob"]["active"] is True
    assert world.kiro_groups() == {"Kiro-Users": ["alice", "bob", "carol"]}


def test_members_of_nested_groups_are_not_provisioned(world: World) -> None:
    world.add_group("Inner", ["carol"])
    world.set_members("Kiro-Users", ["alice", "Inner"])
    world.fit_for_kiro()
    world.cycle()
    assert set(world.kiro_users()) == {"alice"}
    assert world.kiro_groups() == {"Kiro-Users": ["alice"]}


def test_only_what_changed_is_sent(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    world.change_user("alice", displayName="Alice Liddell", jobTitle="Reader")
    world.cycle()

    (patch,) = world.writes
    assert patch.path == f"/Users/{world.kiro_users()['alice']['id']}"
    assert patch.body == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "Replace", "path": "displayName", "value": "Alice Liddell"},
            {"op": "Add", "path": "title", "value": "Reader"},
        ],
    }
    (entry,) = world.log
    assert entry["modifiedProperties"] == [
        {"displayName": "displayName", "oldValue": "Alice", "newValue": "Alice Liddell"},
        {"displayName": "title", "oldValue": None, "newValue": "Reader"},
    ]


def test_a_value_that_becomes_null_is_left_alone(world: World) -> None:
    """ "The Microsoft Entra provisioning service doesn't support provisioning null values." """
    world.fit_for_kiro()
    world.cycle()
    world.change_user("alice", mail=None)
    world.cycle()
    assert world.writes == []


def test_a_user_of_the_same_name_is_matched_not_created(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    world.change_job(_links={}, _watermark=None)
    world.change_user("alice", userPrincipalName="ALICE@contoso.example")
    world.cycle()
    assert world.writes[0].path.startswith("/Groups/"), "nothing but the membership is sent again"
    assert set(world.job["_links"]) == {"id-alice", "id-bob", "id-Kiro-Users"}


def test_users_are_created_without_the_parts_that_are_null(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    created = next(each for each in world.writes if each.path == "/Users")
    assert created.body == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": "alice@contoso.example",
        "active": True,
        "displayName": "Alice",
        "emails": [{"primary": True, "type": "work", "value": "alice@contoso.example"}],
        "name": {"givenName": "Alice", "familyName": "Example", "formatted": "Alice Example"},
        "externalId": "id-alice",
        "meta": {"resourceType": "User"},
    }
    assert created.headers["HTTP_AUTHORIZATION"] == f"Bearer {world.token}"
    assert created.headers["HTTP_USER_AGENT"]


def test_groups_are_created_empty_and_filled_by_patch(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    query = next(each for each in world.server.sent if each.path == "/Groups" and each.method == "GET")
    assert query.query == {"excludedAttributes": "members", "filter": 'displayName eq "Kiro-Users"'}
    create, fill = world.writes[-2:]
    assert create.body == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Kiro-Users",
        "externalId": "id-Kiro-Users",
        "meta": {"resourceType": "Group"},
    }
    ids = [world.kiro_users()[name]["id"] for name in ("alice", "bob")]
    assert fill.body["Operations"] == [
        {"op": "Add", "path": "members", "value": [{"$ref": None, "value": each} for each in ids]}
    ]


def test_a_large_group_is_filled_in_several_requests(world: World) -> None:
    names = [f"user{i}" for i in range(120)]
    for name in names:
        world.add_user(name)
    world.set_members("Kiro-Users", names)
    world.edit_mapping("User", lambda m: m.update(attributeMappings=m["attributeMappings"][:2]))
    world.cycle()
    fills = [each for each in world.writes if each.path.startswith("/Groups/")]
    assert [len(each.body["Operations"][0]["value"]) for each in fills] == [100, 20]
    assert len(world.kiro_groups()["Kiro-Users"]) == 120


def test_the_compliance_flag_changes_the_patches(world: World) -> None:
    world.secrets(BaseAddress=f"{world.endpoint}/?aadOptscim062020")
    world.fit_for_kiro()
    world.cycle()
    world.set_members("Kiro-Users", ["alice"])
    world.change_user("alice", displayName="A. L.", givenName="A.", mail="a.l@contoso.example")
    world.cycle()

    alice, bob, group = world.writes
    assert alice.body["Operations"] == [
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "a.l@contoso.example"},
        {
            "op": "replace",
            "value": {"displayName": "A. L.", "name.givenName": "A.", "name.formatted": "A. Example"},
        },
    ]
    assert bob.body["Operations"] == [{"op": "replace", "path": "active", "value": False}]
    gone = world.kiro_users()["bob"]["id"]
    assert group.body["Operations"] == [{"op": "remove", "path": f'members[value eq "{gone}"]'}]
    assert world.kiro_groups() == {"Kiro-Users": ["alice"]}
    assert [each.status for each in world.writes] == [204, 204, 204]


def test_a_disabled_user_is_disabled_and_enabled_again(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    world.change_user("alice", accountEnabled=False)
    world.cycle()
    assert world.kiro_users()["alice"]["active"] is False
    assert world.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}, "membership is kept"
    world.cycle()
    assert world.writes == []

    world.change_user("alice", accountEnabled=True)
    world.cycle()
    assert world.kiro_users()["alice"]["active"] is True


def test_a_disabled_user_is_not_created(world: World) -> None:
    world.change_user("bob", accountEnabled=False)
    world.fit_for_kiro()
    world.cycle()
    assert set(world.kiro_users()) == {"alice"}
    (skipped,) = [each for each in world.log if each["provisioningStatusInfo"]["status"] == "skipped"]
    assert skipped["sourceIdentity"]["id"] == "id-bob"
    assert skipped["provisioningSteps"][-1]["details"] == {"SkipReason": "NotEffectivelyEntitled"}


def test_a_deleted_user_is_disabled_then_deleted(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    world.recycle("bob")
    world.cycle()
    assert world.kiro_users()["bob"]["active"] is False
    world.cycle()
    assert world.writes == []

    world.purge("bob")
    world.cycle()
    assert set(world.kiro_users()) == {"alice"}
    assert [each.method for each in world.writes] == ["DELETE"]
    assert world.kiro_groups() == {"Kiro-Users": ["alice"]}
    assert [each["provisioningAction"] for each in world.log] == ["delete"]
    assert "id-bob" not in world.job["_links"]


def test_an_unassigned_user_is_no_longer_managed(world: World) -> None:
    """ "A delete request isn't sent when the user is soft-deleted" after a group was unassigned."""
    world.assign("dan")
    world.fit_for_kiro()
    world.cycle()
    world.unassign("dan")
    world.cycle()
    world.recycle("dan")
    world.purge("dan")
    world.cycle()
    assert world.writes == []
    assert world.kiro_users()["dan"]["active"] is False
    assert "id-dan" not in world.job["_links"]


def test_a_disabled_user_who_is_then_unassigned_is_no_longer_managed_either(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    world.change_user("bob", accountEnabled=False)
    world.cycle()
    world.set_members("Kiro-Users", ["alice"])
    world.cycle()
    assert world.job["_links"]["id-bob"]["managed"] is False
    world.recycle("bob")
    world.purge("bob")
    world.cycle()
    assert world.writes == []
    assert world.kiro_users()["bob"]["active"] is False


def test_an_unassigned_group_is_deleted(world: World) -> None:
    world.fit_for_kiro()
    world.cycle()
    world.unassign("Kiro-Users")
    world.cycle()
    assert world.kiro_groups() == {}
    assert [each["active"] for each in world.kiro_users().values()] == [False, False]


def test_out_of_scope_deletions_can_be_skipped(world: World) -> None:
    world.secrets(SkipOutOfScopeDeletions="True")
    world.fit_for_kiro()
    world.cycle()
    world.unassign("Kiro-Users")
    world.cycle()
    assert world.writes == []
    assert world.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}


def test_nothing_is_disabled_when_the_mapping_does_not_say_how(world: World) -> None:
    def without_active(mapping: dict) -> None:
        mapping["attributeMappings"].remove(attribute_mapping(mapping, "active"))

    world.fit_for_kiro()
    world.edit_mapping("User", without_active)
    world.cycle()
    world.set_members("Kiro-Users", ["alice"])
    world.cycle()
    assert [each.path.split("/")[1] for each in world.writes] == ["Groups"]


@pytest.mark.parametrize(
    ("flows", "created", "changed", "deleted"),
    [
        ("Update, Delete", False, False, False),
        ("Add,Delete", True, False, True),
        ("Add, Update", True, True, False),
    ],
)
def test_target_object_actions(world: World, flows: str, created: bool, changed: bool, deleted: bool) -> None:
    world.fit_for_kiro()
    world.edit_mapping("User", lambda mapping: mapping.update(flowTypes=flows))
    world.cycle()
    assert bool(world.kiro_users()) is created
    world.change_user("alice", displayName="Changed")
    world.recycle("bob")
    world.purge("bob")
    world.cycle()
    users = world.kiro_users()
    assert ("Changed" in [each["displayName"] for each in users.values()]) is changed
    assert ("bob" not in users) is (deleted or not created)


def test_flow_types_of_attributes(world: World) -> None:
    def edit(mapping: dict) -> None:
        attribute_mapping(mapping, "displayName")["flowType"] = "ObjectAddOnly"
        attribute_mapping(mapping, "title")["flowType"] = "AttributeAddOnly"
        attribute_mapping(mapping, "preferredLanguage")["defaultValue"] = "en"
        attribute_mapping(mapping, "name.givenName")["flowBehavior"] = "FlowAlways"

    world.fit_for_kiro()
    world.edit_mapping("User", edit)
    world.cycle()
    assert world.writes[0].body["preferredLanguage"] == "en", "a default is used at creation"
    world.change_user("alice", displayName="Other", jobTitle="First", surname="Other")
    world.cycle()
    assert [each["path"] for each in world.writes[0].body["Operations"]] == [
        "title",
        "name.familyName",
        "name.formatted",
        "name.givenName",
    ]
    world.change_user("alice", jobTitle="Second")
    world.cycle()
    assert world.writes == []


def test_a_disabled_mapping_is_not_processed(world: World) -> None:
    world.fit_for_kiro()
    world.edit_mapping("Group", lambda mapping: mapping.update(enabled=False))
    world.cycle()
    assert set(world.kiro_users()) == {"alice", "bob"}
    assert world.kiro_groups() == {}


def test_sync_all_takes_everybody(world: World) -> None:
    world.secrets(SyncAll="true")
    world.add_group("Others", ["dan"], securityEnabled=False)
    world.fit_for_kiro()
    world.cycle()
    assert set(world.kiro_users()) == {"alice", "bob", "carol", "dan"}
    assert world.kiro_groups() == {"Kiro-Users": ["alice", "bob"], "Others": ["dan"]}


def test_a_user_assigned_directly_and_a_distribution_list(world: World) -> None:
    world.add_group("List", ["carol"], securityEnabled=False)
    world.assign("List")
    world.assign("dan")
    world.fit_for_kiro()
    world.cycle()
    assert set(world.kiro_users()) == {"alice", "bob", "dan"}


def test_a_scoping_filter(world: World) -> None:
    clause = {
        "operatorName": "EQUALS",
        "sourceOperandName": "department",
        "targetOperand": {"values": ["Sales"]},
    }
    scope = {
        "categoryFilterGroups": [],
        "inputFilterGroups": [],
        "groups": [{"name": "Sales", "clauses": [clause]}],
    }
    world.change_user("alice", department="Sales")
    world.fit_for_kiro()
    world.edit_mapping("User", lambda mapping: mapping.update(scope=scope))
    world.cycle()
    assert set(world.kiro_users()) == {"alice"}
    world.change_user("alice", department="Support")
    world.cycle()
    assert world.kiro_users()["alice"]["active"] is False


def test_a_guest_is_known_by_the_name_at_home(world: World) -> None:
    world.add_user("gast", userPrincipalName="gast_fabrikam.example#EXT#@contoso.onmicrosoft.example")
    world.set_members("Kiro-Users", ["gast"])
    world.fit_for_kiro()
    world.cycle()
    assert world.writes[0].body["userName"] == "gast@fabrikam.example"


def test_a_wrong_value_for_a_function_fails_one_user_only(world: World) -> None:
    def edit(mapping: dict) -> None:
        parameters = [
            {"key": "source", "value": {"name": "displayName", "type": "Attribute", "parameters": []}},
            {"key": "start", "value": {"name": "1", "type": "Constant", "parameters": []}},
            {"key": "length", "value": {"name": "jobTitle", "type": "Attribute", "parameters": []}},
        ]
        attribute_mapping(mapping, "title")["source"] = {
            "name": "Mid",
            "type": "Function",
            "parameters": parameters,
        }

    world.change_user("alice", jobTitle="two")
    world.change_user("bob", jobTitle="2")
    world.fit_for_kiro()
    world.edit_mapping("User", edit)
    status = world.cycle()
    assert set(world.kiro_users()) == {"bob"}
    assert status["lastExecution"]["countEscrowed"] == 1


def test_a_user_without_a_matching_value_is_skipped(world: World) -> None:
    world.change_user("alice", userPrincipalName="")
    world.fit_for_kiro()
    world.cycle()
    (entry,) = [each for each in world.log if each["sourceIdentity"]["id"] == "id-alice"]
    assert entry["provisioningStatusInfo"]["status"] == "skipped"
    assert entry["provisioningSteps"][-1]["details"] == {"SkipReason": "ImportSkipped"}


def test_a_user_deleted_in_the_target_is_an_invalid_anchor(world: World) -> None:
    """ "To force a new matching of all users, use the Microsoft Graph API to restart the job." """
    world.fit_for_kiro()
    world.cycle()
    import httpx

    url = f"{world.endpoint}/Users/{world.kiro_users()['alice']['id']}"
    assert httpx.delete(url, headers={"Authorization": f"Bearer {world.token}"}).status_code == 204
    world.change_user("alice", displayName="Other")
    world.cycle()
    (entry,) = world.log
    assert entry["provisioningStatusInfo"]["errorInformation"]["errorCode"] == "InvalidAnchor"

    world.change_job(_watermark=None)
    world.cycle()
    assert world.kiro_users()["alice"]["displayName"] == "Other"


def test_membership_is_not_synced_to_a_new_profile_until_links_are_broken(world: World) -> None:
    """Kiro's guide, Profile deletion warning."""
    world.fit_for_kiro()
    world.cycle()
    kiro.delete_profile(world.kiro, world.profile)
    made = kiro.create_profile(world.kiro, "app", "tenant", world.server.url)
    world.profile, world.endpoint = made["id"], made["scimEndpoint"]
    world.secrets(BaseAddress=world.endpoint, SecretToken=kiro.generate_token(world.kiro, world.profile))
    world.change_job(_watermark=None)
    world.cycle()
    assert set(world.kiro_users()) == {"alice", "bob"}
    assert world.kiro_groups() == {"Kiro-Users": []}

    world.change_job(_watermark=None, _links={}, _escrows={})
    world.cycle()
    assert world.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}


def test_a_stalled_or_paused_or_missing_job_does_nothing(world: World) -> None:
    before = world.job
    world.change_job(_stalled=True)
    world.cycle()
    world.change_job(_stalled=False, schedule=before["schedule"] | {"state": "Paused"})
    world.cycle()
    provisioning.run_cycle(world.directory, "no such job")
    assert world.server.sent == []
    assert world.job["status"] == before["status"]


def test_what_happens_to_a_job_during_a_cycle_is_kept(world: World) -> None:
    """Somebody pauses the job and breaks its links while the cycle talks to the endpoint."""
    world.fit_for_kiro()
    world.cycle()
    world.change_user("alice", displayName="Other")
    application = world.server._application

    def interfering(environ: dict, start_response: object) -> object:
        if environ["REQUEST_METHOD"] == "PATCH":
            schedule = world.job["schedule"] | {"state": "Paused"}
            world.change_job(schedule=schedule, _links={}, _watermark=None)
        return application(environ, start_response)

    world.server._application = interfering
    status = world.cycle()
    assert status["code"] == "Paused"
    assert status["lastExecution"]["countExported"] == 1
    assert world.job["_links"] == {}
    assert world.job["_watermark"] is None


def test_a_schema_replaced_during_a_cycle_makes_the_next_one_initial(world: World) -> None:
    world.fit_for_kiro()
    application = world.server._application

    def interfering(environ: dict, start_response: object) -> object:
        if environ["REQUEST_METHOD"] == "POST":
            world.put_schema(world.schema)
        return application(environ, start_response)

    world.server._application = interfering
    world.cycle()
    assert not world.job["_watermark"]
    assert world.job["_links"], "what was provisioned is remembered"


def test_log_entries_and_status_are_graphs(world: World) -> None:
    world.change_user("bob", department="Sales")
    world.cycle()
    assert unknown_members(world.log, "microsoft.graph.provisioningObjectSummary") == []
    assert unknown_members(world.job["status"], "microsoft.graph.synchronizationStatus") == []
    assert {each["jobId"] for each in world.log} == {JOB}
    assert len({each["cycleId"] for each in world.log}) == 1
    assert len({each["id"] for each in world.log}) == len(world.log) == 4
    assert {each["servicePrincipal"]["displayName"] for each in world.log} == {"Kiro-Entra"}


def test_mappings_find_their_kind_wherever_they_stand(world: World) -> None:
    schema = world.schema
    schema["synchronizationRules"][0]["objectMappings"].reverse()
    assert object_mapping(schema, "User")["targetObjectName"] == ENTERPRISE
    world.put_schema(schema)
    world.fit_for_kiro()
    world.cycle()
    assert set(world.kiro_users()) == {"alice", "bob"}
