"""Okta's Admin Console, the console actions in both consoles, and the commands for them."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

import pytest

from provisioner.cli import main
from provisioner.sandbox import console_actions, control, faults
from provisioner.sandbox.kiro import console as kiro
from provisioner.sandbox.okta import console
from tests.sandbox.okta_org import APP, EVERYTHING, Org
from tests.sandbox.okta_tenant import OIDC, SCIM, STEPS, Admin
from tests.sandboxes import Sandbox


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    """An org whose provisioning is not set up."""
    with Org(tmp_path) as org:
        org.store.delete("appConnection", APP)
        org.features()
        yield org


def enable(org: Org) -> None:
    console.enable_provisioning(org.store, APP, org.endpoint, org.token)


def features(org: Org) -> list[str]:
    return list((org.store.get("app", APP) or {})["features"])


class TestApiIntegration:
    def test_the_credentials_are_tested_as_okta_does(self, org):
        enable(org)
        assert [(request.path, request.query, request.status) for request in org.server.sent] == [
            ("/Users", {"startIndex": "1", "count": "2"}, 200),
            ("/Groups", {"startIndex": "1", "count": "100"}, 200),
        ]
        assert features(org) == ["GROUP_PUSH"]
        assert [event["eventType"] for event in org.events()] == ["application.configuration.update"]

    def test_the_token_is_stored_encrypted(self, org):
        enable(org)
        org.store.close()
        content = b"".join(file.read_bytes() for file in org.store.path.parent.glob("okta.db*"))
        assert org.token.encode() not in content

    @pytest.mark.parametrize(
        ("url", "token", "message"),
        [
            ("{endpoint}/", "{token}", "Base URL: Does not match required pattern"),
            ("scim.example.com", "{token}", "Base URL: Does not match required pattern"),
            ("{endpoint}", " ", "API Token: The field cannot be left blank"),
            ("{endpoint}", "wrong", "Error authenticating: Unauthorized"),
            ("{endpoint}/nowhere", "{token}", "Error authenticating: Not Found"),
            ("http://127.0.0.1:1", "{token}", "Error authenticating: .*refused"),
            ("https://scim.example.com", "{token}", "Error authenticating: .*loopback"),
        ],
    )
    def test_what_the_console_refuses(self, org, url, token, message):
        with pytest.raises(console.ConsoleRefusal, match=message):
            console.enable_provisioning(
                org.store, APP, url.format(endpoint=org.endpoint), token.format(token=org.token)
            )
        assert org.store.get("appConnection", APP) is None
        assert features(org) == []

    def test_only_an_application_that_provisions(self, org):
        org.store.put("app", "0oaother", {"id": "0oaother", "name": "oidc_client", "label": "Other"})
        with pytest.raises(console.ConsoleRefusal, match="Other: this application does not support"):
            console.enable_provisioning(org.store, "0oaother", org.endpoint, org.token)
        with pytest.raises(console.ConsoleRefusal, match="There is no application"):
            console.enable_provisioning(org.store, "0oanothing", org.endpoint, org.token)

    def test_another_token_does_not_change_the_features(self, org):
        enable(org)
        console.set_to_app(org.store, APP, create=True)
        enable(org)
        assert features(org) == ["GROUP_PUSH", "PUSH_NEW_USERS"]

    def test_disabling_it_removes_the_features_and_deprovisions_no_one(self, org):
        enable(org)
        console.set_to_app(org.store, APP, create=True, update=True, deactivate=True)
        org.assign("alice")
        org.push()
        console.disable_provisioning(org.store, APP)
        assert features(org) == []
        assert org.store.get("appConnection", APP) is None
        assert org.users()["alice"]["active"] is True


class TestToApp:
    def test_the_three_switches(self, org):
        enable(org)
        console.set_to_app(org.store, APP, create=True, update=True, deactivate=True)
        assert features(org) == [*EVERYTHING]
        console.set_to_app(org.store, APP, update=False)
        assert features(org) == ["GROUP_PUSH", "PUSH_NEW_USERS", "PUSH_USER_DEACTIVATION"]

    def test_create_users_provisions_the_assigned_users(self, org):
        org.assign("alice")
        enable(org)
        assert org.users() == {}
        console.set_to_app(org.store, APP, create=True)
        assert [*org.users()] == ["alice"]

    @pytest.mark.parametrize("action", [console.set_to_app, console.force_sync, console.retry])
    def test_the_api_integration_is_required(self, org, action):
        with pytest.raises(console.ConsoleRefusal, match="provisioning is not enabled"):
            action(org.store, APP)


class TestRepair:
    def test_force_sync_and_retry(self, org):
        enable(org)
        console.set_to_app(org.store, APP, create=True, update=True)
        org.map("department", "user.department")
        org.change_profile("alice", department="Sales")
        org.assign("alice")
        org.push()
        org.change_profile("alice", department=None)
        console.retry(org.store, APP)
        assert [*org.users()] == ["alice"]
        before = len(org.server.sent)
        console.force_sync(org.store, APP)
        assert [request.method for request in org.server.sent[before:]] == ["GET", "PUT"]


@pytest.fixture(scope="module")
def half_done_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that has an API is set up, and no manual step is done."""
    home = tmp_path_factory.mktemp("half") / "sandbox"
    with Sandbox(home).start() as sandbox:
        admin = Admin(sandbox)
        admin.authorization(admin.sign_in()["credentials"]["oauthClient"]["client_id"])
        admin.assign_and_push(admin.provisioning()["id"])
        admin.close()
    return home


@pytest.fixture
def home(half_done_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(half_done_home, tmp_path / "state" / "sandbox"))


@pytest.fixture
def sandbox(home: Path) -> Iterator[Sandbox]:
    with Sandbox(home).start() as running:
        yield running


def okta_profile(sandbox: Sandbox) -> dict[str, Any]:
    """The only Kiro profile for Okta."""
    (profile,) = [profile for profile in kiro.describe(sandbox.kiro)["profiles"] if "issuer" in profile]
    return dict(profile)


def provisioned(sandbox: Sandbox) -> tuple[set[str], list[str]]:
    """First parts of the names of users, and names of groups, in the Kiro profile for Okta."""
    profile = okta_profile(sandbox)
    return (
        {user["userName"].partition("@")[0] for user in profile["users"]},
        [group["displayName"] for group in profile["groups"]],
    )


class TestConsoleActions:
    def test_one_after_the_other(self, sandbox):
        assert all(console_actions.perform(sandbox, "okta", step) for step in STEPS)
        assert provisioned(sandbox) == ({"alice", "bob", "carol"}, ["Kiro-Pro"])

    def test_a_profile_has_issuer_and_client_id(self, sandbox):
        console_actions.perform(sandbox, "okta", "kiro-profile")
        profile = okta_profile(sandbox)
        (server,) = [server for server in sandbox.okta.all("authorizationServer") if not server["default"]]
        assert profile["issuer"] == server["issuer"] == f"{sandbox.url}/oauth2/{server['id']}"
        (app,) = [app for app in sandbox.okta.all("app") if app["label"] == OIDC]
        assert profile["clientId"] == app["credentials"]["oauthClient"]["client_id"]

    def test_a_second_time_nothing_changes(self, sandbox):
        for step in STEPS * 2:
            assert console_actions.perform(sandbox, "okta", step)
        assert len(kiro.tokens(sandbox.kiro, okta_profile(sandbox)["id"])) == 1

    @pytest.mark.parametrize("step", STEPS[1:])
    def test_a_step_that_cannot_be_done_yet(self, sandbox, step):
        assert console_actions.perform(sandbox, "okta", step) is None

    def test_no_step_can_be_done_in_an_empty_org(self, tmp_path):
        with Sandbox(tmp_path / "empty").start() as empty:
            assert [console_actions.perform(empty, "okta", step) for step in STEPS] == [None] * 4

    def test_with_the_manual_console_or_for_an_unknown_step_nothing_is_done(self, sandbox):
        assert console_actions.perform(sandbox, "okta", "dns-record") is None
        control.configure(sandbox, "console", "manual")
        assert console_actions.perform(sandbox, "okta", "kiro-profile") is None

    def test_entra_has_another_profile(self, sandbox):
        before = sandbox.variables()["KIRO_SCIM_ENDPOINT"]
        for step in STEPS:
            console_actions.perform(sandbox, "okta", step)
        assert sandbox.variables()["KIRO_SCIM_ENDPOINT"] == before


class TestControl:
    def test_settings_of_okta(self, sandbox):
        control.configure(sandbox, "okta_deny", "okta.logs.read,okta.apps.manage")
        control.configure(sandbox, "api_access_management", "false")
        control.configure(sandbox, "async_seconds", "0.5")
        values = {name: value for name, (value, _) in control.settings(sandbox).items()}
        assert values["okta_deny"] == "okta.apps.manage,okta.logs.read"
        assert values["api_access_management"] is False
        assert values["async_seconds"] == 0.5
        control.configure(sandbox, "okta_deny", "")
        assert control.settings(sandbox)["okta_deny"][0] == ""

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("okta_deny", "okta.nonsense.read", "not granted in the first place: okta.nonsense.read"),
            ("api_access_management", "no", "expected true or false"),
            ("async_seconds", "-1", "expected a number"),
        ],
    )
    def test_invalid_values(self, sandbox, name, value, message):
        with pytest.raises(ValueError, match=message):
            control.configure(sandbox, name, value)

    def test_a_new_member_is_provisioned(self, sandbox):
        for step in STEPS:
            console_actions.perform(sandbox, "okta", step)
        sandbox.vendors["okta"].add_member("fred")
        assert "fred" in provisioned(sandbox)[0]
        with pytest.raises(ValueError, match="there is no group 'Absent'"):
            sandbox.vendors["okta"].add_member("fred", "Absent")

    def test_a_new_group(self, sandbox):
        sandbox.vendors["okta"].add_group("Kiro Developers")
        groups = {group["profile"]["name"]: group["_members"] for group in sandbox.okta.all("group")}
        assert groups["Kiro Developers"] == groups["Kiro-Users"]

    def test_many_users_and_groups(self, sandbox):
        before = len(sandbox.okta.all("user"))
        sandbox.vendors["okta"].populate(users=20, groups=2, members=5)
        assert len(sandbox.okta.all("user")) == before + 20
        groups = sandbox.okta.all("group")
        teams = [group for group in groups if group["profile"]["name"].startswith("Team")]
        assert [len(team["_members"]) for team in teams] == [5, 5]
        (everyone,) = [group for group in groups if group["type"] == "BUILT_IN"]
        assert len(everyone["_members"]) == before + 20

    def test_provisioning_can_be_run_at_once(self, sandbox):
        for step in STEPS:
            console_actions.perform(sandbox, "okta", step)
        users = sandbox.okta.all("user")
        user = next(user for user in users if user["profile"]["firstName"] == "Alice")
        sandbox.okta.put("user", user["id"], {**user, "status": "SUSPENDED"})
        assert control.run_provisioning(sandbox)[SCIM] == "3 users assigned, 0 in error"
        users = okta_profile(sandbox)["users"]
        (alice,) = [user for user in users if user["userName"].startswith("alice")]
        assert alice["active"] is False


@dataclass
class Result:
    code: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def command(home: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``provisioner sandbox ...`` in the half-done org."""
    monkeypatch.setenv("PROVISIONER_STATE_DIR", str(home.parent))

    def run(*arguments: str, stdin: str = "") -> Result:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(("sandbox", *arguments))
        return Result(int(code), out.getvalue(), err.getvalue())

    return run


def show(command: Command) -> dict[str, Any]:
    result = command("show", "--format", "json")
    assert result.code == 0, result.err
    return dict(json.loads(result.out))


class TestCommands:
    def test_the_consoles(self, command):
        assert command("console", "okta", "enable-provisioning").code == 2
        created = command(
            "console", "create-profile", "--client-id", "c", "--issuer", "http://127.0.0.1/oauth2/a"
        )
        assert created.code == 0, created.err
        enabled = command("console", "okta", "enable-provisioning")
        assert enabled.code == 0, enabled.err
        features = command("console", "okta", "to-app", "--create", "--update", "--no-deactivate")
        assert features.out == "Features: GROUP_PUSH, PUSH_NEW_USERS, PUSH_PROFILE_UPDATES\n"
        for again in ("force-sync", "retry"):
            assert command("console", "okta", again, "--app", SCIM).code == 0
        (profile,) = [profile for profile in show(command)["profiles"] if "issuer" in profile]
        assert len(profile["users"]) == 3
        assert command("console", "okta", "disable-provisioning").code == 0
        refused = command("console", "okta", "force-sync")
        assert (refused.code, "provisioning is not enabled" in refused.err) == (2, True)

    @pytest.mark.parametrize("how", ["stdin", "env"])
    def test_a_given_token(self, command, how, monkeypatch):
        command("console", "create-profile", "--client-id", "c", "--issuer", "i")
        credentials = dict(
            line.removeprefix("export ").split("=", 1)
            for line in command("console", "generate-token").out.splitlines()
        )
        url, token = credentials["KIRO_SCIM_ENDPOINT"], credentials["KIRO_SCIM_TOKEN"]
        monkeypatch.setenv("MY_TOKEN", token)
        options = ["--token-stdin"] if how == "stdin" else ["--token-env", "MY_TOKEN"]
        result = command("console", "okta", "enable-provisioning", "--url", url, *options, stdin=f"{token}\n")
        assert result.code == 0, result.err
        assert token not in result.out + result.err

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--url", "http://127.0.0.1:1"), "go together"),
            (("--token-env", "NOT_SET"), "NOT_SET is not set"),
            (("--token-stdin", "--token-env", "X"), "exclude each other"),
            (("--app", "Nothing"), "no active SCIM application labelled 'Nothing'"),
            (("--url", "http://127.0.0.1:1/", "--token-stdin"), "Does not match required pattern"),
        ],
    )
    def test_refused_options(self, command, options, message):
        result = command("console", "okta", "enable-provisioning", *options, stdin="token\n")
        assert result.code == 2
        assert message in result.err

    def test_a_profile_is_for_one_provider(self, command):
        result = command("console", "create-profile", "--client-id", "c")
        assert (result.code, "either --tenant-id (Entra) or --issuer (Okta)" in result.err) == (2, True)

    def test_show(self, command):
        result = command("show")
        assert result.code == 0, result.err
        for part in ("Okta org", SCIM, OIDC, "Kiro-Pro", "Entra tenant"):
            assert part in result.out
        org = show(command)["okta"]
        assert {app["label"] for app in org["applications"]} >= {OIDC, SCIM}
        assert org["client"]["client_id"]

    def test_seed(self, command):
        result = command("seed", "--provider", "okta", "--users", "3", "--group", "G", "--member", "fred")
        assert result.code == 0, result.err
        assert "user" in result.out
        assert command("seed").code == 0

    def test_an_unknown_misconfiguration_and_a_similar_one(self, command):
        result = command("break", "okta-create-user")
        assert (result.code, "did you mean okta-create-users?" in result.err) == (2, True)
        assert "list them" in command("break", "something-else").err

    def test_the_misconfigurations_are_listed(self, command):
        listed = command("break").out
        assert "okta-push-error" in listed
        assert "entra-token-version" in listed

    def test_a_misconfiguration(self, command):
        result = command("break", "okta-application-inactive")
        assert (result.code, result.out) == (0, "An admin deactivated the application.\n")
        assert "provisioner doctor" in result.err

    def test_nothing_to_break(self, command, home):
        shutil.rmtree(home)
        result = command("break", "okta-application-inactive")
        assert result.code == 2
        assert result.err == (
            "error: nothing to break: there is no application yet\n  next: apply a playbook with --sandbox first\n"
        )

    def test_a_target_that_does_not_exist(self, command):
        result = command("break", "okta-application-inactive", "--target", "Other")
        assert (result.code, "there is no application named 'Other'" in result.err) == (2, True)

    def test_set(self, command):
        result = command("set", "okta_deny=okta.logs.read", "api_access_management=false")
        assert result.code == 0, result.err
        assert "okta.logs.read" in result.out

    def test_cycle(self, command):
        assert command("cycle").out == "Nothing is provisioned yet.\n"
        command("console", "create-profile", "--client-id", "c", "--issuer", "i")
        command("console", "okta", "enable-provisioning")
        assert command("cycle").out.startswith(f"{SCIM}  3 users assigned")

    def test_the_help_lists_the_members_of_a_fault_rule(self, command):
        listed = command("fault", "--help").out
        members = [field.name for field in fields(faults.Rule)]
        assert [name for name in members if not re.search(rf"^    {name} +\S", listed, re.MULTILINE)] == []
        values = [*get_args(faults.Effect), *map(str, faults.STATUSES)]
        assert [value for value in values if value not in listed] == []
