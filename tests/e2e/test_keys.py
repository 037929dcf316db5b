"""A playbook key reaches the tenant, is read back, and is not written again.

A file ``keys/<provider>-<name>.yaml`` has the keys to change in the shipped playbook, and the fields that apply then writes.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

CASES = sorted((Path(__file__).parent / "keys").glob("*.yaml"))


@pytest.fixture
def provider(case):
    return case.stem.partition("-")[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_changed_key_is_applied_once(applied, case, tmp_path):
    expected = yaml.safe_load(case.read_text(encoding="utf-8"))
    shipped = yaml.safe_load(Path(applied.playbook).read_text(encoding="utf-8"))
    keys = {name: {**shipped.get(name, {}), **keys} for name, keys in expected["keys"].items()}
    applied.playbook = applied.variant(tmp_path / case.name, **keys)

    planned = applied("plan", applied.playbook, "--sandbox", "--format", "json").json["changes"]
    fields = [f"{change['address']}.{field['name']}" for change in planned for field in change["fields"]]
    assert fields == expected["writes"]
    assert len(applied.apply().json["done"]) == len({field.rpartition(".")[0] for field in fields})
    assert applied.apply().json["done"] == []  # again: nothing to do
