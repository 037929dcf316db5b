"""Okta's Admin Console, the human steps played in both consoles, and the commands that steer them."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.cli import main
from provisioner.sandbox import console_actions, control
from provisioner.sandbox.kiro import console as kiro
from provisioner.sandbox.okta import console
from tests.sandbox.okta_org import APP, EVERYTHING, Org
from tests.sandbox.okta_tenant import OIDC, SCIM, STEPS, Admin
from tests.sandboxes import Sandbox


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    """Nothing of its provisioning is set up yet."""
    with Org(tmp_path) as made:
        made.store.delete("appConnection", APP)
        made.features()
        yield made


def enable(org: Org) -> None:
    console.enable_provisioning(org.store, APP, org.endpoint, org.token)


def features(org: Org) -> list[str]:
    return list((org.store.get("app", APP) or {})["features"])


class TestApiIntegration:
    def test_the_credentials_are_tested_as_okta_does(self, org):
        enable(org)
        assert [(each.path, each.query, each.status) for each in org.server.sent] == [
            ("/Users", {"startIndex": "1", "count": "2"}, 200),
            ("/Groups", {"startIndex": "1", "count": "100"}, 200),
        ]
        assert features(org) == ["GROUP_PUSH"]
        assert [each["eventType"] for each in org.events()] == ["application.configuration.update"]

    def test_the_token_is_not_kept_in_clear(self, org):
        enable(org)
        org.store.close()
        kept = b"".join(each.read_bytes() for each in org.store.path.parent.glob("okta.db*"))
        assert org.token.encode() not in kept

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

    def test_another_token_leaves_the_features_alone(self, org):
        enable(org)
        console.set_to_app(org.store, APP, create=True)
        enable(org)
        assert features(org) == ["GROUP_PUSH", "PUSH_NEW_USERS"]

    def test_switching_it_off_takes_everything_along_and_deprovisions_nobody(self, org):
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

    def test_create_users_provisions_those_who_are_assigned(self, org):
        org.assign("alice")
        enable(org)
        assert org.users() == {}
        console.set_to_app(org.store, APP, create=True)
        assert [*org.users()] == ["alice"]

    @pytest.mark.parametrize("action", [console.set_to_app, console.force_sync, console.retry])
    def test_not_without_the_api_integration(self, org, action):
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
        assert [each.method for each in org.server.sent[before:]] == ["GET", "PUT"]


@pytest.fixture(scope="module")
def half_done_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that has an API is set up; nobody has been to a console."""
    home = tmp_path_factory.mktemp("half") / "sandbox"
    with Sandbox(home).start() as sandbox:
        admin = Admin(sandbox)
        admin.authorization(admin.sign_in()["credentials"]["oauthClient"]["client_id"])
        admin.people(admin.provisioning()["id"])
        admin.close()
    return home


@pytest.fixture
def home(half_done_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(half_done_home, tmp_path / "state" / "sandbox"))


@pytest.fixture
def sandbox(home: Path) -> Iterator[Sandbox]:
    with Sandbox(home).start() as running:
        yield running


def arrived(sandbox: Sandbox) -> tuple[set[str], list[str]]:
    """First parts of the names of users, and names of groups, in the Kiro profile for Okta."""
    profile = next(each for each in kiro.describe(sandbox.kiro)["profiles"] if "issuer" in each)
    return (
        {each["userName"].partition("@")[0] for each in profile["users"]},
        [each["displayName"] for each in profile["groups"]],
    )


class TestHumanSteps:
    def test_one_after_the_other(self, sandbox):
        told = [console_actions.perform(sandbox, "okta", step) for step in STEPS]
        assert all(told)
        assert arrived(sandbox) == ({"alice", "bob", "carol"}, ["Kiro-Pro"])

    def test_a_profile_knows_issuer_and_client(self, sandbox):
        console_actions.perform(sandbox, "okta", "kiro-profile")
        (profile,) = [each for each in kiro.describe(sandbox.kiro)["profiles"] if "issuer" in each]
        (server,) = [each for each in sandbox.okta.all("authorizationServer") if not each["default"]]
        assert profile["issuer"] == server["issuer"] == f"{sandbox.url}/oauth2/{server['id']}"
        (app,) = [each for each in sandbox.okta.all("app") if each["label"] == OIDC]
        assert profile["clientId"] == app["credentials"]["oauthClient"]["client_id"]

    def test_again_changes_nothing(self, sandbox):
        for step in STEPS * 2:
            assert console_actions.perform(sandbox, "okta", step)
        profiles = [each for each in sandbox.kiro.all("kiroProfile") if "issuer" in each]
        assert len(profiles) == 1
        assert len(kiro.tokens(sandbox.kiro, profiles[0]["id"])) == 1

    @pytest.mark.parametrize("step", STEPS[1:])
    def test_not_before_its_time(self, sandbox, step):
        assert console_actions.perform(sandbox, "okta", step) is None

    def test_not_in_an_empty_org(self, tmp_path):
        with Sandbox(tmp_path / "empty").start() as empty:
            assert [console_actions.perform(empty, "okta", step) for step in STEPS] == [None] * 4

    def test_nobody_acts_while_the_console_waits_nor_at_an_unknown_step(self, sandbox):
        assert console_actions.perform(sandbox, "okta", "dns-record") is None
        control.configure(sandbox, "console", "manual")
        assert console_actions.perform(sandbox, "okta", "kiro-profile") is None

    def test_entra_keeps_its_own_profile(self, sandbox):
        before = sandbox.variables()["KIRO_SCIM_ENDPOINT"]
        for step in STEPS:
            console_actions.perform(sandbox, "okta", step)
        assert sandbox.variables()["KIRO_SCIM_ENDPOINT"] == before


class TestSteering:
    def test_settings_of_okta(self, sandbox):
        control.configure(sandbox, "okta_deny", "okta.logs.read,okta.apps.manage")
        control.configure(sandbox, "api_access_management", "false")
        control.configure(sandbox, "async_seconds", "0.5")
        shown = {name: value for name, (value, _) in control.settings(sandbox).items()}
        assert shown["okta_deny"] == "okta.apps.manage,okta.logs.read"
        assert shown["api_access_management"] is False
        assert shown["async_seconds"] == 0.5
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
    def test_what_makes_no_sense(self, sandbox, name, value, message):
        with pytest.raises(ValueError, match=message):
            control.configure(sandbox, name, value)

    def test_a_new_member_is_provisioned(self, sandbox):
        for step in STEPS:
            console_actions.perform(sandbox, "okta", step)
        sandbox.vendor("okta").add_member("fred")
        assert "fred" in arrived(sandbox)[0]
        with pytest.raises(ValueError, match="there is no group 'Nobody'"):
            sandbox.vendor("okta").add_member("fred", "Nobody")

    def test_a_new_group(self, sandbox):
        sandbox.vendor("okta").add_group("Kiro Developers")
        groups = {each["profile"]["name"]: each["_members"] for each in sandbox.okta.all("group")}
        assert groups["Kiro Developers"] == groups["Kiro-Users"]

    def test_many(self, sandbox):
        before = len(sandbox.okta.all("user"))
        sandbox.vendor("okta").populate(users=20, groups=2, members=5)
        assert len(sandbox.okta.all("user")) == before + 20
        teams = [each for each in sandbox.okta.all("group") if each["profile"]["name"].startswith("Team")]
        assert [len(each["_members"]) for each in teams] == [5, 5]
        (everyone,) = [each for each in sandbox.okta.all("group") if each["type"] == "BUILT_IN"]
        assert len(everyone["_members"]) == before + 20

    def test_a_cycle_pushes(self, sandbox):
        for step in STEPS:
            console_actions.perform(sandbox, "okta", step)
        user = next(each for each in sandbox.okta.all("user") if each["profile"]["firstName"] == "Alice")
        sandbox.okta.put("user", user["id"], {**user, "status": "SUSPENDED"})
        assert control.run_provisioning(sandbox)[SCIM] == "3 users assigned, 0 in error"
        (profile,) = [each for each in kiro.describe(sandbox.kiro)["profiles"] if "issuer" in each]
        (alice,) = [each for each in profile["users"] if each["userName"].startswith("alice")]
        assert alice["active"] is False


@dataclass
class Told:
    code: int
    out: str
    err: str


Command = Callable[..., Told]


@pytest.fixture
def command(home: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``provisioner sandbox ...`` in the half-done org."""
    monkeypatch.setenv("PROVISIONER_STATE_DIR", str(home.parent))

    def run(*arguments: str, stdin: str = "") -> Told:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(("sandbox", *arguments))
        return Told(int(code), out.getvalue(), err.getvalue())

    return run


def shown(command: Command) -> dict[str, object]:
    told = command("show", "--format", "json")
    assert told.code == 0, told.err
    found: dict[str, object] = json.loads(told.out)
    return found


class TestCommands:
    def test_the_consoles_by_hand(self, command):
        assert command("console", "okta", "enable-provisioning").code == 2
        made = command(
            "console", "create-profile", "--client-id", "c", "--issuer", "http://127.0.0.1/oauth2/a"
        )
        assert made.code == 0, made.err
        enabled = command("console", "okta", "enable-provisioning")
        assert enabled.code == 0, enabled.err
        features = command("console", "okta", "to-app", "--create", "--update", "--no-deactivate")
        assert features.out == "Features: GROUP_PUSH, PUSH_NEW_USERS, PUSH_PROFILE_UPDATES\n"
        for again in ("force-sync", "retry"):
            assert command("console", "okta", again, "--app", SCIM).code == 0
        (profile,) = [each for each in shown(command)["profiles"] if "issuer" in each]
        assert len(profile["users"]) == 3
        assert command("console", "okta", "disable-provisioning").code == 0
        refused = command("console", "okta", "force-sync")
        assert (refused.code, "provisioning is not enabled" in refused.err) == (2, True)

    @pytest.mark.parametrize("how", ["stdin", "env"])
    def test_a_token_of_ones_own(self, command, how, monkeypatch):
        command("console", "create-profile", "--client-id", "c", "--issuer", "i")
        brought = dict(
            line.removeprefix("export ").split("=", 1)
            for line in command("console", "generate-token").out.splitlines()
        )
        url, token = brought["KIRO_SCIM_ENDPOINT"], brought["KIRO_SCIM_TOKEN"]
        monkeypatch.setenv("MY_TOKEN", token)
        options = ["--token-stdin"] if how == "stdin" else ["--token-env", "MY_TOKEN"]
        told = command("console", "okta", "enable-provisioning", "--url", url, *options, stdin=f"{token}\n")
        assert told.code == 0, told.err
        assert token not in told.out + told.err

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
    def test_what_is_refused(self, command, options, message):
        told = command("console", "okta", "enable-provisioning", *options, stdin="token\n")
        assert told.code == 2
        assert message in told.err

    def test_a_profile_is_for_one_provider(self, command):
        told = command("console", "create-profile", "--client-id", "c")
        assert (told.code, "either --tenant-id (Entra) or --issuer (Okta)" in told.err) == (2, True)

    def test_show(self, command):
        told = command("show")
        assert told.code == 0, told.err
        for part in ("Okta org", SCIM, OIDC, "Kiro-Pro", "Entra tenant"):
            assert part in told.out
        org = shown(command)["okta"]
        assert {each["label"] for each in org["applications"]} >= {OIDC, SCIM}
        assert org["client"]["client_id"]

    def test_seed(self, command):
        told = command("seed", "--provider", "okta", "--users", "3", "--group", "G", "--member", "fred")
        assert told.code == 0, told.err
        assert "user" in told.out
        assert command("seed").code == 0

    def test_an_unknown_misconfiguration_and_the_nearest_known_one(self, command):
        told = command("break", "okta-create-user")
        assert (told.code, "did you mean okta-create-users?" in told.err) == (2, True)
        assert "list them" in command("break", "something-else").err

    def test_the_catalogue_is_listed(self, command):
        listed = command("break").out
        assert "okta-push-error" in listed
        assert "entra-token-version" in listed

    def test_a_break(self, command):
        told = command("break", "okta-application-inactive")
        assert (told.code, told.out) == (0, "An admin deactivated the application.\n")
        assert "provisioner doctor" in told.err

    def test_nothing_to_break(self, command, home):
        shutil.rmtree(home)
        told = command("break", "okta-application-inactive")
        assert (told.code, "nothing to break" in told.err) == (2, True)

    def test_set(self, command):
        told = command("set", "okta_deny=okta.logs.read", "api_access_management=false")
        assert told.code == 0, told.err
        assert "okta.logs.read" in told.out

    def test_cycle(self, command):
        assert command("cycle").code == 0
