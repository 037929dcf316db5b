"""NDJSON: every line is an event, and together they are the whole report."""

from __future__ import annotations

import json

from hypothesis import given, settings

from provisioner.reports.entries import Entry
from provisioner.reports.formats import rendered
from tests.reports_formats.found_items import DRIFT, EMPTY, fleet, named, written
from tests.reports_formats.test_format_any_text import ANY_TEXT


def events_of(report) -> list[dict]:
    text = rendered(report, "ndjson")
    assert text.isascii()
    events = [json.loads(line) for line in text.split("\n")]
    assert {event["schema"] for event in events} == {"provisioner.events/1"}
    return events


def test_targets_then_items_then_the_summary():
    events = events_of(DRIFT)
    assert [event["event"] for event in events] == ["target"] * 3 + ["item"] * 9 + ["summary"]
    assert events[0]["playbook"] == "playbooks/entra-1.yaml"
    assert events[-1] == {
        "schema": "provisioner.events/1",
        "event": "summary",
        "command": "drift",
        "targets": 3,
        "items": {"fail": 5, "waived": 1, "error": 2, "skip": 0, "pass": 1},
    }


def test_an_empty_report_has_a_summary():
    assert [event["event"] for event in events_of(EMPTY)] == ["summary"]


def test_no_two_items_have_the_same_fingerprint():
    prints = [event["fingerprint"] for event in events_of(fleet(500)) if event["event"] == "item"]
    assert len(set(prints)) == 500


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_an_item_can_be_read_back_whole(text):
    told = [event for event in events_of(named(text)) if event["event"] == "item"]
    items = [
        Entry.model_validate({name: value for name, value in event.items() if name in Entry.model_fields})
        for event in told
    ]
    assert [item.model_dump(mode="json") for item in items] == [
        item.model_dump(mode="json") for item in written(named(text)).items
    ]
