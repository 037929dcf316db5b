"""A client of the Acme directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import httpx

from provisioner.core.errors import RemoteError
from provisioner.core.retry import OUTCOME_UNKNOWN, Failure, FailureRules, Request
from provisioner.providers.base.client import Client, http_error, no_response
from provisioner.providers.base.permissions import RequiredPermission

MANAGE: Final = RequiredPermission(
    "manage applications", ("acme.manage",), (("POST|PATCH|PUT|DELETE", "/acme/"),)
)


class AcmeRules:
    """What the failures of Acme mean."""

    def is_transient(self, failure: Failure, _request: Request) -> bool:
        return failure.status in OUTCOME_UNKNOWN

    def outcome_unknown(self, failure: Failure) -> bool:
        return failure.status in OUTCOME_UNKNOWN

    def wait_reason(self, failure: Failure) -> str:
        return failure.summary


@dataclass(kw_only=True)
class AcmeClient(Client[Any]):
    """A connection to one directory."""

    rules: ClassVar[FailureRules] = AcmeRules()

    token: str

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that may be repeated."""
        return await self._send_with_retries(Request(method, path), body)

    async def close(self) -> None:
        pass

    async def _send(self, request: Request, body: Any) -> Any | Failure:
        headers = {"Authorization": f"Bearer {self.token}"}
        is_read = request.method == "GET"
        self.count.read += is_read
        self.count.write += not is_read
        try:
            async with httpx.AsyncClient(base_url=self.root, headers=headers) as http:
                response = await http.request(request.method, request.path, json=body)
        except httpx.TransportError as error:
            return no_response(error)
        return (
            response.json() if response.is_success else Failure(response.status_code, message=response.text)
        )

    def _error(self, failure: Failure, request: Request, gave_up_reason: str) -> RemoteError:
        return http_error(failure, request, gave_up_reason, permissions=(MANAGE,), role="Acme Admin")
