"""Reading an organization: the requests, the snapshot and its gaps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from provisioner.core.errors import NotLicensedError, PermissionDeniedError, RefusedError, UnreachableError
from provisioner.core.plan import Action, make_plan
from provisioner.core.retry import RetryPolicy
from provisioner.core.snapshot import Gap, ProblemKind, Snapshot
from provisioner.providers.okta import observations
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.client import OktaClient
from provisioner.providers.okta.credentials import ApiToken, ServiceApp
from provisioner.providers.okta.reading import Reader
from provisioner.providers.okta.run_cache import RunCache
from tests.providers.okta.okta_checks import case
from tests.providers.okta.stub_server import Reply, StubServer, error, running_stub_server

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
def server() -> Iterator[StubServer]:
    """An organization with everything the healthy playbook is about."""
    with running_stub_server() as stub:
        listed = {"0oaoidc": oidc(), "0oascim": scim()}

        def apps(request: Any) -> Reply:
            by_query = "q=Kiro-OIDC" in request.path
            found = [listed["0oaoidc"], scim("0oasame", "Kiro-OIDC")] if by_query else [listed["0oascim"]]
            return Reply(body=found)

        def groups(request: Any) -> Reply:
            name = "Kiro-Pro" if "Kiro-Pro" in request.path else "Kiro-Users"
            return Reply(body=[group(f"00g{name[5:].lower()}", name)])

        stub.respond("GET", f"{API}/apps", apps)
        stub.respond("GET", f"{API}/groups", groups)
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
                {"id": "00T1", "name": "own", "userId": "00ume"},
                {"id": "00T2", "name": "other", "userId": "00u1"},
            ],
            f"{API}/groups/00gpro/users": [
                {"id": "00u1", "profile": {"login": "alice@acme.example"}},
                {"id": "00u2", "profile": {"login": "bob@acme.example"}},
            ],
        }.items():
            stub.respond("GET", path, Reply(body=body))
        yield stub


def reads(
    server: StubServer, *also: type, cache: RunCache | None = None, credentials: Any = None, **playbook: Any
) -> Snapshot:
    """What is read of the healthy playbook, with sections laid over it."""

    async def reading() -> Snapshot:
        client = OktaClient(
            root=server.url,
            credentials=credentials or ApiToken("t"),
            direct=True,
            retry_policy=RetryPolicy(budget=0.05, initial_delay=0.01, max_delay=0.01, consistency_window=0),
        )
        kinds_ = frozenset(kind.kind for kind in also)
        try:
            return await Reader(client, case(playbook=playbook).playbook, cache or RunCache(), kinds_).read()
        finally:
            await client.close()

    return asyncio.run(reading())


def instead(server: StubServer, path: str, reply: Reply) -> None:
    server._replies["GET", path].clear()
    server.respond("GET", path, reply)


class TestRequests:
    def test_the_smallest_playbook_reads_the_application_and_the_server(self, server):
        reads(server, **SMALL)
        assert sorted({request.path.partition("?")[0] for request in server.received}) == sorted(
            [
                f"{API}/apps",
                f"{OIDC}/groups",
                f"{API}/authorizationServers",
                f"{SERVER}/policies",
                f"{SERVER}/policies/00p1/rules",
                f"{SERVER}/scopes",
            ]
        )

    def test_a_plan_reads_no_unlisted_users_and_no_log(self, server):
        reads(server)
        request = {request.path.partition("?")[0] for request in server.received}
        assert not {
            path for path in request if path.endswith("/users") or "logs" in path or "domains" in path
        }

    def test_nothing_is_written(self, server):
        reads(
            server,
            observations.UserComparison,
            observations.ApiToken,
            observations.UnassignedMembers,
            observations.OtherRule,
        )
        assert {request.method for request in server.received} == {"GET"}

    def test_cached_objects_are_not_looked_up_again(self, server):
        cache = RunCache()
        first = reads(server, cache=cache)
        server.received.clear()
        assert reads(server, cache=cache).by_address == first.by_address
        assert server.requests("GET", f"{API}/groups") == []
        assert server.requests("GET", f"{API}/mappings") == []
        assert len(server.requests("GET", f"{API}/mappings/prm1")) == 1

    def test_quotes_in_a_name_are_escaped(self, server):
        reads(server, groups=[{"name": 'a" or profile.name sw "'}], push=None)
        (request,) = server.requests("GET", f"{API}/groups")
        assert "%5C%22+or+profile.name+sw+%5C%22" in request.path


class TestOrder:
    class Ordered(OktaClient):
        """An organization that returns the groups of one application after those of the other."""

        last: str = ""
        released: asyncio.Event

        async def read_all(self, path: str, *, expects_existing: bool = False) -> list[Any]:
            found = await super().read_all(path, expects_existing=expects_existing)
            if path.startswith((f"{OIDC}/groups", f"{SCIM}/groups")):
                if path.startswith(self.last):
                    await self.released.wait()
                else:
                    self.released.set()
            return found

    def deletions(self, server: StubServer, last: str) -> list[str]:
        async def reading() -> Snapshot:
            client = self.Ordered(root=server.url, credentials=ApiToken("t"), direct=True)
            client.last, client.released = last, asyncio.Event()
            try:
                return await Reader(client, desired.playbook, RunCache()).read()
            finally:
                await client.close()

        desired = case(playbook={"groups": []})
        plan = make_plan(desired.context.desired_state, asyncio.run(reading()))
        return [change.address for change in plan.pending if change.action is Action.DELETE]

    def test_the_order_of_responses_does_not_matter(self, server):
        """Two reads of one organization give one plan: apply refuses when its fingerprint has changed."""
        first = self.deletions(server, OIDC)
        assert len(first) == 4
        assert first == self.deletions(server, SCIM)


class TestSnapshot:
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
        mapping = reads(server).require(kinds.AttributeMapping, "kiro")
        assert (mapping.id, mapping.unsupported) == ("prm1", ("department",))

    def test_only_directly_assigned_users_are_direct_assignments(self, server):
        instead(
            server,
            f"{API}/users/alice",
            Reply(body={"id": "00u1", "profile": {"login": "alice@acme.example"}}),
        )
        server.respond("GET", f"{API}/users/alice", Reply(body={"id": "00u1", "profile": {"login": "a"}}))
        found = reads(server, users=[{"name": "alice"}])
        assert [each.address for each in found.all(kinds.UserAssignment)] == ["okta-user-assignment/alice"]
        assert [each.address for each in found.all(kinds.ScimUserAssignment)] == [
            "okta-scim-user-assignment/bob@acme.example (00u2)"
        ]

    def test_an_audit_compares_the_users(self, server):
        comparison = reads(server, observations.UserComparison).first(observations.UserComparison)
        assert comparison == observations.UserComparison(
            key="kiro",
            sign_in=2,
            provisioned=1,
            only_sign_in=("alice@acme.example",),
            only_sign_in_count=1,
            sync_errors=("bob@acme.example",),
            sync_error_count=1,
        )

    def test_members_of_a_pushed_group_that_are_not_provisioned(self, server):
        assert reads(server, observations.UnassignedMembers).all(observations.UnassignedMembers) == (
            observations.UnassignedMembers(
                key="Kiro-Pro", members=2, unassigned=("alice@acme.example",), unassigned_count=1
            ),
        )

    def test_rules_of_other_policies_on_request(self, server):
        names = {found.name for found in reads(server, observations.OtherRule).all(observations.OtherRule)}
        assert names == {"Default", "Another"}

    def test_only_own_api_tokens_are_read(self, server):
        assert [token.name for token in reads(server, observations.ApiToken).all(observations.ApiToken)] == [
            "own"
        ]

    def test_existing_discovery_documents(self, server):
        (found,) = reads(server, observations.DiscoveryDocument).all(observations.DiscoveryDocument)
        assert found.url == f"{server.url}/oauth2/aus1/.well-known/openid-configuration"

    def test_a_failure_before_a_success_is_resolved(self, server):
        def event(published: str, who: str) -> dict[str, Any]:
            target = [
                {"id": who, "type": "User", "alternateId": who},
                {"id": "0oascim", "type": "AppInstance"},
            ]
            reason = {"reason": "Unauthorized"}
            return {"eventType": "push", "published": published, "target": target, "outcome": reason}

        def log(request: Any) -> Reply:
            if "FAILURE" in request.path:
                return Reply(
                    body=[event("2026-11-20T00:00:02Z", "bob"), event("2026-11-20T00:00:01Z", "alice")]
                )
            return Reply(body=[event("2026-11-20T00:00:03Z", "alice")])

        instead(server, f"{API}/logs", log)
        (failure,) = reads(server, observations.ProvisioningFailure).all(observations.ProvisioningFailure)
        assert (failure.count, failure.subject) == (1, "bob")


class TestLookups:
    def test_an_empty_organization(self, server):
        instead(server, f"{API}/apps", Reply(body=[]))
        instead(server, f"{API}/authorizationServers", Reply(body=[]))
        found = reads(server)
        assert not found.all(kinds.Application)
        assert not found.all(kinds.ScimApplication)
        assert not found.all(kinds.AuthorizationServer)
        assert found.problems == ()

    def test_two_applications_with_the_same_label(self, server):
        instead(server, f"{API}/apps", Reply(body=[oidc("0oa1"), oidc("0oa2")]))
        found = reads(server, **SMALL)
        assert [problem.kind for problem in found.problems] == [ProblemKind.AMBIGUOUS]
        assert {namesake.id for namesake in found.all(observations.OtherApplication)} == {"0oa1", "0oa2"}

    def test_a_pinned_application_is_read_by_its_id(self, server):
        pinned = "0oaaaaaaaaaaaaaaaaaa"
        server.respond("GET", f"{API}/apps/{pinned}", Reply(body=oidc(pinned, "Another")))
        server.respond("GET", f"{API}/apps/{pinned}/groups", Reply(body=[]))
        found = reads(server, **{**SMALL, "application": {"id": pinned}})
        assert found.require(kinds.Application, "kiro").label == "Another"
        assert server.requests("GET", f"{API}/apps") == []

    def test_a_pinned_application_that_was_deleted(self, server):
        found = reads(server, **{**SMALL, "application": {"id": "0oaaaaaaaaaaaaaaaaaa"}})
        assert [problem.kind for problem in found.problems] == [ProblemKind.MISSING]

    @pytest.mark.parametrize(
        ("section", "address"), [("application", "okta-application"), ("scim", "okta-scim-application")]
    )
    def test_a_pinned_application_of_another_kind_is_refused(self, server, section, address):
        pinned = "0oaaaaaaaaaaaaaaaaaa"
        namesake = {"id": pinned, "name": "salesforce", "label": "Kiro-OIDC", "signOnMode": "SAML_2_0"}
        for path, body in {"": namesake, "/groups": [], "/group-push/mappings": []}.items():
            server.respond("GET", f"{API}/apps/{pinned}{path}", Reply(body=body))
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

    def test_a_pushed_copy_of_a_group_does_not_match(self, server):
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
        server.respond("GET", f"{API}/policies", Reply(body=listed))
        found = reads(server, **{**SMALL, "application": {"authentication_policy": "Strict"}})
        assert [problem.kind for problem in found.problems] == ([fault] if fault else [])
        assert bool(found.all(kinds.AuthenticationPolicy)) is not bool(fault)


class TestGaps:
    DENIED = error(403, "E0000006", "You do not have permission to perform the requested action")
    UNLICENSED = error(401, "E0000015", "You do not have permission to access the feature you are requesting")

    def test_a_plan_fails_without_its_reads(self, server):
        instead(server, f"{OIDC}/groups", self.DENIED)
        with pytest.raises(PermissionDeniedError) as raised:
            reads(server)
        assert raised.value.permissions == ("okta.apps.read",)

    @pytest.mark.parametrize(
        ("path", "kind", "needs"),
        [
            (f"{API}/logs", observations.SignInFailure, ("okta.logs.read",)),
            (f"{API}/logs", observations.ProvisioningFailure, ("okta.logs.read",)),
            (f"{API}/domains", observations.CustomDomain, ("okta.domains.read",)),
            (f"{API}/api-tokens", observations.ApiToken, ("okta.apiTokens.read",)),
        ],
    )
    def test_an_audit_has_a_gap_that_names_the_permission(self, server, path, kind, needs):
        instead(server, path, self.DENIED)
        gap = reads(server, kind).gap_for(kind.kind)
        assert gap == Gap(
            kind=kind.kind,
            reason=f"GET {path}: You do not have permission to perform the requested action",
            permissions=needs,
        )

    def test_an_outage_is_not_a_gap(self, server):
        instead(server, f"{API}/logs", Reply(503))
        with pytest.raises(UnreachableError):
            reads(server, observations.SignInFailure)

    def test_without_the_license_a_plan_fails(self, server):
        instead(server, f"{API}/authorizationServers", self.UNLICENSED)
        with pytest.raises(NotLicensedError) as raised:
            reads(server)
        assert "API Access Management" in raised.value.hint

    def test_without_the_license_an_audit_continues(self, server):
        instead(server, f"{API}/authorizationServers", self.UNLICENSED)
        found = reads(server, observations.ApiAccessManagement)
        assert found.first(observations.ApiAccessManagement) == observations.ApiAccessManagement(
            key="kiro", licensed=False
        )
        assert found.all(kinds.Application)
        unread = {
            kinds.AuthorizationServer,
            kinds.Scope,
            kinds.AccessPolicy,
            kinds.PolicyRule,
            observations.DiscoveryDocument,
        }
        assert {kind.kind for kind in unread} <= {gap.kind for gap in found.gaps}

    def test_a_service_app_reads_no_api_tokens(self, server):
        class Granted(OktaClient):
            async def _prepare(self, call, body):
                self.credentials = ApiToken("t")
                try:
                    return await super()._prepare(call, body)
                finally:
                    self.credentials = ServiceApp("0oaserviceapp", "k", ())

        async def reading() -> Snapshot:
            client = Granted(root=server.url, credentials=ServiceApp("0oaserviceapp", "k", ()), direct=True)
            client.credentials, service = ApiToken("t"), client.credentials
            await client._connect()
            client.credentials = service
            try:
                also = frozenset({observations.ApiToken.kind})
                return await Reader(client, case(playbook=SMALL).playbook, RunCache(), also).read()
            finally:
                await client.close()

        found = asyncio.run(reading())
        assert (found.all(observations.ApiToken), found.gaps) == ((), ())
        assert server.requests("GET", f"{API}/users/me") == []


class TestCustomDomain:
    """A custom domain in connection: org_url."""

    class CustomDomainClient(OktaClient):
        """An organization at a custom domain: only its own URL may be read."""

        own_url: str | None = "https://acme.okta.com"
        reads = 0

        async def read_own_url(self) -> str | None:
            type(self).reads += 1
            return self.own_url

        async def _send(self, call: Any, body: Any) -> Any:
            raise AssertionError(f"{call} was sent")

    def read(self, own_url: str | None, cache: RunCache | None = None) -> None:
        client = self.CustomDomainClient(root="https://login.acme.com", credentials=ApiToken("t"))
        client.own_url = own_url
        asyncio.run(Reader(client, case().playbook, cache or RunCache()).read())

    def test_the_own_url_is_reported_and_no_credentials_are_sent(self):
        with pytest.raises(RefusedError, match="no credentials were sent") as raised:
            self.read("https://acme.okta.com")
        assert raised.value.hint == "use connection: org_url: https://acme.okta.com"

    def test_another_host_is_reported(self):
        with pytest.raises(RefusedError) as raised:
            self.read(None)
        assert "okta.com" in raised.value.hint

    def test_an_organization_with_that_own_url_is_read(self):
        with pytest.raises(AssertionError, match="was sent"):
            self.read("https://login.acme.com")

    def test_the_own_url_is_read_once_in_a_run(self):
        cache = RunCache(org_url_confirmed=True)
        self.CustomDomainClient.reads = 0
        with pytest.raises(AssertionError, match="was sent"):
            self.read(None, cache)
        assert self.CustomDomainClient.reads == 0
