"""Merged shards are one run; duplicates are refused, and a missing shard is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cli.fleet import Shard
from provisioner.core.errors import UsageError
from provisioner.core.provider import RequestCounts
from provisioner.reports.building import doctor_report, drift_report
from provisioner.reports.merging import merge_doctor, merge_drift
from provisioner.reports.models import AuditReport, ErrorReport, PlanReport, Target


def target(name, tenant="t"):
    return Target(playbook=f"{name}.yaml", name=name, provider="entra", tenant=tenant, sandbox=False)


def drift_of(names, shard=None, tenant="t", unread=()):
    plans = [
        PlanReport(target=target(name, tenant), in_sync=True, summary={}, changes=(), fingerprint="")
        for name in names
    ]
    errors = [ErrorReport(playbook=f"{name}.yaml", message="no") for name in unread]
    return drift_report(plans, errors, shard)


def audit_of(names, shard=None):
    audits = [
        AuditReport(target=target(name), summary={}, findings=(), requests=RequestCounts()) for name in names
    ]
    return doctor_report(audits, (), shard)


KINDS = pytest.mark.parametrize(("merge", "report_of"), [(merge_drift, drift_of), (merge_doctor, audit_of)])
NAMES = st.lists(st.text("abcdef", min_size=1), unique=True)


@KINDS
@given(names=NAMES, total=st.integers(1, 5), order=st.randoms())
def test_all_shards_in_any_order_are_one_run(merge, report_of, names, total, order):
    shards = [Shard(number, total) for number in range(1, total + 1)]
    reports = [(f"{shard.number}.json", report_of(shard.select(names), str(shard))) for shard in shards]
    order.shuffle(reports)
    assert merge(dict(reports)) == report_of(names)


@KINDS
@given(names=NAMES, total=st.integers(2, 5), data=st.data())
def test_a_missing_shard_is_an_error_whatever_it_contains(merge, report_of, names, total, data):
    present = data.draw(st.sets(st.integers(1, total), min_size=1, max_size=total - 1))
    shards = [Shard(number, total) for number in present]
    merged = merge({str(shard): report_of(shard.select(names), str(shard)) for shard in shards})
    assert {error.playbook for error in merged.errors} == {
        f"shard {number}/{total}" for number in range(1, total + 1) if number not in present
    }
    assert merged.shard is None


def test_an_error_of_a_shard_is_in_the_merged_report():
    merged = merge_drift({"1": drift_of("a", "1/2", unread="b"), "2": drift_of("c", "2/2")})
    assert [error.playbook for error in merged.errors] == ["b.yaml"]
    assert merged.summary["errors"] == 1


@KINDS
@pytest.mark.parametrize(
    ("shards", "words"),
    [
        ((("ab", None), ("b", None)), r"1\.json and 2\.json both contain b\.yaml"),
        ((("a", "1/2"), ("", "1/2")), r"1\.json and 2\.json are both reports of shard 1/2"),
        ((("a", "1/2"), ("b", "2/3")), r"shards belong to different runs: 1/2, 2/3"),
        ((("a", "1/1"), ("a", None)), r"both contain a\.yaml"),
    ],
)
def test_reports_that_are_not_of_one_run_are_refused(merge, report_of, shards, words):
    reports = {f"{number}.json": report_of(*shard) for number, shard in enumerate(shards, 1)}
    with pytest.raises(UsageError, match=words) as raised:
        merge(reports)
    assert "from the same run" in raised.value.hint


def test_playbooks_of_two_tenants_may_have_the_same_name():
    merged = merge_drift({"x.json": drift_of("a", tenant="x"), "y.json": drift_of("a", tenant="y")})
    assert [plan.target.tenant for plan in merged.plans] == ["x", "y"]
