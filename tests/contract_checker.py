"""The base of the checkers that compare recorded exchanges with a vendor's official API description."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from provisioner.sandbox import Exchange


class ContractChecker(ABC):
    """Checks exchanges; those that differ only in ids, secrets and times are checked once."""

    variable: re.Pattern[str]
    """Ids, secrets and times."""

    def __init__(self) -> None:
        self._checked: dict[str, list[str]] = {}

    def problems(self, exchanges: Iterable[Exchange]) -> list[str]:
        """Every difference from the vendor's description, one line each."""
        problems = []
        for exchange in exchanges:
            key = self.variable.sub(
                "*",
                json.dumps(
                    [exchange.method, exchange.path, exchange.status, exchange.body, exchange.response]
                ),
            )
            if key not in self._checked:
                self._checked[key] = self.check(exchange)
            request = f"{exchange.method} {exchange.path} {exchange.status}"
            problems += [f"{request}: {problem}" for problem in self._checked[key]]
        return problems

    @abstractmethod
    def check(self, exchange: Exchange) -> list[str]:
        """The problems of one exchange."""


def openapi_violations(description: Any, request: Any, response: Any, *, accepted: bool) -> list[str]:
    """The violations of an OpenAPI description by a request, if it was accepted, and its response."""
    checks: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (description.validate_response, (request, response))
    ]
    if accepted:
        checks.append((description.validate_request, (request,)))
    violations = []
    for check, arguments in checks:
        try:
            check(*arguments)
        except Exception as error:  # noqa: BLE001 (openapi-core raises many kinds; each is a violation)
            violations += _lines(error)
    return violations


def _lines(error: Exception) -> list[str]:
    causes = getattr(error.__cause__, "schema_errors", None) or [error.__cause__ or error]
    return [
        f"{type(error).__name__}: {getattr(cause, 'json_path', '')} {getattr(cause, 'message', cause)}"
        for cause in causes
    ]
