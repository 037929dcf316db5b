"""What an Entra admin does, and the result."""

from __future__ import annotations

import re
import shutil

import pytest

from provisioner.sandbox import console_actions, control
from provisioner.sandbox.kiro import console
from tests.e2e.product import PLAYBOOK


def kiro_users(product):
    """externalId by user name, of the active users in Kiro."""
    with product.sandbox() as sandbox:
        (profile,) = console.describe(sandbox.kiro)["profiles"]
    return {user["userName"]: user["externalId"] for user in profile["users"] if user["active"]}


def object_ids(product, group):
    """Object id by user name, of a group's members in Entra."""
    with product.sandbox() as sandbox:
        users = {user["id"]: user["userPrincipalName"] for user in sandbox.directory.all("user")}
        (found,) = [entry for entry in sandbox.directory.all("group") if entry["displayName"] == group]
    return {users[member]: member for member in found["_members"]}


def test_an_empty_tenant_becomes_a_complete_integration(product):
    first = product("apply", str(PLAYBOOK), "--sandbox")
    assert first.code == 0, first.err
    assert "Plan: 8 to create" in first.err
    assert "created entra-provisioning-status/kiro-entra" in first.err
    assert re.search(r"Application \(client\) ID +[0-9a-f-]{36}", first.out)
    assert "Next: provisioner doctor" in first.err

    again = product.apply()
    assert again.code == 0
    assert again.json["requests"]["write"] == 0
    assert again.json["done"] == []
    assert product("apply", str(PLAYBOOK), "--sandbox").out.startswith("Nothing to do")
    assert product.drift().json["in_sync"]
    assert product.doctor().code == 0


def test_a_first_apply_stays_within_thirty_requests_and_an_idle_one_within_four_rounds(product):
    assert sum(product.apply().json["requests"].values()) <= 30
    assert product.apply().json["requests"] == {"read": 4, "write": 0}


def test_only_members_of_the_group_are_in_kiro_under_their_object_id(applied):
    members = object_ids(applied, "Kiro-Users")
    assert kiro_users(applied) == members
    assert len(members) == 3


def test_a_new_member_appears_after_the_next_cycle(applied):
    applied("sandbox", "seed", "--member", "zoe@contoso.example")
    assert "zoe@contoso.example" not in kiro_users(applied)
    assert applied("sandbox", "cycle").code == 0
    assert kiro_users(applied) == object_ids(applied, "Kiro-Users")
    assert "zoe@contoso.example" in kiro_users(applied)


def test_drift_detects_a_manual_change_and_apply_reverts_it(applied):
    applied("sandbox", "break", "entra-redirect-uri-extra")
    drift = applied.drift()
    assert drift.code == 3
    (plan,) = drift.json["plans"]
    (change,) = [change for change in plan["changes"] if change["action"] == "update"]
    assert change["address"] == "entra-application/kiro-entra"
    assert "https://attacker.example/callback" in change["fields"][0]["before"]
    assert "https://attacker.example/callback" not in change["fields"][0]["after"]
    assert applied.apply().code == 0
    assert applied.drift().code == 0


def test_without_the_kiro_values_apply_does_the_rest_and_prints_the_steps(product):
    product("sandbox", "set", "console=manual")
    waiting = product("apply", str(PLAYBOOK), "--sandbox")
    assert waiting.code == 4, waiting.err
    client_id = re.search(r"Application \(client\) ID +([0-9a-f-]{36})", waiting.out).group(1)
    assert f"Application ID: {client_id}" in waiting.out
    assert "Tenant ID: " in waiting.out
    assert "export KIRO_SCIM_ENDPOINT=" in waiting.out
    assert product.apply().code == 4
    assert product.apply().json["requests"]["write"] == 0
    sheet = product("handoff", str(PLAYBOOK), "--sandbox", "--format", "json")
    assert sheet.code == 4
    assert [step["address"] for step in sheet.json["manual_steps"]] == [
        "step/kiro-profile",
        "step/kiro-scim-token",
        "step/kiro-domain-contoso.example",
        "step/dns-record-contoso.example",
    ]
    with product.sandbox() as sandbox:
        (job,) = sandbox.directory.all("synchronizationJob")
        assert job["schedule"]["state"] != "Active"

    product("sandbox", "console", "create-profile", "--client-id", client_id, "--tenant-id", "t")
    brought = dict(
        line.removeprefix("export ").split("=", 1)
        for line in product("sandbox", "console", "generate-token").out.splitlines()
    )
    for name, value in brought.items():
        product.patch.setenv(name, value)
    product("sandbox", "set", "console=automatic")
    assert product.apply().code == 0
    assert kiro_users(product) == object_ids(product, "Kiro-Users")
    assert product.apply().json["requests"]["write"] == 0


def test_once_connected_the_manual_steps_stay_completed_without_the_variables(applied):
    applied("sandbox", "set", "console=manual")
    with applied.sandbox() as sandbox:
        for token in sandbox.kiro.all("scimToken"):
            sandbox.kiro.delete("scimToken", token["id"])
    drift = applied.drift()
    assert drift.code == 0, drift.out


def test_a_new_token_is_written_and_an_unchanged_one_is_not(applied):
    with applied.sandbox() as sandbox:
        brought = {}
        sandbox.start()
        brought = console_actions.generate_token(sandbox)
    applied.patch.setenv("KIRO_SCIM_ENDPOINT", brought["KIRO_SCIM_ENDPOINT"])
    applied.patch.setenv("KIRO_SCIM_TOKEN", brought["KIRO_SCIM_TOKEN"])
    changed = applied.apply()
    assert changed.code == 0, changed.err
    (change,) = [change for change in changed.json["changes"] if change["action"] == "update"]
    assert change["fields"] == [{"name": "token", "before": "(secret)", "after": "(secret, changed)"}]
    assert applied.apply().json["requests"]["write"] == 0


def test_a_refused_token_is_an_error_before_it_is_stored(applied):
    applied.patch.setenv("KIRO_SCIM_ENDPOINT", "")
    with applied.sandbox() as sandbox:
        sandbox.start()
        endpoint = sandbox.variables()["KIRO_SCIM_ENDPOINT"]
    applied.patch.setenv("KIRO_SCIM_ENDPOINT", endpoint)
    applied.patch.setenv("KIRO_SCIM_TOKEN", "wrong")
    refused = applied.apply()
    assert refused.code == 1
    assert "did not accept these credentials" in refused.err
    assert "generate a new access token" in refused.err
    applied.patch.delenv("KIRO_SCIM_TOKEN")
    assert applied.doctor().code == 0


def test_destroy_and_apply_again_keep_the_client_id(applied):
    before = applied.apply().json["handoff"][0]["value"]
    gone = applied("destroy", str(PLAYBOOK), "--sandbox", "--format", "json")
    assert gone.code == 0, gone.err
    assert [done["address"].partition("/")[0] for done in gone.json["done"]] == [
        "entra-provisioning-status",
        "entra-service-principal",
        "entra-application",
    ]
    assert gone.json["handoff"] == []
    again = applied("destroy", str(PLAYBOOK), "--sandbox")
    assert again.code == 0
    assert "Nothing to do: it is destroyed already" in again.out
    assert "doctor" not in again.err
    assert f"To restore it: provisioner apply {PLAYBOOK} --sandbox" in again.err
    restored = applied.apply()
    assert restored.code == 0, restored.err
    assert restored.json["handoff"][0]["value"] == before
    assert applied.apply().json["requests"]["write"] == 0
    assert applied.doctor().code == 0


@pytest.mark.parametrize("first", [True, False])
def test_destroy_with_purge_leaves_nothing(applied, first):
    if first:
        applied("destroy", str(PLAYBOOK), "--sandbox")
    purged = applied("destroy", str(PLAYBOOK), "--sandbox", "--purge", "--format", "json")
    assert purged.code == 0, purged.err
    assert purged.json["done"][-1]["address"].startswith("entra-deleted-application/")
    with applied.sandbox() as sandbox:
        kept = [
            found for found in sandbox.directory.all("deletedItem") if "application" in found["@odata.type"]
        ]
    assert kept == []
    assert applied.apply().code == 0


def test_an_application_that_was_created_manually_is_adopted(product):
    with product.sandbox() as sandbox:
        from provisioner.sandbox.entra.graph import documents

        application = documents.application("Kiro-Entra", "contoso.example")
        sandbox.directory.put("application", application["id"], application)
    adopted = product.apply()
    assert adopted.code == 0, adopted.err
    assert adopted.json["handoff"][0]["value"] == application["appId"]
    assert product.apply().json["requests"]["write"] == 0


def test_two_applications_of_that_name_are_refused_and_listed(product):
    with product.sandbox() as sandbox:
        from provisioner.sandbox.entra.graph import documents

        made = [documents.application("Kiro-Entra", "contoso.example") for _ in range(2)]
        for application in made:
            sandbox.directory.put("application", application["id"], application)
    refused = product.apply()
    assert refused.code == 5
    assert all(application["appId"] in refused.err for application in made)
    assert "client_id" in refused.err


@pytest.mark.parametrize(
    ("denied", "needs"),
    [
        ("Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"),
        ("AppRoleAssignment.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"),
        ("Synchronization.ReadWrite.All,Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"),
    ],
)
def test_a_missing_permission_is_named_before_anything_is_written(product, denied, needs):
    product("sandbox", "set", f"deny={denied}")
    refused = product.apply()
    assert refused.code == 1
    assert needs in refused.err
    with product.sandbox() as sandbox:
        assert "Kiro-Entra" not in {found["displayName"] for found in sandbox.directory.all("application")}


def test_a_check_that_lacks_a_permission_is_skipped_and_names_it(applied):
    applied("sandbox", "set", "deny=Policy.Read.All,Policy.ReadWrite.ConditionalAccess")
    audit = applied.doctor()
    assert audit.code == 0
    skipped = {finding["check"]: finding for finding in audit.json["findings"] if finding["status"] == "skip"}
    assert set(skipped) == {"entra-conditional-access", "entra-user-consent-disabled"}
    assert all(finding["permissions"] == ["Policy.Read.All"] for finding in skipped.values())


def test_permissions_are_listed_as_granted_or_missing(product):
    product("sandbox", "set", "deny=AuditLog.Read.All")
    listed = product("permissions", str(PLAYBOOK), "--sandbox", "--format", "json")
    assert listed.code == 3
    assert listed.json["missing"] == ["read sign-in errors"]
    assert listed.json["role"] == "Cloud Application Administrator"
    assert "codewhisperer:CreateProfile" in listed.json["aws_policy"]["Statement"][0]["Action"]


def test_credentials_for_another_tenant_are_refused(product, tmp_path):
    """The sandbox stands in for any tenant, so this is told by the playbook's own tenant id."""
    from provisioner.providers.entra.provider import connect, playbook_model

    with product.sandbox() as sandbox:
        sandbox.start()
        playbook = playbook_model().model_validate(
            {
                "version": 1,
                "name": "other",
                "provider": "entra",
                "connection": {"tenant": "11111111-1111-1111-1111-111111111111"},
            }
        )
        from provisioner import engine
        from provisioner.core.errors import RefusedError
        from provisioner.journal import Journal
        from provisioner.providers import SandboxConnection

        access = SandboxConnection(sandbox.url, sandbox.access_token())

        async def work():
            provider = connect(playbook, Journal(tmp_path), lambda _: None, access)
            try:
                planned = await engine.plan(provider)
                await engine.apply(provider, planned, None, engine.ApplyResult())
            finally:
                await provider.close()

        import asyncio

        with pytest.raises(RefusedError, match="the credentials are for tenant"):
            asyncio.run(work())


def test_users_in_a_playbook_are_assigned_with_a_warning(product, tmp_path):
    playbook = tmp_path / "users.yaml"
    playbook.write_text(PLAYBOOK.read_text() + "users:\n  - name: dan@contoso.example\n")
    done = product("apply", str(playbook), "--sandbox", "--format", "json")
    assert done.code == 0, done.err
    assert any("directly" in warning for warning in done.json["warnings"])
    assert "dan@contoso.example" in kiro_users(product)
    assert product("apply", str(playbook), "--sandbox", "--format", "json").json["requests"]["write"] == 0


def test_a_group_removed_from_the_playbook_loses_its_assignment(product, tmp_path):
    playbook = tmp_path / "two.yaml"
    playbook.write_text(PLAYBOOK.read_text() + "  - name: Sales\n")
    assert product("apply", str(playbook), "--sandbox").code == 0
    assert "dan@contoso.example" in kiro_users(product)
    shutil.copy(PLAYBOOK, playbook)
    changed = product("apply", str(playbook), "--sandbox", "--format", "json")
    assert changed.code == 0, changed.err
    assert [done["action"] for done in changed.json["done"]] == ["delete"]
    product("sandbox", "cycle")
    assert "dan@contoso.example" not in kiro_users(product)


def test_removing_many_assignments_at_once_is_refused(product, tmp_path):
    playbook = tmp_path / "many.yaml"
    playbook.write_text(PLAYBOOK.read_text() + "  - name: Sales\n  - name: Engineering\n")
    assert product("apply", str(playbook), "--sandbox").code == 0
    shutil.copy(PLAYBOOK, playbook)
    refused = product("apply", str(playbook), "--sandbox")
    assert refused.code == 5
    assert "2 of 3" in refused.err
    assert product("apply", str(playbook), "--sandbox", "--max-removals", "100%").code == 0


def test_minimal_mapping_leaves_three_attributes(product, tmp_path):
    playbook = tmp_path / "minimal.yaml"
    playbook.write_text(PLAYBOOK.read_text().replace("scim:\n", "scim:\n  mapping: minimal\n"))
    assert product("apply", str(playbook), "--sandbox").code == 0
    with product.sandbox() as sandbox:
        (schema,) = sandbox.directory.all("synchronizationSchema")
    (users,) = [
        mapping
        for rule in schema["synchronizationRules"]
        for mapping in rule["objectMappings"]
        if mapping["sourceObjectName"] == "User"
    ]
    targets = {entry["targetAttributeName"] for entry in users["attributeMappings"]}
    assert targets == {"userName", "externalId", "active"}
    assert product("apply", str(playbook), "--sandbox", "--format", "json").json["requests"]["write"] == 0


def test_admin_consent_is_granted_if_the_playbook_requests_it(product, tmp_path):
    playbook = tmp_path / "consent.yaml"
    playbook.write_text(
        PLAYBOOK.read_text().replace("application:\n", "application:\n  admin_consent: true\n")
    )
    assert product("apply", str(playbook), "--sandbox").code == 0
    with product.sandbox() as sandbox:
        (grant,) = sandbox.directory.all("oauth2PermissionGrant")
    assert set(grant["scope"].split()) == {"codewhisperer:completions", "codewhisperer:conversations"}
    assert product("apply", str(playbook), "--sandbox", "--format", "json").json["requests"]["write"] == 0


def test_a_scope_removed_from_the_playbook_is_removed_in_two_steps(product, tmp_path):
    playbook = tmp_path / "scopes.yaml"
    scopes = "application:\n  scopes: ['codewhisperer:completions', 'codewhisperer:conversations', 'codewhisperer:extra']\n"
    playbook.write_text(PLAYBOOK.read_text().replace("application:\n", scopes))
    assert product("apply", str(playbook), "--sandbox").code == 0
    shutil.copy(PLAYBOOK, playbook)
    changed = product("apply", str(playbook), "--sandbox", "--format", "json")
    assert changed.code == 0, changed.err
    with product.sandbox() as sandbox:
        (application,) = [
            found for found in sandbox.directory.all("application") if found["displayName"] == "Kiro-Entra"
        ]
    values = {scope["value"] for scope in application["api"]["oauth2PermissionScopes"]}
    assert values == {"user_impersonation", "codewhisperer:completions", "codewhisperer:conversations"}


def test_users_synced_with_a_wrong_external_id_are_a_warning(product):
    """Somebody connected Kiro by hand and forgot the attribute mapping."""
    product("sandbox", "set", "console=manual")
    assert product.apply().code == 4
    product("sandbox", "set", "console=automatic")
    with product.sandbox() as sandbox:
        from provisioner.sandbox.entra.misconfigurations import Tenant

        sandbox.start()
        tenant = Tenant(sandbox.directory, sandbox.kiro)
        control.misconfigure(sandbox, "entra-attribute-mapping")
        values = sandbox.variables()
        tenant.change_secrets(
            BaseAddress=values["KIRO_SCIM_ENDPOINT"], SecretToken=values["KIRO_SCIM_TOKEN"], SyncAll="false"
        )
        job = tenant.job
        tenant.change("synchronizationJob", job, schedule={**job["schedule"], "state": "Active"})
        control.run_provisioning(sandbox)
    assert set(kiro_users(product).values()) == {"alice", "bob", "carol"}
    found = product.doctor()
    failed = {finding["check"] for finding in found.json["findings"] if finding["status"] == "fail"}
    assert {"entra-attribute-mapping", "entra-wrong-external-id"} <= failed
    told = product.apply()
    assert any("Kiro does not let it change" in warning for warning in told.json["warnings"])


def test_lagging_replicas_are_waited_for(product):
    product("sandbox", "set", "lag_seconds=0.5")
    done = product.apply()
    assert done.code == 0, done.err
    assert product.apply().json["requests"]["write"] == 0
    assert product.doctor().code == 0


def test_several_playbooks_drift_together(applied, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(
        PLAYBOOK.read_text().replace("kiro-entra", "kiro-second").replace("Kiro-Entra", "Kiro-Second")
    )
    both = applied("drift", str(PLAYBOOK), str(other), "--sandbox", "--format", "json")
    assert both.code == 3
    assert {plan["target"]["name"]: plan["in_sync"] for plan in both.json["plans"]} == {
        "kiro-entra": True,
        "kiro-second": False,
    }


@pytest.mark.parametrize("cloud", ["usgov", "usgov-dod", "china"])
def test_other_clouds_have_other_templates(product, tmp_path, cloud):
    playbook = tmp_path / "cloud.yaml"
    playbook.write_text(PLAYBOOK.read_text().replace("connection:\n", f"connection:\n  cloud: {cloud}\n"))
    assert product("apply", str(playbook), "--sandbox").code == 0
    with product.sandbox() as sandbox:
        (application,) = [
            found for found in sandbox.directory.all("application") if found["displayName"] == "Kiro-Entra"
        ]
    assert application["applicationTemplateId"] != "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
    assert product("drift", str(playbook), "--sandbox").code == 0


def test_a_group_that_is_named_twice_is_refused(product, tmp_path):
    with product.sandbox() as sandbox:
        (group,) = [found for found in sandbox.directory.all("group") if found["displayName"] == "Kiro-Users"]
    playbook = tmp_path / "twice.yaml"
    playbook.write_text(PLAYBOOK.read_text() + f"  - id: {group['id']}\n")
    refused = product("apply", str(playbook), "--sandbox")
    assert refused.code == 5
    assert "are the same group" in refused.err


def test_orphaned_applications_of_interrupted_runs_are_removed(applied):
    with applied.sandbox() as sandbox:
        from provisioner.sandbox.entra.graph import documents

        for number in range(2):
            stray = documents.application(f"provisioner:kiro-entra:new:{number:012}", "contoso.example")
            sandbox.directory.put("application", stray["id"], stray)
    done = applied.apply()
    assert done.code == 0, done.err
    assert [change["action"] for change in done.json["done"]] == ["delete", "delete"]
    assert applied.apply().json["requests"]["write"] == 0
