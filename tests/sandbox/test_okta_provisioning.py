"""Okta's provisioning engine against the Kiro endpoint, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.sandbox.kiro import console as kiro_console
from provisioner.sandbox.okta import provisioning
from provisioner.sandbox.okta.provisioning.client import ScimClient
from provisioner.sandbox.okta.provisioning.expressions import ExpressionError, evaluate
from provisioner.sandbox.okta.pushes import Pushes
from tests.sandbox.okta_org import APP, EVERYTHING, Org
from tests.sandbox.provisioning_fixtures import Sent

ADA = {"firstName": "Ada", "lastName": "Lovelace", "email": "ada@x.example", "none": None}
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    with Org(tmp_path) as org:
        yield org


def writes(sent: list[Sent]) -> list[str]:
    return [f"{request.method} {request.path.split('/')[1]}" for request in sent if request.method != "GET"]


class TestUsers:
    def test_an_assigned_user_arrives_with_the_mapped_attributes(self, org):
        org.change_profile("alice", title="Engineer")
        org.assign("alice")
        sent = org.push()
        (alice,) = org.users().values()
        assert alice["userName"] == "alice@fabrikam.example"
        assert alice["externalId"] == "00ualice"
        assert alice["active"] is True
        assert alice["name"] == {"givenName": "Alice", "familyName": "Example"}
        assert (alice["displayName"], alice["title"]) == ("Alice Example", "Engineer")
        assert alice["emails"] == [{"value": "alice@fabrikam.example", "type": "work", "primary": True}]
        assert [(request.method, request.path, request.status) for request in sent] == [
            ("GET", "/Users", 200),
            ("POST", "/Users", 201),
        ]
        assert sent[0].query == {
            "filter": 'userName eq "alice@fabrikam.example"',
            "startIndex": "1",
            "count": "100",
        }
        assert sent[0].headers["HTTP_USER_AGENT"] == "Okta SCIM Client 1.0.0"

    def test_a_push_updates_the_app_user_and_the_log(self, org):
        org.assign("alice")
        org.push()
        app_user = org.app_user("alice")
        assert app_user["externalId"] == org.users()["alice"]["id"]
        assert (app_user["status"], app_user["syncState"]) == ("PROVISIONED", "SYNCHRONIZED")
        assert app_user["lastSync"]
        (event,) = org.events()
        assert event["eventType"] == "application.provision.user.push"
        assert event["outcome"] == {"result": "SUCCESS", "reason": None}
        assert [(target["type"], target["id"]) for target in event["target"]] == [
            ("User", "00ualice"),
            ("AppInstance", APP),
        ]

    def test_a_second_push_sends_nothing(self, org):
        org.assign("alice", "bob")
        org.add_group("Pro", "alice", "bob")
        org.push_group("Pro")
        org.push()
        assert org.push() == []
        assert len(org.events()) == 4

    def test_an_existing_user_is_linked_and_updated(self, org):
        org.assign("alice")
        org.push()
        for link in org.store.all("pushLink"):
            org.store.delete("pushLink", f"{APP}:{link['id']}")
        org.change_profile("alice", title="Manager")
        assert writes(org.push()) == ["PUT Users"]
        assert org.users()["alice"]["title"] == "Manager"
        assert org.app_user("alice")["externalId"] == org.users()["alice"]["id"]

    def test_a_changed_profile_is_put_after_a_get(self, org):
        org.assign("alice")
        org.push()
        org.change_profile("alice", lastName="Anders")
        sent = org.push()
        assert [request.method for request in sent] == ["GET", "PUT"]
        assert org.users()["alice"]["name"]["familyName"] == "Anders"
        assert org.users()["alice"]["name"]["givenName"] == "Alice"
        assert org.events("push_profile")[0]["outcome"]["result"] == "SUCCESS"

    def test_force_sync_sends_unchanged_profiles(self, org):
        org.assign("alice")
        org.push()
        assert writes(org.push(force=True)) == ["PUT Users"]

    def test_an_unassigned_user_is_deactivated_and_a_reassigned_one_reactivated(self, org):
        org.assign("alice")
        org.push()
        org.unassign("alice")
        sent = org.push()
        assert [request.method for request in sent] == ["PATCH"]
        assert sent[0].body["Operations"] == [{"op": "replace", "value": {"active": False}}]
        assert org.users()["alice"]["active"] is False
        assert org.push() == []

        org.assign("alice")
        assert writes(org.push()) == ["PATCH Users"]
        assert org.users()["alice"]["active"] is True
        assert org.app_user("alice")["status"] == "PROVISIONED"
        assert [event["eventType"].rpartition(".")[2] for event in org.events()] == [
            "push",
            "deactivate",
            "reactivate",
        ]

    def test_unassigned_and_assigned_again_before_a_push(self, org):
        org.assign("alice")
        org.push()
        org.unassign("alice")
        org.assign("alice")
        assert org.push() == []
        app_user = org.app_user("alice")
        assert (app_user["status"], app_user["externalId"]) == ("PROVISIONED", org.users()["alice"]["id"])

    def test_a_suspended_user_is_deactivated(self, org):
        org.assign("alice")
        org.push()
        org.change("user", "00ualice", status="SUSPENDED")
        org.push()
        assert org.users()["alice"]["active"] is False
        assert org.app_user("alice")["status"] == "SUSPENDED"

    @pytest.mark.parametrize("status", ["STAGED", "PROVISIONED", "SUSPENDED", "DEPROVISIONED"])
    def test_a_user_who_is_not_active_in_okta_is_not_created(self, org, status):
        org.change("user", "00ualice", status=status)
        org.assign("alice")
        assert org.push() == []

    def test_the_user_name_of_the_application_is_sent(self, org):
        org.assign("alice")
        org.change("appUser", f"{APP}:00ualice", credentials={"userName": "a.example"})
        org.push()
        assert [*org.users()] == ["a.example"]


class TestFeatures:
    def enable_all_but(self, org, without):
        org.features(*(name for name in EVERYTHING if name != without))

    def test_without_create_no_user_is_created(self, org):
        self.enable_all_but(org, "PUSH_NEW_USERS")
        org.assign("alice")
        assert org.push() == []
        assert org.app_user("alice")["status"] == "STAGED"

    def test_without_update_no_change_is_sent(self, org):
        org.assign("alice")
        org.push()
        self.enable_all_but(org, "PUSH_PROFILE_UPDATES")
        org.change_profile("alice", title="Manager")
        assert org.push() == []
        before = org.app_user("alice")
        assert before["syncState"] == "OUT_OF_SYNC"
        org.push()
        assert org.app_user("alice") == before

    def test_without_deactivate_the_user_stays_active(self, org):
        org.assign("alice")
        org.push()
        self.enable_all_but(org, "PUSH_USER_DEACTIVATION")
        org.unassign("alice")
        assert org.push() == []
        assert org.users()["alice"]["active"] is True

    def test_without_group_push_no_group_is_created(self, org):
        self.enable_all_but(org, "GROUP_PUSH")
        org.add_group("Pro")
        org.push_group("Pro")
        assert org.push() == []

    def test_nothing_is_sent_while_the_integration_is_disabled_or_the_application_inactive(self, org):
        org.assign("alice")
        org.connect(enabled=False)
        assert org.push() == []
        org.connect(enabled=True)
        org.change("app", APP, status="INACTIVE")
        assert org.push() == []


class TestMapping:
    def test_department_and_employee_number_are_refused(self, org):
        org.map("department", "user.department")
        org.map("employeeNumber", "user.employeeNumber")
        org.change_profile("alice", department="Sales", employeeNumber="7")
        org.assign("alice", "bob")
        sent = org.push()
        posted = next(request for request in sent if request.method == "POST")
        assert posted.body[ENTERPRISE] == {"department": "Sales", "employeeNumber": "7"}
        assert posted.body["schemas"][1] == ENTERPRISE
        assert [*org.users()] == ["bob"]  # bob has neither attribute
        failed = org.app_user("alice")
        assert failed["syncState"] == "ERROR"
        assert "externalId" not in failed
        (event,) = [event for event in org.events("user.push") if event["outcome"]["result"] == "FAILURE"]
        assert event["outcome"]["reason"].startswith(
            "Automatic provisioning of user Alice Example to app AWS IAM Identity Center failed: "
            "Error while creating user alice@fabrikam.example: Bad Request. Errors reported by remote server: "
        )
        assert event["severity"] == "ERROR"

    def test_a_refused_user_is_sent_again_after_a_change_or_on_retry(self, org):
        org.map("department", "user.department")
        org.change_profile("alice", department="Sales")
        org.assign("alice")
        org.push()
        assert org.push() == []
        assert writes(org.push(retry=True)) == ["POST Users"]
        org.map("department", None)
        org.push()
        assert [*org.users()] == ["alice"]
        assert org.app_user("alice")["syncState"] == "SYNCHRONIZED"

    def test_a_changed_mapping_takes_effect_with_the_next_change(self, org):
        org.assign("alice", "bob")
        org.push()
        org.map("userType", "'Employee'")
        assert org.push() == []
        org.change_profile("alice", title="Engineer")
        org.push()
        assert org.users()["alice"]["userType"] == "Employee"
        assert "userType" not in org.users()["bob"]
        org.push(force=True)
        assert org.users()["bob"]["userType"] == "Employee"

    def test_reverting_a_refused_change_clears_the_error(self, org):
        org.map("department", "user.department")
        org.assign("alice")
        org.push()
        org.change_profile("alice", department="Sales")
        org.push()
        assert org.app_user("alice")["syncState"] == "ERROR"
        org.map("department", None)
        assert org.push() == []
        assert org.app_user("alice")["syncState"] == "SYNCHRONIZED"

    def test_an_attribute_mapped_on_create_only_is_not_updated(self, org):
        org.map("title", "user.title", push="DONT_PUSH")
        org.change_profile("alice", title="Engineer")
        org.assign("alice")
        org.push()
        assert org.users()["alice"]["title"] == "Engineer"
        assert org.push() == []
        org.change_profile("alice", title="Manager", lastName="Anders")
        org.push()
        assert org.users()["alice"]["title"] == "Engineer"

    def test_a_custom_attribute_has_the_external_name_of_the_schema(self, org):
        entry = {"externalName": "nickName", "type": "string"}
        schema = {"definitions": {"base": {"properties": {"alias": entry}}}}
        org.store.put("appSchema", APP, schema)
        org.map("alias", "'Al'")
        org.assign("alice")
        org.push()
        assert org.users()["alice"]["nickName"] == "Al"

    def test_an_invalid_expression_fails_the_user(self, org):
        org.map("title", "user.title +")
        org.assign("alice")
        assert org.push() == []
        assert "Invalid property expression: user.title +" in org.events("user.push")[0]["outcome"]["reason"]
        assert org.app_user("alice")["syncState"] == "ERROR"
        org.push()
        assert len(org.events()) == 1


class TestCredentials:
    def test_a_wrong_token_fails_every_user_after_one_request(self, org):
        org.assign("alice", "bob")
        org.add_group("Pro", "alice")
        org.push_group("Pro")
        org.connect(token="wrong")
        sent = org.push()
        assert [request.status for request in sent] == [401]
        (event,) = org.events("authentication_failure")
        assert event["eventType"] == "application.integration.authentication_failure"
        assert event["outcome"]["result"] == "FAILURE"
        assert "Unauthorized." in event["outcome"]["reason"]
        assert {org.app_user(name)["syncState"] for name in ("alice", "bob")} == {"ERROR"}
        assert org.mapping("Pro")["status"] == "ERROR"
        assert "Unauthorized" in org.mapping("Pro")["errorSummary"]

    def test_the_right_token_and_a_retry_fix_that(self, org):
        org.assign("alice")
        org.add_group("Pro", "alice")
        org.push_group("Pro")
        org.connect(token="wrong")
        org.push()
        org.connect(token=org.token)
        assert org.push() == []
        org.push(retry=True)
        assert org.groups() == {"Pro": ["alice"]}
        assert (org.mapping("Pro")["status"], org.mapping("Pro")["errorSummary"]) == ("ACTIVE", "")

    def test_an_unreachable_endpoint(self, org):
        org.assign("alice")
        org.connect(baseUrl="http://127.0.0.1:1/scim")
        org.push()
        assert org.app_user("alice")["syncState"] == "ERROR"
        assert org.events("authentication_failure") == []

    @pytest.mark.parametrize("address", ["https://scim.example.com/scim/v2", "not a URL"])
    def test_only_this_machine_is_called(self, org, address):
        org.assign("alice")
        org.connect(baseUrl=address)
        org.push()
        assert [event["eventType"] for event in org.events()] == ["application.integration.general_failure"]

    def test_the_log_contains_no_token(self, org):
        org.assign("alice")
        org.push()
        org.connect(token="wrong-token")
        org.assign("bob")
        org.push()
        assert not {org.token, "wrong-token"} & {*str(org.events()).split("'")}


class TestGroups:
    def test_a_pushed_group_has_its_provisioned_members_only(self, org):
        org.assign("alice", "bob")
        org.add_group("Pro", "alice", "bob", "carol")
        org.push_group("Pro")
        sent = org.push()
        assert org.groups() == {"Pro": ["alice", "bob"]}
        of_groups = [request for request in sent if request.path.startswith("/Groups")]
        assert [group.method for group in of_groups] == ["GET", "POST", "PATCH"]
        assert of_groups[1].body["members"] == []
        (operation,) = of_groups[2].body["Operations"]
        assert (operation["op"], operation["path"]) == ("add", "members")
        mapping = org.mapping("Pro")
        assert (mapping["status"], mapping["errorSummary"]) == ("ACTIVE", "")
        assert mapping["lastPush"]
        assert [event["eventType"].rpartition(".")[2] for event in org.events()[2:]] == [
            "pushed",
            "push_memberships",
        ]

    def test_members_are_added_and_removed(self, org):
        org.assign("alice", "bob", "carol")
        org.add_group("Pro", "alice", "bob")
        org.push_group("Pro")
        org.push()
        org.change("group", "00gPro", _members=["00ubob", "00ucarol"])
        sent = org.push()
        assert org.groups() == {"Pro": ["bob", "carol"]}
        assert [request.body["Operations"][0]["op"] for request in sent] == ["replace", "remove", "add"]

    def test_a_member_is_added_once_assigned(self, org):
        org.assign("alice")
        org.add_group("Pro", "alice", "carol")
        org.push_group("Pro")
        org.push()
        org.assign("carol")
        org.push()
        assert org.groups() == {"Pro": ["alice", "carol"]}

    def test_a_user_unassigned_before_leaving_the_group_stays_a_member(self, org):
        org.assign("alice", "bob")
        org.add_group("Pro", "alice", "bob")
        org.push_group("Pro")
        org.push()
        org.unassign("bob")
        org.change("group", "00gPro", _members=["00ualice"])
        org.push()
        assert org.users()["bob"]["active"] is False
        assert org.groups() == {"Pro": ["alice", "bob"]}
        assert org.push() == []

    def test_an_existing_group_of_that_name_is_linked(self, org):
        org.add_group("Pro")
        org.push_group("Pro")
        org.push()
        org.store.delete("pushLink", f"{APP}:00gPro")
        assert writes(org.push()) == []
        assert org.groups() == {"Pro": []}

    def test_a_renamed_target_group_is_renamed(self, org):
        org.add_group("Pro")
        org.push_group("Pro")
        org.store.put("group", "00gunknown", {"id": "00gunknown", "profile": {"name": "Kiro Pro"}})
        org.push()
        assert [*org.groups()] == ["Kiro Pro"]
        org.store.put("group", "00gunknown", {"id": "00gunknown", "profile": {"name": "Kiro Power"}})
        assert writes(org.push()) == ["PATCH Groups"]
        assert [*org.groups()] == ["Kiro Power"]

    def test_more_than_a_hundred_members(self, org):
        names = [f"user{number:03}" for number in range(103)]
        for name in names:
            org.add_user(name)
        org.assign(*names)
        org.add_group("Pro", *names)
        org.push_group("Pro")
        sent = org.push()
        assert org.groups() == {"Pro": names}
        assert len([request for request in sent if request.path.startswith("/Groups/")]) == 2

    def test_an_inactive_mapping_pushes_nothing(self, org):
        org.add_group("Pro")
        org.push_group("Pro", status="INACTIVE")
        assert org.push() == []

    def test_a_mapping_in_error_is_pushed_on_retry_only(self, org):
        org.add_group("Pro")
        org.push_group("Pro", status="ERROR")
        assert org.push() == []
        org.push(retry=True)
        assert org.mapping("Pro")["status"] == "ACTIVE"

    def test_a_mapping_that_is_deactivated_and_activated_is_pushed(self, org):
        org.add_group("Pro")
        org.push_group("Pro")
        org.push()
        org.connect(token="wrong")
        org.push(force=True)
        assert org.mapping("Pro")["status"] == "ERROR"
        org.connect(token=org.token)
        org.change("pushMapping", "gPmPro", status="INACTIVE")
        assert org.push() == []
        org.change("pushMapping", "gPmPro", status="ACTIVE")
        assert writes(org.push()) == ["PATCH Groups"]
        assert (org.mapping("Pro")["status"], org.mapping("Pro")["errorSummary"]) == ("ACTIVE", "")
        assert org.push() == []

    def test_a_missing_group_is_reported(self, org):
        org.assign("alice")
        org.add_group("Pro")
        org.push_group("Pro")
        org.push()
        for group in org.kiro.all(f"scimGroup:{org.profile}"):
            org.kiro.delete(f"scimGroup:{org.profile}", group["id"])
        org.change("group", "00gPro", _members=["00ualice"])
        org.push()
        text = "Linked group is missing in AWS IAM Identity Center. Change the linked group to resume"
        assert org.mapping("Pro")["errorSummary"].startswith(text)
        (event,) = org.events("failed.with.error")
        assert event["outcome"]["reason"].startswith(text)

    @pytest.mark.parametrize("delete", [True, False])
    def test_unlinking(self, org, delete):
        org.add_group("Pro")
        org.push_group("Pro")
        org.push()
        org.store.delete("pushMapping", "gPmPro")
        assert provisioning.unlink_group(org.store, APP, "00gPro", delete_target=delete) is None
        assert [*org.groups()] == ([] if delete else ["Pro"])
        assert org.store.all("pushLink") == []
        assert len(org.events("group_push.removed")) == delete

    def test_unlinking_with_a_wrong_token_returns_the_error(self, org):
        org.add_group("Pro")
        org.push_group("Pro")
        org.push()
        org.connect(token="wrong")
        error = provisioning.unlink_group(org.store, APP, "00gPro", delete_target=True)
        assert error is not None
        assert error.startswith("Unauthorized")
        assert org.store.all("pushLink") == []


class TestNewProfile:
    """Kiro's guide: after deleting the Kiro profile "you must re-provision the application completely"."""

    def test_nothing_is_provisioned_to_a_new_profile(self, org):
        org.assign("alice")
        org.add_group("Pro", "alice")
        org.push_group("Pro")
        org.push()
        kiro_console.delete_profile(org.kiro, org.profile)
        org.profile = kiro_console.create_profile(org.kiro)["id"]
        endpoint = kiro_console.endpoint(org.server.url, org.profile)
        org.connect(baseUrl=endpoint, token=kiro_console.generate_token(org.kiro, org.profile))
        assert org.push() == []
        org.push(force=True)
        assert org.users() == {}
        (event,) = [event for event in org.events("push_profile") if event["outcome"]["reason"]]
        assert "No user returned for user" in event["outcome"]["reason"]
        assert org.mapping("Pro")["status"] == "ERROR"


class TestPushes:
    def test_touching_an_application_pushes_in_the_background(self, org):
        org.assign("alice")
        pushes = Pushes(org.store)
        pushes.touch(APP)
        assert pushes.wait(60)
        pushes.close()
        assert [*org.users()] == ["alice"]

    def test_touching_an_application_during_a_push_leads_to_another_push(self, org, monkeypatch):
        entered, release, pushed = threading.Event(), threading.Event(), []

        def push(_store: object, app_id: str) -> None:
            pushed.append(app_id)
            entered.set()
            assert release.wait(60)

        monkeypatch.setattr(provisioning, "push", push)
        pushes = Pushes(org.store)
        pushes.touch(APP)
        assert entered.wait(60)
        pushes.touch(APP)
        pushes.touch(APP)
        release.set()
        assert pushes.wait(60)
        assert pushed == [APP, APP]

    def test_closing_does_not_wait_for_the_delay(self, org):
        org.store.set("async_seconds", 600)
        org.assign("alice")
        pushes = Pushes(org.store)
        pushes.touch(APP)
        assert not pushes.wait(0.05)
        pushes.close()
        assert [*org.users()] == ["alice"]
        pushes.touch(APP)
        assert pushes.wait(0)

    def test_catch_up_pushes_every_connected_application(self, org):
        org.assign("alice")
        pushes = Pushes(org.store)
        pushes.catch_up()
        assert pushes.wait(60)
        assert [*org.users()] == ["alice"]

    def test_no_transaction_is_open_during_a_call(self, org, monkeypatch):
        written: list[bool] = []
        create_group = ScimClient.create_group

        def create_during_write(client: ScimClient, name: str) -> str:
            def write() -> None:
                with org.store.transaction():
                    written.append(True)

            other = threading.Thread(target=write)
            other.start()
            other.join(60)
            return create_group(client, name)

        monkeypatch.setattr(ScimClient, "create_group", create_during_write)
        org.add_group("Pro")
        org.push_group("Pro")
        org.push()
        assert written == [True]


class TestExpressions:
    @pytest.mark.parametrize(
        ("expression", "value"),
        [
            ("user.firstName", "Ada"),
            ("user.absent", None),
            ('user.firstName + " " + user.lastName', "Ada Lovelace"),
            ("user.none == null ? 'no' : 'yes'", "no"),
            ("user.firstName != null && user.none != null ? 'both' : 'one'", "one"),
            ("!(user.none == null) || true", True),
            ("String.toUpperCase(user.lastName)", "LOVELACE"),
            ('String.substringBefore(user.email, "@")', "ada"),
            ('String.join("-", user.firstName, user.lastName)', "Ada-Lovelace"),
            ("String.toLowerCase(user.none)", None),
            ("1 + 2", 3),
        ],
    )
    def test_evaluate(self, expression, value):
        assert evaluate(expression, {"user": ADA}) == value

    @pytest.mark.parametrize(
        "expression",
        ["", "user.", "other.firstName", "Time.now()", "user.firstName user.lastName", '"', "(1"],
    )
    def test_an_invalid_expression(self, expression):
        with pytest.raises(ExpressionError, match="Invalid property expression"):
            evaluate(expression, {"user": ADA})
