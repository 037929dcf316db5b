"""The checks of domains, for doctor."""

from __future__ import annotations

from typing import Final

from provisioner.core.check import Check

from .diagnosis import CHECKS as OF_THE_DNS
from .diagnosis import people

CHECKS: Final[tuple[Check, ...]] = (*OF_THE_DNS, *people.check)
