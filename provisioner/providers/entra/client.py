"""Microsoft Graph over msgraph-sdk's request adapter, in raw JSON.

The SDK authenticates and transports. Its models are not used, because they lose data (a synchronization schema
loses ``flowTypes``, ``discoverabilities`` and every null). Its retries are not used either: when the response to a
write is lost, the client must check whether the write took effect before it repeats it.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit

from provisioner import __version__
from provisioner.core.errors import RemoteError, RemoteNotFoundError, UnreachableError, UsageError
from provisioner.core.retry import Failure, FailureRules, Request, RetryAction, decide
from provisioner.providers.base.client import Client, http_error, no_response
from provisioner.providers.base.wire import Json

from .credentials import claims_of
from .permissions import DIRECTORY_ROLE, PERMISSIONS
from .retry import GraphRules

if TYPE_CHECKING:
    import httpx
    from azure.core.credentials import TokenCredential
    from msgraph.graph_request_adapter import GraphRequestAdapter

_READS = frozenset({"GET", "HEAD"})
_BATCH_LIMIT = 20


@dataclass(frozen=True)
class Read:
    """One GET.

    Attributes:
        path: path and query below the version: ``/applications?$filter=...``.
        expects_existing: the object exists, so a 404 means that a replica lags.
        may_be_absent: a 404 is a result (None), not an error.
    """

    path: str
    expects_existing: bool = False
    may_be_absent: bool = False


@dataclass(kw_only=True)
class GraphClient(Client[Json]):
    """The Microsoft Graph of one tenant.

    Attributes:
        credential: provides access tokens.
        scope: the only scope that tokens are requested for.
    """

    rules: ClassVar[FailureRules] = GraphRules()

    credential: TokenCredential
    scope: str
    _adapter: GraphRequestAdapter | None = None
    _http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections. The credential stays open: the caller owns it."""
        if self._http is not None:
            await self._http.aclose()
            self._http = self._adapter = None

    async def get(self, path: str, *, expects_existing: bool = False) -> Json:
        """Read one object or page.

        Raises:
            RemoteError: or a subclass, with Graph's request id.
        """
        return await self._send_with_retries(Request("GET", path, expects_existing=expects_existing), None)

    async def find(self, path: str) -> Json | None:
        """Read one object; None when it does not exist."""
        try:
            return await self.get(path)
        except RemoteNotFoundError:
            return None

    async def read_pages(self, path: str, *, expects_existing: bool = False) -> list[Json]:
        """Read every element of a collection, page by page."""
        return await self.read_next_pages(await self.get(path, expects_existing=expects_existing))

    async def read_next_pages(self, page: Json) -> list[Json]:
        """The elements of a page and of all pages after it.

        Raises:
            RemoteError: a nextLink leads to another host.
        """
        elements: list[Json] = list(page.get("value", ()))
        while link := page.get("@odata.nextLink"):
            page = await self.get(self._path_of(str(link)))
            elements.extend(page.get("value", ()))
        return elements

    async def read_all(self, reads: Sequence[Read]) -> list[Json | RemoteError | None]:
        """Send several reads in one round trip.

        Returns:
            for each read, in order: its JSON; None for an object that may be absent and is; or the error, which is
            not raised, so that the other results are not lost.
        """
        if len(reads) == 1:
            return [await self._read(reads[0])]
        batches = [reads[start : start + _BATCH_LIMIT] for start in range(0, len(reads), _BATCH_LIMIT)]
        results = await asyncio.gather(*(self._read_batch(batch) for batch in batches))
        return [result for batch in results for result in batch]

    async def write(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send a write that may be repeated: PATCH, PUT, DELETE, and actions that set a state.

        To delete an object that does not exist is a success.

        Args:
            method: the HTTP method.
            path: path below the version; the object exists.
            body: JSON, or None.
        """
        deletes = method == "DELETE"
        request = Request(method, path, expects_existing=not deletes, may_lag=self.has_created)
        try:
            return await self._send_with_retries(request, body)
        except RemoteNotFoundError:
            if deletes:
                return {}
            raise

    async def token_claims(self) -> Json:
        """The claims of the access token, unverified; empty when the token is opaque (it is meant for Graph only).

        Raises:
            RemoteError: there is no access token.
        """
        token = await asyncio.to_thread(self.credential.get_token, self.scope)
        return claims_of(token.token)

    async def _read(self, read: Read) -> Json | RemoteError | None:
        try:
            return await self.get(read.path, expects_existing=read.expects_existing)
        except RemoteNotFoundError as error:
            return None if read.may_be_absent else error
        except UnreachableError:
            raise
        except RemoteError as error:
            return error

    async def _read_batch(self, reads: Sequence[Read]) -> list[Json | RemoteError | None]:
        body = {
            "requests": [
                {"id": str(number), "method": "GET", "url": read.path, **_advanced(read.path)}
                for number, read in enumerate(reads)
            ]
        }
        batch = await self._send_with_retries(Request("POST", "/$batch"), body)
        responses = {str(response.get("id")): response for response in batch.get("responses", ())}
        return [await self._result(read, responses.get(str(number))) for number, read in enumerate(reads)]

    async def _result(self, read: Read, response: Json | None) -> Json | RemoteError | None:
        """The result of one read of a batch. A transient failure is read again, outside the batch."""
        if response is None:
            return await self._read(read)
        status = int(response.get("status", 0))
        if 200 <= status < 300:
            return response.get("body") or {}
        failure = _failure(status, response.get("body"), response.get("headers") or {})
        request = Request("GET", read.path, expects_existing=read.expects_existing)
        decision = decide(failure, request, self.rules, attempt=0, elapsed=0.0, policy=self.retry_policy)
        if decision.action is not RetryAction.FAIL:
            await self._pause(decision.delay, decision.reason)
            return await self._read(read)
        if status == 404 and read.may_be_absent:
            return None
        return self._error(failure, request, "")

    async def _send(self, request: Request, body: Json | None) -> Json | Failure:
        import httpx  # noqa: PLC0415 - start-up time
        from kiota_abstractions.method import Method  # noqa: PLC0415
        from kiota_abstractions.native_response_handler import NativeResponseHandler  # noqa: PLC0415
        from kiota_abstractions.request_information import RequestInformation  # noqa: PLC0415
        from kiota_http.middleware.options import ResponseHandlerOption  # noqa: PLC0415

        information = RequestInformation()
        information.http_method = Method[request.method]
        information.url = self.root + request.path
        information.headers.try_add("client-request-id", str(uuid.uuid4()))
        information.headers.try_add("Accept", "application/json")
        for name, value in _advanced(request.path).get("headers", {}).items():
            information.headers.try_add(name, value)
        if body is not None:
            information.set_stream_content(json.dumps(body).encode(), "application/json")
        information.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        is_read = request.method in _READS or request.path == "/$batch"
        self.count.read += is_read
        self.count.write += not is_read
        try:
            response: Any = await self._connect().send_primitive_async(information, "bytes", {})
        except httpx.HTTPError as error:
            return no_response(error)
        return _parse_response(response)

    def _connect(self) -> GraphRequestAdapter:
        if self._adapter is None:
            from kiota_authentication_azure.azure_identity_authentication_provider import (  # noqa: PLC0415
                AzureIdentityAuthenticationProvider,
            )
            from msgraph.graph_request_adapter import GraphRequestAdapter  # noqa: PLC0415

            self._http = self._open_transport()
            authentication = AzureIdentityAuthenticationProvider(
                self.credential, scopes=[self.scope], allowed_hosts=[urlsplit(self.root).hostname or ""]
            )
            self._adapter = GraphRequestAdapter(authentication, client=self._http)
            self._adapter.base_url = self.root
        return self._adapter

    def _open_transport(self) -> httpx.AsyncClient:
        import httpx  # noqa: PLC0415 - start-up time

        try:
            return httpx.AsyncClient(
                http2=self.root.startswith("https:"),
                timeout=httpx.Timeout(100, connect=30),
                headers={"User-Agent": f"provisioner/{__version__}"},
                trust_env=not self.direct,
            )
        except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
            raise UsageError(
                f"the connection settings in the environment cannot be used: {error}",
                hint="correct HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE; SOCKS is not supported",
            ) from error

    def _error(self, failure: Failure, request: Request, gave_up_reason: str) -> RemoteError:
        error = http_error(failure, request, gave_up_reason, permissions=PERMISSIONS, role=DIRECTORY_ROLE)
        if failure.status == 401:
            error.hint = "sign in again, or check the credentials"
        return error


def literal(value: str) -> str:
    """A string literal for a $filter, quoted for OData and for the URL."""
    doubled = value.replace("'", "''")
    return quote(f"'{doubled}'", safe="'")


def filter_query(condition: str) -> str:
    """``$filter=...`` for a URL; literals in the condition are quoted already."""
    return "$filter=" + condition.replace(" ", "%20")


def elements(response: Json | None) -> list[Json]:
    """The elements of a collection, the object itself if the response is one object, or nothing."""
    if response is None:
        return []
    value = response.get("value")
    return list(value) if isinstance(value, list) else [response]


def _advanced(path_and_query: str) -> Json:
    """Advanced queries need a header and are served by a later index (Graph, advanced query capabilities)."""
    if "$count" in path_and_query or "$search" in path_and_query:
        return {"headers": {"ConsistencyLevel": "eventual"}}
    return {}


def _parse_response(response: httpx.Response) -> Json | Failure:
    if response.is_success:
        if not response.content:
            return {}
        try:
            parsed = response.json()
        except ValueError:
            return Failure(502, message="the response is not JSON")
        return parsed if isinstance(parsed, dict) else {"value": parsed}
    try:
        body = response.json()
    except ValueError:
        body = None
    return _failure(response.status_code, body, response.headers)


def _failure(status: int, body: Any, headers: Any) -> Failure:
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    inner = next((value for key, value in error.items() if key.lower() == "innererror"), None) or {}
    lowered = {str(key).lower(): str(value) for key, value in dict(headers).items()}
    return Failure(
        status=status,
        code=str(error.get("code", "")),
        message=str(error.get("message", "")),
        request_id=str(inner.get("request-id") or lowered.get("request-id", "")),
        retry_after=_seconds(lowered.get("retry-after")),
    )


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None
