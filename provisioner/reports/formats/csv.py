"""CSV (RFC 4180) for spreadsheets: one row per item.

A cell that a spreadsheet would take for a formula gets a leading apostrophe
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import io
from csv import writer
from typing import Final

from provisioner.reports.entries import Entry, EntryList

from .wording import differences, shown, waiver_told, worst_first

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
    "advice",
    "waiver",
    "fingerprint",
)
_FORMULA: Final = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
"""The last four are the full-width forms: they count too."""


def csv_text(found: EntryList) -> str:
    """A row of column names, and a row for every item, worst first."""
    text = io.StringIO(newline="")
    rows = writer(text, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    rows.writerows(map(_row, worst_first(found.items)))
    return text.getvalue().removesuffix("\r\n")


def _row(item: Entry) -> list[str]:
    changed = [f"{field.name}: {sign} {text}" for field in item.fields for sign, text in differences(field)]
    derived = {
        "line": "" if item.line is None else str(item.line),
        "sandbox": "yes" if item.sandbox else "no",
        "differences": "; ".join(changed),
        "evidence": "; ".join(f"{one.path} = {shown(one.value)}" for one in item.evidence),
        "waiver": waiver_told(item),
    }
    return [_cell(derived[name] if name in derived else str(getattr(item, name))) for name in COLUMNS]


def _cell(text: str) -> str:
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
