"""What an Okta admin does, and the result."""

from __future__ import annotations

import re

import pytest
import yaml

from provisioner.sandbox import control
from provisioner.sandbox.kiro import console
from tests.e2e.product import PLAYBOOKS

ORG_KEYS = {"org_url": "${OKTA_ORG_URL}"}


@pytest.fixture
def provider():
    return "okta"


def kiro(product):
    """The newest Kiro profile for Okta: active users by name with their externalId, and groups with their members."""
    with product.sandbox() as sandbox:
        profile = [each for each in console.describe(sandbox.kiro)["profiles"] if each.get("issuer")][-1]
    users = {user["userName"]: user["externalId"] for user in profile["users"] if user["active"]}
    groups = {group["displayName"]: sorted(group["members"]) for group in profile["groups"]}
    return users, groups


def members(product, group):
    """Okta user id by login, of a group's members."""
    with product.sandbox() as sandbox:
        users = {user["id"]: user["profile"]["login"] for user in sandbox.okta.all("user")}
        (found,) = [
            each
            for each in sandbox.okta.all("group")
            if each["profile"]["name"] == group and each["type"] == "OKTA_GROUP"
        ]
    return {users[key]: key for key in found["_members"]}


def changed(product, tmp_path, **changes):
    """The shipped playbook with other top-level keys, in a file."""
    return product.variant(tmp_path / "changed.yaml", **changes)


def on(product, command, file, *options):
    return product(command, file, "--sandbox", "--format", "json", *options)


def test_an_empty_org_becomes_a_complete_integration_through_its_manual_steps(product):
    first = product("apply", product.playbook, "--sandbox")
    assert first.code == 0, first.err
    assert "Plan: 9 to create, 9 waiting for manual steps" in first.err
    done = re.findall(r"performed (\S+)", first.err)
    assert done == [
        "step/kiro-profile",
        "step/kiro-scim-token",
        "step/kiro-domain-fabrikam.example",
        "step/okta-api-integration",
        "step/dns-record-fabrikam.example",
        "step/okta-to-app",
    ]
    assert "created okta-group-push/Kiro-Pro" in first.err
    assert re.search(r"Issuer URI +http://127\.0\.0\.1:\d+/oauth2/aus\w{17}\n", first.out)
    assert re.search(r"Client ID +0oa\w{17}\n", first.out)

    again = product.apply()
    assert again.code == 0
    assert again.json["requests"]["write"] == 0
    assert again.json["done"] == []
    assert product("apply", product.playbook, "--sandbox").out.startswith("Nothing to do")
    assert product.drift().json["in_sync"]
    assert product.doctor().code == 0


def test_requests(product):
    assert sum(product.apply().json["requests"].values()) <= 35
    assert product.apply().json["requests"] == {"read": 13, "write": 0}


def test_only_assigned_users_and_pushed_groups_arrive(applied):
    users, groups = kiro(applied)
    assert users == members(applied, "Kiro-Users")
    assert groups == {"Kiro-Pro": sorted(members(applied, "Kiro-Pro"))}


def test_a_new_member_arrives_and_an_unassigned_one_is_deactivated(applied, tmp_path):
    applied("sandbox", "seed", "--provider", "okta", "--member", "zoe@fabrikam.example")
    assert "zoe@fabrikam.example" in kiro(applied)[0]
    file = changed(applied, tmp_path, groups=[], push=[], safety={"deprovision": True, "max_removals": 1})
    removed = on(applied, "apply", file)
    assert removed.code == 0, removed.err
    with applied.sandbox() as sandbox:
        sandbox.wait_for_pushes(300)
    assert kiro(applied)[0] == {}
    assert on(applied, "apply", file).json["requests"]["write"] == 0


def test_removing_users_from_kiro_is_refused_until_the_playbook_allows_it(applied, tmp_path):
    file = changed(applied, tmp_path, groups=[], push=[])
    refused = on(applied, "apply", file)
    assert refused.code == 5
    assert "safety: deprovision: true" in refused.err
    assert len(kiro(applied)[0]) == 3
    assert applied.doctor().code == 0


def test_apply_stops_at_manual_steps_and_continues_later(product):
    product("sandbox", "set", "console=manual")
    waiting = product("apply", product.playbook, "--sandbox")
    assert waiting.code == 4, waiting.err
    issuer = re.search(r"Issuer URI: (\S+)", waiting.out)[1]
    client_id = re.search(r"Client ID: (\S+)", waiting.out)[1]
    for words in ("Select 'Configure API integration'", "'Test API Credentials'", "'Deactivate Users'"):
        assert words in waiting.out
    again = product.apply()
    assert (again.code, again.json["requests"]["write"]) == (4, 0)
    drift = product.drift()
    assert drift.code == 3  # what waits is not in sync
    assert kiro_is_empty(product)

    product("sandbox", "console", "create-profile", "--client-id", client_id, "--issuer", issuer)
    half = product("sandbox", "console", "okta", "enable-provisioning")
    assert half.code == 0, half.err
    still = product.apply()
    assert still.code == 4
    domain, record = "step/kiro-domain-fabrikam.example", "step/dns-record-fabrikam.example"
    assert [step["address"] for step in still.json["manual_steps"]] == [domain, record, "step/okta-to-app"]
    assert still.json["requests"]["write"] == 0

    product("sandbox", "console", "okta", "to-app", "--create", "--update", "--deactivate")
    added = product("sandbox", "console", "add-domain", "fabrikam.example", "--provider", "okta")
    product.patch.setenv(*added.out.strip().removeprefix("export ").split("=", 1))
    still = product.apply()
    assert (still.code, [step["address"] for step in still.json["manual_steps"]]) == (4, [record])
    name, _, value, _, _ = (
        line.split(":", 1)[-1].split()[0] for line in still.json["manual_steps"][0]["instructions"]
    )
    made = product("sandbox", "console", "create-record", name, value)
    assert made.code == 0, made.err
    assert product.apply().code == 0
    users, groups = kiro(product)
    assert users == members(product, "Kiro-Users")
    assert groups == {"Kiro-Pro": sorted(members(product, "Kiro-Pro"))}
    assert product.apply().json["requests"]["write"] == 0
    assert product.doctor().code == 0


def kiro_is_empty(product):
    with product.sandbox() as sandbox:
        return not any(each["users"] for each in console.describe(sandbox.kiro)["profiles"])


def test_with_searches_that_lag_and_provisioning_that_comes_later(product):
    product("sandbox", "set", "lag_seconds=1", "async_seconds=0.5")
    first = product.apply()
    assert first.code == 0, first.err
    assert product.apply().json["requests"]["write"] == 0
    with product.sandbox() as sandbox:
        sandbox.wait_for_pushes(300)
    assert kiro(product)[0] == members(product, "Kiro-Users")
    product("sandbox", "set", "lag_seconds=0", "async_seconds=0")
    audit = product.doctor()
    assert audit.code == 0, audit.out


def test_handoff_names_the_destination_of_every_value(applied):
    sheet = applied("handoff", applied.playbook, "--sandbox", "--format", "json")
    assert sheet.code == 0
    values = {value["name"]: value for value in sheet.json["values"]}
    assert list(values) == [
        "Issuer URI",
        "Client ID",
        "SCIM endpoint",
        "Access token",
        "Domain",
        "TXT kiro-app-1.fabrikam.example",
    ]
    assert values["Issuer URI"]["destination"].endswith("Issuer URI")
    assert values["SCIM endpoint"]["destination"].endswith("Kiro-SCIM, Provisioning, Integration, Base URL")
    assert values["Access token"]["value"] == "(in Okta already)"


def test_the_scim_application_is_never_written_again(applied, tmp_path, exchanges):
    with applied.sandbox() as sandbox:
        (scim,) = [app["id"] for app in sandbox.okta.all("app") if app["name"] == "amazon_aws_sso"]
    for name in ("okta-attribute-mappings", "okta-push-missing", "okta-redirect-uri-extra"):
        applied("sandbox", "break", name)
    assert applied.apply().code == 0
    assert any(each.method == "PUT" and "/apps/" in each.path for each in exchanges)
    assert not any(each.method == "PUT" and each.path.endswith(f"/apps/{scim}") for each in exchanges)

    file = changed(applied, tmp_path, scim={"label": "Renamed", "id": scim})
    refused = on(applied, "apply", file)
    assert refused.code == 5
    assert "label cannot change" in refused.err


def test_two_applications_of_the_same_label_are_refused_with_their_ids(applied):
    applied("sandbox", "break", "okta-application-ambiguous")
    refused = applied.apply()
    assert refused.code == 5
    with applied.sandbox() as sandbox:
        ids = [app["id"] for app in sandbox.okta.all("app") if app["label"] == "Kiro-OIDC"]
    assert len(ids) == 2
    assert all(key in refused.err for key in ids)


def test_renamed_resources_are_found_by_their_marker_and_not_created_again(applied):
    before = applied.apply().json["handoff"]
    with applied.sandbox() as sandbox:
        for kind, name, new in (("app", "label", "Old"), ("authorizationServer", "name", "Old")):
            (found,) = [each for each in sandbox.okta.all(kind) if each.get(name) in ("Kiro-OIDC", "Kiro")]
            sandbox.okta.put(kind, found["id"], {**found, name: new})
    drift = applied.drift()
    assert drift.code == 3
    (change,) = [each for each in drift.json["plans"][0]["changes"] if each["action"] == "update"]
    assert change["fields"] == [{"name": "label", "before": "Old", "after": "Kiro-OIDC"}]
    again = applied.apply()
    assert again.json["requests"]["write"] == 1
    assert again.json["handoff"][:2] == before[:2]
    assert applied.apply().json["requests"]["write"] == 0


def test_two_playbooks_do_not_share_an_authorization_server(applied, tmp_path):
    file = changed(applied, tmp_path, name="other", application={"label": "Other"}, scim=None, push=None)
    refused = on(applied, "apply", file)
    assert refused.code == 5
    assert "belongs to another playbook: it carries the marker provisioner-kiro-okta" in refused.err


def test_destroy_deactivates_purge_deletes_and_apply_creates_again(applied, tmp_path):
    refused = applied("destroy", applied.playbook, "--sandbox")
    assert refused.code == 5
    assert "removes all the users that it provisions from Kiro" in refused.err
    file = changed(applied, tmp_path, safety={"deprovision": True})
    before = on(applied, "apply", file).json["handoff"]
    off = on(applied, "destroy", file)
    assert off.code == 0, off.err
    with applied.sandbox() as sandbox:
        states = {app["label"]: app["status"] for app in sandbox.okta.all("app")}
    assert states["Kiro-OIDC"] == states["Kiro-SCIM"] == "INACTIVE"
    assert on(applied, "destroy", file).json["requests"]["write"] == 0
    back = on(applied, "apply", file)
    assert back.code == 0, back.err
    assert back.json["handoff"][:2] == before[:2]
    assert on(applied, "destroy", file, "--purge").code == 0
    with applied.sandbox() as sandbox:
        assert not [app for app in sandbox.okta.all("app") if app["label"].startswith("Kiro-")]
        assert [each["name"] for each in sandbox.okta.all("authorizationServer")] == ["default"]
    assert on(applied, "apply", file).code == 0
    assert on(applied, "apply", file).json["requests"]["write"] == 0


def test_destroy_keeps_unmanaged_resources(applied, tmp_path):
    file = changed(applied, tmp_path, unmanaged=[{"resource": "okta-scim-application/*"}])
    gone = on(applied, "destroy", file, "--purge")
    assert gone.code == 0, gone.err
    assert not [warning for warning in gone.json["warnings"] if "unmanaged" in warning]
    with applied.sandbox() as sandbox:
        states = {app["label"]: app["status"] for app in sandbox.okta.all("app")}
    assert states["Kiro-SCIM"] == "ACTIVE"
    assert "Kiro-OIDC" not in states
    assert on(applied, "destroy", file, "--purge").json["done"] == []


def test_an_authentication_policy_is_assigned_and_kept(applied, tmp_path):
    application = {"label": "Kiro-OIDC", "authentication_policy": "Any two factors"}
    with applied.sandbox() as sandbox:
        (app,) = [each for each in sandbox.okta.all("app") if each["label"] == "Kiro-OIDC"]
        sandbox.okta.put("app", app["id"], {**app, "_policyId": "rstSomeOtherOne00000"})
    file = changed(applied, tmp_path, application=application)
    assert on(applied, "apply", file).code == 0
    assert on(applied, "apply", file).json["requests"]["write"] == 0
    missing = changed(applied, tmp_path, application={**application, "authentication_policy": "Nothing"})
    told = on(applied, "apply", missing)
    assert told.code == 1
    assert "there is no authentication policy 'Nothing'" in told.err


def test_users_may_be_assigned_directly_with_a_warning(applied, tmp_path):
    file = changed(applied, tmp_path, users=[{"name": "erin@fabrikam.example"}])
    first = on(applied, "apply", file)
    assert first.code == 0, first.err
    assert any("assigned directly" in warning for warning in first.json["warnings"])
    with applied.sandbox() as sandbox:
        sandbox.wait_for_pushes(300)
    assert "erin@fabrikam.example" in kiro(applied)[0]
    assert on(applied, "apply", file).json["requests"]["write"] == 0


def test_a_group_that_is_assigned_and_pushed_is_warned_about(applied, tmp_path):
    file = changed(applied, tmp_path, push=[{"name": "Kiro-Users"}])
    plan = on(applied, "plan", file)
    assert any("both assigned and pushed" in warning for warning in plan.json["warnings"])


def test_confirmed_manual_steps_are_trusted_with_a_warning(product, tmp_path):
    product("sandbox", "set", "console=manual")
    file = changed(product, tmp_path, scim={"label": "Kiro-SCIM", "manual_steps": "confirmed"}, domains=None)
    applied = on(product, "apply", file)
    assert applied.code == 0, applied.err
    assert any("Okta does not show it" in warning for warning in applied.json["warnings"])
    assert on(product, "apply", file).json["requests"]["write"] == 0
    audit = on(product, "doctor", file, "--check", "okta-api-integration")
    assert audit.json["summary"]["skip"] == 1


# -- real credentials, without --sandbox -----------------------------------------------------------


@pytest.fixture
def real(served, tmp_path):
    """The served sandbox as if it were a real organization, with a service app."""
    product, sandbox = served
    product.playbook = product.variant(tmp_path / "okta.yaml", domains=None)  # no public DNS from here
    client = sandbox.okta_client()
    for name, value in {
        "OKTA_ORG_URL": sandbox.url,
        "OKTA_CLIENT_ID": client["client_id"],
        "OKTA_PRIVATE_KEY": client["private_key"],
    }.items():
        product.patch.setenv(name, value)
    return product, sandbox


def run(product, command, *options):
    return product(command, product.playbook, "--format", "json", *options)


def test_a_service_app_asks_for_no_more_than_it_needs(real, exchanges):
    product, sandbox = real
    first = run(product, "apply", "--yes")
    assert first.code == 4, first.err  # nobody does the steps
    sandbox.okta.set("scopes_granted", [name for name in granted(sandbox) if not name.endswith(".manage")])
    assert run(product, "drift").code == 3
    audit = run(product, "doctor")
    assert audit.code == 3
    assert audit.json["summary"]["error"] == 0
    refused = run(product, "apply", "--yes")
    assert refused.json["requests"]["write"] == 0


def granted(sandbox):
    return list(sandbox.okta.setting("scopes_granted"))


def test_a_missing_scope_is_an_error_before_anything_is_written(real):
    product, sandbox = real
    sandbox.okta.set("scopes_granted", [name for name in granted(sandbox) if name != "okta.apps.manage"])
    refused = run(product, "apply", "--yes")
    assert refused.code == 1
    assert "grant okta.apps.manage" in refused.err
    assert refused.json["requests"]["write"] == 0
    needs = product("permissions", product.playbook, "--format", "json")
    assert needs.code == 3
    assert needs.json["missing"] == [
        "create and configure the applications, and assign groups and users",
    ]


def test_a_scope_that_only_doctor_reads_with_makes_a_check_skip(real):
    product, sandbox = real
    run(product, "apply", "--yes")
    sandbox.okta.set("scopes_granted", [name for name in granted(sandbox) if name != "okta.logs.read"])
    audit = run(product, "doctor")
    skipped = {each["check"]: each for each in audit.json["findings"] if each["status"] == "skip"}
    assert skipped["okta-sign-in-failures"]["permissions"] == ["okta.logs.read"]
    assert audit.json["summary"]["error"] == 0


def test_a_wrong_key_a_wrong_token_and_a_missing_licence_are_different_errors(real):
    product, sandbox = real
    control.configure(sandbox, "api_access_management", "false")
    unlicensed = run(product, "plan")
    assert unlicensed.code == 1
    assert "API Access Management" in unlicensed.err
    assert "request-id" in unlicensed.err
    for name in ("OKTA_CLIENT_ID", "OKTA_PRIVATE_KEY"):
        product.patch.setenv(name, "")
    without = run(product, "plan")
    assert without.code == 2
    assert "there are no credentials" in without.err
    product.patch.setenv("OKTA_API_TOKEN", "canary-wrong-token")
    wrong = run(product, "plan")
    assert wrong.code == 1
    assert "Invalid token" in wrong.err
    assert "check the credentials" in wrong.err
    assert "canary" not in wrong.err + wrong.out
    product.patch.setenv("OKTA_API_TOKEN", sandbox.okta_token())
    control.configure(sandbox, "api_access_management", "true")
    assert run(product, "plan").code == 3


def test_the_sdks_okta_yaml_is_ignored(real, tmp_path):
    product, _ = real
    product.patch.chdir(tmp_path)
    (tmp_path / "stray").mkdir()
    product.patch.chdir(tmp_path / "stray")
    (tmp_path / "stray" / "okta.yaml").write_text(
        "okta: {client: {orgUrl: 'https://attacker.example', token: stolen, proxy: {host: attacker.example}}}",
        encoding="utf-8",
    )
    product.patch.setenv("OKTA_CLIENT_ORGURL", "https://attacker.example")
    product.patch.setenv("OKTA_CLIENT_REQUESTTIMEOUT", "5")
    assert run(product, "plan").code == 3


def test_a_service_app_that_requires_proof_of_possession(real, tmp_path):
    product, sandbox = real
    (app,) = [each for each in sandbox.okta.all("app") if each["label"] == "Provisioner automation"]
    client = {**app["credentials"]["oauthClient"], "dpop_bound_access_tokens": True}
    settings = {**app["settings"]["oauthClient"], "dpop_bound_access_tokens": True}
    sandbox.okta.put(
        "app",
        app["id"],
        {
            **app,
            "credentials": {**app["credentials"], "oauthClient": client},
            "settings": {**app["settings"], "oauthClient": settings},
        },
    )
    refused = run(product, "plan")
    assert refused.code == 1
    assert "set connection: dpop: true" in refused.err
    playbook = yaml.safe_load((PLAYBOOKS / "okta.yaml").read_text(encoding="utf-8"))
    connection = {**playbook["connection"], "dpop": True}
    file = product.variant(tmp_path / "dpop.yaml", connection=connection, domains=None)
    assert product("plan", file, "--format", "json").code == 3
