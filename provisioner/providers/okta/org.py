"""An Okta organization over the SDK's request executor, in raw JSON.

The SDK authenticates and transports. Its typed calls and models are not used: they strip nulls and empty lists, lose
members on the way back, take a failure with an empty body for a success, and fail a whole page for one unknown
enumeration value. ``okta.client`` is not imported: it costs seconds. Retries are ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit

from provisioner import __version__
from provisioner.core.errors import (
    NotFoundRemotelyError,
    PermissionDeniedError,
    RefusedError,
    RemoteError,
    UnreachableError,
)
from provisioner.core.patience import Call, Failure, Rules
from provisioner.providers.client import Client
from provisioner.providers.needs import needed_for

from .patience import OktaRules, until_reset
from .permissions import ADMIN_ROLE, NEEDS
from .resources import Json

if TYPE_CHECKING:
    import aiohttp
    from okta.request_executor import RequestExecutor

_TIMEOUT_SECONDS = 60
_CONNECTIONS = 8
"""At the same time: organizations on the smallest plan allow 35 (Okta developer documentation, Rate limits)."""
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="next"')
_NOT_LICENSED = "E0000015"
_NO_LICENCE = (
    "the credentials are fine, but the organization lacks API Access Management, which custom authorization servers "
    "need: ask Okta for it"
)
_READ_ONLY = ("id", "created", "lastUpdated", "status", "_links", "_embedded")
"""Ignored in the body of a PUT (Okta Management API); left out so that a body says only what is meant."""


@dataclass(frozen=True)
class ApiToken:
    """An API token, sent as ``SSWS``."""

    value: str


@dataclass(frozen=True)
class ServiceApp:
    """A service app that proves who it is with a private key.

    Attributes:
        scopes: to ask for; asking for one that was not granted fails the whole call.
    """

    client_id: str
    private_key: str
    scopes: tuple[str, ...]
    key_id: str | None = None
    dpop: bool = False


@dataclass(frozen=True)
class Answer:
    """A success.

    Attributes:
        body: JSON; None when there is none.
        next: path and query of the next page, if there is one.
    """

    body: Any
    next: str | None = None


@dataclass(kw_only=True)
class Org(Client[Answer]):
    """An organization.

    Attributes:
        root: ``https://acme.okta.com``.
        credentials: as whom.
        direct: go through no proxy; for the sandbox.
    """

    rules: ClassVar[Rules] = OktaRules()

    root: str
    credentials: ApiToken | ServiceApp
    direct: bool = False
    _executor: RequestExecutor | None = None
    _session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = self._executor = None

    async def get(self, path: str, *, expects: bool = False) -> Any:
        """Read one object or one page.

        Raises:
            RemoteError: or one of its kinds, with Okta's request id.
        """
        return (await self._repeat(Call("GET", path, expects=expects), None)).body

    async def find(self, path: str) -> Any:
        """Read one object, or None when there is none."""
        try:
            return await self.get(path)
        except NotFoundRemotelyError:
            return None

    async def each(self, path: str, *, expects: bool = False) -> AsyncIterator[Json]:
        """Every element of a collection, page by page, so that a large one need not fit in memory."""
        following: str | None = path
        while following:
            answer = await self._repeat(Call("GET", following, expects=expects), None)
            for element in answer.body or ():
                yield element
            following = answer.next

    async def all(self, path: str, *, expects: bool = False) -> list[Json]:
        """Every element of a collection."""
        return [element async for element in self.each(path, expects=expects)]

    async def write(self, method: str, path: str, body: Any = None) -> Any:
        """A write that may be repeated: PUT, PATCH, DELETE, and POSTs that set a state.

        Deleting what is gone already is a success.
        """
        try:
            return (await self._repeat(Call(method, path, settling=self.settling), body)).body
        except NotFoundRemotelyError:
            if method == "DELETE":
                return None
            raise

    async def replace(
        self, path: str, seen: str | None, edit: Callable[[Json], Json], *, drop: tuple[str, ...] = _READ_ONLY
    ) -> Json:
        """Read an object, change it, and PUT it back whole: what it has besides stays.

        Args:
            path: of the object.
            seen: its ``lastUpdated`` when the plan was made, or None where that does not matter.
            edit: makes the new object.
            drop: members that do not belong in the body.

        Raises:
            RefusedError: somebody changed it after the plan was made.
        """
        found = await self.get(path, expects=True)
        if seen is not None and found.get("lastUpdated") != seen:
            raise RefusedError(
                f"{path} was changed by somebody else after the plan was made; it was not written",
                hint="run the same command again",
            )
        body = edit({name: value for name, value in found.items() if name not in drop})
        return (await self._repeat(Call("PUT", path), body)).body or {}

    async def home(self) -> str | None:
        """The organization's own URL, as it tells anybody at ``/.well-known/okta-organization``; no token is sent.

        None when whoever answers is no Okta organization.
        """
        await self._connected()
        assert self._session is not None
        import aiohttp  # noqa: PLC0415 - start-up time

        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
            url = f"{self.root}/.well-known/okta-organization"
            timeout = aiohttp.ClientTimeout(_TIMEOUT_SECONDS)
            async with self._session.get(url, allow_redirects=False, timeout=timeout) as response:
                body = json.loads(await response.text())
                href = ((body.get("_links") or {}).get("organization") or {}).get("href")
                return str(href).rstrip("/") if href else None
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
        answer = await self._prepared(Call("GET", "/"), None)
        if not isinstance(answer, Failure):
            return True
        self.credentials, self._executor = before, None
        if answer.code == "invalid_scope":
            return False
        raise self._error(answer, Call("POST", "/oauth2/v1/token"), "")

    async def _prepared(self, call: Call, body: Any) -> Json | Failure:
        """The SDK's request, with an access token in it."""
        executor = await self._connected()
        try:
            request, error = await executor.create_request(
                call.method, self.root + call.path, body, keep_empty_params=True
            )
        except Exception as problem:
            raise RemoteError(
                f"no access token for {self.root}: the private key cannot be used ({type(problem).__name__})",
                hint="give the service app's private key as PEM or JWK in connection: private_key:",
            ) from problem
        return _refused(error) if error else request

    async def _send(self, call: Call, body: Any) -> Answer | Failure:
        request = await self._prepared(call, body)
        if isinstance(request, Failure):
            return request
        is_read = call.method == "GET"
        self.count.read += is_read
        self.count.write += not is_read
        executor = await self._connected()
        _, response, text, error = await executor.fire_request(request)
        if response is None:
            return Failure(0, message=type(error).__name__)
        return _read(call, response.status, response.headers, text or "", self._path_of)

    async def _connected(self) -> RequestExecutor:
        if self._executor is None:
            import aiohttp  # noqa: PLC0415 - start-up time
            from okta.cache.no_op_cache import NoOpCache  # noqa: PLC0415
            from okta.constants import LOGGER_NAME  # noqa: PLC0415
            from okta.request_executor import RequestExecutor  # noqa: PLC0415

            logging.getLogger(LOGGER_NAME).disabled = True  # it writes tokens and bodies
            self._session = self._session or aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS), trust_env=not self.direct
            )
            configuration = {"client": self._configuration()}
            executor = RequestExecutor(configuration, NoOpCache())  # type: ignore[no-untyped-call]
            executor.set_session(_Guarded(self._session))  # type: ignore[no-untyped-call]
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
            "privateKey": self.credentials.private_key,
            "kid": self.credentials.key_id,
            "scopes": list(self.credentials.scopes),
            "dpopEnabled": self.credentials.dpop,
        }

    def _path_of(self, link: str) -> str:
        """Path and query of a link that stays in this organization."""
        if not link.startswith(f"{self.root}/"):
            raise RemoteError(
                f"Okta's next page is at another address than {self.root}: not followed, so that the token stays here",
                hint=f"if {urlsplit(link).hostname} is your organization's own address, use it in connection: org_url:",
            )
        return link.removeprefix(self.root)

    def _error(self, failure: Failure, call: Call, gave_up: str) -> RemoteError:
        where = f"{call.method} {call.path.partition('?')[0]}"
        what = failure.message or failure.summary
        message = f"{where}: {what}" if failure.status else f"{where}: no answer ({failure.summary})"
        if gave_up:
            message = f"{message}; {gave_up}"
        facts: dict[str, Any] = {
            "status": failure.status,
            "code": failure.code,
            "request_id": failure.request_id,
        }
        if failure.status == 401 and failure.code == _NOT_LICENSED:
            return NotLicensedError(message, hint=_NO_LICENCE, **facts)
        if failure.status == 401 or failure.code in ("invalid_client", "invalid_dpop_proof", "invalid_scope"):
            return RemoteError(message, hint=_hint(failure), **facts)
        if failure.status == 403:
            needs = needed_for(NEEDS, call.method, call.path)
            return PermissionDeniedError(message, needs=needs, role=ADMIN_ROLE, **facts)
        if failure.status == 404:
            return NotFoundRemotelyError(message, **facts)
        if failure.status in (0, 423, 429) or failure.status >= 500:
            return UnreachableError(message, hint="run the same command again", **facts)
        return RemoteError(message, **facts)


class NotLicensedError(RemoteError):
    """The organization lacks the licence for a feature; the credentials are fine (401 E0000015)."""


class _Guarded:
    """A session that follows no redirect, so that a token goes nowhere else, and takes proxies from the platform.

    The SDK would read HTTP(S)_PROXY itself and ignore NO_PROXY.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def request(self, **options: Any) -> Any:
        options.pop("proxy", None)
        return self._session.request(**options, allow_redirects=False)


def path(template: str, *keys: str) -> str:
    """A path with its keys quoted: ``path("/api/v1/apps/{}", app_id)``."""
    return template.format(*(quote(key, safe="") for key in keys))


def _read(
    call: Call, status: int, headers: Any, text: str, path_of: Callable[[str], str]
) -> Answer | Failure:
    try:
        body = json.loads(text) if text.strip() else None
    except ValueError:
        return _failure(status if status >= 400 else 502, {}, headers, _not_json(text))
    if 200 <= status < 300:
        if body is None and call.method == "GET":
            return _failure(502, {}, headers, "the answer is empty")
        links = ",".join(headers.getall("Link", ()))
        found = _NEXT.search(links)
        return Answer(body, path_of(found[1]) if found else None)
    if 300 <= status < 400:
        return _failure(400, {}, headers, f"redirected to {urlsplit(headers.get('Location', '')).netloc}")
    return _failure(status, body if isinstance(body, dict) else {}, headers, "")


def _not_json(text: str) -> str:
    is_page = text.lstrip()[:1] == "<"
    return "the answer is a web page, not JSON" if is_page else "the answer is not JSON, or cut short"


def _failure(status: int, body: Json, headers: Any, message: str) -> Failure:
    causes = [str(cause.get("errorSummary")) for cause in body.get("errorCauses") or ()]
    summary = str(body.get("errorSummary") or body.get("error_description") or body.get("error") or "")
    told = message or ": ".join(filter(None, [summary, "; ".join(causes)]))
    reset = headers.get("X-Rate-Limit-Reset")
    return Failure(
        status=status,
        code=str(body.get("errorCode") or body.get("error") or ""),
        message=told,
        request_id=str(headers.get("X-Okta-Request-Id") or body.get("errorId") or ""),
        retry_after=until_reset(str(reset), str(headers.get("Date"))) if status == 429 and reset else None,
    )


def _refused(error: Any) -> Failure:
    """The SDK's error for a token request, as a failure."""
    status = getattr(error, "status", 0)
    if not status:
        return Failure(0, message=type(error).__name__)
    code = str(getattr(error, "error_code", "") or "")
    text = str(getattr(error, "error_summary", "") or error)
    return Failure(int(status), code, f"no access token: {text}")


def _hint(failure: Failure) -> str:
    if failure.code == "invalid_scope":
        return "grant the service app the scopes that 'provisioner permissions' lists"
    if failure.code == "invalid_dpop_proof":
        return "the service app demands proof of possession: say connection: dpop: true"
    return "check the credentials in connection:, and that they are for this organization"


async def together(*work: Any) -> list[Any]:
    """Do several things at the same time; the first error is raised when all have ended."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return list(results)
