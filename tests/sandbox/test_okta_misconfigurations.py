"""The catalogue of misconfigurations for Okta: each changes what it says, in a complete org."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provisioner.sandbox import control
from provisioner.sandbox.kiro import console as kiro
from provisioner.sandbox.misconfigurations import NothingToBreakError
from provisioner.sandbox.okta.misconfigurations import MISCONFIGURATIONS
from provisioner.sandbox.store import Document
from tests.sandbox.okta_tenant import OIDC, SCIM, SERVER, Admin, complete
from tests.sandboxes import Sandbox

NAMES = [*MISCONFIGURATIONS]


@pytest.fixture(scope="module")
def complete_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("okta") / "sandbox"
    with Sandbox(home).start() as sandbox:
        complete(sandbox)
    return home


@pytest.fixture
def sandbox(complete_home: Path, tmp_path: Path) -> Iterator[Sandbox]:
    home = Path(shutil.copytree(complete_home, tmp_path / "sandbox"))
    with Sandbox(home).start() as running:
        yield running


class Seen:
    """An org, read independently of those who break it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.okta = sandbox.okta
        self.kiro = sandbox.kiro

    def one(self, kind: str, **members: object) -> Document:
        """The first document with such members; empty when there is none."""
        found = (
            each
            for each in self.okta.all(kind)
            if all(each.get(name) == value for name, value in members.items())
        )
        return next(found, {})

    @property
    def app(self) -> Document:
        return self.one("app", label=OIDC)

    @property
    def oauth(self) -> Document:
        return self.app["settings"]["oauthClient"]

    @property
    def uris(self) -> list[str]:
        return self.oauth["redirect_uris"]

    @property
    def client(self) -> Document:
        return self.app["credentials"]["oauthClient"]

    @property
    def scim(self) -> Document:
        return self.one("app", label=SCIM)

    @property
    def server(self) -> Document:
        return self.one("authorizationServer", name=SERVER)

    @property
    def scope(self) -> Document:
        return self.one("authScope", name="codewhisperer:completions")

    @property
    def policy(self) -> Document:
        return self.one("authPolicy", name="Kiro")

    @property
    def clients(self) -> list[str]:
        return self.policy["conditions"]["clients"]["include"]

    @property
    def rule(self) -> Document:
        return self.one("authRule", name="Kiro")

    @property
    def token(self) -> Document:
        return self.rule["actions"]["token"]

    @property
    def mapped(self) -> Document:
        return next(
            each["properties"] for each in self.okta.all("mapping") if each["target"]["id"] == self.scim["id"]
        )

    @property
    def pushed(self) -> Document:
        return self.one("pushMapping")

    def assigned(self, app: Document, kind: str = "appUser") -> set[str]:
        return {each["id"] for each in self.okta.all(kind) if each["_appId"] == app["id"]}

    def names(self, app: Document) -> set[str]:
        """Names of the groups that are assigned."""
        ids = self.assigned(app, "appGroup")
        return {each["profile"]["name"] for each in self.okta.all("group") if each["id"] in ids}

    def group(self, name: str) -> Document:
        return next(
            (
                each
                for each in self.okta.all("group")
                if each["profile"]["name"] == name and each["type"] != "APP_GROUP"
            ),
            {},
        )

    def failures(self, kind: str) -> list[Document]:
        return [
            each
            for each in self.okta.all("logEvent")
            if each["eventType"] == kind and each["outcome"]["result"] == "FAILURE"
        ]

    def expiring(self) -> bool:
        ends = [str(each.get("expiresAt")) for each in self.okta.all("apiToken")]
        return any((datetime.fromisoformat(end) - datetime.now(UTC)).days < 3 for end in ends)

    def kiro_groups(self) -> list[Document]:
        return [each for profile in kiro.describe(self.kiro)["profiles"] for each in profile["groups"]]


BROKEN: dict[str, Callable[[Seen], bool]] = {
    "okta-licence": lambda s: s.okta.setting("api_access_management") is False,
    "okta-application-missing": lambda s: not s.app,
    "okta-application-ambiguous": lambda s: sum(a["label"] == OIDC for a in s.okta.all("app")) == 2,
    "okta-application-inactive": lambda s: s.app["status"] == "INACTIVE",
    "okta-redirect-uri-missing": lambda s: "kiro://kiro.oauth/callback" not in s.uris,
    "okta-redirect-uri-extra": lambda s: any("attacker" in uri for uri in s.uris),
    "okta-redirect-uri-kiro-auth": lambda s: "kiro://kiro.auth/callback" in s.uris,
    "okta-redirect-uri-port-2128": lambda s: any(":2128/" in uri for uri in s.uris),
    "okta-redirect-uri-wildcard": lambda s: s.oauth["wildcard_redirect"] != "DISABLED",
    "okta-refresh-token-grant": lambda s: "refresh_token" not in s.oauth["grant_types"],
    "okta-authorization-code-grant": lambda s: "authorization_code" not in s.oauth["grant_types"],
    "okta-extra-grants": lambda s: "implicit" in s.oauth["grant_types"],
    "okta-client-authentication": lambda s: s.client["token_endpoint_auth_method"] != "none",
    "okta-server-missing": lambda s: not s.server and not s.rule and not s.scope,
    "okta-server-inactive": lambda s: s.server["status"] == "INACTIVE",
    "okta-issuer": lambda s: s.server["issuerMode"] == "CUSTOM_URL" and bool(s.one("domain")),
    "okta-dynamic-issuer": lambda s: s.server["issuerMode"] == "DYNAMIC" and bool(s.one("domain")),
    "okta-scopes-missing": lambda s: not s.scope,
    "okta-scope-consent": lambda s: s.scope["consent"] == "REQUIRED",
    "okta-scope-default": lambda s: s.scope["default"] is True,
    "okta-policy-inactive": lambda s: s.policy["status"] == "INACTIVE",
    "okta-policy-client": lambda s: s.client["client_id"] not in s.clients and bool(s.clients),
    "okta-policy-all-clients": lambda s: s.clients == ["ALL_CLIENTS"],
    "okta-policy-shadowed": lambda s: s.policy["priority"] == 2,
    "okta-rule-inactive": lambda s: s.rule["status"] == "INACTIVE",
    "okta-rule-grant": lambda s: "authorization_code" not in s.rule["conditions"]["grantTypes"]["include"],
    "okta-rule-scopes": lambda s: "offline_access" not in s.rule["conditions"]["scopes"]["include"],
    "okta-rule-any-scope": lambda s: s.rule["conditions"]["scopes"]["include"] == ["*"],
    "okta-rule-people": lambda s: "EVERYONE" not in s.rule["conditions"]["people"]["groups"]["include"],
    "okta-rule-lifetimes": lambda s: (
        s.token["refreshTokenWindowMinutes"] < s.token["accessTokenLifetimeMinutes"]
    ),
    "okta-key-rotation": lambda s: s.server["credentials"]["signing"]["rotationMode"] == "MANUAL",
    "okta-token-expiry": lambda s: s.expiring(),
    "okta-group-missing": lambda s: not s.group("Kiro-Users"),
    "okta-group-not-assigned": lambda s: not s.names(s.app) and not s.assigned(s.app),
    "okta-everyone-assigned": lambda s: "Everyone" in s.names(s.app) and len(s.assigned(s.app)) > 3,
    "okta-user-not-in-oidc-app": lambda s: bool(s.assigned(s.scim) - s.assigned(s.app)),
    "okta-user-not-in-scim-app": lambda s: bool(s.assigned(s.app) - s.assigned(s.scim)),
    "okta-inactive-users": lambda s: any(
        each["status"] == "SUSPENDED" for each in s.okta.all("appUser") if each["_appId"] == s.scim["id"]
    ),
    "okta-scim-application-missing": lambda s: not s.scim and not s.one("appConnection"),
    "okta-scim-application-inactive": lambda s: s.scim["status"] == "INACTIVE",
    "okta-api-integration": lambda s: s.scim["features"] == [],
    "okta-create-users": lambda s: "PUSH_NEW_USERS" not in s.scim["features"],
    "okta-deactivate-users": lambda s: "PUSH_USER_DEACTIVATION" not in s.scim["features"],
    "okta-attribute-mappings": lambda s: "department" in s.mapped,
    "okta-assigned-and-pushed": lambda s: "Kiro-Pro" in s.names(s.scim),
    "okta-push-missing": lambda s: not s.pushed and len(s.kiro_groups()) == 1,
    "okta-push-error": lambda s: s.pushed["status"] == "ERROR" and "Unauthorized" in s.pushed["errorSummary"],
    "okta-push-members": lambda s: bool(set(s.group("Kiro-Pro")["_members"]) - s.assigned(s.scim)),
    "okta-sync-errors": lambda s: any(each["syncState"] == "ERROR" for each in s.okta.all("appUser")),
    "okta-provisioning-failures": lambda s: bool(s.failures("application.provision.user.push_profile")),
    "okta-sign-in-failures": lambda s: bool(s.failures("app.oauth2.as.authorize")),
}


def test_a_complete_org_has_arrived_in_kiro(sandbox):
    profile = next(each for each in kiro.describe(sandbox.kiro)["profiles"] if "issuer" in each)
    users = {each["userName"].partition("@")[0]: each for each in profile["users"]}
    assert {*users} == {"alice", "bob", "carol"}
    assert all(each["active"] and each["externalId"].startswith("00u") for each in users.values())
    (group,) = profile["groups"]
    assert group["displayName"] == "Kiro-Pro"
    assert sorted(group["members"]) == ["alice@fabrikam.example", "bob@fabrikam.example"]
    assert profile["issuer"] == Seen(sandbox).server["issuer"]
    assert profile["clientId"] == Seen(sandbox).client["client_id"]


def test_every_fault_is_tested():
    assert {*BROKEN} == {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_changes_what_it_says(sandbox, name):
    assert not BROKEN[name](Seen(sandbox))
    control.misconfigure(sandbox, name)
    assert BROKEN[name](Seen(sandbox))


@pytest.mark.parametrize("name", NAMES)
def test_the_api_can_still_show_everything(sandbox, name):
    control.misconfigure(sandbox, name)
    admin = Admin(sandbox)
    for app in admin.send("GET", "/apps"):
        for part in ("groups?expand=group", "users?expand=user", "group-push/mappings"):
            admin.send("GET", f"/apps/{app['id']}/{part}")
    for each in admin.send("GET", "/mappings"):
        admin.send("GET", f"/mappings/{each['id']}")
    for part in ("users", "groups", "logs", "domains", "api-tokens"):
        admin.send("GET", f"/{part}")
    for server in [] if name == "okta-licence" else admin.send("GET", "/authorizationServers"):
        base = f"/authorizationServers/{server['id']}"
        admin.send("GET", f"{base}/scopes")
        for policy in admin.send("GET", f"{base}/policies"):
            admin.send("GET", f"{base}/policies/{policy['id']}/rules")
    admin.close()


def test_a_sandbox_that_somebody_else_serves(complete_home, tmp_path):
    home = Path(shutil.copytree(complete_home, tmp_path / "sandbox"))
    with Sandbox(home).start(shared=True), Sandbox(home).start() as attached:
        assert attached.attached
        control.misconfigure(attached, "okta-inactive-users")
        assert BROKEN["okta-inactive-users"](Seen(attached))


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_says_in_one_sentence_what_was_done(name):
    text = control.misconfigurations()[name]
    assert re.fullmatch(r"[A-Z][^.]+(\.[a-z][^.]*)*\.", text), text
    assert len(text) < 120


IN_ANY_ORG = ("okta-licence", "okta-token-expiry")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in IN_ANY_ORG])
def test_a_fault_needs_something_to_be_put_in(name, tmp_path):
    with Sandbox(tmp_path / "sandbox") as fresh, pytest.raises(NothingToBreakError):
        control.misconfigure(fresh, name)


def test_the_application_can_be_chosen(sandbox):
    control.misconfigure(sandbox, "okta-application-inactive", OIDC)
    with pytest.raises(NothingToBreakError):
        control.misconfigure(sandbox, "okta-application-inactive", "Another")
