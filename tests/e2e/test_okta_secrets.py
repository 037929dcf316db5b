"""Okta's credentials are used by every command, format, verbosity and failure, and appear nowhere."""

from __future__ import annotations

import hashlib
import itertools

import pytest

from provisioner.sandbox import faults
from tests.e2e.test_secrets import MARKED, assert_nowhere

COMMANDS = [
    ("validate",),
    ("plan",),
    ("apply", "--yes"),
    ("drift",),
    ("doctor",),
    ("doctor", "--fix", "--yes"),
    ("handoff",),
    ("permissions",),
]


@pytest.fixture
def provider():
    return "okta"


@pytest.fixture
def served(served, tmp_path):
    """Without domains: there is no public DNS here."""
    product, sandbox = served
    product.playbook = product.variant(tmp_path / "okta.yaml", domains=None)
    return product, sandbox


@pytest.fixture
def with_token(served):
    """A served organization whose API token is the marked one."""
    product, sandbox = served
    (token,) = sandbox.okta.all("apiToken")
    digest = hashlib.sha256(MARKED.encode()).hexdigest()
    assert token["_hash"] == hashlib.sha256(sandbox.okta_token().encode()).hexdigest()
    sandbox.okta.put("apiToken", token["id"], {**token, "_hash": digest})
    product.patch.setenv("OKTA_ORG_URL", sandbox.url)
    product.patch.setenv("OKTA_API_TOKEN", MARKED)
    return product, sandbox


def everything(product, formats=("text", "json"), verbosities=((), ("-v",), ("-q",))):
    for command, format_, loud in itertools.product(COMMANDS, formats, verbosities):
        name, *options = command
        yield product(name, product.playbook, "--format", format_, *options, *loud)


def test_an_api_token_in_success(with_token):
    product, _ = with_token
    results = [*everything(product)]
    assert {result.code for result in results} <= {0, 3, 4}
    assert_nowhere(product, results, MARKED)


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 403}, {"status": 404}])
def test_an_api_token_when_requests_fail(with_token, fault):
    product, sandbox = with_token
    if fault.get("status") == 401:
        product.patch.setenv("OKTA_API_TOKEN", f"{MARKED}x")
    else:
        rule = {"on": "* /api/v1/*", "effect": "status", "times": None, "nth": 9, **fault}
        faults.add(sandbox.store, rule)
    result = product("apply", product.playbook, "--yes", "-v")
    assert result.code == 1
    assert_nowhere(product, [result], MARKED)


def test_a_private_key(served):
    product, sandbox = served
    client = sandbox.okta_client()
    product.patch.setenv("OKTA_ORG_URL", sandbox.url)
    product.patch.setenv("OKTA_CLIENT_ID", client["client_id"])
    product.patch.setenv("OKTA_PRIVATE_KEY", client["private_key"])
    secret = client["private_key"].splitlines()[3]
    good = [*everything(product, ["text"], [("-v",)])]
    product.patch.setenv("OKTA_PRIVATE_KEY", client["private_key"].replace(secret, secret[::-1]))
    bad = [*everything(product, ["json"], [("-v",)])]
    assert {result.code for result in good} <= {0, 3, 4}
    assert 1 in {result.code for result in bad}
    for result in good + bad:
        assert secret not in result.out + result.err
        assert secret[::-1] not in result.out + result.err
