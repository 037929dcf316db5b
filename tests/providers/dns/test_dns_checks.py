"""The checks of domains: each file in ``cases`` is a change of the healthy domain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.check import SECTIONS, CheckContext, Finding, Severity, Status
from provisioner.core.plan import DesiredState
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.providers.dns.checks import CHECKS, email_domains
from provisioner.providers.dns.checks.value_errors import value_error
from provisioner.providers.dns.context import domain_contexts
from provisioner.providers.dns.observations import Answer, History, OtherPlaybooks, QueryPurpose, Zone
from provisioner.providers.dns.propagation import PropagationState, propagation, propagation_by_domain
from provisioner.providers.dns.resources import VALUE_PREFIX, DomainRecord

HERE = Path(__file__).parent
HEALTHY: dict[str, Any] = yaml.safe_load((HERE / "healthy.yaml").read_text(encoding="utf-8"))
VALUE: str = HEALTHY["record"]["value"]

DOMAIN_CHECKS = {check.id: check for check in CHECKS if check not in email_domains.check}
"""The checks of answers; see test_dns_email_domains.py for the others."""


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        content: ``record``, ``zone`` and ``history`` override the healthy ones; ``other_playbooks``: of the domain;
            ``others``: further domains; ``change``: fields to ``set`` in the answers of a ``purpose``, a ``server`` or a
            ``role``, or that they are ``removed``; ``add``: more answers. ``finds``: the expected findings of the check;
            ``only``: no other check fails.
    """

    check_id: str
    name: str
    content: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.check_id}/{self.name}"

    @cached_property
    def record(self) -> DomainRecord:
        return DomainRecord.model_validate({**HEALTHY["record"], **self.content.get("record", {})})

    @cached_property
    def records(self) -> tuple[DomainRecord, ...]:
        others = self.content.get("others", ())
        return (
            self.record,
            *(DomainRecord(key=name, label="kiro-app-1", name=f"kiro-app-1.{name}") for name in others),
        )

    @cached_property
    def observations(self) -> tuple[Resource, ...]:
        zone = {**HEALTHY["zone"], **self.content.get("zone", {})}
        resources: list[Resource] = [Zone(key=self.record.key, **zone)]
        if history := self.content.get("history"):
            resources.append(History(key=self.record.key, **history))
        if files := self.content.get("other_playbooks"):
            resources.append(OtherPlaybooks(key=self.record.key, playbooks=files))
        rows = [(server, purpose, {}) for server in HEALTHY["servers"] for purpose in HEALTHY["names"]]
        for added in self.content.get("add", ()):
            server = {key: added[key] for key in ("server", "location", "role")} | {"authoritative": True}
            rows.append((server, added["purpose"], added["set"]))
        answers = (self._answer(*row) for row in rows)
        return (*resources, *(answer for answer in answers if answer))

    def _answer(self, server: dict[str, Any], purpose: str, added: dict[str, Any]) -> Answer | None:
        name = HEALTHY["names"][purpose]["name"].replace("contoso.com", self.record.key)
        if purpose == "record":
            name = self.record.name
        fields = {**HEALTHY["names"][purpose], **server, "name": name, "at": HEALTHY["now"]}
        for change in () if added else self.content.get("change", ()):
            matches = all(change.get(key, server[key]) == server[key] for key in ("server", "role"))
            if matches and change.get("purpose", purpose) == purpose:
                if change.get("removed"):
                    return None
                fields |= change["set"]
        fields |= added
        text = yaml.safe_dump(fields).replace("${}", self.record.value or VALUE)
        key = f"{self.record.key}/{server['server']}@{server['location']}/{name}"
        return Answer.model_validate(
            {**yaml.safe_load(text), "key": key, "domain": self.record.key, "purpose": purpose}
        )

    @cached_property
    def context(self) -> CheckContext:
        """As doctor has it when it reads a saved snapshot."""
        saved = Snapshot(resources=self.observations).model_dump_json()
        return CheckContext(Snapshot.model_validate_json(saved), DesiredState(resources=self.records))

    def failures(self, check_id: str) -> list[Finding]:
        findings = list(DOMAIN_CHECKS[check_id].run(self.context))
        assert {finding.status for finding in findings} <= {Status.PASS, Status.FAIL}
        return [finding for finding in findings if finding.status is Status.FAIL]

    @cached_property
    def failing(self) -> set[str]:
        """The checks that fail."""
        return {check_id for check_id in DOMAIN_CHECKS if self.failures(check_id)}


CASES = [
    Case(file.parent.name, file.stem, yaml.safe_load(file.read_text(encoding="utf-8")))
    for file in sorted((HERE / "cases").glob("*/*.yaml"))
]
FAILING = [case for case in CASES if case.name.startswith("fail")]
PASSING = [case for case in CASES if case.name.startswith("pass")]


@pytest.mark.parametrize("case", FAILING, ids=str)
def test_a_violation_has_evidence_and_a_next_step(case):
    findings = case.failures(case.check_id)
    assert len(findings) == len(case.content["finds"])
    for finding, expected in zip(findings, case.content["finds"], strict=True):
        assert expected["message"] in finding.message
        assert expected["next_step"] in finding.message.partition("; ")[2]
        assert finding.severity is Severity[expected["severity"].upper()]
        assert finding.address == case.record.address
        assert finding.evidence
        if "path" in expected:
            evidence = [(item.path, item.value) for item in finding.evidence]
            assert (expected["path"], expected["value"]) in evidence
    if case.content.get("only"):
        assert case.failing == {case.check_id}


@pytest.mark.parametrize("case", PASSING, ids=str)
def test_a_healthy_domain_passes(case):
    assert case.check_id not in case.failing


def test_the_healthy_domain_fails_no_check():
    assert Case("", "", {}).failing == set()


FIXABLE = {
    "dns-record-at-apex",
    "dns-record-at-other-label",
    "dns-record-doubled",
    "dns-record-missing",
    "dns-value-malformed",
    "dns-value-other",
}


def test_creating_the_record_fixes_these_checks_where_apply_can_create_it():
    for case in FAILING:
        record = {**case.content.get("record", {}), "dns_provider": "route53"}
        writable = Case(case.check_id, case.name, {**case.content, "record": record})
        can_write = writable.record.value and writable.observations[0].name
        for finding in writable.failures(case.check_id):
            fixes = finding.fix.resources if finding.fix else ()
            expected = (writable.record,) if case.check_id in FIXABLE and can_write else ()
            assert fixes == expected, str(case)
        assert not any(finding.fix for finding in case.failures(case.check_id)), str(case)


@pytest.mark.parametrize("check_id", DOMAIN_CHECKS)
def test_a_check_is_its_own_documentation_page_and_has_cases(check_id):
    check = DOMAIN_CHECKS[check_id]
    assert tuple(check.sections) == SECTIONS
    assert all(text.endswith(".") for text in check.sections.values())
    assert not check.title.endswith(".")
    assert check.function.__name__ == check_id.removeprefix("dns-").replace("-", "_")
    assert re.fullmatch(r"dns-[a-z0-9-]{4,40}", check_id)
    assert {case.name[:4] for case in CASES if case.check_id == check_id} == {"pass", "fail"}


def test_ids_are_unique_and_every_case_belongs_to_a_check():
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert {case.check_id for case in CASES} == set(DOMAIN_CHECKS)
    known = {"record", "zone", "history", "other_playbooks", "others", "change", "add", "finds", "only"}
    for case in CASES:
        assert case.content.keys() <= known, str(case)
        for change in case.content.get("change", ()):
            assert change.keys() <= {"purpose", "server", "role", "set", "removed"}, str(case)


def test_no_check_breaks_without_observations():
    for observations in ((), (Zone(key="contoso.com"),)):
        context = CheckContext(
            Snapshot(resources=observations), DesiredState(resources=(Case("", "", {}).record,))
        )
        for check in DOMAIN_CHECKS.values():
            assert Status.ERROR not in {finding.status for finding in check.run(context)}, check.id


MISSING = {
    "rcode": "NXDOMAIN",
    "values": [],
    "ttl": None,
    "soa": {"zone": "contoso.com", "minimum": 600, "ttl": 3600},
}
CACHED = {**MISSING, "soa": {"zone": "contoso.com", "minimum": 600, "ttl": 100}}
SINCE = {"first_seen_missing": "2026-11-21T11:55:00Z"}


@pytest.mark.parametrize(
    ("content", "state", "seconds", "message"),
    [
        ({}, PropagationState.EVERYWHERE, None, "visible on every server that was queried"),
        (
            {"history": {**SINCE, "present_everywhere_since": "2026-11-21T11:58:00Z"}},
            PropagationState.EVERYWHERE,
            480,
            "other resolvers may cache its absence for up to 480 s",
        ),
        (
            {"change": [{"role": "authoritative", "removed": True}]},
            PropagationState.EVERYWHERE,
            None,
            "the zone's own servers could not be queried",
        ),
        (
            {"change": [{"purpose": "record", "set": MISSING}]},
            PropagationState.MISSING,
            600,
            "visible everywhere within 600 s",
        ),
        (
            {"change": [{"purpose": "record", "set": MISSING}], "history": SINCE},
            PropagationState.MISSING,
            600,
            "no server has the record (missing for 300 s)",
        ),
        (
            {"change": [{"purpose": "record", "server": "8.8.8.8", "set": CACHED}]},
            PropagationState.CACHED,
            100,
            "8.8.8.8 not yet: visible within 100 s",
        ),
        (
            {"change": [{"purpose": "record", "server": "ns1.contoso.com", "set": MISSING}]},
            PropagationState.PARTIAL,
            600,
            "1 of 2 servers",
        ),
        (
            {"change": [{"set": {"failure": "timeout", "rcode": None}}]},
            PropagationState.UNKNOWN,
            None,
            "no server could be queried",
        ),
        ({"record": {"value": None}}, PropagationState.UNKNOWN, None, "the value is not known yet"),
    ],
)
def test_propagation(content, state, seconds, message):
    case = Case("", "", content)
    result = propagation_by_domain(case.records, case.observations)["contoso.com"]
    assert (result.state, result.seconds) == (state, seconds)
    assert message in result.message


def test_every_case_has_a_propagation_message():
    for case in CASES:
        assert all(propagation(domain).message for domain in domain_contexts(case.context)), str(case)


class TestValueErrors:
    tokens = st.uuids().map(lambda uuid: f"{VALUE_PREFIX}{uuid}")

    @given(tokens)
    def test_the_expected_value_has_no_error(self, token):
        assert value_error(token, token) is None

    @given(tokens, tokens)
    def test_another_token_is_another_value(self, token, other):
        if token != other:
            assert value_error(token, other) is None

    @given(
        tokens,
        st.sampled_from(
            ['"{}"', " {}", "{} ", "'{}'", "\u201c{}\u201d", '\\"{}\\"', "TXT {}", "{}.", "{}\u00a0"]
        ),
    )
    def test_added_text_is_an_error(self, token, form):
        assert value_error(form.format(token), token)

    @given(tokens, st.integers(1, 30))
    def test_a_missing_end_is_an_error(self, token, lost):
        assert value_error(token[:-lost], token) == "is cut off"

    @given(st.text(), tokens)
    def test_any_text_is_accepted(self, text, token):
        assert value_error(text, token) is None or text != token


def test_the_healthy_domain_has_an_answer_for_every_purpose():
    assert set(HEALTHY["names"]) == {purpose.value for purpose in QueryPurpose}
