"""Which rule decides a token request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.snapshot import Snapshot
from provisioner.providers.okta import observations, policy_evaluation
from provisioner.providers.okta import resources as kinds
from provisioner.providers.okta.policy_evaluation import TokenRequest
from tests.providers.okta.okta_checks import HEALTHY

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "token_preview.yaml").read_text(encoding="utf-8")
)
DEFAULTS = {
    "grant_types": ["authorization_code"],
    "scopes": ["a", "b", "offline_access"],
    "groups": ["EVERYONE"],
}
REQUEST = TokenRequest(
    client="ours", grant_type="authorization_code", scopes=frozenset({"a", "b", "offline_access"})
)


def snapshot(rules: list[dict[str, Any]]) -> Snapshot:
    """A snapshot of other policies and rules."""
    policies, others = {}, []
    for number, conditions in enumerate(rules, 1):
        fields = {**DEFAULTS, **conditions}
        name = fields.pop("policy", f"policy of {fields['name']}")
        policies[name] = observations.OtherPolicy(
            key=name,
            name=name,
            active=fields.pop("policy_active", True),
            clients=fields.pop("clients", ["ours"]),
            priority=fields.pop("priority", number if name.startswith("policy of") else 1),
        )
        own = {
            "active": True,
            "priority": fields.pop("rule_priority", 1),
            "key": fields["name"],
            "policy": name,
        }
        others.append(observations.OtherRule.model_validate({**own, **fields}))
    return Snapshot(resources=(*policies.values(), *others))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_the_deciding_rule(case, backwards):
    found = snapshot(case["rules"])
    if backwards:
        found = Snapshot(resources=tuple(reversed(found.resources)))
    request = {
        name: frozenset(value) if isinstance(value, list) else value
        for name, value in case.get("request", {}).items()
    }
    deciding = policy_evaluation.deciding_rule(
        policy_evaluation.effective_rules(found), replace(REQUEST, **request)
    )
    assert (deciding and deciding.rule.name) == case["decides"]


POLICIES = st.builds(
    observations.OtherPolicy,
    key=st.just("p"),
    active=st.booleans(),
    clients=st.lists(st.sampled_from(["ours", "theirs", "ALL_CLIENTS"]), max_size=3),
    priority=st.integers(1, 9),
)
WORDS = st.lists(st.sampled_from("abc"), max_size=3)
RULES = st.builds(
    policy_evaluation.EffectiveRule,
    policy=POLICIES,
    policy_id=st.just("p"),
    rule=st.builds(
        observations.OtherRule,
        key=st.sampled_from("xyz"),
        policy=st.just("p"),
        active=st.booleans(),
        grant_types=st.lists(st.sampled_from(["authorization_code", "implicit"]), max_size=2),
        scopes=WORDS | st.just(["*"]),
        groups=st.lists(st.sampled_from(["EVERYONE", "g", "h"]), max_size=3),
        users=st.lists(st.sampled_from("uv"), max_size=2),
        excluded_groups=st.lists(st.sampled_from("gh"), max_size=2),
        excluded_users=st.lists(st.sampled_from("uv"), max_size=2),
        priority=st.integers(1, 9),
    ),
)
REQUESTS = st.builds(
    TokenRequest,
    client=st.sampled_from(["ours", "theirs"]),
    grant_type=st.sampled_from(["authorization_code", "implicit"]),
    scopes=WORDS.map(frozenset),
    user=st.sampled_from(["", "u", "v"]),
    groups=st.frozensets(st.sampled_from("gh")),
)


@given(rules=st.lists(RULES, max_size=6), token_request=REQUESTS)
def test_the_first_matching_rule_decides_and_all_earlier_ones_have_a_mismatch(rules, token_request):
    decides = policy_evaluation.deciding_rule(rules, token_request)
    if decides is None:
        assert all(rule.mismatch(token_request) for rule in rules)
        return
    place = rules.index(decides)
    assert decides.mismatch(token_request) == ""
    assert all(rule.mismatch(token_request) for rule in rules[:place])


@given(rules=st.lists(RULES, max_size=6), more=st.lists(RULES, max_size=3), token_request=REQUESTS)
def test_later_rules_change_no_decision(rules, more, token_request):
    decides = policy_evaluation.deciding_rule(rules, token_request)
    if decides is not None:
        assert policy_evaluation.deciding_rule([*rules, *more], token_request) == decides


@given(rule=RULES, token_request=REQUESTS)
def test_an_inactive_rule_never_decides(rule, token_request):
    assert replace(rule, rule=rule.rule.model_copy(update={"active": False})).mismatch(token_request)
    assert replace(rule, policy=rule.policy.model_copy(update={"active": False})).mismatch(token_request)


@given(rule=RULES, token_request=REQUESTS)
def test_requesting_fewer_scopes_never_causes_a_mismatch(rule, token_request):
    if not rule.mismatch(token_request):
        assert not rule.mismatch(replace(token_request, scopes=frozenset()))


@given(rule=RULES, token_request=REQUESTS)
def test_a_rule_matches_only_the_users_it_includes(rule, token_request):
    """An independent statement of the conditions of Okta's rules."""
    policy, conditions = rule.policy, rule.rule
    included = (
        "EVERYONE" in conditions.groups
        or token_request.groups & {*conditions.groups}
        or token_request.user in conditions.users
    )
    excluded = (
        token_request.groups & {*conditions.excluded_groups}
        or token_request.user in conditions.excluded_users
    )
    matches = (
        policy.active
        and conditions.active
        and {token_request.client, "ALL_CLIENTS"} & {*policy.clients}
        and token_request.grant_type in conditions.grant_types
        and (token_request.scopes <= {*conditions.scopes} or "*" in conditions.scopes)
        and included
        and not excluded
    )
    assert bool(matches) is not bool(rule.mismatch(token_request))


class TestEffectiveRules:
    def test_own_and_other_rules_are_in_one_order(self):
        assert [
            (rule.policy.name, rule.rule.name) for rule in policy_evaluation.effective_rules(HEALTHY.snapshot)
        ] == [
            ("Kiro", "Kiro"),
            ("Default Policy", "Default Policy Rule"),
        ]

    def test_another_rule_of_the_own_policy_has_its_clients(self):
        other = observations.OtherRule(key="r", policy="00ppolicy", name="Other", active=True, priority=7)
        found = policy_evaluation.effective_rules(HEALTHY.snapshot.updated([other]))
        (rule,) = (rule for rule in found if rule.rule.name == "Other")
        assert rule.policy.clients == ("0oaclient",)
        assert rule.priority == (1, 7)

    def test_a_rule_of_an_unknown_policy_is_left_out(self):
        orphan = observations.OtherRule(key="r", policy="unknown", name="Orphan", active=True, priority=1)
        assert "Orphan" not in [
            rule.rule.name for rule in policy_evaluation.effective_rules(HEALTHY.snapshot.updated([orphan]))
        ]

    @pytest.mark.parametrize("kind", [kinds.AccessPolicy, kinds.PolicyRule])
    def test_without_an_own_policy_or_rule_the_others_remain(self, kind):
        rest = tuple(found for found in HEALTHY.snapshot.resources if not isinstance(found, kind))
        assert [rule.rule.name for rule in policy_evaluation.effective_rules(Snapshot(resources=rest))] == [
            "Default Policy Rule"
        ]

    @given(order=st.permutations(HEALTHY.snapshot.resources))
    def test_the_order_of_the_snapshot_does_not_matter(self, order):
        assert policy_evaluation.effective_rules(
            Snapshot(resources=tuple(order))
        ) == policy_evaluation.effective_rules(HEALTHY.snapshot)
