"""Microsoft Graph over msgraph-sdk's request adapter, in raw JSON.

The SDK authenticates and transports; its models are not used, because they lose data (a synchronization schema
loses ``flowTypes``, ``discoverabilities`` and every null). Retries are ours: a write whose answer was lost must
not be repeated before somebody has looked.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit

from provisioner import __version__
from provisioner.core.errors import (
    PermissionDeniedError,
    RemoteError,
    RemoteNotFoundError,
    UnreachableError,
    UsageError,
)
from provisioner.core.retry import Failure, FailureRules, Request, RetryAction, decide
from provisioner.providers.base.client import Client, failure_details, no_answer
from provisioner.providers.base.permissions import permissions_for

from .credentials import claims_of
from .permissions import DIRECTORY_ROLE, PERMISSIONS
from .resources import Json
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
        path: below the version, with its query: ``/applications?$filter=...``.
        expects: the object is known to exist, so a 404 means that a replica lags.
        absent_ok: a 404 is an answer (None), not an error.
    """

    path: str
    expects_existing: bool = False
    may_be_absent: bool = False


@dataclass(kw_only=True)
class GraphClient(Client[Json]):
    """A tenant's Graph.

    Attributes:
        credential: gives tokens; asked for ``scope`` only.
    """

    rules: ClassVar[FailureRules] = GraphRules()

    credential: TokenCredential
    scope: str
    _adapter: GraphRequestAdapter | None = None
    _http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections. The credential belongs to whoever made it."""
        if self._http is not None:
            await self._http.aclose()
            self._http = self._adapter = None

    async def get(self, path: str, *, expects_existing: bool = False) -> Json:
        """Read one object or page.

        Raises:
            RemoteError: or one of its kinds, with Graph's request id.
        """
        return await self._repeat(Request("GET", path, expects_existing=expects_existing), None)

    async def find(self, path: str) -> Json | None:
        """Read one object, or None when there is none."""
        try:
            return await self.get(path)
        except RemoteNotFoundError:
            return None

    async def pages(self, path: str, *, expects: bool = False) -> list[Json]:
        """Every element of a collection, all its pages; a nextLink that leaves this Graph is refused."""
        return await self.rest(await self.get(path, expects_existing=expects))

    async def rest(self, page: Json) -> list[Json]:
        """Every element of a collection whose first page has been read."""
        found: list[Json] = list(page.get("value", ()))
        while link := page.get("@odata.nextLink"):
            page = await self.get(self._below_root(str(link)))
            found.extend(page.get("value", ()))
        return found

    async def read_all(self, reads: Sequence[Read]) -> list[Json | RemoteError | None]:
        """Read several things in one round trip.

        Returns:
            for each read, in order: its JSON; None for an absent object where that is an answer; or the error,
            not raised, so that one unreadable thing does not hide the others.
        """
        if len(reads) == 1:
            return [await self._settled(reads[0])]
        chunks = [reads[at : at + _BATCH_LIMIT] for at in range(0, len(reads), _BATCH_LIMIT)]
        answers = await asyncio.gather(*(self._batch(chunk) for chunk in chunks))
        return [answer for chunk in answers for answer in chunk]

    async def write(self, method: str, path: str, body: Json | None = None) -> Json:
        """A write that may be repeated: PATCH, PUT, DELETE, and actions that set a state.

        Deleting what is gone already is a success.

        Args:
            method: the HTTP method.
            path: below the version; what it addresses is known to exist.
            body: JSON, or None.
        """
        gone_is_fine = method == "DELETE"
        try:
            call = Request(method, path, expects_existing=not gone_is_fine, just_created=self.just_created)
            return await self._repeat(call, body)
        except RemoteNotFoundError:
            if gone_is_fine:
                return {}
            raise

    async def token_claims(self) -> Json:
        """The claims of the access token, unverified; empty when it cannot be read (it is Graph's, not ours).

        Raises:
            RemoteError: no credential gave a token.
        """
        token = await asyncio.to_thread(self.credential.get_token, self.scope)
        return claims_of(token.token)

    async def _settled(self, read: Read) -> Json | RemoteError | None:
        try:
            return await self.get(read.path, expects_existing=read.expects_existing)
        except RemoteNotFoundError as error:
            return None if read.may_be_absent else error
        except UnreachableError:
            raise
        except RemoteError as error:
            return error

    async def _batch(self, reads: Sequence[Read]) -> list[Json | RemoteError | None]:
        """Parts that fail in a way that waiting can mend are read again, one by one."""
        body = {
            "requests": [
                {"id": str(number), "method": "GET", "url": read.path, **_advanced(read.path)}
                for number, read in enumerate(reads)
            ]
        }
        answer = await self._repeat(Request("POST", "/$batch"), body)
        parts = {str(part.get("id")): part for part in answer.get("responses", ())}
        return [await self._part(read, parts.get(str(number))) for number, read in enumerate(reads)]

    async def _part(self, read: Read, part: Json | None) -> Json | RemoteError | None:
        if part is None:
            return await self._settled(read)
        status = int(part.get("status", 0))
        if 200 <= status < 300:
            return part.get("body") or {}
        failure = _failure(status, part.get("body"), part.get("headers") or {})
        call = Request("GET", read.path, expects_existing=read.expects_existing)
        step = decide(failure, call, self.rules, attempt=0, elapsed=0.0, policy=self.retry_policy)
        if step.action is not RetryAction.FAIL:
            await self._pause(step.delay, step.reason)
            return await self._settled(read)
        if status == 404 and read.may_be_absent:
            return None
        return self._error(failure, call, "")

    async def _send(self, call: Request, body: Json | None) -> Json | Failure:
        import httpx  # noqa: PLC0415 - start-up time
        from kiota_abstractions.method import Method  # noqa: PLC0415
        from kiota_abstractions.native_response_handler import NativeResponseHandler  # noqa: PLC0415
        from kiota_abstractions.request_information import RequestInformation  # noqa: PLC0415
        from kiota_http.middleware.options import ResponseHandlerOption  # noqa: PLC0415

        request = RequestInformation()
        request.http_method = Method[call.method]
        request.url = self.root + call.path
        request.headers.try_add("client-request-id", str(uuid.uuid4()))
        request.headers.try_add("Accept", "application/json")
        for name, value in _advanced(call.path).get("headers", {}).items():
            request.headers.try_add(name, value)
        if body is not None:
            request.set_stream_content(json.dumps(body).encode(), "application/json")
        request.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
        is_read = call.method in _READS or call.path == "/$batch"
        self.count.read += is_read
        self.count.write += not is_read
        try:
            response: Any = await self._connected().send_primitive_async(request, "bytes", {})
        except httpx.HTTPError as error:
            return no_answer(error)
        return _answer(response)

    def _connected(self) -> GraphRequestAdapter:
        if self._adapter is None:
            from kiota_authentication_azure.azure_identity_authentication_provider import (  # noqa: PLC0415
                AzureIdentityAuthenticationProvider,
            )
            from msgraph.graph_request_adapter import GraphRequestAdapter  # noqa: PLC0415

            self._http = self._transport()
            authentication = AzureIdentityAuthenticationProvider(
                self.credential,
                scopes=[self.scope],
                allowed_hosts=[urlsplit(self.root).hostname or ""],
            )
            self._adapter = GraphRequestAdapter(authentication, client=self._http)
            self._adapter.base_url = self.root
        return self._adapter

    def _transport(self) -> httpx.AsyncClient:
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
                f"a connection cannot be set up as the environment says: {error}",
                hint="correct HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE; SOCKS is not supported",
            ) from error

    def _below_root(self, link: str) -> str:
        if not link.startswith(self.root + "/"):
            raise RemoteError(
                f"Graph's next page is at another address than {self.root}: not followed, so that the token stays here"
            )
        return link.removeprefix(self.root)

    def _error(self, failure: Failure, call: Request, gave_up: str) -> RemoteError:
        message, facts = failure_details(failure, call, gave_up)
        if failure.status == 403:
            needs = permissions_for(PERMISSIONS, call.method, call.path)
            return PermissionDeniedError(message, permissions=needs, role=DIRECTORY_ROLE, **facts)
        if failure.status == 404:
            return RemoteNotFoundError(message, **facts)
        if failure.status == 401:
            return RemoteError(message, hint="sign in again, or check the credentials", **facts)
        if failure.status in (0, 429) or failure.status >= 500:
            return UnreachableError(message, hint="run the same command again", **facts)
        return RemoteError(message, **facts)


def path(template: str, *keys: str) -> str:
    """A path with its keys quoted: ``path("/applications/{}", object_id)``."""
    return template.format(*(quote(key, safe="") for key in keys))


def literal(value: str) -> str:
    """A string literal for a $filter, quoted for OData and for the URL."""
    doubled = value.replace("'", "''")
    return quote(f"'{doubled}'", safe="'")


def readable(answers: Iterable[Json | RemoteError | None]) -> list[Json | None]:
    """The answers, or the first error raised."""
    result = []
    for answer in answers:
        if isinstance(answer, RemoteError):
            raise answer
        result.append(answer)
    return result


def _advanced(path_and_query: str) -> Json:
    """Advanced queries need a header and are served by a later index (Graph, advanced query capabilities)."""
    if "$count" in path_and_query or "$search" in path_and_query:
        return {"headers": {"ConsistencyLevel": "eventual"}}
    return {}


def _answer(response: httpx.Response) -> Json | Failure:
    if response.is_success:
        if not response.content:
            return {}
        try:
            parsed = response.json()
        except ValueError:
            return Failure(502, message="the answer is not JSON")
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
