"""Another Kiro profile than before needs --new-profile: a stale variable must not bring users into another tenant's Kiro."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest


@pytest.fixture
def provider():
    return "entra"


def moved(applied) -> str:
    """The address of the SCIM endpoint in the tenant, after an admin deleted and created the Kiro profile."""
    applied("sandbox", "break", "entra-profile-recreated")
    return json.loads(applied("sandbox", "show", "--format", "json").out)["profiles"][0]["id"]


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_another_endpoint_than_the_stored_one_is_refused(applied, command):
    moved(applied)
    refused = applied(command, applied.playbook, "--sandbox")
    assert refused.code == 5
    assert "endpoint would change from" in refused.out + refused.err
    assert "--new-profile" in refused.out + refused.err


def test_it_is_applied_on_request_and_once(applied):
    profile = moved(applied)
    assert applied("doctor", applied.playbook, "--sandbox", "--fix").code == 3
    assert applied("plan", applied.playbook, "--sandbox", "--new-profile").code == 3
    done = applied("apply", applied.playbook, "--sandbox", "--new-profile", "--format", "json")
    assert done.code == 0
    changed = [change["address"] for change in done.json["done"]]
    assert "entra-provisioning-secrets/kiro-entra" in changed
    assert profile in applied("handoff", applied.playbook, "--sandbox").out
    assert applied.apply().json["done"] == []  # again: nothing to do


class TestHintsOfThisMachine:
    """Okta does not show the endpoint, so only hints tell."""

    @pytest.fixture
    def provider(self):
        return "okta"

    @pytest.fixture
    def playbooks(self, served, tmp_path):
        """Playbooks of one organization, each with a SCIM endpoint that the test chooses."""
        product, sandbox = served
        product.patch.setenv("TOKEN", sandbox.okta_token())

        def playbook(file: str, *, name: str = "kiro-one", endpoint: str, url: str = sandbox.url) -> Path:
            product.patch.setenv("ENDPOINT", endpoint)
            connection = {"org_url": url, "token": "${TOKEN}"}
            return product.variant(
                tmp_path / file,
                name=name,
                connection=connection,
                scim={"label": "Kiro-SCIM", "endpoint": "${ENDPOINT}"},
                domains=None,
                push=None,
            )

        return product, sandbox, playbook

    def test_another_endpoint_than_last_time_needs_the_option(self, playbooks):
        product, _, playbook = playbooks
        file = str(playbook("one.yaml", endpoint="https://scim.example.com/a/v2"))
        assert product("apply", file, "--yes").code == 4
        playbook("one.yaml", endpoint="https://scim.example.com/a/v2/")
        assert product("plan", file).code != 5
        playbook("one.yaml", endpoint="https://scim.example.com/b/v2")
        for command in (("plan", file), ("apply", file, "--yes")):
            refused = product(*command)
            assert refused.code == 5
            assert "used another SCIM endpoint, scim.example.com/a/v2" in refused.out + refused.err
        assert product("apply", file, "--yes", "--new-profile").code == 4
        assert product("plan", file).code != 5

    def test_an_endpoint_of_another_tenant_needs_the_option(self, playbooks):
        product, sandbox, playbook = playbooks
        endpoint = "https://scim.example.com/a/v2"
        assert product("apply", str(playbook("one.yaml", endpoint=endpoint)), "--yes").code == 4
        other = sandbox.url.replace("127.0.0.1", "localhost")
        file = str(playbook("two.yaml", name="kiro-two", endpoint=endpoint, url=other))
        refused = product("plan", file)
        assert refused.code == 5
        assert f"last used with the tenant {sandbox.url} (playbook kiro-one)" in refused.out + refused.err
        assert "last used with" not in product("plan", file, "--new-profile").out

    def test_a_damaged_hint_is_reported_with_the_way_out(self, playbooks):
        product, _, playbook = playbooks
        file = str(playbook("one.yaml", endpoint="https://scim.example.com/a/v2"))
        assert product("apply", file, "--yes").code == 4
        hints = Path(os.environ["PROVISIONER_STATE_DIR"]) / "hints.json"
        stored = json.loads(hints.read_text(encoding="utf-8"))
        damaged = {
            name: ["okta"] if name.startswith("endpoint:") else value for name, value in stored.items()
        }
        assert damaged != stored
        hints.write_text(json.dumps(damaged), encoding="utf-8")
        refused = product("plan", file)
        assert refused.code == 2
        assert "is damaged" in refused.err
        assert "hints.json" in refused.err
