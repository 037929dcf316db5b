"""Checks: the findings that a check yields, and the manual page in its docstring."""

from __future__ import annotations

import pytest

from provisioner.core.check import (
    CheckContext,
    CheckRegistry,
    Evidence,
    Finding,
    Severity,
    SkipCheckError,
    Status,
    Violation,
)
from provisioner.core.plan import DesiredState
from provisioner.core.snapshot import Gap, Snapshot
from tests.core.sample_resources import Landmark, Thing

FIX = DesiredState(resources=(Thing(key="a", title="right"),))


def make_check(function, *reads):
    """Register a function as a check and return the check."""
    registry = CheckRegistry()
    registry("test-check", reads=reads or (Thing,), severity=Severity.MEDIUM, troubleshooting_row="a row")(
        function
    )
    (check,) = registry
    return check


def run_check(function, snapshot=None, *reads):
    return list(make_check(function, *reads).run(CheckContext(snapshot or Snapshot())))


def test_a_check_without_violations_passes_with_its_title():
    def no_violation(context):
        """All is well"""
        return ()

    assert run_check(no_violation) == [
        Finding(check="test-check", status=Status.PASS, severity=Severity.MEDIUM, message="All is well")
    ]


def test_every_violation_is_a_finding_with_its_evidence_and_its_fix():
    def two_violations(context):
        for thing in context.snapshot.all(Thing):
            yield Violation("wrong", thing.address, (("thing.title", thing.title),), FIX)
        yield Violation("worse", severity=Severity.HIGH)

    first, second = run_check(two_violations, Snapshot(resources=(Thing(key="a", title="t"),)))
    assert first == Finding(
        check="test-check",
        status=Status.FAIL,
        severity=Severity.MEDIUM,
        address="test-thing/a",
        message="wrong",
        evidence=(Evidence(path="thing.title", value="t"),),
        fix=FIX,
    )
    assert (second.severity, second.evidence, second.fix) == (Severity.HIGH, (), None)


def test_a_check_reads_the_desired_state():
    def counts_desired_resources(context):
        yield Violation(f"{len(context.desired_state.resources)} desired")

    (finding,) = make_check(counts_desired_resources).run(CheckContext(Snapshot(), FIX))
    assert finding.message == "1 desired"


@pytest.mark.parametrize("unread", ["test-thing", "test-landmark"])
def test_a_check_is_skipped_with_the_permission_if_a_kind_that_it_reads_is_a_gap(unread):
    def must_not_run(context):
        raise AssertionError("the check ran")

    gap = Gap(kind=unread, reason="not allowed", permissions=("Some.Read", "More.Read"))
    (finding,) = run_check(must_not_run, Snapshot(gaps=(gap,)), Thing, Landmark)
    assert finding.status is Status.SKIP
    assert finding.message == f"{unread} could not be read: not allowed"
    assert finding.permissions == ("Some.Read", "More.Read")


def test_a_check_ignores_gaps_in_kinds_that_it_does_not_read():
    (finding,) = run_check(lambda _: (), Snapshot(gaps=(Gap(kind="test-landmark", reason="no"),)))
    assert finding.status is Status.PASS


def test_a_check_can_skip_itself_after_it_has_yielded_a_violation():
    def skips_late(context):
        yield Violation("started")
        raise SkipCheckError("not yet")

    (finding,) = run_check(skips_late)
    assert (finding.status, finding.message, finding.permissions) == (Status.SKIP, "not yet", ())


def test_a_check_that_raises_yields_an_error():
    def broken(context):
        raise KeyError("title")

    (finding,) = run_check(broken)
    assert finding.status is Status.ERROR
    assert finding.message == "the check itself failed: KeyError: 'title'"


def test_the_docstring_is_a_title_and_four_paragraphs():
    def documented(context):
        """The title

        Symptom: something is seen,
        over two lines.

        Why: because: of a colon.

        Fix: do this. Source: not a heading here.

        Source: a document.
        """
        return ()

    check = make_check(documented)
    assert check.title == "The title"
    assert check.sections == {
        "Symptom": "something is seen, over two lines.",
        "Why": "because: of a colon.",
        "Fix": "do this. Source: not a heading here.",
        "Source": "a document.",
    }


def test_a_check_without_a_docstring_is_called_by_its_id():
    check = make_check(lambda _: ())
    assert (check.title, check.sections) == ("test-check", {})


class TestRegistries:
    def test_they_keep_the_order_and_the_attributes_of_checks(self):
        registry = CheckRegistry()
        for name in ("test-b", "test-a"):
            registry(name, reads=(Thing,), severity=Severity.LOW, troubleshooting_row=f"row of {name}")(
                lambda _: ()
            )
        assert [(check.id, check.troubleshooting_row, check.severity, check.reads) for check in registry] == [
            ("test-b", "row of test-b", Severity.LOW, (Thing,)),
            ("test-a", "row of test-a", Severity.LOW, (Thing,)),
        ]

    def test_they_return_the_function_unchanged(self):
        def function(context):
            return ()

        assert CheckRegistry()("test-a", reads=(), severity=Severity.LOW)(function) is function

    def test_an_id_is_unique(self):
        register = CheckRegistry()("test-a", reads=(), severity=Severity.LOW)
        register(lambda _: ())
        with pytest.raises(ValueError, match="two checks are called test-a"):
            register(lambda _: ())


def test_severities_have_an_order_and_a_name():
    assert sorted(Severity) == [Severity.LOW, Severity.MEDIUM, Severity.HIGH]
    assert [severity.label for severity in sorted(Severity)] == ["low", "medium", "high"]
