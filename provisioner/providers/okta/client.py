"""An Okta organization over the SDK's request executor, in raw JSON.

The SDK authenticates and transports. Its typed calls and models are not used: they remove nulls and empty lists, lose
members of responses, take a failure with an empty body for a success, and fail a whole page for one unknown enum value.
``okta.client`` is not imported: that takes seconds. Retries are the product's own.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from provisioner import __version__
from provisioner.core.errors import RefusedError, RemoteError, RemoteNotFoundError
from provisioner.core.redaction import remember
from provisioner.core.retry import Failure, FailureRules, Request
from provisioner.providers.base.client import Client, no_response
from provisioner.providers.base.wire import Json

from .credentials import ApiToken, ServiceApp
from .responses import Response, okta_error, own_url, read_response, token_failure, without_nulls
from .retry import OktaRules

if TYPE_CHECKING:
    import aiohttp
    from okta.request_executor import RequestExecutor

APPS: Final = "/api/v1/apps"
SERVERS: Final = "/api/v1/authorizationServers"

_TIMEOUT_SECONDS: Final = 60
_MAX_CONNECTIONS: Final = 8
"""Organizations on the smallest plan allow 35 concurrent requests (Okta developer documentation, Rate limits)."""
_READ_ONLY: Final = (
    "id",
    "orn",
    "created",
    "lastUpdated",
    "status",
    "features",
    "universalLogout",
    "_links",
    "_embedded",
)
"""Read-only members of applications and authorization servers (Okta Management API), which a PUT must not contain."""


@dataclass(kw_only=True)
class OktaClient(Client[Response]):
    """A connection to one organization.

    Attributes:
        credentials: the credentials; :meth:`request_scopes` extends the scopes of a service app.
    """

    rules: ClassVar[FailureRules] = OktaRules()

    credentials: ApiToken | ServiceApp
    _executor: RequestExecutor | None = None
    _session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = self._executor = None

    async def get(self, path: str, *, expects_existing: bool = False) -> Any:
        """Read one object or one page.

        Raises:
            RemoteError: or a subclass, with Okta's request id.
        """
        return (
            await self._send_with_retries(Request("GET", path, expects_existing=expects_existing), None)
        ).body

    async def find(self, path: str) -> Any:
        """Read one object; None when it does not exist."""
        try:
            return await self.get(path)
        except RemoteNotFoundError:
            return None

    async def read_each(self, path: str, *, expects_existing: bool = False) -> AsyncIterator[Json]:
        """Yield every element of a collection, page by page, so that a large one need not fit in memory."""
        page: str | None = path
        while page:
            response = await self._send_with_retries(
                Request("GET", page, expects_existing=expects_existing), None
            )
            for element in response.body or ():
                yield element
            page = response.next

    async def read_all(self, path: str, *, expects_existing: bool = False) -> list[Json]:
        """Every element of a collection."""
        return [element async for element in self.read_each(path, expects_existing=expects_existing)]

    async def write(self, method: str, path: str, body: Any = None) -> Any:
        """Send a write that may be repeated: PUT, PATCH, DELETE, or a POST that sets a state.

        The deletion of an object that no longer exists succeeds.
        """
        try:
            return (await self._send_with_retries(Request(method, path, may_lag=self.has_created), body)).body
        except RemoteNotFoundError:
            if method == "DELETE":
                return None
            raise

    async def replace(
        self,
        path: str,
        last_updated: str | None,
        edit: Callable[[Json], Json],
        *,
        drop: tuple[str, ...] = _READ_ONLY,
    ) -> Json:
        """Read an object, edit it, and PUT it back, so that all its other members stay.

        Members that are null are left out; the API description allows null for few of them.

        Args:
            path: path of the object.
            last_updated: its ``lastUpdated`` when the plan was made; None skips the comparison.
            edit: returns the new object.
            drop: members that the body must not contain.

        Raises:
            RefusedError: the object changed after the plan was made.
        """
        existing = await self.get(path, expects_existing=True)
        if last_updated is not None and existing.get("lastUpdated") != last_updated:
            raise RefusedError(
                f"{path} was changed by another admin after the plan was made; it was not written",
                hint="run the same command again",
            )
        body = edit(without_nulls({name: value for name, value in existing.items() if name not in drop}))
        return (await self._send_with_retries(Request("PUT", path), body)).body or {}

    async def read_own_url(self) -> str | None:
        """The organization's own URL, from ``/.well-known/okta-organization``. The request carries no credentials.

        Returns:
            None when the host is not an Okta organization.

        Raises:
            UnreachableError: there is no response.
        """
        await self._connect()
        assert self._session is not None
        import aiohttp  # noqa: PLC0415 - start-up time

        url = f"{self.root}/.well-known/okta-organization"
        timeout = aiohttp.ClientTimeout(_TIMEOUT_SECONDS)
        session = _RestrictedSession(self._session, direct=self.direct)
        try:
            async with session.request(method="GET", url=url, timeout=timeout) as response:
                return own_url(json.loads(await response.text()))
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            raise self._unreachable(no_response(error)) from error
        except (aiohttp.ClientError, ValueError):
            return None

    async def request_scopes(self, *scopes: str) -> bool | None:
        """Request an access token that also has these scopes, and use it from then on.

        Returns:
            whether the scopes are granted; None for an API token, whose permissions cannot be read.

        Raises:
            RemoteError: Okta returns no access token for another reason.
        """
        before = self.credentials
        if isinstance(before, ApiToken):
            return None
        additional = tuple(scope for scope in scopes if scope not in before.scopes)
        if not additional:
            return True
        self.credentials, self._executor = replace(before, scopes=before.scopes + additional), None
        prepared = await self._prepare(Request("GET", "/"), None)
        if not isinstance(prepared, Failure):
            return True
        self.credentials, self._executor = before, None
        if prepared.code == "invalid_scope":
            return False
        raise self._error(prepared, Request("POST", "/oauth2/v1/token"), "")

    async def is_granted(self, scope: str) -> bool | None:
        """Whether a scope is granted when it is requested alone; None for an API token.

        Raises:
            RemoteError: Okta returns no access token for another reason.
        """
        before = self.credentials
        if isinstance(before, ApiToken):
            return None
        self.credentials, self._executor = replace(before, scopes=()), None
        try:
            return await self.request_scopes(scope)
        finally:
            self.credentials, self._executor = before, None

    async def _prepare(self, request: Request, body: Any) -> Json | Failure:
        """The SDK's form of a request, with an access token in it."""
        executor = await self._connect()
        try:
            prepared, error = await executor.create_request(
                request.method, self.root + request.path, body, keep_empty_params=True
            )
        except Exception:  # noqa: BLE001 - the SDK fails in many ways on an unexpected response
            return Failure(502, message="the response to the token request is not valid")
        if error:
            return token_failure(error)
        headers: Json = prepared["headers"]
        remember(str(headers.get("Authorization", "")).rpartition(" ")[2])
        return cast("Json", prepared)

    async def _send(self, request: Request, body: Any) -> Response | Failure:
        prepared = await self._prepare(request, body)
        if isinstance(prepared, Failure):
            return prepared
        is_read = request.method == "GET"
        self.count.read += is_read
        self.count.write += not is_read
        executor = await self._connect()
        try:
            _, response, text, error = await executor.fire_request(prepared)
        except UnicodeDecodeError:
            return Failure(502, message="the response is not JSON, or truncated")
        if response is None:
            return no_response(error)
        return read_response(request, response.status, response.headers, text or "", self._path_of)

    async def _connect(self) -> RequestExecutor:
        if self._executor is None:
            import aiohttp  # noqa: PLC0415 - start-up time
            from okta.cache.no_op_cache import NoOpCache  # noqa: PLC0415
            from okta.constants import LOGGER_NAME  # noqa: PLC0415
            from okta.request_executor import RequestExecutor  # noqa: PLC0415

            logging.getLogger(LOGGER_NAME).disabled = True  # it writes tokens and bodies
            if isinstance(self.credentials, ServiceApp):
                _check_key(self.credentials)
            self._session = self._session or aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS)
            )
            configuration = {"client": self._sdk_configuration()}
            executor = RequestExecutor(configuration, NoOpCache())  # type: ignore[no-untyped-call]
            executor.set_session(_RestrictedSession(self._session, direct=self.direct))  # type: ignore[no-untyped-call]
            self._executor = executor
        return self._executor

    def _sdk_configuration(self) -> Json:
        """Every setting that the executor reads, so that none comes from a file or the environment."""
        common: Json = {
            "orgUrl": self.root,
            "userAgent": f"provisioner/{__version__}",
            "requestTimeout": _TIMEOUT_SECONDS,
            "rateLimit": {"maxRetries": 0},
            "proxy": None,
            "raiseException": False,
            "oauthTokenRenewalOffset": 5,
        }
        if isinstance(self.credentials, ApiToken):
            return common | {"authorizationMode": "SSWS", "token": self.credentials.value}
        return common | {
            "authorizationMode": "PrivateKey",
            "clientId": self.credentials.client_id,
            "privateKey": self.credentials.sdk_key,
            "kid": self.credentials.key_id,
            "scopes": list(self.credentials.scopes),
            "dpopEnabled": self.credentials.dpop,
        }

    def _path_of(self, link: str, hint: str = "") -> str:
        hint = f"if {urlsplit(link).hostname} is your organization's own host, use it in connection: org_url:"
        return super()._path_of(link, hint)

    def _error(self, failure: Failure, request: Request, gave_up_reason: str) -> RemoteError:
        return okta_error(failure, request, gave_up_reason)


class _RestrictedSession:
    """A session that follows no redirect, so that a token goes nowhere else, and uses the environment's proxies.

    The SDK ignores NO_PROXY; aiohttp's own ``trust_env`` also reads ~/.netrc.
    """

    def __init__(self, session: aiohttp.ClientSession, *, direct: bool) -> None:
        self._session = session
        self._direct = direct

    def request(self, **options: Any) -> Any:
        proxy = None if self._direct else _proxy_for(options["url"])
        return self._session.request(**{**options, "proxy": proxy, "allow_redirects": False})


def _proxy_for(url: str) -> str | None:
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def _check_key(app: ServiceApp) -> None:
    """Raise if the key is not valid. The SDK's own error is dropped because it quotes the key."""
    from okta.jwt import JWT  # noqa: PLC0415 - start-up time

    try:
        JWT.get_PEM_JWK(app.sdk_key)  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - the libraries below raise many types
        raise RemoteError(
            f"the private key of the service app {app.client_id} cannot be read",
            hint="set it as PEM or JWK in connection: private_key:",
        ) from None


async def gather_all(*work: Any) -> list[Any]:
    """Run several coroutines concurrently; the first error is raised when all have ended."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return list(results)
