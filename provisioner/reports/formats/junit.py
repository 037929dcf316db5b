"""JUnit XML: one suite per playbook, one case per item. Only what Jenkins' schema of it knows, so that every reader takes it.

Written with the standard library: a document this small needs no writer of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from provisioner.reports.entries import Entry, EntryList

from .wording import details, waiver_told

_RESULTS: Final = {"fail": "failure", "error": "error", "waived": "skipped", "skip": "skipped"}


def junit_xml(found: EntryList) -> str:
    """An XML document. What is waived or skipped is a skipped case, with the reason."""
    suites: dict[str, list[Entry]] = {target.playbook: [] for target in found.targets}
    for item in found.items:
        suites.setdefault(item.playbook, []).append(item)
    root = Element("testsuites", {"name": f"provisioner {found.command}", **_counts(found.items)})
    for playbook, items in suites.items():
        root.append(_suite(playbook, items))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode")


def _counts(items: Sequence[Entry]) -> dict[str, str]:
    return {
        "tests": str(len(items)),
        "failures": str(sum(item.status == "fail" for item in items)),
        "errors": str(sum(item.status == "error" for item in items)),
    }


def _suite(playbook: str, items: list[Entry]) -> Element:
    skipped = sum(_RESULTS.get(item.status) == "skipped" for item in items)
    suite = Element("testsuite", {"name": playbook, **_counts(items), "skipped": str(skipped)})
    if items:
        properties = SubElement(suite, "properties")
        for name in ("name", "provider", "tenant"):
            SubElement(properties, "property", name=name, value=getattr(items[0], name))
        SubElement(properties, "property", name="sandbox", value="yes" if items[0].sandbox else "no")
    names: Counter[str] = Counter()
    for item in items:
        name = " ".join(part for part in (item.rule, item.address) if part)
        names[name] += 1
        # Readers tell cases apart by their names.
        numbered = name if names[name] == 1 else f"{name} ({names[name]})"
        suite.append(_case(item, playbook, numbered))
    return suite


def _case(item: Entry, playbook: str, name: str) -> Element:
    case = Element("testcase", name=name, classname=playbook)
    if result := _RESULTS.get(item.status):
        told = SubElement(case, result)
        if result == "skipped":
            told.text = waiver_told(item) or "\n".join(part for part in (item.message, item.advice) if part)
        else:
            told.set("message", item.message)
            told.set("type", f"{item.severity} {item.category}")
            where = f"{playbook}:{item.line}" if item.line else playbook
            told.text = "\n".join([f"{item.title} ({where})", *details(item)])
    return case
