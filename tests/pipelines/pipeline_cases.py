"""The systems, and the playbooks that pipelines are written for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
SYSTEMS = ("github", "gitlab", "azure", "kubernetes")
PROVIDERS = (("entra",), ("okta",), ("entra", "okta"))

Init = Callable[..., Path]
"""Of the fixture ``init``: system, providers and further options, to the repository."""
