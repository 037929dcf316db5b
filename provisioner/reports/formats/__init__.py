"""The entries of ``plan``, ``drift`` and ``doctor`` in the formats that pipelines and people read.

Every format is a function from :class:`~provisioner.reports.entries.EntryList` to a string. Before that,
:func:`~.entry_text.harmless` removes from all text what could act on a reader; a format escapes only its own syntax.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Final

from provisioner.reports.entries import EntryList, collect_entries
from provisioner.reports.models import DoctorReport, DriftReport, PlanReport

from .csv import csv_text
from .entry_text import harmless
from .github import github_commands
from .gitlab import gitlab_issues
from .html import html_page
from .junit import junit_xml
from .markdown import markdown_text
from .ndjson import ndjson_lines
from .sarif import sarif_log

FORMATS: Final[Mapping[str, Callable[[EntryList], str]]] = MappingProxyType(
    {
        "csv": csv_text,
        "github": github_commands,
        "gitlab": gitlab_issues,
        "html": html_page,
        "junit": junit_xml,
        "markdown": markdown_text,
        "ndjson": ndjson_lines,
        "sarif": sarif_log,
    }
)
"""Every format by its name in ``--format``, except text and JSON. Pass harmless entries only."""


def render(
    report: PlanReport | DriftReport | DoctorReport, format_name: str, *, root: PurePath | None = None
) -> str:
    """A report in one format.

    Args:
        report: the report.
        format_name: a key of :data:`FORMATS`.
        root: the root of the checkout; names of playbooks below it become relative to it.

    Returns:
        The text, without a line feed at its end.

    Raises:
        KeyError: the format does not exist.
    """
    return FORMATS[format_name](harmless(collect_entries(report), root))
