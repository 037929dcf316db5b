"""The cases of the checks: each is a small change of one healthy tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from provisioner.core.check import Finding, Look
from provisioner.core.resource import KINDS
from provisioner.core.snapshot import Snapshot
from provisioner.providers.entra.checks import CHECKS
from provisioner.providers.entra.playbook import EntraPlaybook

HERE = Path(__file__).parent
BY_ID = {check.id: check for check in CHECKS}


@cache
def _healthy() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((HERE / "healthy.yaml").read_text(encoding="utf-8"))
    return data


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        said: what the file says: ``change``, ``add`` and ``remove`` resources, ``gaps``, ``problems``, ``playbook``
            (sections laid over the healthy one); and ``finds`` or ``skips``. ``leaves`` are fields after the fixes.
            ``observed`` says why applying a fix cannot show in the snapshot.
    """

    check_id: str
    name: str
    said: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.check_id}/{self.name}"

    @cached_property
    def snapshot(self) -> Snapshot:
        """The healthy tenant with the changes of this case."""
        found = {f"{saved['kind']}/{saved['key']}": saved for saved in _healthy()["resources"]}
        for address, fields in self.said.get("change", {}).items():
            unknown = fields.keys() - _fields(found[address])
            assert not unknown, f"{self}: {address} has no {unknown}"
            found[address] = {**found[address], **fields}
        for address in self.said.get("remove", []):
            del found[address]
        for saved in self.said.get("add", []):
            found[f"{saved['kind']}/{saved['key']}"] = saved
        return Snapshot.model_validate(
            {
                "resources": [_timed(saved) for saved in found.values()],
                "gaps": self.said.get("gaps", []),
                "problems": self.said.get("problems", []),
            }
        )

    @cached_property
    def look(self) -> Look:
        """What the checks look at."""
        return Look(self.snapshot, self.playbook.desired())

    @property
    def playbook(self) -> EntraPlaybook:
        """The healthy playbook with the sections of this case laid over it."""
        keys = dict(_healthy()["playbook"])
        for name, value in self.said.get("playbook", {}).items():
            keys[name] = {**keys[name], **value} if isinstance(value, dict) and name in keys else value
        return EntraPlaybook.model_validate(keys)

    def findings(self) -> list[Finding]:
        """What the check says."""
        return list(BY_ID[self.check_id].run(self.look))


def _fields(saved: dict[str, Any]) -> set[str]:
    return set(KINDS[saved["kind"]].model_fields)


def _timed(saved: dict[str, Any]) -> dict[str, Any]:
    """``@-25h`` stands for 25 hours ago."""
    return {name: _moment(value) if str(value).startswith("@") else value for name, value in saved.items()}


def _moment(ago: str) -> str:
    return (datetime.now(UTC) + timedelta(hours=int(ago.strip("@h")))).isoformat()


HEALTHY = Case("", "healthy", {})
CASES = tuple(
    Case(file.parent.name, file.stem, yaml.safe_load(file.read_text(encoding="utf-8")))
    for file in sorted((HERE / "cases").glob("*/*.yaml"))
)
