"""NDJSON: every line is an event, and all events together are the whole report."""

from __future__ import annotations

import json

from hypothesis import given, settings

from provisioner.reports.entries import Entry
from provisioner.reports.formats import render
from tests.reports_formats.sample_reports import DRIFT, EMPTY, entries_of, fleet, named
from tests.reports_formats.test_format_any_text import ANY_TEXT


def read_events(report) -> list[dict]:
    text = render(report, "ndjson")
    assert text.isascii()
    events = [json.loads(line) for line in text.split("\n")]
    assert {event["schema"] for event in events} == {"provisioner.events/1"}
    return events


def test_targets_then_entries_then_the_summary():
    events = read_events(DRIFT)
    assert [event["event"] for event in events] == ["target"] * 3 + ["entry"] * 9 + ["summary"]
    assert events[0]["playbook"] == "playbooks/entra-1.yaml"
    assert events[-1] == {
        "schema": "provisioner.events/1",
        "event": "summary",
        "command": "drift",
        "targets": 3,
        "entries": {"fail": 5, "error": 2, "waived": 1, "skip": 0, "pass": 1},
    }


def test_an_empty_report_has_a_summary():
    assert [event["event"] for event in read_events(EMPTY)] == ["summary"]


def test_no_two_entries_have_the_same_fingerprint():
    prints = [event["fingerprint"] for event in read_events(fleet(500)) if event["event"] == "entry"]
    assert len(set(prints)) == 500


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_an_entry_can_be_read_back_whole(text):
    events = [event for event in read_events(named(text)) if event["event"] == "entry"]
    entries = [
        Entry.model_validate({name: value for name, value in event.items() if name in Entry.model_fields})
        for event in events
    ]
    assert entries == list(entries_of(named(text)).entries)
