"""Whatever happens to whichever request of a first apply: running apply again converges to exactly one of each.

The server is in this process, so that it outlives a killed client; every case starts from the same empty tenant.
"""

from __future__ import annotations

import multiprocessing
import os

import pytest

from provisioner.sandbox import faults
from tests.e2e.product import Product
from tests.sandboxes import Sandbox

WATCHED = {"entra": "* /v1.0/*", "okta": "* /api/v1/*"}
REQUESTS = {"entra": 24, "okta": 35}
"""A first apply sends a few less; the test below says so if that changes."""
SLACK = 8

FAULTS = {
    "429": {"effect": "status", "status": 429},
    "429 with Retry-After": {"effect": "status", "status": 429, "retry_after": 1},
    "503": {"effect": "status", "status": 503},
    "409": {"effect": "status", "status": 409},
    "dropped before the effect": {"effect": "drop-before"},
    "dropped after the effect": {"effect": "drop-after"},
    "404 though it took effect": {"effect": "404-after"},
}
WAITING = "429 with Retry-After"
"""It takes the second that it asks for: every fourth request is enough."""
OF_OKTA = {
    "423": {"effect": "status", "status": 423},
    "429": {"effect": "status", "status": 429, "retry_after": 600},
}
"""Only Okta says that policies are being reordered; and it always says how long to wait, here longer than anybody does."""

EVERY_REQUEST = [
    pytest.param(provider, number, id=f"{provider}-{number}")
    for provider, most in REQUESTS.items()
    for number in range(1, most + 1)
]
EVERY_FAULT = [
    pytest.param(provider, number, fault, id=f"{provider}-{number}-{name}")
    for provider, most in REQUESTS.items()
    for number in range(1, most + 1)
    for name, fault in (FAULTS | (OF_OKTA if provider == "okta" else {})).items()
    if name != WAITING or number % 4 == 1
]


@pytest.fixture
def served(served, tmp_path):
    """Without domains: the requests that fail are those to the identity provider."""
    product, sandbox = served
    product.playbook = product.variant(tmp_path / f"{product.provider}.yaml", domains=None)
    return product, sandbox


def struck(sandbox: Sandbox) -> bool:
    """Whether the one fault there is has struck."""
    return faults.rules(sandbox.store)[0]["injected"] > 0


def assert_converged(product: Product, sandbox: Sandbox, *, audited: bool = True) -> None:
    """Apply succeeds, again it writes nothing, there is exactly one of everything, and doctor is content.

    Args:
        product: the product.
        sandbox: its sandbox.
        audited: whether doctor is asked; a refused request left nothing that only doctor would find.
    """
    finished = product.apply()
    assert finished.code == 0, finished.err
    again = product.apply()
    assert again.json["requests"]["write"] == 0
    {"entra": assert_one_of_each_in_entra, "okta": assert_one_of_each_in_okta}[product.provider](sandbox)
    if audited:
        audit = product.doctor()
        assert audit.code == 0, audit.out


def assert_one_of_each_in_entra(sandbox: Sandbox) -> None:
    directory = sandbox.directory
    applications = [
        found for found in directory.all("application") if "automation" not in found["displayName"]
    ]
    assert [found["displayName"] for found in applications] == ["Kiro-Entra"]
    principals = [
        found for found in directory.all("servicePrincipal") if found["appId"] == applications[0]["appId"]
    ]
    assert len(principals) == 1
    assert len(directory.all("synchronizationJob")) == 1
    assigned = [
        found for found in directory.all("appRoleAssignment") if found["resourceId"] == principals[0]["id"]
    ]
    assert [found["principalDisplayName"] for found in assigned] == ["Kiro-Users"]


def assert_one_of_each_in_okta(sandbox: Sandbox) -> None:
    okta = sandbox.okta
    labels = [app["label"] for app in okta.all("app")]
    assert labels.count("Kiro-OIDC") == labels.count("Kiro-SCIM") == 1
    servers = {server["id"]: server["name"] for server in okta.all("authorizationServer")}
    assert sorted(servers.values()) == ["Kiro", "default"]
    (kiro,) = (key for key, name in servers.items() if name == "Kiro")
    ours = [scope["name"] for scope in okta.all("authScope") if scope["_serverId"] == kiro]
    assert ours.count("codewhisperer:completions") == ours.count("codewhisperer:conversations") == 1
    policies = [policy["id"] for policy in okta.all("authPolicy") if policy["_serverId"] == kiro]
    assert len(policies) == 1
    assert len([rule for rule in okta.all("authRule") if rule["_policyId"] == policies[0]]) == 1
    assert len(okta.all("pushMapping")) == 1
    profiles = [profile for profile in sandbox.kiro.all("kiroProfile") if "issuer" in profile]
    assert len(profiles) == 1


@pytest.mark.parametrize("provider", REQUESTS)
def test_the_cases_below_reach_every_request(served, provider):
    product, _ = served
    requests = product.apply().json["requests"]
    assert REQUESTS[provider] - SLACK <= sum(requests.values()) <= REQUESTS[provider]


@pytest.mark.parametrize(("provider", "number", "fault"), EVERY_FAULT)
def test_a_failing_request(served, provider, number, fault):
    product, sandbox = served
    faults.add(sandbox.store, {"on": WATCHED[provider], "nth": number, **fault})
    first = product.apply()
    assert first.code in (0, 1), first.err
    assert "bug" not in first.err
    sent = sum(first.json["requests"].values()) if first.out else number  # it stopped before there was a plan
    assert struck(sandbox) == (number <= sent)
    faults.clear(sandbox.store)
    assert_converged(product, sandbox, audited=fault["effect"] != "status")


def _apply_when_told(state: str, playbook: str, told) -> None:
    """The body of the process that is killed."""
    os.environ["PROVISIONER_STATE_DIR"] = state
    from provisioner.cli import main

    told.recv()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    main(["apply", playbook, "--sandbox"])


@pytest.fixture(scope="session")
def processes():
    """Processes that have loaded the product already, so that starting one is quick."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "provisioner.cli.session",
            "provisioner.providers.entra.provider",
            "provisioner.providers.okta.provider",
            "msgraph",
            "okta.request_executor",
        ]
    )
    return context


@pytest.mark.parametrize(("provider", "number"), EVERY_REQUEST)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_process(served, processes, provider, number, when):
    product, sandbox = served
    here, there = processes.Pipe()
    victim = processes.Process(target=_apply_when_told, args=(str(product.state), product.playbook, there))
    victim.start()
    fault = {"on": WATCHED[provider], "nth": number, "effect": f"kill-{when}", "pid": victim.pid}
    faults.add(sandbox.store, fault)
    here.send("go")
    victim.join(600)
    assert victim.exitcode == (-9 if struck(sandbox) else 0)
    assert struck(sandbox) or number > REQUESTS[provider] - SLACK
    faults.clear(sandbox.store)
    assert_converged(product, sandbox)


PARTS = 9
"""An idle apply to Entra reads a few parts less; the test below fails if that changes."""


@pytest.mark.parametrize("number", range(1, PARTS + 1))
@pytest.mark.parametrize("fault", ["429", "503", "404 though it took effect"])
def test_a_failing_part_of_a_batch(served, number, fault):
    """A part that cannot be read, or comes from a replica that has not heard of the object, makes nothing twice."""
    product, sandbox = served
    assert product.apply().code == 0
    faults.add(sandbox.store, {"on": WATCHED["entra"], "nth": number, "inner": True, **FAULTS[fault]})
    assert product.apply().code in (0, 1)
    assert struck(sandbox) or number > PARTS - 3
    faults.clear(sandbox.store)
    assert_converged(product, sandbox)
