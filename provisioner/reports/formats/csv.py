"""CSV (RFC 4180) for spreadsheets: one row for each entry.

A cell that a spreadsheet would calculate as a formula gets a leading apostrophe
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import io
from csv import writer
from typing import Final

from provisioner.reports.entries import Entry, EntryList

from .entry_text import difference_lines, entry_waiver, evidence_lines, what_to_do, worst_first

COLUMNS: Final = (
    "status",
    "severity",
    "category",
    "rule",
    "title",
    "playbook",
    "line",
    "name",
    "provider",
    "tenant",
    "sandbox",
    "address",
    "message",
    "differences",
    "evidence",
    "what_to_do",
    "waiver",
    "fingerprint",
)
_FORMULA: Final = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
"""Characters that begin a formula; the last four are full-width forms, which count too."""


def csv_text(entry_list: EntryList) -> str:
    """A row of column names, and a row for each entry, worst first."""
    text = io.StringIO(newline="")
    rows = writer(text, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    rows.writerows(map(_row, worst_first(entry_list.entries)))
    return text.getvalue().removesuffix("\r\n")


def _row(entry: Entry) -> list[str]:
    differences = [
        f"{field.name}: {sign} {text}" for field in entry.fields for sign, text in difference_lines(field)
    ]
    derived = {
        "line": "" if entry.line is None else str(entry.line),
        "sandbox": "yes" if entry.sandbox else "no",
        "differences": "; ".join(differences),
        "evidence": "; ".join(evidence_lines(entry)),
        "what_to_do": what_to_do(entry),
        "waiver": entry_waiver(entry),
    }
    return [_cell(derived[name] if name in derived else str(getattr(entry, name))) for name in COLUMNS]


def _cell(text: str) -> str:
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
