"""Provisioning cycles against the emulated Kiro endpoint, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.sandbox import kiro
from provisioner.sandbox.entra import provisioning
from tests.sandbox.provisioning_fixtures import (
    ENTERPRISE,
    JOB,
    ConnectedTenant,
    attribute_mapping,
    object_mapping,
    unknown_members,
)

UNSUPPORTED = {
    "employeeId": f"{ENTERPRISE}:employeeNumber",
    "department": f"{ENTERPRISE}:department",
    "businessPhones": 'phoneNumbers[type eq "work"].value',
    "mobilePhone": 'phoneNumbers[type eq "mobile"].value',
    "faxNumber": 'phoneNumbers[type eq "fax"].value',
}


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[ConnectedTenant]:
    with ConnectedTenant(tmp_path) as connected:
        yield connected


def counters(status: dict) -> dict[str, int]:
    return {name: n for name, n in status["lastExecution"].items() if name.startswith("count") and n}


def test_members_of_the_assigned_group_appear_with_their_object_id(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    status = tenant.cycle()

    assert {name: user["externalId"] for name, user in tenant.kiro_users().items()} == {
        "alice": "id-alice",
        "bob": "id-bob",
    }
    assert all(user["active"] for user in tenant.kiro_users().values())
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}
    assert status["code"] == "Active"
    assert status["lastExecution"]["state"] == "Succeeded"
    assert status["lastSuccessfulExecution"] == status["lastExecution"]
    assert status["lastSuccessfulExecutionWithExports"] == status["lastExecution"]
    assert status["steadyStateFirstAchievedTime"] == status["lastExecution"]["timeEnded"]
    assert {count["key"]: count["value"] for count in status["synchronizedEntryCountByType"]} == {
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


def test_the_default_mapping_sends_the_mail_nickname(tenant: ConnectedTenant) -> None:
    tenant.cycle()
    assert {user["externalId"] for user in tenant.kiro_users().values()} == {"alice", "bob"}


@pytest.mark.parametrize(("property_", "target"), UNSUPPORTED.items())
def test_each_unsupported_attribute_makes_provisioning_fail(
    tenant: ConnectedTenant, property_: str, target: str
) -> None:
    tenant.change_user("alice", **{property_: ["+1 555"] if property_ == "businessPhones" else "+1 555"})
    status = tenant.cycle()

    assert set(tenant.kiro_users()) == {"bob"}
    assert status["lastExecution"]["state"] == "EntryLevelErrors"
    assert status["lastExecution"]["countEscrowed"] == 1
    assert status["lastSuccessfulExecution"] is None
    (failure,) = [entry for entry in tenant.log if entry["provisioningStatusInfo"]["status"] == "failure"]
    error = failure["provisioningStatusInfo"]["errorInformation"]
    assert failure["provisioningAction"] == "create"
    assert failure["sourceIdentity"]["id"] == "id-alice"
    assert error["errorCode"] == "SystemForCrossDomainIdentityManagementBadRequest"
    assert "StatusCode: BadRequest" in error["reason"]
    assert target.split("[", maxsplit=1)[0] in error["reason"]


def test_an_unsupported_manager_fails_after_the_user_was_created(tenant: ConnectedTenant) -> None:
    tenant.change_user("alice", _manager="id-bob")
    status = tenant.cycle()

    assert set(tenant.kiro_users()) == {"alice", "bob"}
    assert status["lastExecution"]["state"] == "EntryLevelErrors"
    (patch,) = [
        request
        for request in tenant.writes
        if request.method == "PATCH" and request.path.startswith("/Users")
    ]
    scim_id = tenant.kiro_users()["bob"]["id"]
    assert patch.body["Operations"] == [
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": [{"$ref": None, "value": scim_id}]}
    ]
    assert patch.status == 400


def test_a_wrong_external_id_cannot_be_corrected(tenant: ConnectedTenant) -> None:
    """Kiro issue 9582: a user provisioned with the wrong mapping stays as it is, and every try fails."""
    tenant.edit_mapping("User", lambda mapping: None)
    tenant.cycle()
    assert tenant.kiro_users()["alice"]["externalId"] == "alice"

    tenant.follow_guide()
    first, second = tenant.cycle(), tenant.cycle()

    assert tenant.kiro_users()["alice"]["externalId"] == "alice"
    assert first["lastExecution"]["countEscrowed"] == second["lastExecution"]["countEscrowed"] == 2
    assert tenant.job["_escrows"]["id-alice"]["retries"] == 1
    reason = tenant.log[0]["provisioningStatusInfo"]["errorInformation"]["reason"]
    assert "externalId: This attribute does not satisfy the mutability validation" in reason
    assert tenant.log[0]["provisioningAction"] == "update"


def test_a_second_cycle_without_changes_writes_nothing(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    status = tenant.cycle()

    assert [request.method for request in tenant.server.sent] == ["GET"], "only the probe"
    assert tenant.log == []
    assert counters(status) == {}
    assert status["lastExecution"]["state"] == "Succeeded"
    assert status["lastSuccessfulExecutionWithExports"] != status["lastExecution"]


def test_an_initial_cycle_without_changes_writes_nothing(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    tenant.change_job(_watermark=None)
    tenant.cycle()
    assert tenant.writes == []
    assert len(tenant.server.sent) == 4, "the probe, and one request for each object"


def test_a_removed_member_is_disabled_and_a_new_one_appears(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    tenant.set_members("Kiro-Users", ["alice", "carol"])
    tenant.cycle()

    assert {name: user["active"] for name, user in tenant.kiro_users().items()} == {
        "alice": True,
        "bob": False,
        "carol": True,
    }
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice", "carol"]}
    disable = next(request for request in tenant.writes if request.path.startswith("/Users/"))
    assert disable.body["Operations"] == [{"op": "Replace", "path": "active", "value": "False"}]
    assert {entry["provisioningAction"] for entry in tenant.log} == {"create", "disable", "update"}

    tenant.set_members("Kiro-Users", ["alice", "bob", "carol"])
    tenant.cycle()
    assert tenant.kiro_users()["bob"]["active"] is True
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice", "bob", "carol"]}


def test_members_of_nested_groups_are_not_provisioned(tenant: ConnectedTenant) -> None:
    tenant.add_group("Inner", ["carol"])
    tenant.set_members("Kiro-Users", ["alice", "Inner"])
    tenant.follow_guide()
    tenant.cycle()
    assert set(tenant.kiro_users()) == {"alice"}
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice"]}


def test_only_what_changed_is_sent(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    tenant.change_user("alice", displayName="Alice Liddell", jobTitle="Reader")
    tenant.cycle()

    (patch,) = tenant.writes
    assert patch.path == f"/Users/{tenant.kiro_users()['alice']['id']}"
    assert patch.body == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "Replace", "path": "displayName", "value": "Alice Liddell"},
            {"op": "Add", "path": "title", "value": "Reader"},
        ],
    }
    (entry,) = tenant.log
    assert entry["modifiedProperties"] == [
        {"displayName": "displayName", "oldValue": "Alice", "newValue": "Alice Liddell"},
        {"displayName": "title", "oldValue": None, "newValue": "Reader"},
    ]


def test_a_value_that_becomes_null_is_not_changed(tenant: ConnectedTenant) -> None:
    """ "The Microsoft Entra provisioning service doesn't support provisioning null values." """
    tenant.follow_guide()
    tenant.cycle()
    tenant.change_user("alice", mail=None)
    tenant.cycle()
    assert tenant.writes == []


def test_a_user_of_the_same_name_is_matched_not_created(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    tenant.change_job(_links={}, _watermark=None)
    tenant.change_user("alice", userPrincipalName="ALICE@contoso.example")
    tenant.cycle()
    assert tenant.writes[0].path.startswith("/Groups/"), "nothing but the membership is sent again"
    assert set(tenant.job["_links"]) == {"id-alice", "id-bob", "id-Kiro-Users"}


def test_users_are_created_without_null_attributes(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    created = next(request for request in tenant.writes if request.path == "/Users")
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
    assert created.headers["HTTP_AUTHORIZATION"] == f"Bearer {tenant.token}"
    assert created.headers["HTTP_USER_AGENT"]


def test_groups_are_created_empty_and_filled_by_patch(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    query = next(
        request for request in tenant.server.sent if request.path == "/Groups" and request.method == "GET"
    )
    assert query.query == {"excludedAttributes": "members", "filter": 'displayName eq "Kiro-Users"'}
    create, fill = tenant.writes[-2:]
    assert create.body == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Kiro-Users",
        "externalId": "id-Kiro-Users",
        "meta": {"resourceType": "Group"},
    }
    ids = [tenant.kiro_users()[name]["id"] for name in ("alice", "bob")]
    assert fill.body["Operations"] == [
        {"op": "Add", "path": "members", "value": [{"$ref": None, "value": key} for key in ids]}
    ]


def test_a_large_group_is_filled_in_several_requests(tenant: ConnectedTenant) -> None:
    names = [f"user{i}" for i in range(120)]
    for name in names:
        tenant.add_user(name)
    tenant.set_members("Kiro-Users", names)
    tenant.edit_mapping("User", lambda m: m.update(attributeMappings=m["attributeMappings"][:2]))
    tenant.cycle()
    fills = [request for request in tenant.writes if request.path.startswith("/Groups/")]
    assert [len(request.body["Operations"][0]["value"]) for request in fills] == [100, 20]
    assert len(tenant.kiro_groups()["Kiro-Users"]) == 120


def test_the_compliance_flag_changes_the_patches(tenant: ConnectedTenant) -> None:
    tenant.secrets(BaseAddress=f"{tenant.endpoint}/?aadOptscim062020")
    tenant.follow_guide()
    tenant.cycle()
    tenant.set_members("Kiro-Users", ["alice"])
    tenant.change_user("alice", displayName="A. L.", givenName="A.", mail="a.l@contoso.example")
    tenant.cycle()

    alice, bob, group = tenant.writes
    assert alice.body["Operations"] == [
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "a.l@contoso.example"},
        {
            "op": "replace",
            "value": {"displayName": "A. L.", "name.givenName": "A.", "name.formatted": "A. Example"},
        },
    ]
    assert bob.body["Operations"] == [{"op": "replace", "path": "active", "value": False}]
    gone = tenant.kiro_users()["bob"]["id"]
    assert group.body["Operations"] == [{"op": "remove", "path": f'members[value eq "{gone}"]'}]
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice"]}
    assert [request.status for request in tenant.writes] == [204, 204, 204]


def test_a_disabled_user_is_disabled_and_enabled_again(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    tenant.change_user("alice", accountEnabled=False)
    tenant.cycle()
    assert tenant.kiro_users()["alice"]["active"] is False
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}, "membership is kept"
    tenant.cycle()
    assert tenant.writes == []

    tenant.change_user("alice", accountEnabled=True)
    tenant.cycle()
    assert tenant.kiro_users()["alice"]["active"] is True


def test_a_disabled_user_is_not_created(tenant: ConnectedTenant) -> None:
    tenant.change_user("bob", accountEnabled=False)
    tenant.follow_guide()
    tenant.cycle()
    assert set(tenant.kiro_users()) == {"alice"}
    (skipped,) = [entry for entry in tenant.log if entry["provisioningStatusInfo"]["status"] == "skipped"]
    assert skipped["sourceIdentity"]["id"] == "id-bob"
    assert skipped["provisioningSteps"][-1]["details"] == {"SkipReason": "NotEffectivelyEntitled"}


def test_a_deleted_user_is_disabled_then_deleted(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    tenant.recycle("bob")
    tenant.cycle()
    assert tenant.kiro_users()["bob"]["active"] is False
    tenant.cycle()
    assert tenant.writes == []

    tenant.purge("bob")
    tenant.cycle()
    assert set(tenant.kiro_users()) == {"alice"}
    assert [request.method for request in tenant.writes] == ["DELETE"]
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice"]}
    assert [entry["provisioningAction"] for entry in tenant.log] == ["delete"]
    assert "id-bob" not in tenant.job["_links"]


def test_an_unassigned_user_is_no_longer_managed(tenant: ConnectedTenant) -> None:
    """ "A delete request isn't sent when the user is soft-deleted" after a group was unassigned."""
    tenant.assign("dan")
    tenant.follow_guide()
    tenant.cycle()
    tenant.unassign("dan")
    tenant.cycle()
    tenant.recycle("dan")
    tenant.purge("dan")
    tenant.cycle()
    assert tenant.writes == []
    assert tenant.kiro_users()["dan"]["active"] is False
    assert "id-dan" not in tenant.job["_links"]


def test_a_disabled_user_who_is_then_unassigned_is_no_longer_managed_either(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    tenant.change_user("bob", accountEnabled=False)
    tenant.cycle()
    tenant.set_members("Kiro-Users", ["alice"])
    tenant.cycle()
    assert tenant.job["_links"]["id-bob"]["managed"] is False
    tenant.recycle("bob")
    tenant.purge("bob")
    tenant.cycle()
    assert tenant.writes == []
    assert tenant.kiro_users()["bob"]["active"] is False


def test_an_unassigned_group_is_deleted(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.cycle()
    tenant.unassign("Kiro-Users")
    tenant.cycle()
    assert tenant.kiro_groups() == {}
    assert [user["active"] for user in tenant.kiro_users().values()] == [False, False]


def test_out_of_scope_deletions_can_be_skipped(tenant: ConnectedTenant) -> None:
    tenant.secrets(SkipOutOfScopeDeletions="True")
    tenant.follow_guide()
    tenant.cycle()
    tenant.unassign("Kiro-Users")
    tenant.cycle()
    assert tenant.writes == []
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}


def test_nothing_is_disabled_without_a_mapping_of_is_soft_deleted(tenant: ConnectedTenant) -> None:
    def without_active(mapping: dict) -> None:
        mapping["attributeMappings"].remove(attribute_mapping(mapping, "active"))

    tenant.follow_guide()
    tenant.edit_mapping("User", without_active)
    tenant.cycle()
    tenant.set_members("Kiro-Users", ["alice"])
    tenant.cycle()
    assert [request.path.split("/")[1] for request in tenant.writes] == ["Groups"]


@pytest.mark.parametrize(
    ("flows", "created", "changed", "deleted"),
    [
        ("Update, Delete", False, False, False),
        ("Add,Delete", True, False, True),
        ("Add, Update", True, True, False),
    ],
)
def test_target_object_actions(
    tenant: ConnectedTenant, flows: str, created: bool, changed: bool, deleted: bool
) -> None:
    tenant.follow_guide()
    tenant.edit_mapping("User", lambda mapping: mapping.update(flowTypes=flows))
    tenant.cycle()
    assert bool(tenant.kiro_users()) is created
    tenant.change_user("alice", displayName="Changed")
    tenant.recycle("bob")
    tenant.purge("bob")
    tenant.cycle()
    users = tenant.kiro_users()
    assert ("Changed" in [user["displayName"] for user in users.values()]) is changed
    assert ("bob" not in users) is (deleted or not created)


def test_flow_types_of_attributes(tenant: ConnectedTenant) -> None:
    def edit(mapping: dict) -> None:
        attribute_mapping(mapping, "displayName")["flowType"] = "ObjectAddOnly"
        attribute_mapping(mapping, "title")["flowType"] = "AttributeAddOnly"
        attribute_mapping(mapping, "preferredLanguage")["defaultValue"] = "en"
        attribute_mapping(mapping, "name.givenName")["flowBehavior"] = "FlowAlways"

    tenant.follow_guide()
    tenant.edit_mapping("User", edit)
    tenant.cycle()
    assert tenant.writes[0].body["preferredLanguage"] == "en", "a default is used at creation"
    tenant.change_user("alice", displayName="Other", jobTitle="First", surname="Other")
    tenant.cycle()
    assert [operation["path"] for operation in tenant.writes[0].body["Operations"]] == [
        "title",
        "name.familyName",
        "name.formatted",
        "name.givenName",
    ]
    tenant.change_user("alice", jobTitle="Second")
    tenant.cycle()
    assert tenant.writes == []


def test_a_disabled_mapping_is_not_processed(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    tenant.edit_mapping("Group", lambda mapping: mapping.update(enabled=False))
    tenant.cycle()
    assert set(tenant.kiro_users()) == {"alice", "bob"}
    assert tenant.kiro_groups() == {}


def test_sync_all_includes_every_user_and_group(tenant: ConnectedTenant) -> None:
    tenant.secrets(SyncAll="true")
    tenant.add_group("Others", ["dan"], securityEnabled=False)
    tenant.follow_guide()
    tenant.cycle()
    assert set(tenant.kiro_users()) == {"alice", "bob", "carol", "dan"}
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice", "bob"], "Others": ["dan"]}


def test_a_user_assigned_directly_and_a_distribution_list(tenant: ConnectedTenant) -> None:
    tenant.add_group("List", ["carol"], securityEnabled=False)
    tenant.assign("List")
    tenant.assign("dan")
    tenant.follow_guide()
    tenant.cycle()
    assert set(tenant.kiro_users()) == {"alice", "bob", "dan"}


def test_a_scoping_filter(tenant: ConnectedTenant) -> None:
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
    tenant.change_user("alice", department="Sales")
    tenant.follow_guide()
    tenant.edit_mapping("User", lambda mapping: mapping.update(scope=scope))
    tenant.cycle()
    assert set(tenant.kiro_users()) == {"alice"}
    tenant.change_user("alice", department="Support")
    tenant.cycle()
    assert tenant.kiro_users()["alice"]["active"] is False


def test_a_guest_has_the_name_of_the_home_tenant(tenant: ConnectedTenant) -> None:
    tenant.add_user("gast", userPrincipalName="gast_fabrikam.example#EXT#@contoso.onmicrosoft.example")
    tenant.set_members("Kiro-Users", ["gast"])
    tenant.follow_guide()
    tenant.cycle()
    assert tenant.writes[0].body["userName"] == "gast@fabrikam.example"


def test_an_invalid_argument_of_a_function_fails_only_one_user(tenant: ConnectedTenant) -> None:
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

    tenant.change_user("alice", jobTitle="two")
    tenant.change_user("bob", jobTitle="2")
    tenant.follow_guide()
    tenant.edit_mapping("User", edit)
    status = tenant.cycle()
    assert set(tenant.kiro_users()) == {"bob"}
    assert status["lastExecution"]["countEscrowed"] == 1


def test_a_user_without_a_matching_value_is_skipped(tenant: ConnectedTenant) -> None:
    tenant.change_user("alice", userPrincipalName="")
    tenant.follow_guide()
    tenant.cycle()
    (entry,) = [entry for entry in tenant.log if entry["sourceIdentity"]["id"] == "id-alice"]
    assert entry["provisioningStatusInfo"]["status"] == "skipped"
    assert entry["provisioningSteps"][-1]["details"] == {"SkipReason": "ImportSkipped"}


def test_a_user_deleted_in_the_target_is_an_invalid_anchor(tenant: ConnectedTenant) -> None:
    """ "To force a new matching of all users, use the Microsoft Graph API to restart the job." """
    tenant.follow_guide()
    tenant.cycle()
    import httpx

    url = f"{tenant.endpoint}/Users/{tenant.kiro_users()['alice']['id']}"
    assert httpx.delete(url, headers={"Authorization": f"Bearer {tenant.token}"}).status_code == 204
    tenant.change_user("alice", displayName="Other")
    tenant.cycle()
    (entry,) = tenant.log
    assert entry["provisioningStatusInfo"]["errorInformation"]["errorCode"] == "InvalidAnchor"

    tenant.change_job(_watermark=None)
    tenant.cycle()
    assert tenant.kiro_users()["alice"]["displayName"] == "Other"


def test_membership_is_not_synced_to_a_new_profile_until_links_are_cleared(tenant: ConnectedTenant) -> None:
    """Kiro's guide, Profile deletion warning."""
    tenant.follow_guide()
    tenant.cycle()
    kiro.delete_profile(tenant.kiro, tenant.profile)
    created = kiro.create_profile(tenant.kiro, "app", "tenant", tenant.server.url)
    tenant.profile, tenant.endpoint = created["id"], created["scimEndpoint"]
    tenant.secrets(BaseAddress=tenant.endpoint, SecretToken=kiro.generate_token(tenant.kiro, tenant.profile))
    tenant.change_job(_watermark=None)
    tenant.cycle()
    assert set(tenant.kiro_users()) == {"alice", "bob"}
    assert tenant.kiro_groups() == {"Kiro-Users": []}

    tenant.change_job(_watermark=None, _links={}, _escrows={})
    tenant.cycle()
    assert tenant.kiro_groups() == {"Kiro-Users": ["alice", "bob"]}


def test_a_stalled_paused_or_missing_job_does_nothing(tenant: ConnectedTenant) -> None:
    before = tenant.job
    tenant.change_job(_stalled=True)
    tenant.cycle()
    tenant.change_job(_stalled=False, schedule=before["schedule"] | {"state": "Paused"})
    tenant.cycle()
    provisioning.run_cycle(tenant.directory, "no such job")
    assert tenant.server.sent == []
    assert tenant.job["status"] == before["status"]


def test_changes_to_a_job_during_a_cycle_are_kept(tenant: ConnectedTenant) -> None:
    """Another client pauses the job and clears its links while the cycle calls the endpoint."""
    tenant.follow_guide()
    tenant.cycle()
    tenant.change_user("alice", displayName="Other")
    application = tenant.server._application

    def interfering(environ: dict, start_response: object) -> object:
        if environ["REQUEST_METHOD"] == "PATCH":
            schedule = tenant.job["schedule"] | {"state": "Paused"}
            tenant.change_job(schedule=schedule, _links={}, _watermark=None)
        return application(environ, start_response)

    tenant.server._application = interfering
    status = tenant.cycle()
    assert status["code"] == "Paused"
    assert status["lastExecution"]["countExported"] == 1
    assert tenant.job["_links"] == {}
    assert tenant.job["_watermark"] is None


def test_a_schema_replaced_during_a_cycle_makes_the_next_one_initial(tenant: ConnectedTenant) -> None:
    tenant.follow_guide()
    application = tenant.server._application

    def interfering(environ: dict, start_response: object) -> object:
        if environ["REQUEST_METHOD"] == "POST":
            tenant.put_schema(tenant.schema)
        return application(environ, start_response)

    tenant.server._application = interfering
    tenant.cycle()
    assert not tenant.job["_watermark"]
    assert tenant.job["_links"], "the links are kept"


def test_log_entries_and_status_have_only_members_of_the_metadata(tenant: ConnectedTenant) -> None:
    tenant.change_user("bob", department="Sales")
    tenant.cycle()
    assert unknown_members(tenant.log, "microsoft.graph.provisioningObjectSummary") == []
    assert unknown_members(tenant.job["status"], "microsoft.graph.synchronizationStatus") == []
    assert {entry["jobId"] for entry in tenant.log} == {JOB}
    assert len({entry["cycleId"] for entry in tenant.log}) == 1
    assert len({entry["id"] for entry in tenant.log}) == len(tenant.log) == 4
    assert {entry["servicePrincipal"]["displayName"] for entry in tenant.log} == {"Kiro-Entra"}


def test_the_order_of_object_mappings_does_not_matter(tenant: ConnectedTenant) -> None:
    schema = tenant.schema
    schema["synchronizationRules"][0]["objectMappings"].reverse()
    assert object_mapping(schema, "User")["targetObjectName"] == ENTERPRISE
    tenant.put_schema(schema)
    tenant.follow_guide()
    tenant.cycle()
    assert set(tenant.kiro_users()) == {"alice", "bob"}
