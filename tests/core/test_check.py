"""Checks: what running one yields, and what its docstring says about it."""

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
from tests.core.specimens import Landmark, Thing

FIX = DesiredState(resources=(Thing(key="a", title="right"),))


def check_of(judge, *reads):
    """A check made of a function."""
    catalogue = CheckRegistry()
    catalogue("test-check", reads=reads or (Thing,), severity=Severity.MEDIUM, vendor_row="a row")(judge)
    (check,) = catalogue
    return check


def findings(judge, snapshot=None, *reads):
    return list(check_of(judge, *reads).run(CheckContext(snapshot or Snapshot())))


def test_a_check_that_has_nothing_to_say_passes_with_its_title():
    def nothing(context):
        """All is well"""
        return ()

    assert findings(nothing) == [
        Finding(check="test-check", status=Status.PASS, severity=Severity.MEDIUM, message="All is well")
    ]


def test_every_verdict_is_a_finding_with_its_evidence_and_its_fix():
    def two(context):
        for thing in context.snapshot.all(Thing):
            yield Violation("wrong", thing.address, (("thing.title", thing.title),), FIX)
        yield Violation("worse", severity=Severity.HIGH)

    first, second = findings(two, Snapshot(resources=(Thing(key="a", title="t"),)))
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


def test_a_check_looks_at_what_should_be_as_well():
    def compares(context):
        yield Violation(f"{len(context.desired_state.resources)} wanted")

    (finding,) = check_of(compares).run(CheckContext(Snapshot(), FIX))
    assert finding.message == "1 wanted"


@pytest.mark.parametrize("missing", ["test-thing", "test-landmark"])
def test_what_it_needs_but_nobody_could_read_makes_it_skip_with_the_permission(missing):
    def never(context):
        raise AssertionError("it must not run")

    gap = Gap(kind=missing, reason="not allowed", permissions=("Some.Read", "More.Read"))
    (finding,) = findings(never, Snapshot(gaps=(gap,)), Thing, Landmark)
    assert finding.status is Status.SKIP
    assert finding.message == f"{missing} could not be read: not allowed"
    assert finding.permissions == ("Some.Read", "More.Read")


def test_a_gap_in_what_it_does_not_need_is_none_of_its_business():
    (finding,) = findings(lambda _: (), Snapshot(gaps=(Gap(kind="test-landmark", reason="no"),)))
    assert finding.status is Status.PASS


def test_it_may_skip_itself_with_a_reason_even_after_it_has_begun():
    def hesitant(context):
        yield Violation("begun")
        raise SkipCheckError("not yet")

    (finding,) = findings(hesitant)
    assert (finding.status, finding.message, finding.permissions) == (Status.SKIP, "not yet", ())


def test_one_that_is_broken_says_so_and_hides_no_other():
    def broken(context):
        raise KeyError("title")

    (finding,) = findings(broken)
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

    check = check_of(documented)
    assert check.title == "The title"
    assert check.sections == {
        "Symptom": "something is seen, over two lines.",
        "Why": "because: of a colon.",
        "Fix": "do this. Source: not a heading here.",
        "Source": "a document.",
    }


def test_a_check_without_a_docstring_is_called_by_its_id():
    check = check_of(lambda _: ())
    assert (check.title, check.sections) == ("test-check", {})


class TestCatalogues:
    def test_they_keep_the_order_and_what_was_said(self):
        catalogue = CheckRegistry()
        for name in ("test-b", "test-a"):
            catalogue(name, reads=(Thing,), severity=Severity.LOW, vendor_row=f"row of {name}")(lambda _: ())
        assert [(check.id, check.vendor_row, check.severity, check.reads) for check in catalogue] == [
            ("test-b", "row of test-b", Severity.LOW, (Thing,)),
            ("test-a", "row of test-a", Severity.LOW, (Thing,)),
        ]

    def test_they_leave_the_function_as_it_is(self):
        def judge(context):
            return ()

        assert CheckRegistry()("test-a", reads=(), severity=Severity.LOW)(judge) is judge

    def test_an_id_can_be_used_once(self):
        catalogue = CheckRegistry()
        register = catalogue("test-a", reads=(), severity=Severity.LOW)
        register(lambda _: ())
        with pytest.raises(ValueError, match="two checks are called test-a"):
            register(lambda _: ())


def test_severities_have_an_order_and_a_name():
    assert sorted(Severity) == [Severity.LOW, Severity.MEDIUM, Severity.HIGH]
    assert [severity.label for severity in sorted(Severity)] == ["low", "medium", "high"]
