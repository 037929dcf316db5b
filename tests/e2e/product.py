"""Runs the product's commands in this process."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.cli import main
from tests.sandboxes import Sandbox

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
PLAYBOOK = PLAYBOOKS / "entra.yaml"


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Product:
    """Runs commands with a state directory of their own, on the shipped playbook of one provider."""

    def __init__(self, state: Path, patch: pytest.MonkeyPatch, provider: str = "entra") -> None:
        self.state = state
        self.patch = patch
        self.provider = provider
        self.playbook = str(PLAYBOOKS / f"{provider}.yaml")

    def __call__(self, *arguments: str) -> Result:
        self.patch.setenv("PROVISIONER_STATE_DIR", str(self.state))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments)
        return Result(int(code), out.getvalue(), err.getvalue())

    def variant(self, file: Path, **changes: Any) -> str:
        """The shipped playbook with other top-level keys, in a file; None leaves a key out."""
        keys = yaml.safe_load((PLAYBOOKS / f"{self.provider}.yaml").read_text(encoding="utf-8"))
        kept = {name: value for name, value in {**keys, **changes}.items() if value is not None}
        file.write_text(yaml.safe_dump(kept, sort_keys=False), encoding="utf-8")
        return str(file)

    def apply(self, *arguments: str) -> Result:
        return self("apply", self.playbook, "--sandbox", "--format", "json", *arguments)

    def doctor(self, *arguments: str) -> Result:
        return self("doctor", self.playbook, "--sandbox", "--format", "json", *arguments)

    def drift(self, *arguments: str) -> Result:
        return self("drift", self.playbook, "--sandbox", "--format", "json", *arguments)

    @property
    def home(self) -> Path:
        return self.state / "sandbox"

    def sandbox(self) -> Sandbox:
        """The sandbox's stores, not serving; close it before the next command."""
        return Sandbox(self.home)
