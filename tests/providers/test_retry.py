"""What to do when a vendor did not simply answer: what holds for all, and each vendor's cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.retry import Failure, FailureRules, Request, RetryAction, RetryPolicy, decide
from provisioner.providers.entra.retry import GraphRules
from provisioner.providers.okta.retry import OktaRules

HERE = Path(__file__).parent
RULES: dict[str, FailureRules] = {"entra": GraphRules(), "okta": OktaRules()}
MAYBE_DONE = {"entra": {404, 409}, "okta": {409}}
"""Refusals after which something may have been done all the same."""
CASES: list[tuple[str, dict[str, Any]]] = [
    (provider, case)
    for provider in RULES
    for case in yaml.safe_load((HERE / provider / "retry.yaml").read_text(encoding="utf-8"))
]
PATIENCE = RetryPolicy(budget=100, initial_delay=1, max_delay=8, consistency_window=30)

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
    Request,
    method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"]),
    path=st.just("/x"),
    idempotent=st.booleans(),
    expects_existing=st.booleans(),
    just_created=st.booleans(),
)


@pytest.mark.parametrize(("provider", "case"), CASES, ids=[f"{name}: {case['name']}" for name, case in CASES])
def test_decisions(provider, case):
    step = decide(
        Failure(**case["failure"]),
        Request(path="/x", **case["request"]),
        RULES[provider],
        attempt=case.get("attempt", 0),
        elapsed=case.get("waited", 0.0),
        policy=PATIENCE,
    )
    assert step.action == case["then"]
    if "delay" in case:
        assert step.delay == case["delay"]
    assert case.get("reason", "") in step.reason
    if step.action is not RetryAction.FAIL:
        assert step.reason


@given(
    provider=providers, failure=failures, call=calls, attempt=st.integers(0, 1000), waited=st.floats(0, 200)
)
def test_the_budget_is_never_exceeded(provider, failure, call, attempt, waited):
    step = decide(failure, call, RULES[provider], attempt=attempt, elapsed=waited, policy=PATIENCE)
    assert step.delay >= 0
    if step.action is not RetryAction.FAIL:
        assert waited + step.delay <= PATIENCE.budget


@pytest.mark.parametrize(
    ("told", "then"), [(None, RetryAction.FAIL), (90, RetryAction.RETRY), (50, RetryAction.FAIL)]
)
def test_what_the_vendor_says_may_have_a_budget_of_its_own(told, then):
    patience = RetryPolicy(budget=10, retry_after_budget=told)
    failure = Failure(429, retry_after=60)
    call = Request("GET", "/x")
    step = decide(failure, call, RULES["okta"], attempt=0, elapsed=0, policy=patience)
    assert step.action == then
    if then is RetryAction.FAIL:
        assert step.reason == "gave up after 0 s, asked to wait another 60 s"
    unasked = decide(Failure(429), call, RULES["okta"], attempt=0, elapsed=11, policy=patience)
    assert (unasked.action, unasked.reason) == (RetryAction.FAIL, "gave up after 11 s")


@given(
    provider=providers, failure=failures, call=calls, attempt=st.integers(0, 1000), waited=st.floats(0, 200)
)
def test_who_was_never_met_is_waited_for_less(provider, failure, call, attempt, waited):
    patience = RetryPolicy(
        budget=100, first_contact_budget=10, initial_delay=1, max_delay=8, consistency_window=30
    )
    met, unmet = (
        decide(
            failure,
            call,
            RULES[provider],
            attempt=attempt,
            elapsed=waited,
            policy=patience,
            host_answered=met,
        )
        for met in (True, False)
    )
    if failure.status:
        assert unmet == met
    elif unmet.action is not RetryAction.FAIL and failure.retry_after is None:
        assert unmet == met
        assert waited + unmet.delay <= patience.first_contact_budget


@given(provider=providers, failure=failures, call=calls)
def test_what_must_not_be_done_twice_is_only_repeated_when_it_certainly_did_not_happen(
    provider, failure, call
):
    step = decide(failure, call, RULES[provider], attempt=0, elapsed=0, policy=PATIENCE)
    certainly_not_done = 400 <= failure.status < 500 and failure.status not in MAYBE_DONE[provider]
    if step.action is RetryAction.RETRY and not call.idempotent:
        assert certainly_not_done


@given(provider=providers, failure=failures, call=calls)
def test_nothing_that_can_be_repeated_is_looked_for(provider, failure, call):
    step = decide(failure, call, RULES[provider], attempt=0, elapsed=0, policy=PATIENCE)
    assert not (step.action is RetryAction.LOOK_FIRST and call.idempotent)


@given(attempt=st.integers(0, 10_000))
def test_pauses_never_shrink_and_never_exceed_the_limit(attempt):
    assert 0 < PATIENCE.delay_after(attempt) <= PATIENCE.delay_after(attempt + 1) <= PATIENCE.max_delay


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Failure(0), "no response"),
        (Failure(0, message="ConnectTimeout"), "no response (ConnectTimeout)"),
        (Failure(404, code="Request_ResourceNotFound", message="long"), "404 Request_ResourceNotFound"),
        (Failure(503), "503"),
    ],
)
def test_a_failure_is_summed_up_in_few_words(failure, told):
    assert failure.summary == told
