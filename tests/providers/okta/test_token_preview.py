"""Which rule answers a token request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.snapshot import Snapshot
from provisioner.providers.okta import observations as seen
from provisioner.providers.okta import policy_evaluation
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.policy_evaluation import Ask
from tests.providers.okta.okta_checks import HEALTHY

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "token_preview.yaml").read_text(encoding="utf-8")
)
USUAL = {
    "grant_types": ["authorization_code"],
    "scopes": ["a", "b", "offline_access"],
    "groups": ["EVERYONE"],
}
ASK = Ask(client="ours", grant="authorization_code", scopes=frozenset({"a", "b", "offline_access"}))


def snapshot(rules: list[dict[str, Any]]) -> Snapshot:
    """Policies and rules that are nobody's in particular."""
    policies, found = {}, []
    for number, said in enumerate(rules, 1):
        told = {**USUAL, **said}
        name = told.pop("policy", f"policy of {told['name']}")
        policies[name] = seen.OtherPolicy(
            key=name,
            name=name,
            active=told.pop("policy_active", True),
            clients=told.pop("clients", ["ours"]),
            priority=told.pop("priority", number if name.startswith("policy of") else 1),
        )
        own = {"active": True, "priority": told.pop("rule_priority", 1), "key": told["name"], "policy": name}
        found.append(seen.OtherRule.model_validate({**own, **told}))
    return Snapshot(resources=(*policies.values(), *found))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_who_decides(case, backwards):
    found = snapshot(case["rules"])
    if backwards:
        found = Snapshot(resources=tuple(reversed(found.resources)))
    asked = {
        name: frozenset(value) if isinstance(value, list) else value
        for name, value in case.get("ask", {}).items()
    }
    decides = policy_evaluation.deciding(policy_evaluation.rules(found), replace(ASK, **asked))
    assert (decides and decides.name) == case["decides"]


WORDS = st.frozensets(st.sampled_from("abc"), max_size=3)
GROUPS = st.frozensets(st.sampled_from(["EVERYONE", "g", "h"]), max_size=3)
RULES = st.builds(
    policy_evaluation.Rule,
    address=st.text("xyz", min_size=1, max_size=3),
    policy=st.just("p"),
    policy_id=st.just("00p"),
    name=st.text("xyz", min_size=1, max_size=3),
    active=st.booleans(),
    order=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    clients=st.frozensets(st.sampled_from(["ours", "theirs", "ALL_CLIENTS"])),
    grants=st.frozensets(st.sampled_from(["authorization_code", "implicit"])),
    scopes=WORDS | st.just(frozenset("*")),
    groups=GROUPS,
    users=st.frozensets(st.sampled_from("uv")),
    excluded_groups=st.frozensets(st.sampled_from("gh")),
    excluded_users=st.frozensets(st.sampled_from("uv")),
)
ASKS = st.builds(
    Ask,
    client=st.sampled_from(["ours", "theirs"]),
    grant=st.sampled_from(["authorization_code", "implicit"]),
    scopes=WORDS,
    user=st.sampled_from(["", "u", "v"]),
    groups=st.frozensets(st.sampled_from("gh")),
)


@given(rules=st.lists(RULES, max_size=6), ask=ASKS)
def test_the_first_that_fits_decides_and_all_before_it_tell_why_they_do_not(rules, ask):
    decides = policy_evaluation.deciding(rules, ask)
    if decides is None:
        assert all(rule.why_not(ask) for rule in rules)
        return
    place = rules.index(decides)
    assert decides.why_not(ask) == ""
    assert all(rule.why_not(ask) for rule in rules[:place])


@given(rules=st.lists(RULES, max_size=6), more=st.lists(RULES, max_size=3), ask=ASKS)
def test_what_is_added_below_changes_no_decision(rules, more, ask):
    decides = policy_evaluation.deciding(rules, ask)
    if decides is not None:
        assert policy_evaluation.deciding([*rules, *more], ask) == decides


@given(rule=RULES, ask=ASKS)
def test_what_is_inactive_never_decides(rule, ask):
    assert replace(rule, active=False).why_not(ask)


@given(rule=RULES, ask=ASKS)
def test_asking_for_less_never_fits_worse(rule, ask):
    if not rule.why_not(ask):
        assert not rule.why_not(replace(ask, scopes=frozenset()))


@given(rule=RULES, ask=ASKS)
def test_a_rule_fits_who_it_is_for_and_nobody_else(rule, ask):
    """The same in other words: the conditions of Okta's rules, one by one."""
    included = "EVERYONE" in rule.groups or ask.groups & rule.groups or ask.user in rule.users
    excluded = ask.groups & rule.excluded_groups or ask.user in rule.excluded_users
    fits = (
        rule.active
        and ({ask.client, "ALL_CLIENTS"} & rule.clients)
        and ask.grant in rule.grants
        and (ask.scopes <= rule.scopes or "*" in rule.scopes)
        and included
        and not excluded
    )
    assert bool(fits) is not bool(rule.why_not(ask))


class TestWhereTheRulesComeFrom:
    def test_ours_and_those_of_others_are_in_one_order(self):
        assert [(rule.policy, rule.name) for rule in policy_evaluation.rules(HEALTHY.snapshot)] == [
            ("Kiro", "Kiro"),
            ("Default Policy", "Default Policy Rule"),
        ]

    def test_another_rule_of_our_policy_is_for_our_clients(self):
        other = seen.OtherRule(key="r", policy="00ppolicy", name="Other", active=True, priority=7)
        found = policy_evaluation.rules(HEALTHY.snapshot.updated([other]))
        (rule,) = (rule for rule in found if rule.name == "Other")
        assert rule.clients == {"0oaclient"}
        assert rule.order == (1, 7)

    def test_a_rule_of_an_unknown_policy_is_left_out(self):
        stray = seen.OtherRule(key="r", policy="unknown", name="Stray", active=True, priority=1)
        assert "Stray" not in [
            rule.name for rule in policy_evaluation.rules(HEALTHY.snapshot.updated([stray]))
        ]

    @pytest.mark.parametrize("kind", [kinds.AccessPolicy, kinds.PolicyRule])
    def test_without_a_policy_or_a_rule_there_are_those_of_others(self, kind):
        rest = tuple(found for found in HEALTHY.snapshot.resources if not isinstance(found, kind))
        assert [rule.name for rule in policy_evaluation.rules(Snapshot(resources=rest))] == [
            "Default Policy Rule"
        ]

    @given(order=st.permutations(HEALTHY.snapshot.resources))
    def test_the_order_of_what_was_read_does_not_matter(self, order):
        assert policy_evaluation.rules(Snapshot(resources=tuple(order))) == policy_evaluation.rules(
            HEALTHY.snapshot
        )
