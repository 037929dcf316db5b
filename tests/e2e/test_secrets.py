"""A marked secret goes through every command, format, verbosity and failure, and appears nowhere."""

from __future__ import annotations

import hashlib
import itertools

import pytest

from provisioner.sandbox import faults
from tests.e2e.product import PLAYBOOK

MARKED = "canary-4f0d2c9a7b6e"
OTHER = "canary-0b1e5d7c3a9f"


def accept(product, token):
    """Make Kiro take the marked token, as if its console had generated it."""
    with product.sandbox() as sandbox:
        sandbox.start()
        endpoint = sandbox.variables()["KIRO_SCIM_ENDPOINT"]
        profile = sandbox.kiro.all("kiroProfile")[-1]["id"]
        for known in sandbox.kiro.all("scimToken"):
            sandbox.kiro.delete("scimToken", known["id"])
        digest = hashlib.sha256(token.encode()).hexdigest()
        document = {
            "id": token[-8:],
            "profileId": profile,
            "hash": digest,
            "createdAt": "2026-01-01T00:00:00Z",
        }
        sandbox.kiro.put("scimToken", document["id"], document)
    product.patch.setenv("KIRO_SCIM_ENDPOINT", endpoint)
    product.patch.setenv("KIRO_SCIM_TOKEN", token)


def assert_nowhere(product, results, *secrets):
    needles = [form for secret in secrets for form in (secret, secret.encode().hex())]
    for result in results:
        for needle in needles:
            assert needle not in result.out
            assert needle not in result.err
    for file in product.state.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(needle.encode() in content for needle in needles), file


def everything(product, playbook=str(PLAYBOOK)):
    """Every command that reads the playbook, in every format and verbosity."""
    commands = [
        ("validate",),
        ("plan",),
        ("apply",),
        ("drift",),
        ("doctor",),
        ("doctor", "--fix"),
        ("handoff",),
        ("permissions",),
    ]
    for command, format_, loud in itertools.product(commands, ("text", "json"), ((), ("-v",), ("-q",))):
        name, *options = command
        yield product(name, playbook, "--sandbox", "--format", format_, *options, *loud)


def test_in_success(product):
    accept(product, MARKED)
    results = [*everything(product)]
    assert {result.code for result in results} <= {0, 3}
    with product.sandbox() as sandbox:  # it did get there
        (secrets,) = sandbox.directory.all("synchronizationSecrets")
    assert secrets["values"]["SecretToken"] == MARKED
    assert_nowhere(product, results, MARKED)


def test_when_it_changes(product):
    accept(product, MARKED)
    first = product.apply()
    accept(product, OTHER)
    results = [
        first,
        *everything(product),
        product("sandbox", "show", "--format", "json"),
        product("sandbox", "show"),
    ]
    assert_nowhere(product, results, MARKED, OTHER)


@pytest.mark.parametrize("status", [403, 409, 500])
def test_when_a_request_that_carries_it_fails(product, status):
    accept(product, MARKED)
    for where in ("*validateCredentials", "*synchronization/secrets"):
        with product.sandbox() as sandbox:
            faults.clear(sandbox.store)
            faults.add(sandbox.store, {"on": where, "effect": "status", "status": status, "times": None})
        result = product("apply", str(PLAYBOOK), "--sandbox", "-v")
        assert result.code == 1
        assert_nowhere(product, [result], MARKED)


def test_when_kiro_refuses_it(product):
    accept(product, OTHER)
    product.patch.setenv("KIRO_SCIM_TOKEN", MARKED)
    results = [product.apply("-v"), product("apply", str(PLAYBOOK), "--sandbox", "-v")]
    assert {result.code for result in results} == {1}
    assert_nowhere(product, results, MARKED)


@pytest.mark.parametrize(
    "broken",
    [
        "scim: {endpoint: 5, token: ${KIRO_SCIM_TOKEN}}",
        "scim: {token: [${KIRO_SCIM_TOKEN}]}",
        "scim: {token: {value: ${KIRO_SCIM_TOKEN}}}",
        "scim: {endpoint: ${KIRO_SCIM_TOKEN}, token: x}",
        "scim: ${KIRO_SCIM_TOKEN}",
        "${KIRO_SCIM_TOKEN}: 1",
        "application: {client_id: ${KIRO_SCIM_TOKEN}}",
    ],
)
def test_in_a_playbook_that_is_wrong(product, tmp_path, broken):
    product.patch.setenv("KIRO_SCIM_TOKEN", MARKED)
    product.patch.setenv("ENTRA_TENANT_ID", "11111111-1111-1111-1111-111111111111")
    playbook = tmp_path / "broken.yaml"
    playbook.write_text(
        f"version: 1\nname: x\nprovider: entra\nconnection: {{tenant: ${{ENTRA_TENANT_ID}}}}\n{broken}\n"
    )
    result = product("validate", str(playbook))
    assert result.code == 2
    assert_nowhere(product, [result], MARKED)


def test_in_a_bug(product, monkeypatch):
    """Only the place of an unexpected exception is printed, not its content."""
    accept(product, MARKED)

    def explode(*_arguments, **_options):
        raise ZeroDivisionError(MARKED)

    monkeypatch.setattr("provisioner.engine.apply", explode)
    results = [product.apply(), product.apply("-v")]
    assert {result.code for result in results} == {1}
    assert "this is a bug in provisioner: ZeroDivisionError" in results[0].err
    assert list((product.state / "crashes").iterdir())
    assert_nowhere(product, results, MARKED)
