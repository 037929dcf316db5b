"""Repositories with playbooks in them, and the pipelines that are written there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from provisioner.cli import main
from tests.pipelines.pipeline_cases import PLAYBOOKS, Init


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    """Writes a system's pipelines into a repository with the shipped playbooks of some providers."""

    def write(system: str, providers: tuple[str, ...] = ("entra", "okta"), *options: str) -> Path:
        repository = tmp_path / "repository"
        (repository / "books").mkdir(parents=True, exist_ok=True)
        names = [f"books/{provider}.yaml" for provider in providers]
        for provider, name in zip(providers, names, strict=True):
            shutil.copy(PLAYBOOKS / f"{provider}.yaml", repository / name)
        monkeypatch.chdir(repository)
        assert main(["ci", "init", system, *names, *options]) == 0
        return repository

    return write
