"""Every command works with a third identity provider that no module of the package names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.product import Product

PLAYBOOK = """\
version: 1
name: kiro
provider: acme
connection:
  url: ${ACME_URL}
groups:
  - name: Kiro-Users
"""


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    file = tmp_path / "acme.yaml"
    file.write_text(PLAYBOOK, encoding="utf-8")
    return file


@pytest.fixture
def product(home: Path, playbook: Path, monkeypatch: pytest.MonkeyPatch) -> Product:
    monkeypatch.setenv("ACME_URL", "https://acme.example")
    product = Product(home.parent, monkeypatch, "acme")
    product.playbook = str(playbook)
    return product


def test_from_validate_to_destroy(product: Product) -> None:
    playbook = (product.playbook, "--sandbox")
    assert product("validate", product.playbook).code == 0
    planned = product("plan", *playbook, "--format", "json").json
    assert [change["address"] for change in planned["changes"] if change["action"] == "create"] == [
        "acme-application/kiro",
        "acme-group-assignment/Kiro-Users",
    ]
    assert product("apply", *playbook, "--yes").code == 0
    assert "Nothing to do" in product("apply", *playbook, "--yes").out
    assert product.doctor().code == 0
    assert product.drift().code == 0
    assert product("handoff", *playbook, "--format", "json").json["values"][0]["value"]
    assert "acme.manage" in product("permissions", *playbook).out
    assert product("destroy", *playbook, "--yes").code == 0
    assert product.drift().code == 3


def test_a_misconfiguration_is_found_and_fixed(product: Product) -> None:
    product.apply("--yes")
    assert product("sandbox", "break", "acme-redirect-uri").code == 0
    (plan,) = product.drift().json["plans"]
    changes = [change for change in plan["changes"] if change["action"] != "noop"]
    assert [change["address"] for change in changes] == ["acme-application/kiro"]
    (audit,) = product.doctor().json["audits"]
    failed = [finding["check"] for finding in audit["findings"] if finding["status"] == "fail"]
    assert failed == ["acme-redirect-uri"]
    assert product.doctor("--fix", "--yes").code == 0
    assert product.drift().code == 0


def test_the_export_is_a_playbook_without_changes(product: Product, playbook: Path) -> None:
    product.apply("--yes")
    exported = product("export", "--provider", "acme", "--sandbox")
    assert exported.code == 0, exported.err
    playbook.write_text(exported.out, encoding="utf-8")
    assert product.drift().code == 0


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [("provider: acme", "provider: acmee", 3), ("groups:", "group:", 6)],
    ids=["unknown provider", "unknown key"],
)
def test_a_mistake_has_its_line(product: Product, playbook: Path, old: str, new: str, line: int) -> None:
    playbook.write_text(PLAYBOOK.replace(old, new), encoding="utf-8")
    refused = product("plan", product.playbook, "--sandbox")
    assert refused.code != 0
    assert f"{playbook.name}:{line}" in refused.out + refused.err
