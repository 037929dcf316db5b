"""The checks of domains, by theme. A new check is one function here and its case files in the tests."""

from __future__ import annotations

from typing import Final

from provisioner.core.check import Check

from . import domains, email_domains, location, servers, values

CHECKS: Final[tuple[Check, ...]] = (
    *domains.check,
    *location.check,
    *values.check,
    *servers.check,
    *email_domains.check,
)
"""Every check, causes before consequences."""
