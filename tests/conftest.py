"""For every test: no network beyond this machine, and no settings from the environment of the user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from provisioner.core.redaction import SecretRegistry

LOOPBACK = ["127.0.0.1", "localhost", "::1"]

settings.register_profile("any machine", deadline=None)  # a busy machine is not a failure
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.allow_hosts(LOOPBACK))


@pytest.fixture(autouse=True)
def _isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in tuple(os.environ):
        if name.startswith(("AZURE_", "ENTRA_", "KIRO_", "OKTA_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PROVISIONER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("provisioner.core.redaction._registry", SecretRegistry())  # secrets of other tests
