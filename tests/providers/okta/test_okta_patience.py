"""What to do when Okta did not simply answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.patience import Call, Failure, Patience, Then, decide
from provisioner.providers.okta.patience import OktaRules

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "patience.yaml").read_text(encoding="utf-8")
)
PATIENCE = Patience(budget=100, first=1, most=8, settle=30)

failures = st.builds(
    Failure,
    status=st.sampled_from([0, 400, 401, 403, 404, 409, 423, 429, 500, 502, 503, 504]),
    code=st.sampled_from(["", "E0000001", "E0000239"]),
    retry_after=st.none() | st.floats(0, 300),
)
flags = {"path": st.just("/x"), "expects": st.booleans(), "settling": st.booleans()}
calls = st.builds(
    Call, method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"]), repeatable=st.just(True), **flags
) | st.builds(Call, method=st.just("POST"), repeatable=st.just(False), **flags)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_decisions(case):
    step = decide(
        Failure(**case["failure"]),
        Call(path="/x", **case["call"]),
        OktaRules(),
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


@given(failure=failures, call=calls, waited=st.floats(0, 200))
def test_what_must_not_be_done_twice_is_only_repeated_when_it_certainly_did_not_happen(failure, call, waited):
    step = decide(failure, call, OktaRules(), attempt=0, waited=waited, patience=PATIENCE)
    certainly_not_done = 400 <= failure.status < 500 and failure.status != 409
    if step.then is Then.REPEAT and not call.repeatable:
        assert certainly_not_done
    if step.then is not Then.FAIL:
        assert waited + step.delay <= PATIENCE.budget
    assert not (step.then is Then.LOOK and call.repeatable)
