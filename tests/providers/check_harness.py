"""The tests that hold for the checks of every provider: a healthy tenant, and cases that are small changes of it.

A provider's test module names its :class:`Suite` and derives its test classes from those here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, reduce
from operator import or_
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from provisioner.core.check import SECTIONS, Check, CheckContext, Finding, Severity, Status
from provisioner.core.plan import DesiredState, Guards, Plan, make_plan
from provisioner.core.resource import KINDS
from provisioner.core.snapshot import Gap, Snapshot
from provisioner.reports.building import audit_report
from provisioner.reports.json import dumps
from provisioner.reports.models import Target
from tests.simulated_apply import apply_to_snapshot


@dataclass(frozen=True)
class Suite:
    """The checks of one provider, with their cases.

    Attributes:
        provider: its name, with which the ids of its checks begin.
        folder: has ``healthy.yaml`` and ``cases/<check>/<case>.yaml``.
        model: of its playbooks.
        wider_fixes: the kinds that a fix sets, where they are others than what the finding is about.
        removing: checks whose fix takes something away.
    """

    provider: str
    folder: Path
    checks: tuple[Check, ...]
    model: Any
    wider_fixes: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    removing: AbstractSet[str] = frozenset()

    @cached_property
    def by_id(self) -> dict[str, Check]:
        return {check.id: check for check in self.checks}

    @cached_property
    def tenant(self) -> dict[str, Any]:
        """The healthy tenant and its playbook, as they are written."""
        data: dict[str, Any] = yaml.safe_load((self.folder / "healthy.yaml").read_text(encoding="utf-8"))
        return data

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(self, file.parent.name, file.stem, yaml.safe_load(file.read_text(encoding="utf-8")))
            for file in sorted((self.folder / "cases").glob("*/*.yaml"))
        )

    @cached_property
    def healthy(self) -> Case:
        return self.case({})

    def case(self, said: dict[str, Any]) -> Case:
        """A case that is in no file."""
        return Case(self, "", "healthy", said)

    def failing(self, look: CheckContext) -> set[str]:
        """The checks that fail."""
        return {finding.check for finding in self.faults(look)}

    def faults(self, look: CheckContext) -> list[Finding]:
        """Everything that is wrong."""
        findings = (finding for check in self.checks for finding in check.run(look))
        return [finding for finding in findings if finding.status is Status.FAIL]


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        said: what the file says: ``change``, ``add`` and ``remove`` resources, ``gaps``, ``problems``, ``playbook``
            (sections laid over the healthy one); and ``finds`` or ``skips``. ``leaves`` are fields after the fixes.
            ``observed`` says why applying a fix cannot show in the snapshot, ``waits`` why a person is needed for it.
    """

    suite: Suite
    check_id: str
    name: str
    said: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.check_id}/{self.name}"

    @cached_property
    def snapshot(self) -> Snapshot:
        """The healthy tenant with the changes of this case."""
        found = {f"{saved['kind']}/{saved['key']}": saved for saved in self.suite.tenant["resources"]}
        for address, fields in self.said.get("change", {}).items():
            unknown = fields.keys() - KINDS[found[address]["kind"]].model_fields.keys()
            assert not unknown, f"{self}: {address} has no {unknown}"
            found[address] = {**found[address], **fields}
        for address in self.said.get("remove", []):
            del found[address]
        for saved in self.said.get("add", []):
            found[f"{saved['kind']}/{saved['key']}"] = saved
        return Snapshot.model_validate(
            {
                "resources": [_timed(saved) for saved in found.values()],
                "gaps": self.said.get("gaps", []),
                "problems": self.said.get("problems", []),
            }
        )

    @cached_property
    def look(self) -> CheckContext:
        """What the checks look at."""
        return CheckContext(self.snapshot, self.playbook.desired_state())

    @cached_property
    def playbook(self) -> Any:
        """The healthy playbook with the sections of this case laid over it."""
        keys = dict(self.suite.tenant["playbook"])
        for name, value in self.said.get("playbook", {}).items():
            keys[name] = {**keys[name], **value} if isinstance(value, dict) and name in keys else value
        return self.suite.model.model_validate(keys)

    def findings(self) -> list[Finding]:
        """What the check says."""
        return list(self.suite.by_id[self.check_id].run(self.look))

    def plan_of(self, fix: DesiredState) -> Plan:
        """What would be done to repair something, within the limits of the playbook."""
        return make_plan(fix, self.snapshot, self.playbook.guards)

    def after(self, fix: DesiredState) -> CheckContext:
        """What a fix makes of the snapshot."""
        plan = make_plan(fix, self.snapshot, Guards(max_removals=1))
        return CheckContext(apply_to_snapshot(plan, self.snapshot), self.look.desired_state)

    def unlike_the_playbook(self, look: CheckContext) -> set[tuple[str, str]]:
        """The fields that apply would still set, which is what drift would tell."""
        plan = make_plan(look.desired_state, look.snapshot, Guards(max_removals=1))
        return {(change.address, field.name) for change in plan.pending for field in change.fields}


def _timed(saved: dict[str, Any]) -> dict[str, Any]:
    """``@-25h`` stands for 25 hours ago."""
    return {name: _moment(value) if str(value).startswith("@") else value for name, value in saved.items()}


def _moment(ago: str) -> str:
    return (datetime.now(UTC) + timedelta(hours=int(ago.strip("@h")))).isoformat()


class OfChecks:
    """Tests of a suite: each is run for every ``check``, or every ``passing``, ``skipping``, ``failing`` or ``fixed`` case."""

    suite: ClassVar[Suite]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each test its checks or cases."""
        by_prefix = {"passing": "pass", "skipping": "skip", "failing": "fail", "fixed": "fail"}
        for name in metafunc.fixturenames:
            if name == "check":
                metafunc.parametrize(name, self.suite.checks, ids=lambda check: check.id)
            elif name == "read":
                pairs = [(check, kind.kind) for check in self.suite.checks for kind in check.reads]
                metafunc.parametrize(name, pairs, ids=lambda pair: f"{pair[0].id}-{pair[1]}")
            elif prefix := by_prefix.get(name):
                metafunc.parametrize(name, self._cases(prefix, only_fixes=name == "fixed"), ids=str)

    def _cases(self, prefix: str, *, only_fixes: bool) -> list[Case]:
        return [
            case
            for case in self.suite.cases
            if case.name.startswith(prefix)
            and not (only_fixes and not any(find["fix"] for find in case.said["finds"]))
        ]


class TheHealthyTenant(OfChecks):
    """Nothing is wrong with it."""

    def test_every_check_passes(self, check):
        assert [finding.status for finding in check.run(self.suite.healthy.look)] == [Status.PASS]

    def test_it_is_as_the_playbook_says(self):
        healthy = self.suite.healthy
        plan = make_plan(healthy.playbook.desired_state(), healthy.snapshot)
        assert (plan.pending, plan.waiting, plan.refusals) == ((), (), ())


class TheCases(OfChecks):
    """Each file tells what its check finds."""

    def test_what_is_fine_passes(self, passing):
        assert [finding.status for finding in passing.findings()] == [Status.PASS]

    def test_what_cannot_be_told_is_skipped_with_the_reason(self, skipping):
        (finding,) = skipping.findings()
        assert finding.status is Status.SKIP
        assert skipping.said["skips"] in finding.message

    def test_what_is_wrong_is_found_with_its_evidence(self, failing):
        found = failing.findings()
        assert [finding.status for finding in found] == [Status.FAIL] * len(failing.said["finds"])
        for finding, expected in zip(found, failing.said["finds"], strict=True):
            assert expected["message"] in finding.message
            assert (expected["path"], expected["value"]) in [
                (evidence.path, evidence.value) for evidence in finding.evidence
            ]
            assert (finding.fix is not None) is expected["fix"]
            if "severity" in expected:
                assert finding.severity.label == expected["severity"]

    def test_a_finding_is_json_and_holds_no_secret(self, failing):
        target = Target(playbook="p", name="kiro", provider=self.suite.provider, tenant="t", sandbox=False)
        assert "hunter2" not in dumps(audit_report(target, failing.findings()))

    def test_every_case_belongs_to_a_check_and_is_of_a_known_kind(self):
        cases = self.suite.cases
        assert {case.check_id for case in cases} <= self.suite.by_id.keys()
        assert not [str(case) for case in cases if not re.match(r"(pass|fail|skip)(-|$)", case.name)]
        known = {"change", "add", "remove", "gaps", "problems", "playbook", "observed", "waits", "leaves"}
        for case in cases:
            kind: set[str] = {"pass": set(), "fail": {"finds"}, "skip": {"skips"}}[case.name[:4]]
            assert kind <= case.said.keys() <= known | kind, str(case)


class TheFixes(OfChecks):
    """What a finding would have repaired is repaired, and nothing else is broken."""

    def test_a_fix_writes_something_mends_what_was_found_and_breaks_nothing(self, fixed):
        before = self.suite.failing(fixed.look)
        for finding in fixed.findings():
            if finding.fix is None:
                continue
            plan = fixed.plan_of(finding.fix)
            assert plan.pending
            assert bool(plan.waiting) is ("waits" in fixed.said)
            assert not plan.refusals
            after = fixed.after(finding.fix)
            if "observed" not in fixed.said:
                assert self.suite.failing(after) <= before
                again = self.suite.by_id[fixed.check_id].run(after)
                assert (finding.address, finding.message) not in [(one.address, one.message) for one in again]

    def test_all_fixes_of_a_check_together_make_it_pass(self, fixed):
        if "observed" in fixed.said:
            pytest.skip(fixed.said["observed"])
        findings = fixed.findings()
        after = fixed.after(_together(findings))
        left = [finding.status for finding in self.suite.by_id[fixed.check_id].run(after)]
        unmended = [Status.FAIL for finding in findings if finding.fix is None]
        assert left == (unmended or [Status.PASS])
        for address, fields in fixed.said.get("leaves", {}).items():
            told = after.snapshot.by_address[address].model_dump(mode="json")
            assert {name: told[name] for name in fields} == fields

    def test_the_fixes_of_all_checks_together_undo_none_of_each_other(self, fixed):
        if "observed" in fixed.said:
            pytest.skip(fixed.said["observed"])
        findings = self.suite.faults(fixed.look)
        mended = {finding.check for finding in findings if finding.fix is not None}
        left_to_a_person = {finding.check for finding in findings if finding.fix is None}
        after = self.suite.failing(fixed.after(_together(findings)))
        assert after.isdisjoint(mended - left_to_a_person)

    def test_a_fix_makes_nothing_that_apply_would_undo(self, fixed):
        before = fixed.unlike_the_playbook(fixed.look)
        for finding in fixed.findings():
            if finding.fix is not None:
                assert fixed.unlike_the_playbook(fixed.after(finding.fix)) <= before

    def test_a_fix_touches_only_what_the_finding_is_about(self, fixed):
        for finding in fixed.findings():
            fix = finding.fix or DesiredState()
            kinds = {resource.kind for resource in fix.resources}
            kinds |= {address.partition("/")[0] for address in fix.absent}
            assert kinds <= self.suite.wider_fixes.get(fixed.check_id, {finding.address.partition("/")[0]})
            assert fix.exhaustive == frozenset()
            assert not fix.absent or fixed.check_id in self.suite.removing


def _together(findings: Iterable[Finding]) -> DesiredState:
    return reduce(or_, [finding.fix for finding in findings if finding.fix], DesiredState())


class TheirDocumentation(OfChecks):
    """A check is its own page of documentation."""

    texts: ClassVar[tuple[str, ...]] = ()
    """Other texts of the provider that mention checks."""
    rows: ClassVar[AbstractSet[str]]
    """The rows of the vendor's table of troubles that are about this provider."""

    def test_every_id_is_used_once(self):
        assert len(self.suite.by_id) == len(self.suite.checks)

    def test_the_id_says_whose_check_it_is(self, check):
        assert re.fullmatch(rf"{self.suite.provider}-[a-z0-9-]{{4,40}}", check.id)

    def test_it_has_a_title_in_one_line(self, check):
        assert check.title
        assert check.title[0].isalnum()
        assert len(check.title) <= 100
        assert not check.title.endswith(".")

    def test_it_has_all_four_sections_in_their_order(self, check):
        assert tuple(check.sections) == SECTIONS
        for text in check.sections.values():
            assert text.endswith(".")

    def test_its_code_is_called_as_it_is(self, check):
        assert check.function.__name__ == check.id.removeprefix(f"{self.suite.provider}-").replace("-", "_")

    def test_it_has_a_case_that_passes_and_one_that_fails(self, check):
        names = [case.name[:4] for case in self.suite.cases if case.check_id == check.id]
        assert {"pass", "fail"} <= set(names)

    def test_every_row_of_the_vendor_s_table_is_covered(self):
        assert {check.vendor_row for check in self.suite.checks} - {""} == self.rows

    def test_other_checks_that_it_mentions_exist(self, check):
        told = " ".join([check.title, *check.sections.values(), *self.texts])
        found = re.findall(rf"(?<![\w-]){self.suite.provider}-[a-z0-9-]*[a-z0-9]", told)
        assert set(found) <= self.suite.by_id.keys() | self.unmentioned

    unmentioned: ClassVar[AbstractSet[str]] = frozenset()
    """What only looks like the id of a check, such as the name of a repository."""

    def test_other_checks_that_a_skipped_one_sends_to_exist(self, skipping):
        (finding,) = skipping.findings()
        found = re.findall(rf"(?<![\w-]){self.suite.provider}-[a-z0-9-]*[a-z0-9]", finding.message)
        kinds = {kind for kind in KINDS if kind.startswith(self.suite.provider)}
        assert set(found) <= self.suite.by_id.keys() | kinds

    def test_severities_are_those_that_exist(self):
        assert {check.severity for check in self.suite.checks} == set(Severity)


class TheGaps(OfChecks):
    """What could not be read breaks no check."""

    def test_what_may_not_be_read_makes_a_check_skip_with_the_permission_named(self, read):
        check, kind = read
        healthy = self.suite.healthy
        resources = tuple(found for found in healthy.snapshot.resources if found.kind != kind)
        gap = Gap(kind=kind, reason="Insufficient privileges", permissions=("Some.Read.All",))
        snapshot = Snapshot(resources=resources, gaps=(gap,))
        (finding,) = check.run(CheckContext(snapshot, healthy.look.desired_state))
        assert finding.status is Status.SKIP
        assert "Insufficient privileges" in finding.message
        assert finding.permissions == ("Some.Read.All",)

    def test_an_empty_tenant_and_an_empty_playbook_break_no_check(self, check):
        healthy = self.suite.healthy
        for look in (
            CheckContext(Snapshot()),
            CheckContext(Snapshot(), healthy.look.desired_state),
            CheckContext(healthy.snapshot),
        ):
            assert all(finding.status is not Status.ERROR for finding in check.run(look))

    def test_it_judges_everything_absent_without_breaking(self, check):
        healthy = self.suite.healthy
        for gone in healthy.snapshot.resources:
            rest = tuple(found for found in healthy.snapshot.resources if found is not gone)
            findings = list(check.run(CheckContext(Snapshot(resources=rest), healthy.look.desired_state)))
            assert findings
            assert all(finding.status is not Status.ERROR for finding in findings)
