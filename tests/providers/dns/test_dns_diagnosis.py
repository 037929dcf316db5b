"""What is seen of a domain, and what is said of it: each file in ``cases`` is a change of the healthy domain."""

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

from provisioner.core.check import SECTIONS, CheckContext, Status
from provisioner.core.plan import DesiredState
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.providers.dns.checks import RULES, diagnose
from provisioner.providers.dns.observations import Answer, History, Neighbour, Place, Zone
from provisioner.providers.dns.propagation import State, progress
from provisioner.providers.dns.resources import PREFIX, DomainRecord
from provisioner.providers.dns.value_errors import distortion

HERE = Path(__file__).parent
HEALTHY: dict[str, Any] = yaml.safe_load((HERE / "healthy.yaml").read_text(encoding="utf-8"))
VALUE: str = HEALTHY["record"]["value"]

CHECKS = tuple(rule.check for rule in RULES)


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        said: ``record``, ``zone`` and ``history`` laid over the healthy ones; ``elsewhere``: other playbooks; ``others``: further domains; ``change``: what
            to ``set`` in answers ``of`` a place, of a ``server`` or a ``role``, or that they are ``gone``; ``add``: more answers.
            ``finds``: what the rule says; ``only``: and no other does, but those in ``also``.
    """

    rule: str
    name: str
    said: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.rule}/{self.name}"

    @cached_property
    def record(self) -> DomainRecord:
        return DomainRecord.model_validate({**HEALTHY["record"], **self.said.get("record", {})})

    @cached_property
    def wanted(self) -> tuple[DomainRecord, ...]:
        others = self.said.get("others", ())
        return (
            self.record,
            *(DomainRecord(key=name, label="kiro-app-1", name=f"kiro-app-1.{name}") for name in others),
        )

    @cached_property
    def seen(self) -> tuple[Resource, ...]:
        zone = {**HEALTHY["zone"], **self.said.get("zone", {})}
        found: list[Resource] = [Zone(key=self.record.key, **zone)]
        if history := self.said.get("history"):
            found.append(History(key=self.record.key, **history))
        if files := self.said.get("elsewhere"):
            found.append(Neighbour(key=self.record.key, playbooks=files))
        rows = [(server, place, {}) for server in HEALTHY["servers"] for place in HEALTHY["names"]]
        for more in self.said.get("add", ()):
            server = {key: more[key] for key in ("server", "location", "role")} | {"authoritative": True}
            rows.append((server, more["of"], more["set"]))
        answers = (self._answer(*row) for row in rows)
        return (*found, *(one for one in answers if one))

    def _answer(self, server, place, more) -> Answer | None:
        name = HEALTHY["names"][place]["name"].replace("contoso.com", self.record.key)
        if place == "record":
            name = self.record.name
        fields = {**HEALTHY["names"][place], **server, "name": name, "at": HEALTHY["now"]}
        for change in () if more else self.said.get("change", ()):
            fits = all(change.get(key, server[key]) == server[key] for key in ("server", "role"))
            if fits and change.get("of", place) == place:
                if change.get("gone"):
                    return None
                fields |= change["set"]
        fields |= more
        text = yaml.safe_dump(fields).replace("${}", self.record.value or VALUE)
        key = f"{self.record.key}/{server['server']}@{server['location']}/{name}"
        return Answer.model_validate(
            {**yaml.safe_load(text), "key": key, "domain": self.record.key, "place": place}
        )

    @cached_property
    def found(self):
        return diagnose(self.wanted, self.seen, HEALTHY["now"])


CASES = [
    Case(file.parent.name, file.stem, yaml.safe_load(file.read_text(encoding="utf-8")))
    for file in sorted((HERE / "cases").glob("*/*.yaml"))
]
FAILING = [case for case in CASES if case.name.startswith("fail")]
PASSING = [case for case in CASES if case.name.startswith("pass")]
IDS = [rule.id for rule in RULES]


@pytest.mark.parametrize("case", FAILING, ids=str)
def test_what_is_wrong_is_told_with_evidence_and_next_step(case):
    found = [one for one in case.found if one.id == case.rule]
    assert len(found) == len(case.said["finds"])
    for one, expected in zip(found, case.said["finds"], strict=True):
        assert expected["message"] in one.message
        assert expected["next_step"] in one.next_step
        assert one.severity.label == expected["severity"]
        assert one.evidence
        if "path" in expected:
            assert (expected["path"], expected["value"]) in [(seen.path, seen.value) for seen in one.evidence]
    if case.said.get("only"):
        assert {one.id for one in case.found} == {case.rule}


@pytest.mark.parametrize("case", PASSING, ids=str)
def test_what_is_fine_is_not_told(case):
    assert case.rule not in {one.id for one in case.found}


def test_of_a_healthy_domain_nothing_is_told():
    assert Case("", "", {}).found == ()


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_a_rule_is_its_own_page_of_documentation_and_has_cases(rule):
    check = rule.check
    assert tuple(check.sections) == SECTIONS
    assert all(text.endswith(".") for text in check.sections.values())
    assert not check.title.endswith(".")
    assert rule.judge.__name__ == rule.id.removeprefix("dns-").replace("-", "_")
    assert re.fullmatch(r"dns-[a-z0-9-]{4,40}", rule.id)
    assert {case.name[:4] for case in CASES if case.rule == rule.id} == {"pass", "fail"}


def test_ids_are_used_once_and_every_case_has_a_rule():
    assert len(set(IDS)) == len(IDS)
    assert {case.rule for case in CASES} == set(IDS)
    known = {"record", "zone", "history", "elsewhere", "others", "change", "add", "finds", "only", "also"}
    for case in CASES:
        assert case.said.keys() <= known, str(case)


@pytest.mark.parametrize("case", FAILING, ids=str)
def test_as_a_check_it_says_the_same(case):
    check = next(one for one in CHECKS if one.id == case.rule)
    snapshot = Snapshot(resources=case.seen)
    # a check counts from the last answer; those of a case are all from the same moment, or earlier
    found = list(
        check.run(
            CheckContext(
                Snapshot.model_validate_json(snapshot.model_dump_json()), DesiredState(resources=case.wanted)
            )
        )
    )
    assert {one.status for one in found} == {Status.FAIL}
    assert [one.severity for one in found] == [one.severity for one in case.found if one.id == case.rule]
    assert all(one.address == case.record.address for one in found)


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_nothing_seen_breaks_no_check(check):
    for seen in ((), (Zone(key="contoso.com"),)):
        look = CheckContext(Snapshot(resources=seen), DesiredState(resources=(Case("", "", {}).record,)))
        assert Status.ERROR not in {one.status for one in check.run(look)}


MISSING = {
    "rcode": "NXDOMAIN",
    "values": [],
    "ttl": None,
    "soa": {"zone": "contoso.com", "minimum": 600, "ttl": 3600},
}
LATE = {**MISSING, "soa": {"zone": "contoso.com", "minimum": 600, "ttl": 100}}
SINCE = {"first_missing": "2026-11-21T11:55:00Z"}


@pytest.mark.parametrize(
    ("said", "state", "seconds", "message"),
    [
        ({}, State.EVERYWHERE, None, "visible everywhere that was asked"),
        (
            {"history": {**SINCE, "first_present": "2026-11-21T11:58:00Z"}},
            State.EVERYWHERE,
            480,
            "others may remember for 480 s at most",
        ),
        ({"change": [{"role": "authoritative", "gone": True}]}, State.EVERYWHERE, None, "could not be asked"),
        (
            {"change": [{"of": "record", "set": MISSING}]},
            State.MISSING,
            600,
            "visible everywhere within 600 s",
        ),
        ({"change": [{"of": "record", "set": MISSING}], "history": SINCE}, State.MISSING, 600, "since 300 s"),
        (
            {"change": [{"of": "record", "server": "8.8.8.8", "set": LATE}]},
            State.SPREADING,
            100,
            "8.8.8.8 not yet: visible in the latest in 100 s",
        ),
        (
            {"change": [{"of": "record", "server": "ns1.contoso.com", "set": MISSING}]},
            State.PARTLY,
            600,
            "1 of 2 servers",
        ),
        (
            {"change": [{"set": {"failure": "timeout", "rcode": None}}]},
            State.UNKNOWN,
            None,
            "nobody could be asked",
        ),
        ({"record": {"value": None}}, State.UNKNOWN, None, "the value is not known yet"),
    ],
)
def test_how_far_a_record_has_come(said, state, seconds, message):
    case = Case("", "", said)
    told = progress(case.wanted, case.seen, HEALTHY["now"])["contoso.com"]
    assert (told.state, told.seconds) == (state, seconds)
    assert message in told.message


@pytest.mark.parametrize("case", CASES, ids=str)
def test_there_is_always_something_to_tell_of_its_progress(case):
    assert all(told.message for told in progress(case.wanted, case.seen).values())


class TestDistortion:
    """What became of a value."""

    tokens = st.uuids().map(lambda uuid: f"{PREFIX}{uuid}")

    @given(tokens)
    def test_the_same_is_not_distorted(self, token):
        assert distortion(token, token) is None

    @given(tokens, tokens)
    def test_another_token_is_another_value(self, one, other):
        if one != other:
            assert distortion(one, other) is None

    @given(
        tokens,
        st.sampled_from(
            ['"{}"', " {}", "{} ", "'{}'", "\u201c{}\u201d", '\\"{}\\"', "TXT {}", "{}.", "{}\u00a0"]
        ),
    )
    def test_what_was_added_is_noticed(self, token, form):
        assert distortion(form.format(token), token)

    @given(tokens, st.integers(1, 30))
    def test_what_was_lost_at_the_end_is_noticed(self, token, lost):
        assert distortion(token[:-lost], token) == "is cut off"

    @given(st.text(), tokens)
    def test_any_text_can_be_judged(self, text, token):
        assert distortion(text, token) is None or text != token


def test_every_place_is_looked_at():
    assert set(HEALTHY["names"]) == {place.value for place in Place}
