"""Decisions after a failed request: what holds for every vendor, and the cases of each."""

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
OUTCOME_UNKNOWN = {"entra": {404, 409}, "okta": {409}}
"""Refusals after which the request may have taken effect."""
CASES: list[tuple[str, dict[str, Any]]] = [
    (provider, case)
    for provider in RULES
    for case in yaml.safe_load((HERE / provider / "retry.yaml").read_text(encoding="utf-8"))
]
POLICY = RetryPolicy(budget=100, initial_delay=1, max_delay=8, consistency_window=30)

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
requests = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"]),
    path=st.just("/x"),
    idempotent=st.booleans(),
    expects_existing=st.booleans(),
    may_lag=st.booleans(),
)


@pytest.mark.parametrize(("provider", "case"), CASES, ids=[f"{name}: {case['name']}" for name, case in CASES])
def test_decisions(provider, case):
    decision = decide(
        Failure(**case["failure"]),
        Request(path="/x", **case["request"]),
        RULES[provider],
        attempt=case.get("attempt", 0),
        elapsed=case.get("waited", 0.0),
        policy=POLICY,
    )
    assert decision.action == case["then"]
    if "delay" in case:
        assert decision.delay == case["delay"]
    assert case.get("reason", "") in decision.reason
    if decision.action is not RetryAction.FAIL:
        assert decision.reason


@given(
    provider=providers,
    failure=failures,
    request=requests,
    attempt=st.integers(0, 1000),
    elapsed=st.floats(0, 200),
)
def test_the_budget_is_never_exceeded(provider, failure, request, attempt, elapsed):
    decision = decide(failure, request, RULES[provider], attempt=attempt, elapsed=elapsed, policy=POLICY)
    assert decision.delay >= 0
    if decision.action is not RetryAction.FAIL:
        assert elapsed + decision.delay <= POLICY.budget


@pytest.mark.parametrize(
    ("budget", "then"), [(None, RetryAction.FAIL), (90, RetryAction.RETRY), (50, RetryAction.FAIL)]
)
def test_retry_after_may_have_a_budget_of_its_own(budget, then):
    policy = RetryPolicy(budget=10, retry_after_budget=budget)
    failure = Failure(429, retry_after=60)
    request = Request("GET", "/x")
    decision = decide(failure, request, RULES["okta"], attempt=0, elapsed=0, policy=policy)
    assert decision.action == then
    if then is RetryAction.FAIL:
        assert decision.reason == "gave up after 0 s, asked to wait another 60 s"
    without_retry_after = decide(Failure(429), request, RULES["okta"], attempt=0, elapsed=11, policy=policy)
    assert (without_retry_after.action, without_retry_after.reason) == (
        RetryAction.FAIL,
        "gave up after 11 s",
    )


@given(
    provider=providers,
    failure=failures,
    request=requests,
    attempt=st.integers(0, 1000),
    elapsed=st.floats(0, 200),
)
def test_a_host_that_has_not_answered_yet_has_a_smaller_budget(provider, failure, request, attempt, elapsed):
    policy = RetryPolicy(
        budget=100, first_contact_budget=10, initial_delay=1, max_delay=8, consistency_window=30
    )
    answered, unanswered = (
        decide(
            failure,
            request,
            RULES[provider],
            attempt=attempt,
            elapsed=elapsed,
            policy=policy,
            host_answered=answered,
        )
        for answered in (True, False)
    )
    if failure.status:
        assert unanswered == answered
    elif unanswered.action is not RetryAction.FAIL and failure.retry_after is None:
        assert unanswered == answered
        assert elapsed + unanswered.delay <= policy.first_contact_budget


@given(provider=providers, failure=failures, request=requests)
def test_a_request_that_is_not_idempotent_is_repeated_only_if_it_had_no_effect(provider, failure, request):
    decision = decide(failure, request, RULES[provider], attempt=0, elapsed=0, policy=POLICY)
    had_no_effect = 400 <= failure.status < 500 and failure.status not in OUTCOME_UNKNOWN[provider]
    if decision.action is RetryAction.RETRY and not request.idempotent:
        assert had_no_effect


@given(provider=providers, failure=failures, request=requests)
def test_an_idempotent_request_needs_no_look(provider, failure, request):
    decision = decide(failure, request, RULES[provider], attempt=0, elapsed=0, policy=POLICY)
    assert not (decision.action is RetryAction.LOOK_FIRST and request.idempotent)


@given(attempt=st.integers(0, 10_000))
def test_pauses_never_shrink_and_never_exceed_the_limit(attempt):
    assert 0 < POLICY.delay_after(attempt) <= POLICY.delay_after(attempt + 1) <= POLICY.max_delay


@pytest.mark.parametrize(
    ("failure", "summary"),
    [
        (Failure(0), "no response"),
        (Failure(0, message="ConnectTimeout"), "no response (ConnectTimeout)"),
        (Failure(404, code="Request_ResourceNotFound", message="long"), "404 Request_ResourceNotFound"),
        (Failure(503), "503"),
    ],
)
def test_the_summary_of_a_failure(failure, summary):
    assert failure.summary == summary
