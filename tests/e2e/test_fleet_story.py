"""Many tenants at once: drift and doctor over folders, errors, waivers, approved plans, snapshots, shards."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from provisioner.reports.building import plan_report
from provisioner.sandbox.okta.management import rate_limits

FORMATS = ("json", "ndjson", "markdown", "sarif", "junit", "github", "gitlab", "csv", "html", "text")


@pytest.fixture
def fleet(applied, tmp_path):
    """A folder with the applied playbook, without domains."""
    folder = tmp_path / "tenants"
    folder.mkdir()
    applied.folder = folder
    applied.playbook = applied.variant(folder / f"{applied.provider}.yaml", domains=None)
    return applied


def drift(product, *arguments):
    return product("drift", *arguments, "--sandbox", "--format", "json")


def statuses(result):
    return {plan["target"]["playbook"].rpartition("/")[2]: plan["in_sync"] for plan in result.json["plans"]}


class TestFleets:
    def test_a_folder_is_read_with_its_subfolders_in_a_stable_order(self, fleet):
        below = fleet.folder / "eu"
        below.mkdir()
        fleet.variant(
            below / "second.yaml", name="kiro-second", application={"display_name": "Second"}, domains=None
        )
        (fleet.folder / "notes.yaml").write_text("no: playbook\n")
        result = drift(fleet, str(fleet.folder))
        assert result.code == 3
        assert statuses(result) == {"entra.yaml": True, "second.yaml": False}
        assert result.json["summary"] == {"in_sync": 1, "drifted": 1, "waived": 0, "errors": 0}

    def test_patterns_and_files_can_be_mixed_and_nothing_is_read_twice(self, fleet):
        result = drift(fleet, str(fleet.folder / "*.yaml"), fleet.playbook, str(fleet.folder))
        assert (result.code, statuses(result)) == (0, {"entra.yaml": True})

    def test_a_pattern_without_playbooks_is_an_error(self, fleet):
        nothing = drift(fleet, str(fleet.folder / "*.json"))
        assert nothing.code == 2
        assert "no playbook in" in nothing.err

    def test_errors_hide_no_other_playbook_and_outweigh_drift(self, fleet):
        fleet.variant(fleet.folder / "b.yaml", name="kiro-b", application={"display_name": "B"}, domains=None)
        (fleet.folder / "broken.yaml").write_text("provider: entra\nversion: 2\n")
        missing = str(fleet.folder / "missing.yaml")
        result = drift(fleet, str(fleet.folder), missing)
        assert result.code == 1
        assert statuses(result) == {"entra.yaml": True, "b.yaml": False}
        told = {failure["playbook"].rpartition("/")[2]: failure for failure in result.json["errors"]}
        assert set(told) == {"broken.yaml", "missing.yaml"}
        assert told["broken.yaml"]["line"]
        assert "No such file" in told["missing.yaml"]["message"]

    def test_unreadable_playbooks_are_reported(self, fleet, monkeypatch):
        (fleet.folder / "gone.yaml").symlink_to(fleet.folder / "nowhere")
        (fleet.folder / "wide.yaml").write_text("provider: entra\n", encoding="utf-16")
        (fleet.folder / "folder.yaml").mkdir()
        closed = fleet.folder / "closed"
        closed.mkdir()
        listed = os.scandir

        def scandir(folder):
            if str(folder) == str(closed):
                raise PermissionError(13, "Permission denied", str(folder))
            return listed(folder)

        monkeypatch.setattr(os, "scandir", scandir)
        result = drift(fleet, str(fleet.folder))
        assert result.code == 1
        assert statuses(result) == {"entra.yaml": True}
        told = {each["playbook"].rpartition("/")[2]: each["message"] for each in result.json["errors"]}
        assert set(told) == {"gone.yaml", "wide.yaml", "closed"}
        assert told["wide.yaml"] == "not UTF-8 text"

    @pytest.mark.parametrize(
        "line", ["provider: entra", '"provider": entra', "'provider' : entra", "provider:"]
    )
    def test_a_file_with_the_key_provider_is_a_playbook(self, fleet, line):
        (fleet.folder / "other.yaml").write_text(f"{line}\n")
        (fleet.folder / "manifest.yaml").write_text("spec:\n  provider: aws\n")
        result = drift(fleet, str(fleet.folder))
        assert [each["playbook"].rpartition("/")[2] for each in result.json["errors"]] == ["other.yaml"]

    def test_a_tenant_that_fails_is_reported_with_the_vendor_s_request_id(self, fleet):
        fleet("sandbox", "fault", json.dumps({"on": "*", "effect": "status", "status": 403, "times": None}))
        result = drift(fleet, str(fleet.folder), str(fleet.folder / "entra.yaml"))
        assert result.code == 1
        (failure,) = result.json["errors"]
        assert failure["request_id"]

    def test_a_tenant_that_is_throttled_is_waited_for(self, fleet):
        for name in ("b", "c", "d"):
            fleet.variant(
                fleet.folder / f"{name}.yaml",
                name=f"kiro-{name}",
                application={"display_name": name},
                domains=None,
            )
        rule = {"on": "*", "effect": "status", "status": 429, "retry_after": 1, "every": 3, "times": 6}
        fleet("sandbox", "fault", json.dumps(rule))
        result = drift(fleet, str(fleet.folder), "--concurrency", "4")
        assert result.code == 3, result.err
        assert statuses(result) == {"entra.yaml": True, "b.yaml": False, "c.yaml": False, "d.yaml": False}

    @pytest.mark.parametrize("provider", ["okta"])
    def test_playbooks_of_one_organization_share_its_rate_limit(self, fleet, provider, monkeypatch):
        monkeypatch.setattr(rate_limits, "WINDOW_SECONDS", 2)
        for name in ("b", "c"):
            fleet.variant(
                fleet.folder / f"{name}.yaml", name=f"kiro-{name}", application={"label": name}, domains=None
            )
        with fleet.sandbox() as sandbox:
            sandbox.okta.set("rate_limits", {"apps": 3})
        result = drift(fleet, str(fleet.folder))
        assert result.code == 3, result.err
        assert statuses(result) == {f"{provider}.yaml": True, "b.yaml": False, "c.yaml": False}
        assert "Okta's rate limit is exhausted" in result.err

    @pytest.mark.parametrize("provider", ["okta"])
    def test_expired_credentials_and_an_unknown_host_hide_no_other_playbook(self, served, tmp_path):
        product, sandbox = served
        connections = {
            "good": (sandbox.url, sandbox.okta_token()),
            "expired": (sandbox.url, "00expired"),
            "away": ("https://okta.invalid", "00unused"),
        }
        for name, (url, token) in connections.items():
            product.patch.setenv(name.upper(), token)
            keys = {"org_url": url, "token": f"${{{name.upper()}}}"}
            product.variant(
                tmp_path / f"{name}.yaml",
                name=f"kiro-{name}",
                connection=keys,
                domains=None,
                scim=None,
                push=None,
            )
        result = product("drift", str(tmp_path / "*.yaml"), "--format", "json")
        assert result.code == 1
        assert statuses(result) == {"good.yaml": False}
        away, expired = sorted(result.json["errors"], key=lambda failure: failure["playbook"])
        assert away["message"].startswith("https://okta.invalid cannot be reached: ")
        assert "HTTPS_PROXY" in away["hint"]
        assert expired["playbook"].endswith("expired.yaml")
        assert expired["message"] == "GET /api/v1/apps: Invalid token provided"
        assert expired["request_id"]
        assert expired["hint"]

    def test_a_bug_with_one_tenant_hides_no_other_playbook(self, fleet, monkeypatch):
        fleet.variant(fleet.folder / "b.yaml", name="kiro-b", application={"display_name": "B"}, domains=None)
        real = plan_report

        def broken(target, *rest):
            if target.name == "kiro-b":
                raise KeyError(target)
            return real(target, *rest)

        monkeypatch.setattr("provisioner.reports.building.plan_report", broken)
        result = drift(fleet, str(fleet.folder))
        assert result.code == 1
        assert statuses(result) == {"entra.yaml": True}
        (failure,) = result.json["errors"]
        assert failure["message"].startswith("this is a bug in provisioner: KeyError at ")

    def test_doctor_accepts_folders(self, fleet):
        (fleet.folder / "broken.yaml").write_text("provider: okta\n")
        result = fleet("doctor", str(fleet.folder), "--sandbox", "--format", "json")
        assert result.code == 1
        assert len(result.json["audits"]) == len(result.json["errors"]) == 1


class TestShards:
    def test_merged_shards_equal_the_report_of_one_run(self, fleet, tmp_path):
        for number in range(5):
            name = f"kiro-{number}"
            fleet.variant(
                fleet.folder / f"{name}.yaml", name=name, application={"display_name": name}, domains=None
            )
        (fleet.folder / "broken.yaml").write_text("provider: okta\n")
        whole = drift(fleet, str(fleet.folder))
        files = []
        for number in (1, 2, 3):
            part = drift(fleet, str(fleet.folder), "--shard", f"{number}/3")
            files.append(tmp_path / f"{number}.json")
            files[-1].write_text(part.out)
        together = fleet("report", "merge", *map(str, reversed(files)), "--format", "json")
        assert together.json == whole.json
        assert together.code == whole.code == 1
        in_part = fleet("report", "merge", str(files[0]), str(files[2]), "--format", "markdown")
        assert in_part.code == 1
        assert "shard 2/3" in in_part.out

    @pytest.mark.parametrize("command", ["drift", "doctor"])
    def test_a_shard_without_playbooks_is_reported(self, fleet, command):
        said = [fleet(command, str(fleet.folder), "--sandbox", "--shard", f"{number}/2") for number in (1, 2)]
        assert [one.code for one in said] == [0, 0]
        assert sum(one.out == "This shard contains no playbooks.\n" for one in said) == 1

    def test_reports_of_drift_and_doctor_cannot_be_merged(self, fleet, tmp_path):
        one, other = tmp_path / "1.json", tmp_path / "2.json"
        one.write_text(fleet.drift().out)
        other.write_text(fleet.doctor().out)
        refused = fleet("report", "merge", str(one), str(other))
        assert refused.code == 2
        assert "cannot be merged" in refused.err

    def test_a_file_that_is_not_a_report_is_refused(self, fleet, tmp_path):
        (tmp_path / "x.json").write_text("{}")
        refused = fleet("report", "merge", str(tmp_path / "x.json"))
        assert refused.code == 2
        assert "not a JSON report" in refused.err


class TestSecurity:
    @pytest.mark.parametrize(
        ("fault", "category"),
        [
            ("entra-redirect-uri-extra", "security"),
            ("entra-assignment-not-required", "security"),
            ("entra-direct-user-assignment", "security"),
            ("entra-profile-recreated", "security"),
            ("entra-client-credentials", "security"),
            ("entra-token-version", "configuration"),
            ("entra-redirect-uri-ide", "configuration"),
        ],
    )
    def test_drift_has_a_category(self, fleet, tmp_path, fault, category):
        fleet.playbook = fleet.variant(fleet.folder / "entra.yaml", domains=None, users=[])
        assert fleet.apply().code == 0
        fleet("sandbox", "break", fault)
        found = fleet.drift()
        (plan,) = found.json["plans"]
        told = [*plan["changes"], *plan["findings"]]
        assert category in {one["category"] for one in told if one.get("category")}
        assert fleet.drift("--fail-on", "security").code == (3 if category == "security" else 0)
        assert fleet.drift("--fail-on", "never").code == 0

    def test_doctor_fails_on_security_only(self, fleet):
        fleet("sandbox", "break", "entra-token-version")
        assert fleet.doctor("--fail-on", "security").code == 0
        fleet("sandbox", "break", "entra-assignment-not-required")
        assert fleet.doctor("--fail-on", "security").code == 3


class TestWaivers:
    def waived(self, fleet, **waiver):
        entry = {"reason": "agreed", "owner": "identity@contoso.example", "expires": "2999-01-01", **waiver}
        fleet.playbook = fleet.variant(fleet.folder / "entra.yaml", domains=None, waivers=[entry])

    def test_waived_drift_is_shown_and_does_not_fail(self, fleet):
        fleet("sandbox", "break", "entra-redirect-uri-extra")
        self.waived(fleet, resource="entra-application/*", fields=["redirect_uris"])
        found = fleet.drift()
        assert found.code == 0
        (change,) = [one for one in found.json["plans"][0]["changes"] if one["action"] == "update"]
        assert change["waiver"] == {
            "reason": "agreed",
            "owner": "identity@contoso.example",
            "expires": "2999-01-01",
            "expired": False,
        }
        assert found.json["summary"]["waived"] == 1
        text = fleet("drift", fleet.playbook, "--sandbox").out
        assert "waived until 2999-01-01: agreed (identity@contoso.example)" in text

    def test_an_expired_waiver_does_not_waive(self, fleet):
        fleet("sandbox", "break", "entra-redirect-uri-extra")
        self.waived(fleet, resource="entra-application/*", expires="2020-01-01")
        assert fleet.drift().code == 3
        assert "expired on 2020-01-01" in fleet("drift", fleet.playbook, "--sandbox").out

    def test_findings_of_doctor(self, fleet):
        fleet("sandbox", "break", "entra-client-credentials")
        self.waived(fleet, check="entra-client-credentials")
        assert fleet.doctor().code == 0
        assert fleet.drift().code == 0


class TestReports:
    def test_one_run_writes_every_format(self, fleet, tmp_path):
        fleet("sandbox", "break", "entra-redirect-uri-extra")
        options = [option for name in FORMATS for option in ("--report", f"{name}={tmp_path / name}")]
        assert fleet.drift(*options).code == 3
        for name in FORMATS:
            assert "attacker.example" in (tmp_path / name).read_text(encoding="utf-8"), name
        sarif = json.loads((tmp_path / "sarif").read_text())
        (result,) = sarif["runs"][0]["results"]
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] > 1

    def test_security_findings_without_a_fix_are_in_the_reports(self, fleet, tmp_path):
        fleet("sandbox", "break", "entra-client-credentials")
        assert fleet.drift("--report", f"sarif={tmp_path / 'sarif'}").code == 3
        (result,) = json.loads((tmp_path / "sarif").read_text())["runs"][0]["results"]
        assert result["ruleId"] == "entra-client-credentials"

    def test_a_file_that_cannot_be_written_is_an_error(self, fleet, tmp_path):
        (tmp_path / "file").touch()
        options = [f"html={tmp_path / 'file' / 'x'}", f"sarif={tmp_path / 'made' / 'x'}"]
        refused = fleet.drift("--report", options[0], "--report", options[1])
        assert refused.code == 2
        assert "cannot write" in refused.err
        assert refused.json["summary"]["in_sync"] == 1
        assert (tmp_path / "made" / "x").exists()

    def test_unmanaged_values_are_listed_on_request_only(self, fleet):
        assert not fleet.drift().json["plans"][0]["unmanaged"]
        listed = fleet.drift("--unmanaged").json["plans"][0]["unmanaged"]
        assert "entra-application/kiro-entra" in {one["address"] for one in listed}


class TestApprovedPlans:
    def plan(self, product, file):
        return product("plan", product.playbook, "--sandbox", "--out", str(file))

    def test_exactly_the_approved_plan_is_applied(self, fleet, tmp_path):
        fleet("sandbox", "break", "entra-token-version")
        file = tmp_path / "plan.json"
        assert self.plan(fleet, file).code == 3
        made = fleet.apply("--plan", str(file))
        assert made.code == 0
        assert [done["address"] for done in made.json["done"]] == ["entra-application/kiro-entra"]

    def test_an_approved_plan_is_refused_if_the_tenant_changed(self, fleet, tmp_path):
        fleet("sandbox", "break", "entra-token-version")
        self.plan(fleet, tmp_path / "plan.json")
        fleet("sandbox", "break", "entra-redirect-uri-extra")
        refused = fleet.apply("--plan", str(tmp_path / "plan.json"))
        assert refused.code == 5
        assert "changed since the plan was made" in refused.err
        assert fleet.drift().code == 3

    def test_a_plan_of_another_playbook_is_refused(self, fleet, tmp_path):
        self.plan(fleet, tmp_path / "plan.json")
        other = fleet.variant(tmp_path / "other.yaml", name="kiro-other", domains=None)
        refused = fleet("apply", other, "--sandbox", "--plan", str(tmp_path / "plan.json"))
        assert refused.code == 5
        assert "has the name 'kiro-entra'" in refused.err

    @pytest.mark.parametrize("text", ["", "{}", "\x00"])
    def test_a_file_that_is_not_a_plan_is_refused(self, fleet, tmp_path, text):
        (tmp_path / "plan.json").write_text(text)
        refused = fleet.apply("--plan", str(tmp_path / "plan.json"))
        assert refused.code == 2
        assert "is not a plan" in refused.err


def people(product):
    """Every name of every user in the directory."""
    with product.sandbox() as sandbox:
        users = [*sandbox.directory.all("user"), *(user["profile"] for user in sandbox.okta.all("user"))]
    fields = ("displayName", "userPrincipalName", "login", "email")
    names = {str(user[field]) for user in users for field in fields if user.get(field)}
    whole = {f"{user['firstName']} {user['lastName']}" for user in users if user.get("firstName")}
    return names | whole


class TestSnapshots:
    @pytest.mark.parametrize(
        "fault", [None, "entra-token-version", "entra-sign-in-errors", "entra-empty-group"]
    )
    def test_an_audit_of_a_saved_snapshot_has_the_same_findings(self, fleet, tmp_path, fault):
        if fault:
            fleet("sandbox", "break", fault)
        live = fleet.doctor("--save-snapshot", str(tmp_path / "s.json"))
        later = fleet.doctor("--from-snapshot", str(tmp_path / "s.json"))
        assert later.code == live.code == (3 if fault else 0)
        assert later.json["findings"] == live.json["findings"]
        assert later.json["audits"][0]["requests"] == {"read": 0, "write": 0}

    @pytest.mark.parametrize(
        ("provider", "fault"),
        [
            ("entra", "entra-direct-user-assignment"),
            ("entra", "entra-provisioning-failures"),
            ("entra", "entra-sign-in-errors"),
            ("entra", "entra-wrong-external-id"),
            ("okta", "okta-user-not-in-scim-app"),
            ("okta", "okta-provisioning-failures"),
            ("okta", "okta-sync-errors"),
            ("okta", "okta-inactive-users"),
            ("okta", "okta-sign-in-failures"),
        ],
    )
    def test_a_scrubbed_snapshot_has_the_same_findings(self, fleet, tmp_path, fault):
        assert fleet("sandbox", "break", fault).code == 0
        live = fleet.doctor("--save-snapshot", str(tmp_path / "s.json"), "--scrub-names")
        text = (tmp_path / "s.json").read_text().lower()
        assert not [name for name in people(fleet) if name.lower() in text]
        later = fleet.doctor("--from-snapshot", str(tmp_path / "s.json"))
        assert later.code == live.code == 3
        assert later.json["summary"] == live.json["summary"]

    def test_several_snapshots_are_a_folder_with_one_file_per_playbook(self, fleet, tmp_path):
        fleet.patch.chdir(tmp_path)
        (fleet.folder / "eu").mkdir()
        for number, file in enumerate(("b.yaml", "b.yml", "eu/b.yaml")):
            fleet.variant(
                fleet.folder / file, name=f"kiro-{number}", application={"display_name": file}, domains=None
            )
        live = drift(fleet, str(fleet.folder), "--save-snapshot", "all")
        saved = sorted(str(file.relative_to("all")) for file in Path("all").rglob("*.json"))
        assert saved == [f"tenants/{name}.json" for name in ("b.yaml", "b.yml", "entra.yaml", "eu/b.yaml")]
        fleet("sandbox", "break", "entra-token-version")
        later = drift(fleet, "tenants", "--from-snapshot", str(tmp_path / "all"))
        told = [[plan["changes"] for plan in result.json["plans"]] for result in (later, live)]
        assert told[0] == told[1]

    def test_a_shard_with_one_playbook_also_writes_a_folder(self, fleet, tmp_path):
        fleet.variant(fleet.folder / "b.yaml", name="kiro-b", application={"display_name": "B"}, domains=None)
        for number in range(1, 4):
            drift(
                fleet, str(fleet.folder), "--save-snapshot", str(tmp_path / "all"), "--shard", f"{number}/3"
            )
        assert len([*(tmp_path / "all").rglob("*.json")]) == 2

    def test_a_snapshot_of_another_integration_is_refused(self, fleet, tmp_path):
        fleet.drift("--save-snapshot", str(tmp_path / "s.json"))
        other = fleet.variant(fleet.folder / "b.yaml", name="kiro-b", domains=None)
        refused = drift(fleet, str(other), "--from-snapshot", str(tmp_path / "s.json"))
        assert refused.code == 2
        assert "the snapshot is of kiro-entra (entra), the playbook is kiro-b (entra)" in refused.err

    def test_checks_of_kinds_that_were_not_saved_are_skipped(self, fleet, tmp_path):
        fleet.drift("--save-snapshot", str(tmp_path / "s.json"))
        later = fleet.doctor("--from-snapshot", str(tmp_path / "s.json"))
        skipped = [one for one in later.json["findings"] if one["status"] == "skip"]
        assert any("the snapshot was saved without it" in one["message"] for one in skipped)

    def test_a_snapshot_cannot_be_fixed(self, fleet, tmp_path):
        fleet.doctor("--save-snapshot", str(tmp_path / "s.json"))
        refused = fleet.doctor("--from-snapshot", str(tmp_path / "s.json"), "--fix")
        assert refused.code == 2


def test_hostile_names_do_no_harm_in_any_format(fleet, tmp_path):
    name = "=cmd|'/c calc'!A1 <script>alert(1)</script> \x1b[31m ::error::x `|` \u202e, \"q\""
    with fleet.sandbox() as sandbox:
        sandbox.vendors["entra"].add_group(name)
        (group,) = [found for found in sandbox.directory.all("group") if found["displayName"] == name]
        principal = sandbox.directory.all("servicePrincipal")
        (kiro,) = [found for found in principal if found["displayName"] == "Kiro-Entra"]
        role = sandbox.directory.all("appRoleAssignment")[-1]
        made = {**role, "id": "hostile", "principalId": group["id"], "principalDisplayName": name}
        sandbox.directory.put(
            "appRoleAssignment", "hostile", {**made, "principalType": "Group", "resourceId": kiro["id"]}
        )
    options = [option for form in FORMATS for option in ("--report", f"{form}={tmp_path / form}")]
    assert fleet.drift(*options).code == 3
    for form in FORMATS:
        text = (tmp_path / form).read_text(encoding="utf-8")
        assert "\x1b" not in text, form
        if form in ("html", "junit"):
            assert "<script>alert(1)" not in text, form
