"""Reading an organization: what is asked for, what it becomes, and what may be missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from provisioner.core.errors import PermissionDeniedError, RefusedError, UnreachableError
from provisioner.core.plan import Action, make_plan
from provisioner.core.retry import RetryPolicy
from provisioner.core.snapshot import Gap, ProblemKind, Snapshot
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.batch import Memory
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.credentials import ApiToken, ServiceApp
from provisioner.providers.okta.reading import Reader
from provisioner.providers.okta.responses import NotLicensedError
from tests.providers.okta.loopback import Loopback, Reply, error, serving
from tests.providers.okta.okta_checks import case

API = "/api/v1"
SERVER = f"{API}/authorizationServers/aus1"
OIDC, SCIM = f"{API}/apps/0oaoidc", f"{API}/apps/0oascim"
SMALL = {"scim": None, "push": None, "groups": None}


def oidc(key: str = "0oaoidc", label: str = "Kiro-OIDC", **more: Any) -> dict[str, Any]:
    client = {"client_id": "client1", "token_endpoint_auth_method": "none"}
    settings = {"oauthClient": {"grant_types": ["authorization_code"]}}
    return {
        "id": key,
        "name": "oidc_client",
        "label": label,
        "status": "ACTIVE",
        "credentials": {"oauthClient": client},
        "settings": settings,
        **more,
    }


def scim(key: str = "0oascim", label: str = "Kiro-SCIM", **more: Any) -> dict[str, Any]:
    return {"id": key, "name": "amazon_aws_sso", "label": label, "status": "ACTIVE", "features": [], **more}


def rule(key: str, name: str) -> dict[str, Any]:
    return {"id": key, "name": name, "status": "ACTIVE", "priority": 1}


def group(key: str, name: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "type": "OKTA_GROUP", "profile": {"name": name}, **more}


def assigned(key: str, name: str) -> dict[str, Any]:
    return {"id": key, "priority": 0, "_embedded": {"group": group(key, name)}}


def user(key: str, name: str, scope: str = "USER", **more: Any) -> dict[str, Any]:
    return {"id": key, "scope": scope, "status": "ACTIVE", "credentials": {"userName": name}, **more}


@pytest.fixture
def server() -> Iterator[Loopback]:
    """An organization with everything the healthy playbook is about."""
    with serving() as loopback:
        listed = {"0oaoidc": oidc(), "0oascim": scim()}

        def apps(asked: Any) -> Reply:
            by_query = "q=Kiro-OIDC" in asked.path
            found = [listed["0oaoidc"], scim("0oasame", "Kiro-OIDC")] if by_query else [listed["0oascim"]]
            return Reply(body=found)

        def groups(asked: Any) -> Reply:
            name = "Kiro-Pro" if "Kiro-Pro" in asked.path else "Kiro-Users"
            return Reply(body=[group(f"00g{name[5:].lower()}", name)])

        loopback.answers("GET", f"{API}/apps", apps)
        loopback.answers("GET", f"{API}/groups", groups)
        for path, body in {
            f"{OIDC}/groups": [assigned("00gusers", "Renamed"), assigned("00gold", "Old")],
            f"{OIDC}/users": [user("00u1", "alice@acme.example"), user("00u2", "bob@acme.example", "GROUP")],
            f"{SCIM}/groups": [assigned("00gusers", "Kiro-Users")],
            f"{SCIM}/users": [user("00u2", "bob@acme.example", syncState="ERROR")],
            f"{SCIM}/group-push/mappings": [
                {"id": "gPm1", "sourceGroupId": "00gpro", "status": "ACTIVE"},
                {"id": "gPm2", "sourceGroupId": "00gold", "status": "ERROR"},
            ],
            f"{API}/mappings": [
                {"id": "prm0", "source": {"type": "appuser"}, "target": {"id": "0oascim"}},
                {"id": "prm9", "source": {"type": "user"}, "target": {"id": "0oaother"}},
                {"id": "prm1", "source": {"type": "user"}, "target": {"id": "0oascim"}},
            ],
            f"{API}/mappings/prm1": {"id": "prm1", "properties": {"department": {}, "email": {}}},
            f"{API}/authorizationServers": [
                {"id": "aus0", "name": "Kiro 2", "status": "ACTIVE"},
                {"id": "aus1", "name": "Kiro", "status": "ACTIVE", "issuer": "i", "audiences": ["kiro"]},
            ],
            f"{SERVER}/scopes": [
                {"id": "scp0", "name": "openid", "system": True},
                {"id": "scp1", "name": "codewhisperer:completions", "system": False, "consent": "IMPLICIT"},
            ],
            f"{SERVER}/policies": [
                {"id": "00p0", "name": "Default Policy", "status": "ACTIVE", "priority": 2},
                {"id": "00p1", "name": "Kiro", "status": "ACTIVE", "priority": 1},
            ],
            f"{SERVER}/policies/00p0/rules": [rule("0pr0", "Default")],
            f"{SERVER}/policies/00p1/rules": [rule("0pr1", "Kiro"), rule("0pr2", "Another")],
            "/oauth2/aus1/.well-known/openid-configuration": {"issuer": "i"},
            f"{API}/logs": [],
            f"{API}/domains": {"domains": [{"domain": "login.acme.com", "validationStatus": "VERIFIED"}]},
            f"{API}/users/me": {"id": "00ume"},
            f"{API}/api-tokens": [
                {"id": "00T1", "name": "mine", "userId": "00ume"},
                {"id": "00T2", "name": "theirs", "userId": "00u1"},
            ],
            f"{API}/groups/00gpro/users": [
                {"id": "00u1", "profile": {"login": "alice@acme.example"}},
                {"id": "00u2", "profile": {"login": "bob@acme.example"}},
            ],
        }.items():
            loopback.answers("GET", path, Reply(body=body))
        yield loopback


def reads(
    server: Loopback, *also: type, memory: Memory | None = None, credentials: Any = None, **playbook: Any
) -> Snapshot:
    """What is read of the healthy playbook, with sections laid over it."""

    async def reading() -> Snapshot:
        org = OktaClient(
            root=server.url,
            credentials=credentials or ApiToken("t"),
            direct=True,
            retry_policy=RetryPolicy(budget=0.05, initial_delay=0.01, max_delay=0.01, consistency_window=0),
        )
        kinds_ = frozenset(kind.kind for kind in also)
        try:
            return await Reader(org, case(playbook=playbook).playbook, memory or Memory(), kinds_).read()
        finally:
            await org.close()

    return asyncio.run(reading())


def instead(server: Loopback, path: str, reply: Reply) -> None:
    server._answers["GET", path].clear()
    server.answers("GET", path, reply)


class TestWhatIsAskedFor:
    def test_the_smallest_playbook_asks_for_the_application_and_the_server(self, server):
        reads(server, **SMALL)
        assert sorted({asked.path.partition("?")[0] for asked in server.asked}) == sorted(
            [
                f"{API}/apps",
                f"{OIDC}/groups",
                f"{API}/authorizationServers",
                f"{SERVER}/policies",
                f"{SERVER}/policies/00p1/rules",
                f"{SERVER}/scopes",
            ]
        )

    def test_a_plan_reads_no_users_that_nobody_listed_and_no_log(self, server):
        reads(server)
        asked = {asked.path.partition("?")[0] for asked in server.asked}
        assert not {path for path in asked if path.endswith("/users") or "logs" in path or "domains" in path}

    def test_nothing_is_written(self, server):
        reads(server, seen.People, seen.ApiToken, seen.UnassignedMembers, seen.OtherRule)
        assert {asked.method for asked in server.asked} == {"GET"}

    def test_what_is_remembered_is_not_looked_up_again(self, server):
        memory = Memory()
        first = reads(server, memory=memory)
        server.asked.clear()
        assert reads(server, memory=memory).by_address == first.by_address
        assert server.requests("GET", f"{API}/groups") == []
        assert server.requests("GET", f"{API}/mappings") == []
        assert len(server.requests("GET", f"{API}/mappings/prm1")) == 1

    def test_a_name_with_quotes_stays_in_its_quotes(self, server):
        reads(server, groups=[{"name": 'a" or profile.name sw "'}], push=None)
        (asked,) = server.requests("GET", f"{API}/groups")
        assert "%5C%22+or+profile.name+sw+%5C%22" in asked.path


class TestTheOrder:
    class Ordered(OktaClient):
        """An organization whose groups of one application are told after those of the other."""

        last: str = ""
        told: asyncio.Event

        async def read_all(self, path: str, *, expects_existing: bool = False) -> list[Any]:
            found = await super().read_all(path, expects_existing=expects_existing)
            if path.startswith((f"{OIDC}/groups", f"{SCIM}/groups")):
                if path.startswith(self.last):
                    await self.told.wait()
                else:
                    self.told.set()
            return found

    def gone(self, server: Loopback, last: str) -> list[str]:
        async def reading() -> Snapshot:
            org = self.Ordered(root=server.url, credentials=ApiToken("t"), direct=True)
            org.last, org.told = last, asyncio.Event()
            try:
                return await Reader(org, wanted.playbook, Memory()).read()
            finally:
                await org.close()

        wanted = case(playbook={"groups": []})
        plan = make_plan(wanted.context.desired_state, asyncio.run(reading()))
        return [change.address for change in plan.pending if change.action is Action.DELETE]

    def test_which_answer_comes_first_decides_nothing(self, server):
        """Two reads of one organization give one plan: apply refuses when its fingerprint has changed."""
        first = self.gone(server, OIDC)
        assert len(first) == 4
        assert first == self.gone(server, SCIM)


class TestWhatItBecomes:
    def test_everything_the_plan_needs_under_its_address(self, server):
        found = reads(server)
        assert {resource.address for resource in found.resources} == {
            "okta-application/kiro",
            "okta-api-access-management/kiro",
            "okta-authorization-server/kiro",
            "okta-scope/codewhisperer:completions",
            "okta-access-policy/kiro",
            "okta-policy-rule/kiro",
            "okta-other-policy/00p0",
            "okta-other-rule/0pr2",
            "okta-group/Kiro-Users",
            "okta-group/Kiro-Pro",
            "okta-group-assignment/Kiro-Users",
            "okta-group-assignment/Old (00gold)",
            "okta-scim-application/kiro",
            "okta-provisioning/kiro",
            "okta-attribute-mapping/kiro",
            "okta-scim-group-assignment/Kiro-Users",
            "okta-group-push/Kiro-Pro",
            "okta-group-push/00gold",
        }
        assert (found.gaps, found.problems) == ((), ())

    def test_the_mapping_is_the_one_from_okta_s_users_to_the_application(self, server):
        mapping = reads(server).require(kinds.ScimAttributeMapping, "kiro")
        assert (mapping.id, mapping.unsupported) == ("prm1", ("department",))

    def test_only_who_is_assigned_directly_is_a_direct_assignment(self, server):
        instead(
            server,
            f"{API}/users/alice",
            Reply(body={"id": "00u1", "profile": {"login": "alice@acme.example"}}),
        )
        server.answers("GET", f"{API}/users/alice", Reply(body={"id": "00u1", "profile": {"login": "a"}}))
        found = reads(server, users=[{"name": "alice"}])
        assert [each.address for each in found.all(kinds.UserAssignment)] == ["okta-user-assignment/alice"]
        assert [each.address for each in found.all(kinds.ScimUserAssignment)] == [
            "okta-scim-user-assignment/bob@acme.example (00u2)"
        ]

    def test_an_audit_compares_the_people(self, server):
        people = reads(server, seen.People).first(seen.People)
        assert people == seen.People(
            key="kiro",
            signing_in=2,
            provisioned=1,
            only_signing_in=("alice@acme.example",),
            only_signing_in_count=1,
            in_error=("bob@acme.example",),
            in_error_count=1,
        )

    def test_members_of_a_pushed_group_that_are_not_provisioned(self, server):
        assert reads(server, seen.UnassignedMembers).all(seen.UnassignedMembers) == (
            seen.UnassignedMembers(
                key="Kiro-Pro", members=2, unassigned=("alice@acme.example",), unassigned_count=1
            ),
        )

    def test_the_rules_of_other_policies_where_they_are_wanted(self, server):
        names = {found.name for found in reads(server, seen.OtherRule).all(seen.OtherRule)}
        assert names == {"Default", "Another"}

    def test_only_our_own_tokens_matter_and_only_where_we_have_one(self, server):
        assert [token.name for token in reads(server, seen.ApiToken).all(seen.ApiToken)] == ["mine"]

    def test_documents_that_are_there(self, server):
        (found,) = reads(server, seen.Discovery).all(seen.Discovery)
        assert found.url == f"{server.url}/oauth2/aus1/.well-known/openid-configuration"

    def test_what_was_failed_and_then_succeeded_is_no_failure(self, server):
        def event(published: str, who: str) -> dict[str, Any]:
            target = [
                {"id": who, "type": "User", "alternateId": who},
                {"id": "0oascim", "type": "AppInstance"},
            ]
            reason = {"reason": "Unauthorized"}
            return {"eventType": "push", "published": published, "target": target, "outcome": reason}

        def log(asked: Any) -> Reply:
            if "FAILURE" in asked.path:
                return Reply(
                    body=[event("2026-11-20T00:00:02Z", "bob"), event("2026-11-20T00:00:01Z", "alice")]
                )
            return Reply(body=[event("2026-11-20T00:00:03Z", "alice")])

        instead(server, f"{API}/logs", log)
        (failure,) = reads(server, seen.ProvisioningFailure).all(seen.ProvisioningFailure)
        assert (failure.count, failure.who) == (1, "bob")


class TestWhatIsMeant:
    def test_nothing_is_there(self, server):
        instead(server, f"{API}/apps", Reply(body=[]))
        instead(server, f"{API}/authorizationServers", Reply(body=[]))
        found = reads(server)
        assert not found.all(kinds.Application)
        assert not found.all(kinds.ScimApplication)
        assert not found.all(kinds.AuthorizationServer)
        assert found.problems == ()

    def test_two_of_one_label(self, server):
        instead(server, f"{API}/apps", Reply(body=[oidc("0oa1"), oidc("0oa2")]))
        found = reads(server, **SMALL)
        assert [problem.kind for problem in found.problems] == [ProblemKind.AMBIGUOUS]
        assert {other.id for other in found.all(seen.OtherApplication)} == {"0oa1", "0oa2"}

    def test_a_pinned_one_is_read_by_its_id(self, server):
        pinned = "0oaaaaaaaaaaaaaaaaaa"
        server.answers("GET", f"{API}/apps/{pinned}", Reply(body=oidc(pinned, "Another")))
        server.answers("GET", f"{API}/apps/{pinned}/groups", Reply(body=[]))
        found = reads(server, **{**SMALL, "application": {"id": pinned}})
        assert found.require(kinds.Application, "kiro").label == "Another"
        assert server.requests("GET", f"{API}/apps") == []

    def test_a_pinned_one_that_is_gone(self, server):
        found = reads(server, **{**SMALL, "application": {"id": "0oaaaaaaaaaaaaaaaaaa"}})
        assert [problem.kind for problem in found.problems] == [ProblemKind.MISSING]

    @pytest.mark.parametrize(
        ("section", "address"), [("application", "okta-application"), ("scim", "okta-scim-application")]
    )
    def test_a_pinned_one_of_another_kind_is_not_taken_for_it(self, server, section, address):
        pinned = "0oaaaaaaaaaaaaaaaaaa"
        other = {"id": pinned, "name": "salesforce", "label": "Kiro-OIDC", "signOnMode": "SAML_2_0"}
        for path, body in {"": other, "/groups": [], "/group-push/mappings": []}.items():
            server.answers("GET", f"{API}/apps/{pinned}{path}", Reply(body=body))
        found = reads(server, **{section: {"id": pinned}})
        assert f"{address}/kiro" not in found.by_address
        assert f"{address}/kiro" in [problem.address for problem in found.problems]

    def test_a_group_that_is_missing_and_one_that_is_ambiguous(self, server):
        instead(server, f"{API}/groups", Reply(body=[group("00g1", "Kiro-Pro"), group("00g2", "Kiro-Pro")]))
        found = reads(server)
        assert {(problem.address, problem.kind) for problem in found.problems} == {
            ("okta-group/Kiro-Users", ProblemKind.MISSING),
            ("okta-group/Kiro-Pro", ProblemKind.AMBIGUOUS),
        }

    def test_the_copy_of_a_group_that_our_application_pushed_is_not_meant(self, server):
        copy = group("00gcopy", "Kiro-Pro", type="APP_GROUP", source={"id": "0oascim"})
        instead(server, f"{API}/groups", Reply(body=[copy, group("00gpro", "Kiro-Pro")]))
        found = reads(server, groups=None)
        assert found.require(kinds.Group, "Kiro-Pro").id == "00gpro"
        assert found.problems == ()

    @pytest.mark.parametrize(
        ("listed", "fault"),
        [
            ([{"id": "rst1", "name": "Strict"}], None),
            ([{"id": "rst1", "name": "Other"}], ProblemKind.MISSING),
        ],
    )
    def test_an_authentication_policy_by_its_name(self, server, listed, fault):
        server.answers("GET", f"{API}/policies", Reply(body=listed))
        found = reads(server, **{**SMALL, "application": {"authentication_policy": "Strict"}})
        assert [problem.kind for problem in found.problems] == ([fault] if fault else [])
        assert bool(found.all(kinds.SignInPolicy)) is not bool(fault)


class TestWhatMayBeMissing:
    DENIED = error(403, "E0000006", "You do not have permission to perform the requested action")
    UNLICENSED = error(401, "E0000015", "You do not have permission to access the feature you are requesting")

    def test_a_plan_cannot_do_without_its_reads(self, server):
        instead(server, f"{OIDC}/groups", self.DENIED)
        with pytest.raises(PermissionDeniedError) as raised:
            reads(server)
        assert raised.value.permissions == ("okta.apps.read",)

    @pytest.mark.parametrize(
        ("path", "kind", "needs"),
        [
            (f"{API}/logs", seen.SignInFailure, ("okta.logs.read",)),
            (f"{API}/logs", seen.ProvisioningFailure, ("okta.logs.read",)),
            (f"{API}/domains", seen.CustomDomain, ("okta.domains.read",)),
            (f"{API}/api-tokens", seen.ApiToken, ("okta.apiTokens.read",)),
        ],
    )
    def test_an_audit_can_and_says_what_would_let_it(self, server, path, kind, needs):
        instead(server, path, self.DENIED)
        gap = reads(server, kind).gap_for(kind.kind)
        assert gap == Gap(
            kind=kind.kind,
            reason=f"GET {path}: You do not have permission to perform the requested action",
            permissions=needs,
        )

    def test_an_outage_is_no_missing_permission(self, server):
        instead(server, f"{API}/logs", Reply(503))
        with pytest.raises(UnreachableError):
            reads(server, seen.SignInFailure)

    def test_without_the_licence_a_plan_says_so(self, server):
        instead(server, f"{API}/authorizationServers", self.UNLICENSED)
        with pytest.raises(NotLicensedError) as raised:
            reads(server)
        assert "API Access Management" in raised.value.hint

    def test_without_the_licence_an_audit_goes_on(self, server):
        instead(server, f"{API}/authorizationServers", self.UNLICENSED)
        found = reads(server, seen.ApiAccessManagement)
        assert found.first(seen.ApiAccessManagement) == seen.ApiAccessManagement(key="kiro", licensed=False)
        assert found.all(kinds.Application)
        unread = {
            kinds.AuthorizationServer,
            kinds.Scope,
            kinds.AccessPolicy,
            kinds.PolicyRule,
            seen.Discovery,
        }
        assert {kind.kind for kind in unread} <= {gap.kind for gap in found.gaps}

    def test_a_service_app_is_no_api_token(self, server):
        class Granted(OktaClient):
            async def _prepared(self, call, body):
                self.credentials = ApiToken("t")
                try:
                    return await super()._prepared(call, body)
                finally:
                    self.credentials = ServiceApp("0oaserviceapp", "k", ())

        async def reading() -> Snapshot:
            org = Granted(root=server.url, credentials=ServiceApp("0oaserviceapp", "k", ()), direct=True)
            org.credentials, service = ApiToken("t"), org.credentials
            await org._connected()
            org.credentials = service
            try:
                also = frozenset({seen.ApiToken.kind})
                return await Reader(org, case(playbook=SMALL).playbook, Memory(), also).read()
            finally:
                await org.close()

        found = asyncio.run(reading())
        assert (found.all(seen.ApiToken), found.gaps) == ((), ())
        assert server.requests("GET", f"{API}/users/me") == []


class TestHome:
    """A custom domain in connection: org_url."""

    class Elsewhere(OktaClient):
        """An organization at a custom domain, which tells where it lives, and must not be asked for more."""

        lives_at: str | None = "https://acme.okta.com"
        asked = 0

        async def home(self) -> str | None:
            type(self).asked += 1
            return self.lives_at

        async def _send(self, call: Any, body: Any) -> Any:
            raise AssertionError(f"{call} was sent")

    def read(self, lives_at: str | None, memory: Memory | None = None) -> None:
        org = self.Elsewhere(root="https://login.acme.com", credentials=ApiToken("t"))
        org.lives_at = lives_at
        asyncio.run(Reader(org, case().playbook, memory or Memory()).read())

    def test_the_right_url_is_told_and_no_credentials_are_sent(self):
        with pytest.raises(RefusedError, match="no credentials were sent") as raised:
            self.read("https://acme.okta.com")
        assert raised.value.hint == "use connection: org_url: https://acme.okta.com"

    def test_what_is_no_organization_is_told_too(self):
        with pytest.raises(RefusedError) as raised:
            self.read(None)
        assert "okta.com" in raised.value.hint

    def test_an_organization_whose_own_url_it_is_is_read(self):
        with pytest.raises(AssertionError, match="was sent"):
            self.read("https://login.acme.com")

    def test_it_is_asked_once_in_a_run(self):
        memory = Memory(at_home=True)
        self.Elsewhere.asked = 0
        with pytest.raises(AssertionError, match="was sent"):
            self.read(None, memory)
        assert self.Elsewhere.asked == 0
