"""Diff: playbooks, snapshots and tenants against each other."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def other(applied, tmp_path):
    """A playbook that differs in its ports, for the same tenant."""
    return applied.variant(tmp_path / "other.yaml", domains=None, application={"loopback_ports": []})


@pytest.fixture
def saved(applied, tmp_path):
    """A snapshot of the tenant in which the shipped playbook was applied."""
    file = tmp_path / "saved.json"
    assert applied("doctor", applied.playbook, "--sandbox", "--save-snapshot", str(file)).code == 0
    return str(file)


def diff(product, *arguments):
    return product("diff", *arguments, "--sandbox")


def addresses(result):
    return {one["address"]: one["where"] for one in result.json["differences"]}


def test_a_playbook_does_not_differ_from_itself(applied):
    done = diff(applied, applied.playbook, applied.playbook)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("No differences.\n")


def test_two_playbooks(applied, other):
    without = applied.variant(applied.state / "without.yaml", domains=None)
    done = diff(applied, without, other)
    assert done.code == 3
    assert "~ entra-application/kiro-entra" in done.out
    assert "- http://localhost:3128/oauth/callback" in done.out
    assert done.out.endswith("1 difference.\n")
    report = diff(applied, without, other, "--format", "json")
    assert addresses(report) == {"entra-application/kiro-entra": "both"}
    assert [side["source"] for side in (report.json["left"], report.json["right"])] == [
        "playbook",
        "playbook",
    ]


def test_a_playbook_and_a_snapshot(applied, saved, tmp_path):
    same = applied.variant(tmp_path / "same.yaml", domains=None)
    assert diff(applied, same, saved).code == 0
    changed = applied.variant(tmp_path / "changed.yaml", domains=None, groups=[])
    done = diff(applied, changed, saved, "--format", "json")
    assert done.code == 3
    assert addresses(done) == {"entra-group-assignment/Kiro-Users": "right"}


def test_two_snapshots(applied, saved, tmp_path):
    later = str(tmp_path / "later.json")
    applied("sandbox", "break", "entra-redirect-uri-extra")
    applied("doctor", applied.playbook, "--sandbox", "--save-snapshot", later)
    done = diff(applied, saved, later, "--format", "json")
    assert done.code == 3
    (difference,) = done.json["differences"]
    (field,) = difference["fields"]
    assert field["name"] == "redirect_uris"
    assert "https://attacker.example/callback" in field["after"]
    assert "https://attacker.example/callback" not in field["before"]
    assert diff(applied, saved, saved).code == 0


def test_two_tenants_by_their_playbooks(applied, tmp_path):
    keys = {"display_name": "Second", "assignment_required": False}
    second = applied.variant(tmp_path / "second.yaml", name="kiro-second", application=keys, domains=None)
    assert applied("apply", second, "--sandbox").code == 0
    first = applied.variant(tmp_path / "first.yaml", domains=None)
    done = diff(applied, first, second, "--live", "--format", "json")
    assert done.code == 3
    found = {one["address"]: {field["name"] for field in one["fields"]} for one in done.json["differences"]}
    assert found == {
        "entra-application/kiro-entra": {"display_name", "scopes"},  # the template's scope is named after it
        "entra-service-principal/kiro-entra": {"assignment_required"},
    }
    assert done.json["left"]["source"] == "tenant"


@pytest.mark.parametrize("text", ["{}", "no json", json.dumps({"schema": "provisioner.snapshot/99"})])
def test_a_file_that_is_not_a_snapshot_is_refused(applied, tmp_path, text):
    file = tmp_path / "broken.json"
    file.write_text(text, encoding="utf-8")
    done = diff(applied, applied.playbook, str(file))
    assert done.code == 2
    assert "is not a snapshot" in done.err


def test_two_providers_cannot_be_compared(applied):
    done = diff(applied, applied.playbook, applied.playbook.replace("entra.yaml", "okta.yaml"))
    assert done.code == 2
    assert "they cannot be compared" in done.err
