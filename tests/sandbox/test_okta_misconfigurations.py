"""Okta misconfigurations: each does in a complete org what its description states."""

from __future__ import annotations

import contextlib
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


class ReadOrg:
    """An org, read without the code of the misconfigurations."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.okta = sandbox.okta
        self.kiro = sandbox.kiro

    def first(self, kind: str, **members: object) -> Document:
        """The first document with these members; empty when there is none."""
        matching = (
            document
            for document in self.okta.all(kind)
            if all(document.get(name) == value for name, value in members.items())
        )
        return next(matching, {})

    @property
    def app(self) -> Document:
        return self.first("app", label=OIDC)

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
        return self.first("app", label=SCIM)

    @property
    def server(self) -> Document:
        return self.first("authorizationServer", name=SERVER)

    @property
    def scope(self) -> Document:
        return self.first("authScope", name="codewhisperer:completions")

    @property
    def policy(self) -> Document:
        return self.first("authPolicy", name="Kiro")

    @property
    def clients(self) -> list[str]:
        return self.policy["conditions"]["clients"]["include"]

    @property
    def rule(self) -> Document:
        return self.first("authRule", name="Kiro")

    @property
    def token(self) -> Document:
        return self.rule["actions"]["token"]

    @property
    def mapped(self) -> Document:
        mappings = self.okta.all("mapping")
        return next(m["properties"] for m in mappings if m["target"]["id"] == self.scim["id"])

    @property
    def pushed(self) -> Document:
        return self.first("pushMapping")

    def assigned(self, app: Document, kind: str = "appUser") -> set[str]:
        return {owned["id"] for owned in self.okta.all(kind) if owned["_appId"] == app["id"]}

    def names(self, app: Document) -> set[str]:
        """Names of the groups that are assigned."""
        ids = self.assigned(app, "appGroup")
        return {group["profile"]["name"] for group in self.okta.all("group") if group["id"] in ids}

    def group(self, name: str) -> Document:
        return next(
            (
                group
                for group in self.okta.all("group")
                if group["profile"]["name"] == name and group["type"] != "APP_GROUP"
            ),
            {},
        )

    def failures(self, kind: str) -> list[Document]:
        return [
            event
            for event in self.okta.all("logEvent")
            if event["eventType"] == kind and event["outcome"]["result"] == "FAILURE"
        ]

    def expiring(self) -> bool:
        ends = [str(token.get("expiresAt")) for token in self.okta.all("apiToken")]
        return any((datetime.fromisoformat(end) - datetime.now(UTC)).days < 3 for end in ends)

    def kiro_groups(self) -> list[Document]:
        return [group for profile in kiro.describe(self.kiro)["profiles"] for group in profile["groups"]]


BROKEN: dict[str, Callable[[ReadOrg], bool]] = {
    "okta-licence": lambda org: org.okta.setting("api_access_management") is False,
    "okta-application-missing": lambda org: not org.app,
    "okta-application-ambiguous": lambda org: sum(a["label"] == OIDC for a in org.okta.all("app")) == 2,
    "okta-application-inactive": lambda org: org.app["status"] == "INACTIVE",
    "okta-redirect-uri-missing": lambda org: "kiro://kiro.oauth/callback" not in org.uris,
    "okta-redirect-uri-extra": lambda org: any("attacker" in uri for uri in org.uris),
    "okta-redirect-uri-kiro-auth": lambda org: "kiro://kiro.auth/callback" in org.uris,
    "okta-redirect-uri-port-2128": lambda org: any(":2128/" in uri for uri in org.uris),
    "okta-redirect-uri-wildcard": lambda org: org.oauth["wildcard_redirect"] != "DISABLED",
    "okta-refresh-token-grant": lambda org: "refresh_token" not in org.oauth["grant_types"],
    "okta-authorization-code-grant": lambda org: "authorization_code" not in org.oauth["grant_types"],
    "okta-extra-grants": lambda org: "implicit" in org.oauth["grant_types"],
    "okta-client-authentication": lambda org: org.client["token_endpoint_auth_method"] != "none",
    "okta-server-missing": lambda org: not org.server and not org.rule and not org.scope,
    "okta-server-inactive": lambda org: org.server["status"] == "INACTIVE",
    "okta-issuer": lambda org: org.server["issuerMode"] == "CUSTOM_URL" and bool(org.first("domain")),
    "okta-dynamic-issuer": lambda org: org.server["issuerMode"] == "DYNAMIC" and bool(org.first("domain")),
    "okta-scopes-missing": lambda org: not org.scope,
    "okta-scope-consent": lambda org: org.scope["consent"] == "REQUIRED",
    "okta-scope-default": lambda org: org.scope["default"] is True,
    "okta-policy-inactive": lambda org: org.policy["status"] == "INACTIVE",
    "okta-policy-client": lambda org: org.client["client_id"] not in org.clients and bool(org.clients),
    "okta-policy-all-clients": lambda org: org.clients == ["ALL_CLIENTS"],
    "okta-policy-shadowed": lambda org: org.policy["priority"] == 2,
    "okta-rule-inactive": lambda org: org.rule["status"] == "INACTIVE",
    "okta-rule-grant": lambda org: (
        "authorization_code" not in org.rule["conditions"]["grantTypes"]["include"]
    ),
    "okta-rule-scopes": lambda org: "offline_access" not in org.rule["conditions"]["scopes"]["include"],
    "okta-rule-any-scope": lambda org: org.rule["conditions"]["scopes"]["include"] == ["*"],
    "okta-rule-people": lambda org: "EVERYONE" not in org.rule["conditions"]["people"]["groups"]["include"],
    "okta-rule-lifetimes": lambda org: (
        org.token["refreshTokenWindowMinutes"] < org.token["accessTokenLifetimeMinutes"]
    ),
    "okta-key-rotation": lambda org: org.server["credentials"]["signing"]["rotationMode"] == "MANUAL",
    "okta-token-expiry": lambda org: org.expiring(),
    "okta-group-missing": lambda org: not org.group("Kiro-Users"),
    "okta-group-not-assigned": lambda org: not org.names(org.app) and not org.assigned(org.app),
    "okta-everyone-assigned": lambda org: "Everyone" in org.names(org.app) and len(org.assigned(org.app)) > 3,
    "okta-user-not-in-oidc-app": lambda org: bool(org.assigned(org.scim) - org.assigned(org.app)),
    "okta-user-not-in-scim-app": lambda org: bool(org.assigned(org.app) - org.assigned(org.scim)),
    "okta-inactive-users": lambda org: any(
        user["status"] == "SUSPENDED" for user in org.okta.all("appUser") if user["_appId"] == org.scim["id"]
    ),
    "okta-scim-application-missing": lambda org: not org.scim and not org.first("appConnection"),
    "okta-scim-application-inactive": lambda org: org.scim["status"] == "INACTIVE",
    "okta-api-integration": lambda org: org.scim["features"] == [],
    "okta-create-users": lambda org: "PUSH_NEW_USERS" not in org.scim["features"],
    "okta-deactivate-users": lambda org: "PUSH_USER_DEACTIVATION" not in org.scim["features"],
    "okta-attribute-mappings": lambda org: "department" in org.mapped,
    "okta-assigned-and-pushed": lambda org: "Kiro-Pro" in org.names(org.scim),
    "okta-push-missing": lambda org: not org.pushed and len(org.kiro_groups()) == 1,
    "okta-push-error": lambda org: (
        org.pushed["status"] == "ERROR" and "Unauthorized" in org.pushed["errorSummary"]
    ),
    "okta-push-members": lambda org: bool(set(org.group("Kiro-Pro")["_members"]) - org.assigned(org.scim)),
    "okta-sync-errors": lambda org: any(user["syncState"] == "ERROR" for user in org.okta.all("appUser")),
    "okta-provisioning-failures": lambda org: bool(org.failures("application.provision.user.push_profile")),
    "okta-sign-in-failures": lambda org: bool(org.failures("app.oauth2.as.authorize")),
}


def test_a_complete_org_is_provisioned_to_kiro(sandbox):
    profile = next(profile for profile in kiro.describe(sandbox.kiro)["profiles"] if "issuer" in profile)
    users = {user["userName"].partition("@")[0]: user for user in profile["users"]}
    assert {*users} == {"alice", "bob", "carol"}
    assert all(user["active"] and user["externalId"].startswith("00u") for user in users.values())
    (group,) = profile["groups"]
    assert group["displayName"] == "Kiro-Pro"
    assert sorted(group["members"]) == ["alice@fabrikam.example", "bob@fabrikam.example"]
    assert profile["issuer"] == ReadOrg(sandbox).server["issuer"]
    assert profile["clientId"] == ReadOrg(sandbox).client["client_id"]


def test_every_misconfiguration_is_tested():
    assert {*BROKEN} == {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_misconfiguration_does_what_it_states(sandbox, name):
    assert not BROKEN[name](ReadOrg(sandbox))
    control.misconfigure(sandbox, name)
    assert BROKEN[name](ReadOrg(sandbox))


@pytest.mark.parametrize("name", NAMES)
def test_the_api_still_returns_everything(sandbox, name):
    control.misconfigure(sandbox, name)
    admin = Admin(sandbox)
    for app in admin.send("GET", "/apps"):
        for part in ("groups?expand=group", "users?expand=user", "group-push/mappings"):
            admin.send("GET", f"/apps/{app['id']}/{part}")
    for mapping in admin.send("GET", "/mappings"):
        admin.send("GET", f"/mappings/{mapping['id']}")
    for part in ("users", "groups", "logs", "domains", "api-tokens"):
        admin.send("GET", f"/{part}")
    for server in [] if name == "okta-licence" else admin.send("GET", "/authorizationServers"):
        base = f"/authorizationServers/{server['id']}"
        admin.send("GET", f"{base}/scopes")
        for policy in admin.send("GET", f"{base}/policies"):
            admin.send("GET", f"{base}/policies/{policy['id']}/rules")
    admin.close()


def test_a_sandbox_that_another_process_serves(complete_home, tmp_path):
    home = Path(shutil.copytree(complete_home, tmp_path / "sandbox"))
    with Sandbox(home).start(shared=True), Sandbox(home).start() as attached:
        assert attached.attached
        control.misconfigure(attached, "okta-inactive-users")
        assert BROKEN["okta-inactive-users"](ReadOrg(attached))


IN_ANY_ORG = {"okta-licence", "okta-token-expiry"}


def test_a_fresh_org_has_nothing_to_break(tmp_path):
    applied = []
    with Sandbox(tmp_path / "sandbox") as fresh:
        for name in NAMES:
            with contextlib.suppress(NothingToBreakError):
                control.misconfigure(fresh, name)
                applied.append(name)
    assert {*applied} == IN_ANY_ORG


def test_the_application_can_be_selected(sandbox):
    control.misconfigure(sandbox, "okta-application-inactive", OIDC)
    with pytest.raises(NothingToBreakError):
        control.misconfigure(sandbox, "okta-application-inactive", "Another")
