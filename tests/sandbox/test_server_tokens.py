"""Tokens, and the real clients that fetch and use them: azure-identity, msal, and msgraph-sdk's typed client."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from provisioner.sandbox.entra import seed
from provisioner.sandbox.entra.login.tokens import GRAPH_APP_ID, Tokens
from tests.sandbox.graph_fixtures import NON_GALLERY, Kiro, error_of
from tests.sandboxes import Sandbox

GOLDEN = (
    Path(__file__).resolve().parents[3] / "shared" / "contracts" / "golden" / "oidc-discovery.golden.json"
)
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture
def secured(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox over https that this process trusts."""
    with Sandbox(home).start(https=True) as sandbox:
        for name in CA_VARIABLES:
            monkeypatch.setenv(name, str(home / "certificate.pem"))
        yield sandbox


def ask(sandbox: Sandbox, tenant: str | None = None, **changes: str | None) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.directory.setting("client_id"),
        "client_secret": sandbox.directory.setting("client_secret"),
        "scope": "https://graph.microsoft.com/.default",
        **changes,
    }
    sent = {name: value for name, value in form.items() if value is not None}
    return httpx.post(f"{sandbox.url}/{tenant or sandbox.tenant_id}/oauth2/v2.0/token", data=sent)


class TestEndpoint:
    def test_a_real_signed_token(self, sandbox):
        import jwt

        answer = ask(sandbox)
        assert answer.status_code == 200
        assert answer.json()["token_type"] == "Bearer"
        keys = httpx.get(f"{sandbox.url}/{sandbox.tenant_id}/discovery/v2.0/keys").json()
        token = answer.json()["access_token"]
        kid = jwt.get_unverified_header(token)["kid"]
        key = next(jwt.PyJWK(k) for k in keys["keys"] if k["kid"] == kid)
        claims = jwt.decode(token, key, algorithms=["RS256"], audience="https://graph.microsoft.com")
        assert claims["tid"] == sandbox.tenant_id
        assert claims["appid"] == sandbox.directory.setting("client_id")
        assert claims["iss"] == f"https://sts.windows.net/{sandbox.tenant_id}/"
        assert set(claims["roles"]) == set(sandbox.directory.setting("permissions"))
        assert (
            httpx.get(f"{sandbox.url}/v1.0/groups", headers={"Authorization": f"Bearer {token}"}).status_code
            == 200
        )

    def test_with_http_basic_and_by_domain(self, sandbox):
        client = (sandbox.directory.setting("client_id"), sandbox.directory.setting("client_secret"))
        form = {"grant_type": "client_credentials", "scope": f"{sandbox.url}/.default"}
        url = f"{sandbox.url}/contoso.example/oauth2/v2.0/token"
        assert httpx.post(url, data=form, auth=client).status_code == 200

    @pytest.mark.parametrize(
        ("changes", "status", "error", "number"),
        [
            ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
            ({"client_secret": None}, 401, "invalid_client", 7000218),
            ({"client_id": None}, 400, "invalid_request", 900144),
            ({"client_id": "00000000-0000-0000-0000-000000000001"}, 400, "unauthorized_client", 700016),
            ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
            ({"scope": "https://graph.microsoft.com/User.Read"}, 400, "invalid_scope", 1002012),
            ({"scope": "https://elsewhere.example/.default"}, 400, "invalid_resource", 500011),
            ({"tenant": "00000000-0000-0000-0000-000000000001"}, 400, "invalid_request", 90002),
        ],
    )
    def test_refusals(self, sandbox, changes, status, error, number):
        answer = ask(sandbox, **changes)
        body = answer.json()
        assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [number])
        assert body["error_description"].startswith(f"AADSTS{number}: ")

    def test_a_client_made_through_graph(self, graph, sandbox):
        kiro = Kiro(graph, "pipeline")
        secret = graph.post(f"{kiro.app_url}/addPassword", json={}).json()
        client = {"client_id": kiro.application["appId"], "client_secret": secret["secretText"]}
        service = graph.get(f"/servicePrincipals(appId='{GRAPH_APP_ID}')").json()["id"]
        bare = httpx.Client(
            headers={"Authorization": f"Bearer {ask(sandbox, **client).json()['access_token']}"}
        )
        assert bare.get(f"{sandbox.url}/v1.0/groups").status_code == 403
        body = {
            "principalId": kiro.principal["id"],
            "resourceId": service,
            "appRoleId": seed.role_id("Group.Read.All"),
        }
        assert graph.post(f"{kiro.principal_url}/appRoleAssignments", json=body).status_code == 201
        granted = {"Authorization": f"Bearer {ask(sandbox, **client).json()['access_token']}"}
        assert bare.get(f"{sandbox.url}/v1.0/groups", headers=granted).status_code == 200
        bare.close()
        graph.post(f"{kiro.app_url}/removePassword", json={"keyId": secret["keyId"]})
        assert ask(sandbox, **client).json()["error"] == "invalid_client"

    def test_an_expired_secret(self, graph, sandbox, kiro):
        wanted = {"passwordCredential": {"endDateTime": "2020-01-01T00:00:00Z"}}
        secret = graph.post(f"{kiro.app_url}/addPassword", json=wanted).json()["secretText"]
        answer = ask(sandbox, client_id=kiro.application["appId"], client_secret=secret)
        assert answer.json()["error_codes"] == [7000222]

    def test_a_secret_of_the_service_principal(self, graph, sandbox, kiro):
        secret = graph.post(f"{kiro.principal_url}/addPassword", json={}).json()["secretText"]
        assert ask(sandbox, client_id=kiro.application["appId"], client_secret=secret).status_code == 200

    def test_secrets_can_be_wiped_by_patch(self, graph, sandbox, kiro):
        secret = graph.post(f"{kiro.app_url}/addPassword", json={}).json()["secretText"]
        assert graph.patch(kiro.app_url, json={"passwordCredentials": []}).status_code == 204
        answer = ask(sandbox, client_id=kiro.application["appId"], client_secret=secret)
        assert answer.json()["error_codes"] == [7000215]

    def test_a_disabled_client(self, graph, sandbox, kiro):
        secret = graph.post(f"{kiro.app_url}/addPassword", json={}).json()["secretText"]
        graph.patch(kiro.principal_url, json={"accountEnabled": False})
        answer = ask(sandbox, client_id=kiro.application["appId"], client_secret=secret)
        assert (answer.status_code, answer.json()["error_codes"]) == (400, [7000112])

    def test_only_post(self, sandbox):
        assert httpx.get(f"{sandbox.url}/{sandbox.tenant_id}/oauth2/v2.0/token").status_code == 405


class TestDiscovery:
    def document(self, sandbox: Sandbox) -> dict[str, Any]:
        return httpx.get(f"{sandbox.url}/{sandbox.tenant_id}/v2.0/.well-known/openid-configuration").json()

    @pytest.mark.skipif(
        not GOLDEN.exists(), reason="the golden discovery document is not beside the repository"
    )
    def test_is_shaped_like_the_real_one(self, sandbox):
        golden, document = json.loads(GOLDEN.read_text()), self.document(sandbox)
        assert set(golden["required_fields"]) <= set(document)
        checks = {"_equals": set.__eq__, "_must_include": set.__ge__, "_subset_of": set.__le__}
        for rule, expected in golden["protocol_values"].items():
            ending = next(end for end in checks if rule.endswith(end))
            field = rule.removesuffix(ending)
            name = field if field in document else f"{field}_supported"
            assert checks[ending](set(document[name]), set(expected)), rule
        for name in (
            "http_logout_supported",
            "frontchannel_logout_supported",
            "request_uri_parameter_supported",
        ):
            assert document[name] is golden["entra_boolean_values"][name]

    def test_addresses_are_the_sandbox_s(self, sandbox):
        document = self.document(sandbox)
        assert document["token_endpoint"] == f"{sandbox.url}/{sandbox.tenant_id}/oauth2/v2.0/token"
        assert document["issuer"] == f"{sandbox.url}/{sandbox.tenant_id}/v2.0"

    def test_unknown_tenants(self, sandbox):
        answer = httpx.get(f"{sandbox.url}/nowhere.example/v2.0/.well-known/openid-configuration")
        assert (answer.status_code, answer.json()["error_codes"]) == (400, [90002])

    def test_instance(self, sandbox):
        host = sandbox.url.removeprefix("http://")
        authorize = f"https://{host}/{sandbox.tenant_id}/oauth2/v2.0/authorize"
        query = {"api-version": "1.1", "authorization_endpoint": authorize}
        answer = httpx.get(f"{sandbox.url}/common/discovery/instance", params=query).json()
        assert answer["tenant_discovery_endpoint"].startswith(f"{sandbox.url}/{sandbox.tenant_id}/")
        assert answer["metadata"][0]["aliases"] == [host]


class TestEmbedded:
    def test_a_token_is_reused_between_runs_of_the_sandbox(self, home):
        with Sandbox(home) as first:
            token = first.access_token()
        with Sandbox(home) as second:
            assert second.access_token() == token
            assert second.access_token(["Group.Read.All"]) != token
            assert second.access_token(["Group.Read.All"]) == second.access_token(["Group.Read.All"])

    def test_but_not_for_long(self, sandbox, monkeypatch):
        token = sandbox.access_token()
        later = time.time() + 3599 - 299
        monkeypatch.setattr(time, "time", lambda: later)
        assert sandbox.access_token() != token

    def test_an_expired_one_is_refused(self, sandbox, monkeypatch):
        token = sandbox.access_token()
        later = time.time() + 3600
        monkeypatch.setattr(time, "time", lambda: later)
        answer = httpx.get(f"{sandbox.url}/v1.0/groups", headers={"Authorization": f"Bearer {token}"})
        assert error_of(answer) == (
            401,
            "InvalidAuthenticationToken",
            "Lifetime validation failed, the token is expired.",
        )

    def test_old_ones_are_forgotten(self, sandbox, monkeypatch):
        tokens = Tokens(sandbox.directory)
        old = tokens.issue("a", [])
        later = time.time() + 2 * 86400
        monkeypatch.setattr(time, "time", lambda: later)
        tokens.issue("a", [])
        assert tokens.claims(old) is None

    def test_starting_needs_no_cryptography(self, home):
        """Start-up time: with a token at hand, nothing loads the heavy libraries."""
        import subprocess
        import sys

        code = (
            "import sys; from pathlib import Path; from provisioner.sandbox import Sandbox\n"
            f"with Sandbox(Path({str(home)!r})).start() as s: s.vendors['entra'].admin_token()\n"
            "heavy = {'cryptography', 'jwt', 'httpx', 'scim2_models', 'scim2_server'} & set(sys.modules)\n"
            "assert not heavy, heavy"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


class TestRealClients:
    def test_azure_identity(self, secured):
        from azure.identity import ClientSecretCredential

        with ClientSecretCredential(
            secured.tenant_id,
            secured.directory.setting("client_id"),
            secured.directory.setting("client_secret"),
            authority=secured.url,
            disable_instance_discovery=True,
        ) as credential:
            token = credential.get_token("https://graph.microsoft.com/.default")
        plain = secured.url.replace("https", "http")
        answer = httpx.get(f"{plain}/v1.0/organization", headers={"Authorization": f"Bearer {token.token}"})
        assert answer.json()["value"][0]["id"] == secured.tenant_id

    def test_msal(self, secured):
        import msal
        import requests

        def ask_with(secret: str) -> dict[str, Any]:
            with requests.Session() as http_client:
                application = msal.ConfidentialClientApplication(
                    secured.directory.setting("client_id"),
                    client_credential=secret,
                    authority=f"{secured.url}/{secured.tenant_id}",
                    instance_discovery=False,
                    validate_authority=False,
                    http_client=http_client,
                )
                return application.acquire_token_for_client(["https://graph.microsoft.com/.default"])

        answer = ask_with(secured.directory.setting("client_secret"))
        assert answer["token_type"] == "Bearer", answer
        refused = ask_with("wrong")
        assert (refused["error"], refused["error_codes"]) == ("invalid_client", [7000215])

    @pytest.mark.filterwarnings("ignore:GetQueryParameters is deprecated:DeprecationWarning")
    @pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning")
    def test_the_typed_graph_client(self, secured, home):
        found = asyncio.run(typed_session(secured, home / "certificate.pem"))
        assert found["redirects"] == ["kiro://kiro.oauth/callback"]
        assert found["groups"] == ["Kiro-Users"]
        assert found["pages"] == 6
        assert found["members"] == ["User", "User", "User"]
        assert found["missing"] == (404, "Request_ResourceNotFound")
        assert found["job"] == "Paused"
        assert found["assignment"] == "Kiro-Users"


async def typed_session(sandbox: Sandbox, certificate: Path) -> dict[str, Any]:
    """What an administrator's script does with Microsoft's own typed client."""
    from azure.identity import ClientSecretCredential
    from kiota_authentication_azure.azure_identity_authentication_provider import (
        AzureIdentityAuthenticationProvider,
    )
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient
    from msgraph_core import GraphClientFactory

    credential = ClientSecretCredential(
        sandbox.tenant_id,
        sandbox.directory.setting("client_id"),
        sandbox.directory.setting("client_secret"),
        authority=sandbox.url,
        disable_instance_discovery=True,
    )
    trust = ssl.create_default_context(cafile=str(certificate))
    with credential:
        async with httpx.AsyncClient(verify=trust, base_url=f"{sandbox.url}/v1.0") as transport:
            authentication = AzureIdentityAuthenticationProvider(
                credential, scopes=[f"{sandbox.url}/.default"], allowed_hosts=["127.0.0.1"]
            )
            async with transport._transport:  # the middleware below hides it and does not close it
                http = GraphClientFactory.create_with_default_middleware(client=transport)
                adapter = GraphRequestAdapter(authentication, client=http)
                adapter.base_url = f"{sandbox.url}/v1.0"
                return await typed_calls(GraphServiceClient(request_adapter=adapter))


async def typed_calls(client: Any) -> dict[str, Any]:
    from kiota_abstractions.base_request_configuration import RequestConfiguration
    from msgraph.generated.application_templates.item.instantiate.instantiate_post_request_body import (
        InstantiatePostRequestBody,
    )
    from msgraph.generated.groups.groups_request_builder import GroupsRequestBuilder
    from msgraph.generated.models.app_role_assignment import AppRoleAssignment
    from msgraph.generated.models.application import Application
    from msgraph.generated.models.o_data_errors.o_data_error import ODataError
    from msgraph.generated.models.public_client_application import PublicClientApplication
    from msgraph.generated.models.synchronization_job import SynchronizationJob
    from msgraph.generated.users.users_request_builder import UsersRequestBuilder
    from msgraph_core.tasks.page_iterator import PageIterator

    found: dict[str, Any] = {}
    template = client.application_templates.by_application_template_id(NON_GALLERY)
    made = await template.instantiate.post(InstantiatePostRequestBody(display_name="Kiro-Entra"))
    application = client.applications.by_application_id(made.application.id)
    redirects = PublicClientApplication(redirect_uris=["kiro://kiro.oauth/callback"])
    await application.patch(Application(public_client=redirects))
    found["redirects"] = (await application.get()).public_client.redirect_uris

    query = GroupsRequestBuilder.GroupsRequestBuilderGetQueryParameters(filter="displayName eq 'Kiro-Users'")
    groups = (await client.groups.get(RequestConfiguration(query_parameters=query))).value
    found["groups"] = [group.display_name for group in groups]
    members = await client.groups.by_group_id(groups[0].id).members.get()
    found["members"] = [type(member).__name__ for member in members.value]

    people: list[str] = []
    small = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(top=2)
    first = await client.users.get(RequestConfiguration(query_parameters=small))
    await PageIterator(first, client.request_adapter).iterate(lambda person: people.append(person.id) or True)
    found["pages"] = len(set(people))

    try:
        await client.users.by_user_id("nobody@contoso.example").get()
    except ODataError as error:
        found["missing"] = (error.response_status_code, error.error.code)

    principal = client.service_principals.by_service_principal_id(made.service_principal.id)
    role = next(r.id for r in made.service_principal.app_roles if r.display_name == "User")
    assignment = AppRoleAssignment(
        principal_id=groups[0].id, resource_id=made.service_principal.id, app_role_id=role
    )
    found["assignment"] = (await principal.app_role_assigned_to.post(assignment)).principal_display_name
    job = await principal.synchronization.jobs.post(SynchronizationJob(template_id="scim"))
    found["job"] = job.status.code.value
    return found
