"""JUnit XML: one suite for each playbook, one case for each entry. It uses only elements of Jenkins' schema, so every reader accepts it.

Written with the standard library: the document is too small for a library.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from provisioner.reports.entries import Entry, EntryList

from .entry_text import detail_lines, entry_waiver, what_to_do

_RESULTS: Final = {"fail": "failure", "error": "error", "waived": "skipped", "skip": "skipped"}


def junit_xml(entry_list: EntryList) -> str:
    """An XML document. A waived or skipped entry is a skipped case, with the reason. No line has a command of a CI system."""
    suites: dict[str, list[Entry]] = {target.playbook: [] for target in entry_list.targets}
    for entry in entry_list.entries:
        suites.setdefault(entry.playbook, []).append(entry)
    name = f"provisioner {entry_list.command}"
    root = Element("testsuites", {"name": name, **_counts(entry_list.entries)})
    for playbook, entries in suites.items():
        root.append(_suite(playbook, entries))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode").replace(
        "##", "#&#35;"
    )


def _counts(entries: Sequence[Entry]) -> dict[str, str]:
    return {
        "tests": str(len(entries)),
        "failures": str(sum(entry.status == "fail" for entry in entries)),
        "errors": str(sum(entry.status == "error" for entry in entries)),
    }


def _suite(playbook: str, entries: list[Entry]) -> Element:
    skipped = sum(_RESULTS.get(entry.status) == "skipped" for entry in entries)
    suite = Element("testsuite", {"name": playbook, **_counts(entries), "skipped": str(skipped)})
    if entries:
        properties = SubElement(suite, "properties")
        for name in ("name", "provider", "tenant"):
            SubElement(properties, "property", name=name, value=getattr(entries[0], name))
        SubElement(properties, "property", name="sandbox", value="yes" if entries[0].sandbox else "no")
    names: Counter[str] = Counter()
    for entry in entries:
        name = f"{entry.rule} {entry.address}".rstrip()
        names[name] += 1
        # Readers identify a case by its name.
        unique_name = name if names[name] == 1 else f"{name} ({names[name]})"
        suite.append(_case(entry, playbook, unique_name))
    return suite


def _case(entry: Entry, playbook: str, name: str) -> Element:
    case = Element("testcase", name=name, classname=playbook)
    if result := _RESULTS.get(entry.status):
        element = SubElement(case, result)
        if result == "skipped":
            element.text = entry_waiver(entry) or "\n".join(filter(None, (entry.message, what_to_do(entry))))
        else:
            element.set("message", entry.message)
            element.set("type", f"{entry.severity} {entry.category}")
            location = f"{playbook}:{entry.line}" if entry.line else playbook
            element.text = "\n".join([f"{entry.title} ({location})", *detail_lines(entry)])
    return case
