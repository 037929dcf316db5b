"""The objects that belong to an Okta application that no playbook describes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from provisioner.providers.okta import adoption
from provisioner.providers.okta.adoption import ServerWithPolicies

FOLDER = Path(__file__).parent / "adoption"


def cases(name):
    listed = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["about"]) for case in listed])


def server_of(case):
    policies = tuple(
        {
            "name": policy["name"],
            "priority": policy["priority"],
            "conditions": {"clients": {"include": policy["clients"]}},
        }
        for policy in case["policies"]
    )
    return ServerWithPolicies(
        {key: case[key] for key in ("id", "name", "description") if key in case}, policies
    )


@cases("servers")
def test_the_authorization_server_and_its_policy(case):
    chosen = adoption.find_server(map(server_of, case["servers"]), "ours", "kiro")
    assert (chosen and chosen.data["id"]) == case["server"]
    if chosen:
        policy = adoption.find_policy(chosen, "ours")
        assert (policy and policy["name"]) == case["policy"]


@cases("provisioning")
def test_the_scim_application(case):
    apps = [
        {"id": app["id"], "label": app["label"], "settings": {"notes": {"admin": app.get("marker")}}}
        for app in case["apps"]
    ]
    chosen, candidates = adoption.find_scim_application(apps, "kiro")
    assert (chosen and chosen["id"]) == case["chosen"]
    assert [app["id"] for app in candidates] == case["candidates"]


def rule(name, priority, *grants):
    return {"name": name, "priority": priority, "conditions": {"grantTypes": {"include": [*grants]}}}


@pytest.mark.parametrize(
    ("rules", "chosen"),
    [
        ([rule("machines", 1, "client_credentials"), rule("people", 2, "authorization_code")], "people"),
        ([rule("second", 2, "authorization_code"), rule("first", 1, "authorization_code")], "first"),
        ([rule("machines", 1, "client_credentials")], "machines"),
    ],
)
def test_the_rule_for_sign_in(rules, chosen):
    found = adoption.find_rule(rules)
    assert found is not None
    assert found["name"] == chosen


def test_a_policy_without_rules_has_none():
    assert adoption.find_rule([]) is None
