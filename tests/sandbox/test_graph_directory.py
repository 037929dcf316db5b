"""Groups, users, policies and the rest of the tenant."""

from __future__ import annotations

import uuid

import httpx
import pytest

from provisioner.sandbox.entra import seed
from provisioner.sandbox.entra.graph.documents import security_identifier
from tests.sandbox.graph_fixtures import error_of
from tests.sandboxes import Sandbox

SECURITY_GROUP = {"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True}


def user(graph: httpx.Client, name: str) -> str:
    return str(graph.get(f"/users/{name}@contoso.example").json()["id"])


def reference(sandbox: Sandbox, key: str) -> dict[str, str]:
    return {"@odata.id": f"{sandbox.url}/v1.0/directoryObjects/{key}"}


class TestGroups:
    def test_lifecycle(self, graph):
        created = graph.post("/groups", json=SECURITY_GROUP)
        assert created.status_code == 201
        group = created.json()
        assert group["securityIdentifier"] == security_identifier(group["id"])
        assert not [name for name in group if name.startswith("_")]
        assert graph.patch(f"/groups/{group['id']}", json={"description": "d"}).status_code == 204
        assert graph.get(f"/groups/{group['id']}").json()["description"] == "d"
        assert graph.delete(f"/groups/{group['id']}").status_code == 204
        assert graph.get(f"/groups/{group['id']}").status_code == 404

    @pytest.mark.parametrize("missing", sorted(SECURITY_GROUP))
    def test_required_properties(self, graph, missing):
        body = {name: value for name, value in SECURITY_GROUP.items() if name != missing}
        assert f"'{missing}'" in error_of(graph.post("/groups", json=body))[2]

    @pytest.mark.parametrize(
        "change",
        [
            {"mailNickname": "a b"},
            {"mailNickname": "a@b"},
            {"securityEnabled": False},
            {"mailEnabled": True},
            {"groupTypes": ["DynamicMembership"]},
            {"membershipRule": 'user.department -eq "Sales"'},
            {"colour": "red"},
            {"mail": "a@b.example"},
        ],
    )
    def test_refused(self, graph, change):
        assert graph.post("/groups", json={**SECURITY_GROUP, **change}).status_code == 400

    def test_microsoft_365_groups_have_mail(self, graph):
        body = {**SECURITY_GROUP, "groupTypes": ["Unified"], "mailEnabled": True, "securityEnabled": False}
        group = graph.post("/groups", json=body).json()
        assert group["mail"] == "g@contoso.onmicrosoft.com"

    def test_members_are_added_and_removed_one_by_one(self, graph, sandbox, group_id):
        dan = user(graph, "dan")
        url = f"/groups/{group_id}/members"
        assert graph.post(f"{url}/$ref", json=reference(sandbox, dan)).status_code == 204
        assert dan in [m["id"] for m in graph.get(url).json()["value"]]
        status, _, message = error_of(graph.post(f"{url}/$ref", json=reference(sandbox, dan)))
        assert (status, "already exist" in message) == (400, True)
        assert graph.delete(f"{url}/{dan}/$ref").status_code == 204
        assert graph.delete(f"{url}/{dan}/$ref").status_code == 404
        assert len(graph.get(url).json()["value"]) == 3

    def test_members_must_exist(self, graph, sandbox, group_id):
        url = f"/groups/{group_id}/members/$ref"
        assert graph.post(url, json=reference(sandbox, str(uuid.uuid4()))).status_code == 404
        assert graph.post(url, json={"@odata.id": "alice"}).status_code == 400
        assert graph.post(url, json=reference(sandbox, group_id)).status_code == 400

    def test_casts_and_counts(self, graph, sandbox, group_id):
        nested = graph.post("/groups", json=SECURITY_GROUP).json()["id"]
        graph.post(f"/groups/{group_id}/members/$ref", json=reference(sandbox, nested))
        url = f"/groups/{group_id}/members"
        assert [g["id"] for g in graph.get(f"{url}/microsoft.graph.group").json()["value"]] == [nested]
        assert len(graph.get(f"{url}/microsoft.graph.user").json()["value"]) == 3
        eventual = {"ConsistencyLevel": "eventual"}
        assert graph.get(f"{url}/$count", headers=eventual).text == "4"
        assert graph.get(f"{url}/microsoft.graph.group/$count", headers=eventual).text == "1"
        assert graph.get(f"{url}/$count").status_code == 400
        assert graph.get(f"{url}/microsoft.graph.device").status_code == 400

    def test_transitive_members_and_memberships(self, graph, sandbox, group_id):
        outer = graph.post("/groups", json=SECURITY_GROUP).json()["id"]
        graph.post(f"/groups/{outer}/members/$ref", json=reference(sandbox, group_id))
        graph.post(f"/groups/{group_id}/members/$ref", json=reference(sandbox, outer))
        members = {m["id"] for m in graph.get(f"/groups/{outer}/transitiveMembers").json()["value"]}
        alice = user(graph, "alice")
        assert {alice, group_id, outer} <= members
        assert outer not in {g["id"] for g in graph.get(f"/users/{alice}/memberOf").json()["value"]}
        assert outer in {g["id"] for g in graph.get(f"/users/{alice}/transitiveMemberOf").json()["value"]}
        checked = graph.post(
            f"/users/{alice}/checkMemberGroups", json={"groupIds": [outer, str(uuid.uuid4())]}
        )
        assert checked.json()["value"] == [outer]
        assert set(graph.post(f"/users/{alice}/getMemberGroups", json={}).json()["value"]) >= {
            outer,
            group_id,
        }

    def test_dynamic_groups_follow_their_rule(self, graph, sandbox):
        body = {
            **SECURITY_GROUP,
            "groupTypes": ["DynamicMembership"],
            "membershipRule": "user.accountEnabled -eq true",
        }
        group = graph.post("/groups", json=body).json()
        assert group["membershipRuleProcessingState"] == "On"
        response = graph.post(
            f"/groups/{group['id']}/members/$ref", json=reference(sandbox, user(graph, "dan"))
        )
        assert response.status_code == 400

    def test_security_groups_can_be_restored_with_their_members(self, graph, group_id):
        graph.delete(f"/groups/{group_id}")
        assert graph.post(f"/directory/deletedItems/{group_id}/restore").status_code == 200
        assert len(graph.get(f"/groups/{group_id}/members").json()["value"]) == 3

    def test_upsert_by_unique_name(self, graph):
        url, upsert = "/groups(uniqueName='team-1')", {"Prefer": "create-if-missing"}
        assert graph.patch(url, json=SECURITY_GROUP).status_code == 404
        created = graph.patch(url, json=SECURITY_GROUP, headers=upsert)
        assert (created.status_code, created.json()["uniqueName"]) == (201, "team-1")
        assert graph.patch(url, json={"description": "d"}, headers=upsert).status_code == 204
        assert graph.patch(url, json={"uniqueName": "team-2"}).status_code == 400

    def test_expand(self, graph, group_id):
        response = graph.get(
            f"/groups/{group_id}", params={"$expand": "members($select=id,displayName)"}
        ).json()
        assert {m["displayName"] for m in response["members"]} == {
            "Alice Anders",
            "Bob Bakker",
            "Carol Castro",
        }
        assert set(response["members"][0]) == {"@odata.type", "id", "displayName"}
        assert graph.get(f"/groups/{group_id}", params={"$expand": "friends"}).status_code == 400


NEW_USER = {
    "accountEnabled": True,
    "displayName": "New",
    "mailNickname": "new",
    "userPrincipalName": "new@contoso.example",
    "passwordProfile": {"password": "xWwvJ]6NMw+bWH-d"},
}


class TestUsers:
    def test_lifecycle(self, graph, group_id, sandbox):
        created = graph.post("/users", json=NEW_USER)
        assert created.status_code == 201
        key = created.json()["id"]
        assert graph.post(f"/groups/{group_id}/members/$ref", json=reference(sandbox, key)).status_code == 204
        assert graph.patch("/users/new@contoso.example", json={"department": "Sales"}).status_code == 204
        assert graph.delete(f"/users/{key}").status_code == 204
        assert key not in [m["id"] for m in graph.get(f"/groups/{group_id}/members").json()["value"]]
        graph.post(f"/directory/deletedItems/{key}/restore")
        assert graph.get(f"/users/{key}", params={"$select": "department"}).json()["department"] == "Sales"
        assert key in [m["id"] for m in graph.get(f"/groups/{group_id}/members").json()["value"]]

    def test_the_password_is_not_stored(self, graph, sandbox):
        graph.post("/users", json=NEW_USER)
        assert b"xWwvJ" not in b"".join(p.read_bytes() for p in sandbox.home.glob("entra.db*"))

    @pytest.mark.parametrize(
        "change",
        [
            {"userPrincipalName": "new@elsewhere.example"},
            {"userPrincipalName": "new"},
            {"userPrincipalName": "ALICE@contoso.example"},
            {"displayName": ""},
            {"passwordProfile": None},
            {"proxyAddresses": ["SMTP:x@y.example"]},
        ],
    )
    def test_refused(self, graph, change):
        assert graph.post("/users", json={**NEW_USER, **change}).status_code == 400

    def test_default_properties_only(self, graph):
        response = graph.get("/users/alice@contoso.example").json()
        assert set(response) == {
            "@odata.context",
            "businessPhones",
            "displayName",
            "givenName",
            "id",
            "jobTitle",
            "mail",
            "mobilePhone",
            "officeLocation",
            "preferredLanguage",
            "surname",
            "userPrincipalName",
        }
        selected = graph.get(
            "/users/alice@contoso.example", params={"$select": "accountEnabled,department"}
        ).json()
        assert selected == {
            "@odata.context": selected["@odata.context"],
            "accountEnabled": True,
            "department": "Engineering",
        }

    def test_manager(self, graph, sandbox):
        bob = user(graph, "bob")
        assert graph.get(f"/users/{bob}/manager").json()["id"] == user(graph, "alice")
        assert (
            graph.put(f"/users/{bob}/manager/$ref", json=reference(sandbox, user(graph, "dan"))).status_code
            == 204
        )
        assert graph.get(f"/users/{bob}/manager").json()["id"] == user(graph, "dan")
        assert graph.delete(f"/users/{bob}/manager/$ref").status_code == 204
        assert graph.get(f"/users/{bob}/manager").status_code == 404


class TestTenant:
    def test_organization_domains_and_license(self, graph, sandbox):
        [organization] = graph.get("/organization").json()["value"]
        assert organization["id"] == sandbox.tenant_id
        assert {d["name"] for d in organization["verifiedDomains"]} == {
            "contoso.example",
            "contoso.onmicrosoft.com",
        }
        assert graph.get("/domains/contoso.example").json()["isVerified"] is True
        plans = [p for sku in graph.get("/subscribedSkus").json()["value"] for p in sku["servicePlans"]]
        assert [p["servicePlanName"] for p in plans] == ["AAD_PREMIUM"]

    def test_sign_in_logs_need_a_license(self, graph, sandbox):
        assert graph.get("/auditLogs/signIns").status_code == 200
        for sku in sandbox.directory.all("subscribedSku"):
            sandbox.directory.delete("subscribedSku", sku["id"])
        response = graph.get("/auditLogs/signIns")
        assert error_of(response)[:2] == (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant")
        assert graph.get("/auditLogs/provisioning").status_code == 200

    def test_policies(self, graph):
        assigned = graph.get("/policies/authorizationPolicy").json()["defaultUserRolePermissions"]
        assert assigned["permissionGrantPoliciesAssigned"][0].startswith("ManagePermissionGrantsForSelf.")
        assert graph.get("/policies/adminConsentRequestPolicy").json()["isEnabled"] is False
        restrictions = graph.get("/policies/defaultAppManagementPolicy").json()["applicationRestrictions"]
        assert (
            restrictions["identifierUris"]["uriAdditionWithoutUniqueTenantIdentifier"]["state"] == "enabled"
        )

    def test_objects_by_id(self, graph, group_id):
        alice = user(graph, "alice")
        body = {"ids": [alice, group_id, str(uuid.uuid4())], "types": ["group"]}
        objects = graph.post("/directoryObjects/getByIds", json=body).json()["value"]
        assert [(o["id"], o["@odata.type"]) for o in objects] == [(group_id, "#microsoft.graph.group")]
        assert graph.get(f"/directoryObjects/{alice}").json()["@odata.type"] == "#microsoft.graph.user"
        assert graph.get(f"/directoryObjects/{uuid.uuid4()}").status_code == 404

    def test_conditional_access(self, graph):
        base = "/identity/conditionalAccess/policies"
        body = {
            "displayName": "Block",
            "state": "enabled",
            "conditions": {
                "applications": {"includeApplications": ["All"]},
                "users": {"includeUsers": ["All"]},
                "clientAppTypes": ["all"],
            },
            "grantControls": {"operator": "OR", "builtInControls": ["block"]},
        }
        policy = graph.post(base, json=body).json()
        assert policy["conditions"]["applications"]["excludeApplications"] == []
        assert graph.patch(f"{base}/{policy['id']}", json={"state": "disabled"}).status_code == 204
        updated = graph.get(f"{base}/{policy['id']}").json()
        assert (updated["state"], updated["grantControls"]["builtInControls"]) == ("disabled", ["block"])
        assert graph.post(base, json={**body, "state": "on"}).status_code == 400
        assert graph.post(base, json={**body, "grantControls": None}).status_code == 400
        assert graph.delete(f"{base}/{policy['id']}").status_code == 204
        assert graph.get(base).json()["value"] == []

    def test_deleted_items_need_a_type(self, graph):
        assert graph.get("/directory/deletedItems").status_code == 400
        assert graph.get("/directory/deletedItems/microsoft.graph.device").status_code == 400

    def test_changes_are_in_the_audit_log(self, graph, kiro, sandbox):
        graph.patch(kiro.app_url, json={"notes": "n"})
        graph.patch(kiro.app_url, json={"appId": "refused"})
        graph.delete(kiro.app_url)
        log = graph.get("/auditLogs/directoryAudits").json()["value"]
        assert [e["activityDisplayName"] for e in log] == [
            "Delete application",
            "Update application",
            "Add application",
        ]
        assert {e["targetResources"][0]["id"] for e in log} == {kiro.application["id"]}
        assert {e["initiatedBy"]["app"]["appId"] for e in log} == {sandbox.directory.setting("client_id")}

    def test_a_deployment_of_thousands(self, graph, sandbox):
        seed.populate(sandbox.directory, users=3000, groups=20, members=200)
        users = graph.get(
            "/users", params={"$filter": "startsWith(displayName,'User02')", "$top": "999"}
        ).json()["value"]
        assert len(users) == 999
        group = graph.get("/groups", params={"$filter": "displayName eq 'Team 00010'"}).json()["value"][0][
            "id"
        ]
        page = graph.get(f"/groups/{group}/members").json()
        assert len(page["value"]) == 100
        assert len(graph.get(page["@odata.nextLink"]).json()["value"]) == 100
