"""Who may import whom; the contracts are in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HEAVY = {"azure", "cryptography", "httpx", "jinja2", "kiota_abstractions", "msgraph", "pydantic", "yaml"}
SDKS = {"azure", "httpx", "kiota_abstractions", "msgraph"}
PURE = (
    "provisioner.core.plan",
    "provisioner.core.check",
    "provisioner.playbook",
    "provisioner.engine",
    "provisioner.reports.text",
    "provisioner.providers.entra.checks",
    "provisioner.providers.entra.playbook",
    "provisioner.providers.entra.provider",
)


def test_every_contract_is_kept():
    assert linted(ROOT / "pyproject.toml") == 0


def test_a_contract_that_is_broken_would_be_noticed(tmp_path):
    config = tmp_path / "contracts.toml"
    config.write_text(
        '[tool.importlinter]\nroot_packages = ["provisioner"]\n'
        '[[tool.importlinter.contracts]]\nname = "Impossible"\ntype = "forbidden"\n'
        'source_modules = ["provisioner.engine"]\nforbidden_modules = ["provisioner.core"]\n'
    )
    assert linted(config) == 1


def linted(config: Path) -> int:
    """The linter's verdict; in a process of its own, because it switches off every logger that there is."""
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(config_filename=sys.argv[1], no_cache=True))"
    return subprocess.run([sys.executable, "-c", program, config], check=False, cwd=ROOT).returncode


def loaded_by(module: str) -> set[str]:
    """The top-level packages that importing a module loads, in a process of its own."""
    program = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_help_loads_nothing_heavy():
    assert loaded_by("provisioner.cli") & HEAVY == set()


@pytest.mark.parametrize("module", PURE)
def test_what_decides_loads_no_sdk(module):
    assert loaded_by(module) & SDKS == set()
