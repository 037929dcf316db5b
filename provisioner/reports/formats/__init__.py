"""What ``drift`` and ``doctor`` found, in the formats that pipelines and people read. Strings only.

Every format is a pure function of :class:`~provisioner.reports.entries.Gathered`. All text is made harmless first, in one place
(:func:`~.wording.harmless`); a format then escapes only what has a meaning in itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Final

from provisioner.reports.entries import EntryList, collect_entries
from provisioner.reports.models import DoctorReport, DriftReport, PlanReport

from .csv import csv_text
from .github import github_commands
from .gitlab import gitlab_issues
from .html import html_page
from .junit import junit_xml
from .markdown import markdown_text
from .ndjson import ndjson_lines
from .sarif import sarif_log
from .wording import harmless

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
"""Every format by the name that ``--format`` takes; text and JSON are elsewhere. Give them harmless text only."""


def rendered(
    report: PlanReport | DriftReport | DoctorReport, format_: str, *, root: PurePath | None = None
) -> str:
    """A report in one format.

    Args:
        report: what was found.
        format_: a key of :data:`FORMATS`.
        root: the top of the checkout; names of playbooks below it are given relative to it.

    Returns:
        The text, without a line feed at its end.

    Raises:
        KeyError: there is no such format.
    """
    return FORMATS[format_](harmless(collect_entries(report), root))
