"""Shards put together are one run; what is there twice is refused, and what is missing is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.errors import UsageError
from provisioner.fleet import Shard
from provisioner.reports.building import doctor_report
from provisioner.reports.drift import drift_report
from provisioner.reports.merging import merged_doctor, merged_drift
from provisioner.reports.models import AuditReport, FailureReport, PlanReport, Target


def target(name, tenant="t"):
    return Target(playbook=f"{name}.yaml", name=name, provider="entra", tenant=tenant, sandbox=False)


def drifted(names, shard=None, tenant="t", failures=()):
    plans = [
        PlanReport(target=target(name, tenant), in_sync=True, summary={}, changes=(), fingerprint="")
        for name in names
    ]
    failed = [FailureReport(playbook=f"{name}.yaml", message="no") for name in failures]
    return drift_report(plans, failed, shard)


def audited(names, shard=None):
    audits = [AuditReport(target=target(name), summary={}, findings=(), requests={}) for name in names]
    return doctor_report(audits, (), shard)


KINDS = pytest.mark.parametrize(("merged", "of"), [(merged_drift, drifted), (merged_doctor, audited)])
NAMES = st.lists(st.text("abcdef", min_size=1), unique=True)


@KINDS
@given(names=NAMES, of_=st.integers(1, 5), order=st.randoms())
def test_all_shards_in_any_order_are_one_run(merged, of, names, of_, order):
    shards = [Shard(number, of_) for number in range(1, of_ + 1)]
    reports = [(f"{shard.number}.json", of(shard.part(names), str(shard))) for shard in shards]
    order.shuffle(reports)
    assert merged(dict(reports)) == of(names)


@KINDS
@given(names=NAMES, of_=st.integers(2, 5), data=st.data())
def test_a_missing_shard_is_told_whatever_it_would_have_held(merged, of, names, of_, data):
    given_ = data.draw(st.sets(st.integers(1, of_), min_size=1, max_size=of_ - 1))
    shards = [Shard(number, of_) for number in given_]
    whole = merged({str(shard): of(shard.part(names), str(shard)) for shard in shards})
    told = {failure.playbook for failure in whole.failures}
    assert told == {f"shard {number}/{of_}" for number in range(1, of_ + 1) if number not in given_}
    assert whole.shard is None


def test_what_could_not_be_read_in_a_shard_stays_told():
    whole = merged_drift({"1": drifted("a", "1/2", failures="b"), "2": drifted("c", "2/2")})
    assert [failure.playbook for failure in whole.failures] == ["b.yaml"]
    assert whole.summary["unreadable"] == 1


@KINDS
@pytest.mark.parametrize(
    ("shards", "words"),
    [
        ((("ab", None), ("b", None)), r"1\.json and 2\.json both tell of b\.yaml"),
        ((("a", "1/2"), ("", "1/2")), r"1\.json and 2\.json are both of shard 1/2"),
        ((("a", "1/2"), ("b", "2/3")), r"shards of different runs: 1/2, 2/3"),
        ((("a", "1/1"), ("a", None)), r"both tell of a\.yaml"),
    ],
)
def test_what_is_not_of_one_run_is_refused(merged, of, shards, words):
    reports = {f"{number}.json": of(*shard) for number, shard in enumerate(shards, 1)}
    with pytest.raises(UsageError, match=words) as raised:
        merged(reports)
    assert "of one run only" in raised.value.hint


def test_two_repositories_may_have_playbooks_of_one_name():
    whole = merged_drift({"x.json": drifted("a", tenant="x"), "y.json": drifted("a", tenant="y")})
    assert [plan.target.tenant for plan in whole.plans] == ["x", "y"]
