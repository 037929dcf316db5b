"""Acme is one line in each register: that of the identity providers and that of the sandbox's vendors."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.providers import PROVIDERS
from provisioner.sandbox import register


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a sandbox that emulates Acme."""
    monkeypatch.setitem(PROVIDERS, "acme", "tests.acme")
    monkeypatch.setitem(register.VENDORS, "acme", "tests.acme.vendor:Acme")
    monkeypatch.setenv("PROVISIONER_STATE_DIR", str(tmp_path))
    return tmp_path / "sandbox"
