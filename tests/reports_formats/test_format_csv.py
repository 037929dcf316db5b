"""CSV: a reader of RFC 4180 reads it back, and a spreadsheet calculates nothing in it."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings

from provisioner.reports.formats import render
from provisioner.reports.formats.csv import COLUMNS
from tests.reports_formats.sample_reports import DOCTOR, DRIFT, EMPTY, HOSTILE, WORST, entries_of, named
from tests.reports_formats.test_format_any_text import ANY_TEXT

FORMULA = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
"""The last four are the full-width forms."""


def rows_of(report) -> list[dict[str, str]]:
    text = render(report, "csv")
    assert text.count("\n") == text.count("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_every_entry_has_a_row():
    rows = rows_of(DRIFT)
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == 9
    assert rows[0] | {"fingerprint": ""} == {
        "status": "fail",
        "severity": "high",
        "category": "security",
        "rule": "drift-entra-application",
        "title": "entra-application matches the playbook",
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
        "what_to_do": "Show: provisioner plan playbooks/entra-1.yaml; Revert: provisioner apply playbooks/entra-1.yaml",
        "waiver": "",
        "fingerprint": "",
    }


def test_a_row_has_the_evidence_and_the_waiver():
    rows = {row["rule"]: row for row in rows_of(DOCTOR)}
    assert rows["entra-token-version"]["evidence"] == "api.requestedAccessTokenVersion = (none)"
    assert (
        rows["entra-owners"]["waiver"]
        == "waived until 2027-03-31: the pilot ends in March (alice@example.com)"
    )


def test_an_empty_report_has_only_the_column_names():
    assert render(EMPTY, "csv") == ",".join(COLUMNS)


def test_no_cell_is_a_formula():
    cells = [cell for text in HOSTILE.values() for row in rows_of(named(text)) for cell in row.values()]
    assert [cell for cell in cells if cell.lstrip().startswith(FORMULA)] == []


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_read_back(text):
    report = named(text)
    messages = sorted(entry.message for entry in entries_of(report).entries)
    assert sorted(row["message"].removeprefix("'") for row in rows_of(report)) == sorted(
        message.removeprefix("'") for message in messages
    )
