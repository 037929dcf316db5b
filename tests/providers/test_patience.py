"""What to do when a vendor did not simply answer: what holds for all, and each vendor's cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.patience import Call, Failure, Patience, Rules, Then, decide
from provisioner.providers.entra.patience import GraphRules
from provisioner.providers.okta.patience import OktaRules

HERE = Path(__file__).parent
RULES: dict[str, Rules] = {"entra": GraphRules(), "okta": OktaRules()}
MAYBE_DONE = {"entra": {404, 409}, "okta": {409}}
"""Refusals after which something may have been done all the same."""
CASES: list[tuple[str, dict[str, Any]]] = [
    (provider, case)
    for provider in RULES
    for case in yaml.safe_load((HERE / provider / "patience.yaml").read_text(encoding="utf-8"))
]
PATIENCE = Patience(budget=100, first=1, most=8, settle=30)

providers = st.sampled_from(sorted(RULES))
failures = st.builds(
    Failure,
    status=st.sampled_from([0, 400, 401, 403, 404, 409, 410, 412, 423, 429, 500, 502, 503, 504]),
    code=st.sampled_from(["", "E0000001", "E0000239"]),
    message=st.sampled_from(
        ["", "Not a valid reference update", "Permission being assigned already exists on the object"]
    ),
    retry_after=st.none() | st.floats(0, 300),
)
calls = st.builds(
    Call,
    method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"]),
    path=st.just("/x"),
    repeatable=st.booleans(),
    expects=st.booleans(),
    settling=st.booleans(),
)


@pytest.mark.parametrize(("provider", "case"), CASES, ids=[f"{name}: {case['name']}" for name, case in CASES])
def test_decisions(provider, case):
    step = decide(
        Failure(**case["failure"]),
        Call(path="/x", **case["call"]),
        RULES[provider],
        attempt=case.get("attempt", 0),
        waited=case.get("waited", 0.0),
        patience=PATIENCE,
    )
    assert step.then == case["then"]
    if "delay" in case:
        assert step.delay == case["delay"]
    assert case.get("reason", "") in step.reason
    if step.then is not Then.FAIL:
        assert step.reason


@given(
    provider=providers, failure=failures, call=calls, attempt=st.integers(0, 1000), waited=st.floats(0, 200)
)
def test_the_budget_is_never_exceeded(provider, failure, call, attempt, waited):
    step = decide(failure, call, RULES[provider], attempt=attempt, waited=waited, patience=PATIENCE)
    assert step.delay >= 0
    if step.then is not Then.FAIL:
        assert waited + step.delay <= PATIENCE.budget


@pytest.mark.parametrize(("told", "then"), [(None, Then.FAIL), (90, Then.REPEAT), (50, Then.FAIL)])
def test_what_the_vendor_says_may_have_a_budget_of_its_own(told, then):
    patience = Patience(budget=10, told=told)
    failure = Failure(429, retry_after=60)
    call = Call("GET", "/x")
    step = decide(failure, call, RULES["okta"], attempt=0, waited=0, patience=patience)
    assert step.then == then
    if then is Then.FAIL:
        assert step.reason == "gave up after 0 s, asked to wait another 60 s"
    unasked = decide(Failure(429), call, RULES["okta"], attempt=0, waited=11, patience=patience)
    assert (unasked.then, unasked.reason) == (Then.FAIL, "gave up after 11 s")


@given(
    provider=providers, failure=failures, call=calls, attempt=st.integers(0, 1000), waited=st.floats(0, 200)
)
def test_who_was_never_met_is_waited_for_less(provider, failure, call, attempt, waited):
    patience = Patience(budget=100, unmet=10, first=1, most=8, settle=30)
    met, unmet = (
        decide(failure, call, RULES[provider], attempt=attempt, waited=waited, patience=patience, met=met)
        for met in (True, False)
    )
    if failure.status:
        assert unmet == met
    elif unmet.then is not Then.FAIL and failure.retry_after is None:
        assert unmet == met
        assert waited + unmet.delay <= patience.unmet


@given(provider=providers, failure=failures, call=calls)
def test_what_must_not_be_done_twice_is_only_repeated_when_it_certainly_did_not_happen(
    provider, failure, call
):
    step = decide(failure, call, RULES[provider], attempt=0, waited=0, patience=PATIENCE)
    certainly_not_done = 400 <= failure.status < 500 and failure.status not in MAYBE_DONE[provider]
    if step.then is Then.REPEAT and not call.repeatable:
        assert certainly_not_done


@given(provider=providers, failure=failures, call=calls)
def test_nothing_that_can_be_repeated_is_looked_for(provider, failure, call):
    step = decide(failure, call, RULES[provider], attempt=0, waited=0, patience=PATIENCE)
    assert not (step.then is Then.LOOK and call.repeatable)


@given(attempt=st.integers(0, 10_000))
def test_pauses_never_shrink_and_never_exceed_the_limit(attempt):
    assert 0 < PATIENCE.pause(attempt) <= PATIENCE.pause(attempt + 1) <= PATIENCE.most


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Failure(0), "no answer"),
        (Failure(0, message="ConnectTimeout"), "no answer (ConnectTimeout)"),
        (Failure(404, code="Request_ResourceNotFound", message="long"), "404 Request_ResourceNotFound"),
        (Failure(503), "503"),
    ],
)
def test_a_failure_is_summed_up_in_few_words(failure, told):
    assert failure.summary == told
