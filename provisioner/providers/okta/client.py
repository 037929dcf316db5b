"""An Okta organization over the SDK's request executor, in raw JSON.

The SDK authenticates and transports. Its typed calls and models are not used: they strip nulls and empty lists, lose
members on the way back, take a failure with an empty body for a success, and fail a whole page for one unknown
enumeration value. ``okta.client`` is not imported: it costs seconds. Retries are ours.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from provisioner import __version__
from provisioner.core.errors import RefusedError, RemoteError, RemoteNotFoundError
from provisioner.core.retry import Failure, FailureRules, Request
from provisioner.providers.base.client import Client, no_response

from . import responses
from .credentials import ApiToken, ServiceApp
from .resources import Json
from .responses import Answer
from .retry import OktaRules

if TYPE_CHECKING:
    import aiohttp
    from okta.request_executor import RequestExecutor

_TIMEOUT_SECONDS = 60
_CONNECTIONS = 8
"""At the same time: organizations on the smallest plan allow 35 (Okta developer documentation, Rate limits)."""
_READ_ONLY = (
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
"""Read-only in an application or authorization server (Okta Management API), so not in the body of a PUT."""


@dataclass(kw_only=True)
class OktaClient(Client[Answer]):
    """An organization.

    Attributes:
        credentials: as whom.
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
            RemoteError: or one of its kinds, with Okta's request id.
        """
        return (
            await self._send_with_retries(Request("GET", path, expects_existing=expects_existing), None)
        ).body

    async def find(self, path: str) -> Any:
        """Read one object, or None when there is none."""
        try:
            return await self.get(path)
        except RemoteNotFoundError:
            return None

    async def read_each(self, path: str, *, expects_existing: bool = False) -> AsyncIterator[Json]:
        """Every element of a collection, page by page, so that a large one need not fit in memory."""
        following: str | None = path
        while following:
            answer = await self._send_with_retries(
                Request("GET", following, expects_existing=expects_existing), None
            )
            for element in answer.body or ():
                yield element
            following = answer.next

    async def read_all(self, path: str, *, expects_existing: bool = False) -> list[Json]:
        """Every element of a collection."""
        return [element async for element in self.read_each(path, expects_existing=expects_existing)]

    async def write(self, method: str, path: str, body: Any = None) -> Any:
        """A write that may be repeated: PUT, PATCH, DELETE, and POSTs that set a state.

        Deleting what is gone already is a success.
        """
        try:
            return (
                await self._send_with_retries(Request(method, path, just_created=self.just_created), body)
            ).body
        except RemoteNotFoundError:
            if method == "DELETE":
                return None
            raise

    async def replace(
        self, path: str, seen: str | None, edit: Callable[[Json], Json], *, drop: tuple[str, ...] = _READ_ONLY
    ) -> Json:
        """Read an object, change it, and PUT it back whole: what it has besides stays.

        Members that are null are not set; the API description does not allow null for most of them.

        Args:
            path: of the object.
            seen: its ``lastUpdated`` when the plan was made, or None where that does not matter.
            edit: makes the new object.
            drop: members that do not belong in the body.

        Raises:
            RefusedError: somebody changed it after the plan was made.
        """
        found = await self.get(path, expects_existing=True)
        if seen is not None and found.get("lastUpdated") != seen:
            raise RefusedError(
                f"{path} was changed by somebody else after the plan was made; it was not written",
                hint="run the same command again",
            )
        body = edit(responses.without_nulls({name: found[name] for name in found if name not in drop}))
        return (await self._send_with_retries(Request("PUT", path), body)).body or {}

    async def home(self) -> str | None:
        """The organization's own URL, as it tells anybody at ``/.well-known/okta-organization``; no token is sent.

        None when whoever answers is no Okta organization.

        Raises:
            UnreachableError: nobody answers.
        """
        await self._connected()
        assert self._session is not None
        import aiohttp  # noqa: PLC0415 - start-up time

        url = f"{self.root}/.well-known/okta-organization"
        timeout = aiohttp.ClientTimeout(_TIMEOUT_SECONDS)
        session = _Guarded(self._session, direct=self.direct)
        try:
            async with session.request(method="GET", url=url, timeout=timeout) as response:
                return responses.home_of(json.loads(await response.text()))
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            raise self._unreachable(no_response(error)) from error
        except (aiohttp.ClientError, ValueError):
            return None

    async def may(self, *scopes: str) -> bool | None:
        """Ask for an access token with these scopes besides, and go on with it.

        Returns:
            whether they were granted; None for an API token, which does not tell.

        Raises:
            RemoteError: Okta gives no access token for another reason.
        """
        before = self.credentials
        if isinstance(before, ApiToken):
            return None
        more = tuple(scope for scope in scopes if scope not in before.scopes)
        if not more:
            return True
        self.credentials, self._executor = replace(before, scopes=before.scopes + more), None
        answer = await self._prepared(Request("GET", "/"), None)
        if not isinstance(answer, Failure):
            return True
        self.credentials, self._executor = before, None
        if answer.code == "invalid_scope":
            return False
        raise self._error(answer, Request("POST", "/oauth2/v1/token"), "")

    async def granted(self, scope: str) -> bool | None:
        """Whether a scope, asked for alone, is granted; None for an API token, which does not tell.

        Raises:
            RemoteError: Okta gives no access token for another reason.
        """
        before = self.credentials
        if isinstance(before, ApiToken):
            return None
        self.credentials, self._executor = replace(before, scopes=()), None
        try:
            return await self.may(scope)
        finally:
            self.credentials, self._executor = before, None

    async def _prepared(self, call: Request, body: Any) -> Json | Failure:
        """The SDK's request, with an access token in it."""
        executor = await self._connected()
        try:
            request, error = await executor.create_request(
                call.method, self.root + call.path, body, keep_empty_params=True
            )
        except Exception:  # noqa: BLE001 - the SDK trips over answers that are not what it expects
            return Failure(502, message="the answer to the token request makes no sense")
        return responses.refused(error) if error else request

    async def _send(self, call: Request, body: Any) -> Answer | Failure:
        request = await self._prepared(call, body)
        if isinstance(request, Failure):
            return request
        is_read = call.method == "GET"
        self.count.read += is_read
        self.count.write += not is_read
        executor = await self._connected()
        try:
            _, response, text, error = await executor.fire_request(request)
        except UnicodeDecodeError:
            return Failure(502, message="the answer is not JSON, or cut short")
        if response is None:
            return no_response(error)
        return responses.read(call, response.status, response.headers, text or "", self._path_of)

    async def _connected(self) -> RequestExecutor:
        if self._executor is None:
            import aiohttp  # noqa: PLC0415 - start-up time
            from okta.cache.no_op_cache import NoOpCache  # noqa: PLC0415
            from okta.constants import LOGGER_NAME  # noqa: PLC0415
            from okta.request_executor import RequestExecutor  # noqa: PLC0415

            logging.getLogger(LOGGER_NAME).disabled = True  # it writes tokens and bodies
            if isinstance(self.credentials, ServiceApp):
                _usable(self.credentials)
            self._session = self._session or aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS)
            )
            configuration = {"client": self._configuration()}
            executor = RequestExecutor(configuration, NoOpCache())  # type: ignore[no-untyped-call]
            executor.set_session(_Guarded(self._session, direct=self.direct))  # type: ignore[no-untyped-call]
            self._executor = executor
        return self._executor

    def _configuration(self) -> Json:
        """Every setting the executor reads, so that none comes from a file or the environment."""
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
            "privateKey": self.credentials.key,
            "kid": self.credentials.key_id,
            "scopes": list(self.credentials.scopes),
            "dpopEnabled": self.credentials.dpop,
        }

    def _path_of(self, link: str, hint: str = "") -> str:
        hint = (
            f"if {urlsplit(link).hostname} is your organization's own address, use it in connection: org_url:"
        )
        return super()._path_of(link, hint)

    def _error(self, failure: Failure, call: Request, gave_up: str) -> RemoteError:
        return responses.error(failure, call, gave_up)


class _Guarded:
    """A session that follows no redirect, so that a token goes nowhere else, and takes proxies from the environment.

    The SDK would ignore NO_PROXY; aiohttp's own ``trust_env`` would read ~/.netrc too.
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


def _usable(app: ServiceApp) -> None:
    """Fail early, in our words, and without the cause: it quotes the key."""
    from okta.jwt import JWT  # noqa: PLC0415 - start-up time

    try:
        JWT.get_PEM_JWK(app.key)  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - whatever the libraries below raise
        raise RemoteError(
            f"the private key of the service app {app.client_id} cannot be read",
            hint="give it as PEM or JWK in connection: private_key:",
        ) from None


async def together(*work: Any) -> list[Any]:
    """Do several things at the same time; the first error is raised when all have ended."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return list(results)
