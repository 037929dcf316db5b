"""Okta's own clients against the sandbox: the typed Python SDK, and the SDK for Node.js if it is installed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest

from tests.sandboxes import Sandbox

NODE_MODULES = Path(os.environ.get("OKTA_NODE_MODULES", ""))
SCRIPT = Path(__file__).with_name("okta_sdk.js")


@pytest.fixture
def org(tmp_path):
    """A served sandbox."""
    with Sandbox(tmp_path / "sandbox").start(shared=True) as sandbox:
        yield sandbox


async def typed_session(url: str, token: str) -> dict[str, object]:
    """Create, list and delete with the typed calls of okta-sdk-python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of the SDK itself
        from okta import models
        from okta.client import Client

    async with Client({"orgUrl": url, "token": token, "requestTimeout": 120}) as client:
        group, _, error = await client.add_group(
            models.AddGroupRequest(profile=models.OktaUserGroupProfile(name="Typed"))
        )
        assert error is None, error
        server, _, error = await client.create_authorization_server(
            models.AuthorizationServer(name="Typed", description="Typed", audiences=["typed"])
        )
        assert error is None, error
        scope, _, error = await client.create_o_auth2_scope(
            server.id, models.OAuth2Scope(name="codewhisperer:completions", consent="IMPLICIT")
        )
        assert error is None, error
        application = models.OpenIdConnectApplication.from_dict(
            {
                "name": "oidc_client",
                "label": "From Python",
                "signOnMode": "OPENID_CONNECT",
                "credentials": {"oauthClient": {"token_endpoint_auth_method": "none", "pkce_required": True}},
                "settings": {
                    "oauthClient": {
                        "application_type": "native",
                        "grant_types": ["authorization_code", "refresh_token"],
                        "response_types": ["code"],
                        "redirect_uris": ["kiro://kiro.oauth/callback"],
                    }
                },
            }
        )
        app, _, error = await client.create_application(application)
        assert error is None, error
        assigned, _, error = await client.assign_group_to_application(app.id, group.id)
        assert error is None, error
        groups, _, error = await client.list_application_group_assignments(app.id)
        assert error is None, error
        scopes, _, error = await client.list_o_auth2_scopes(server.id)
        assert error is None, error
        for request in (
            client.deactivate_application(app.id),
            client.delete_application(app.id),
            client.delete_authorization_server(server.id),
            client.delete_group(group.id),
        ):
            assert (await request)[-1] is None
        _, _, not_found = await client.get_application(app.id)
        return {
            "label": app.label,
            "assigned": assigned.id == group.id,
            "groups": [assigned_group.id == group.id for assigned_group in groups],
            "scope": scope.name,
            "scopes": {scope.name for scope in scopes},
            "not_found": not_found.error_code,
        }


def test_the_typed_python_sdk_creates_lists_and_deletes(org, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # no okta.yaml
    monkeypatch.setenv("OKTA_TESTING_TESTINGDISABLEHTTPSCHECK", "true")
    result = asyncio.run(typed_session(org.url, org.okta_token()))
    assert result["label"] == "From Python"
    assert result["assigned"]
    assert result["groups"] == [True]
    assert result["scope"] == "codewhisperer:completions"
    assert {"codewhisperer:completions", "openid", "offline_access"} <= result["scopes"]
    assert result["not_found"] == "E0000007"


@pytest.mark.skipif(
    not (shutil.which("node") and NODE_MODULES.joinpath("@okta", "okta-sdk-nodejs").is_dir()),
    reason="Node.js with @okta/okta-sdk-nodejs is not installed; set OKTA_NODE_MODULES to its node_modules",
)
def test_the_sdk_for_nodejs_creates_lists_and_deletes(org):
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": str(NODE_MODULES),
        "ORG_URL": org.url,
        "ORG_TOKEN": org.okta_token(),
        "OKTA_TESTING_DISABLEHTTPSCHECK": "true",
    }
    process = subprocess.run(
        ["node", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout)
    assert result["label"] == "From Node"
    assert result["listed"] == ["From Node"]
    assert result["users"] == 3
    assert {"openid", "offline_access"} <= set(result["scopes"])
    assert result["left"] == 0
