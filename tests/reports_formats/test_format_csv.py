"""CSV: read back by a reader of RFC 4180, with nothing that a spreadsheet would calculate."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings

from provisioner.reports.formats import rendered
from provisioner.reports.formats.csv import COLUMNS
from tests.reports_formats.found_items import DOCTOR, DRIFT, EMPTY, HOSTILE, WORST, named, written
from tests.reports_formats.test_format_any_text import ANY_TEXT

FORMULA = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
"""The last four are the full-width forms."""


def rows_of(report) -> list[dict[str, str]]:
    text = rendered(report, "csv")
    assert text.count("\n") == text.count("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_a_row_for_every_item():
    rows = rows_of(DRIFT)
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == 9
    assert rows[0] | {"fingerprint": ""} == {
        "status": "fail",
        "severity": "high",
        "category": "security",
        "rule": "drift-entra-application",
        "title": "entra-application is as the playbook says",
        "playbook": "playbooks/entra-1.yaml",
        "line": "8",
        "name": "kiro-entra-1",
        "provider": "entra",
        "tenant": "tenant1.example.com",
        "sandbox": "no",
        "address": "entra-application/kiro",
        "message": WORST,
        "differences": "redirect_uris: - https://evil.example/callback; redirect_uris: + kiro://kiro.oauth/callback",
        "evidence": "",
        "advice": rows[0]["advice"],
        "waiver": "",
        "fingerprint": "",
    }


def test_evidence_and_waivers_are_told():
    rows = {row["rule"]: row for row in rows_of(DOCTOR)}
    assert rows["entra-token-version"]["evidence"] == "api.requestedAccessTokenVersion = (none)"
    assert (
        rows["entra-owners"]["waiver"]
        == "let pass by alice@example.com until 2027-03-31: the pilot ends in March"
    )


def test_an_empty_report_has_the_names_of_the_columns():
    assert rendered(EMPTY, "csv") == ",".join(COLUMNS)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_cell_is_a_formula(name):
    for row in rows_of(named(HOSTILE[name])):
        assert not [cell for cell in row.values() if cell.lstrip().startswith(FORMULA)]


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_read_back(text):
    report = named(text)
    told = sorted(item.message for item in written(report).items)
    assert sorted(row["message"].removeprefix("'") for row in rows_of(report)) == sorted(
        text.removeprefix("'") for text in told
    )
