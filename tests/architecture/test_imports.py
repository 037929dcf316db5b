"""Imports between packages, and the packages that an import loads. The contracts are in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

HEAVY = {"azure", "cryptography", "httpx", "jinja2", "kiota_abstractions", "msgraph", "pydantic", "yaml"}
SDKS = {"azure", "httpx", "kiota_abstractions", "msgraph"}
DECIDING_MODULES = (
    "provisioner.core.plan",
    "provisioner.core.check",
    "provisioner.playbook",
    "provisioner.engine",
    "provisioner.reports.text",
    "provisioner.providers.entra.checks",
    "provisioner.providers.entra.playbook",
    "provisioner.providers.entra.provider",
)


def test_every_import_contract_holds():
    assert lint_imports(ROOT / "pyproject.toml") == 0


def test_a_broken_import_contract_is_detected(tmp_path):
    config = tmp_path / "contracts.toml"
    config.write_text(
        '[tool.importlinter]\nroot_packages = ["provisioner"]\n'
        '[[tool.importlinter.contracts]]\nname = "Impossible"\ntype = "forbidden"\n'
        'source_modules = ["provisioner.engine"]\nforbidden_modules = ["provisioner.core"]\n'
    )
    assert lint_imports(config) == 1


def lint_imports(config: Path) -> int:
    """The exit code of import-linter. It runs in its own process, because it disables all loggers."""
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(config_filename=sys.argv[1], no_cache=True))"
    return subprocess.run([sys.executable, "-c", program, config], check=False, cwd=ROOT).returncode


def packages_loaded_by(*modules: str) -> set[str]:
    """The top-level packages that are loaded when a new process imports the modules."""
    program = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(process.stdout.split())


def test_help_loads_no_heavy_package():
    assert packages_loaded_by("provisioner.cli") & HEAVY == set()


def test_modules_that_decide_load_no_sdk():
    assert packages_loaded_by(*DECIDING_MODULES) & SDKS == set()
