"""What the judges of every vendor's exchanges have in common: an official description, and each form judged once."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from provisioner.sandbox import Exchange


class Judge(ABC):
    """Judges exchanges. Those that differ only in ids, secrets and times are judged once."""

    variable: re.Pattern[str]
    """What does not make an exchange another one."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def problems(self, exchanges: Iterable[Exchange]) -> list[str]:
        """Everything that is not as the vendor describes it, one line each."""
        found = []
        for exchange in exchanges:
            key = self.variable.sub(
                "*",
                json.dumps([exchange.method, exchange.path, exchange.status, exchange.body, exchange.answer]),
            )
            if key not in self._known:
                self._known[key] = self.judged(exchange)
            found += [
                f"{exchange.method} {exchange.path} {exchange.status}: {line}" for line in self._known[key]
            ]
        return found

    @abstractmethod
    def judged(self, exchange: Exchange) -> list[str]:
        """What is wrong with one exchange."""


def violations(description: Any, request: Any, response: Any, *, accepted: bool) -> list[str]:
    """What an OpenAPI description says against a request, if it was accepted, and its answer."""
    checks: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (description.validate_response, (request, response))
    ]
    if accepted:
        checks.append((description.validate_request, (request,)))
    found = []
    for check, arguments in checks:
        try:
            check(*arguments)
        except Exception as problem:  # noqa: BLE001 (openapi-core raises many kinds; each is a finding)
            found += _lines(problem)
    return found


def _lines(problem: Exception) -> list[str]:
    details = getattr(problem.__cause__, "schema_errors", None) or [problem.__cause__ or problem]
    return [
        f"{type(problem).__name__}: {getattr(each, 'json_path', '')} {getattr(each, 'message', each)}"
        for each in details
    ]
