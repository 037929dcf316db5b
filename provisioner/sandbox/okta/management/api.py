"""The emulated Okta org as an HTTP server: ``/api/v1``, ``/oauth2`` and ``/.well-known``."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Request, Response

from provisioner.sandbox.okta.login import discovery, token_endpoint
from provisioner.sandbox.okta.management import errors, routes
from provisioner.sandbox.okta.management.authentication import authenticate, authorize
from provisioner.sandbox.okta.management.errors import OktaError
from provisioner.sandbox.okta.management.rate_limits import RateLimiter
from provisioner.sandbox.okta.management.request import ANONYMOUS, ApiRequest, ApiResponse, Route
from provisioner.sandbox.okta.pushes import Pushes
from provisioner.sandbox.store import Store

_MALFORMED, _NOT_JSON = object(), object()
_JSON = "application/json"
_LICENSED = "/api/v1/authorizationServers"
_PUBLIC: dict[str, Callable[[ApiRequest], ApiResponse]] = {
    "/.well-known/okta-organization": discovery.organization,
    "/.well-known/openid-configuration": discovery.org_metadata,
    "/.well-known/oauth-authorization-server": discovery.org_metadata,
    "/oauth2/v1/keys": discovery.org_keys,
}
_METADATA = re.compile(r"/oauth2/([^/]+)/\.well-known/(?:openid-configuration|oauth-authorization-server)")
_KEYS = re.compile(r"/oauth2/([^/]+)/v1/keys")
_TOKEN = "/oauth2/v1/token"  # noqa: S105 (a path)


class OktaApi:
    """Handles the HTTP requests to one org."""

    def __init__(self, okta: Store, pushes: Pushes, lag: Callable[[], float]) -> None:
        """Prepare.

        Args:
            okta: the org.
            pushes: provisions applications in the background.
            lag: returns the seconds by which searches lag behind.
        """
        self._okta = okta
        self._pushes = pushes
        self._lag = lag
        self._limiter = RateLimiter()
        self._deferred = _DeferredWork()

    def close(self) -> None:
        """Run deferred work now."""
        self._deferred.close()

    def handle(self, http_request: Request) -> Response:
        """Answer an HTTP request; errors have Okta's form."""
        request_id = _new_request_id()
        self._okta.lag = self._lag()
        headers: dict[str, str] = {}
        try:
            response = self._dispatch(self._parse(http_request, request_id), http_request, headers)
        except OktaError as error:
            response = ApiResponse(error.status, error.body(), error.headers)
        return _http_response(response, request_id, headers)

    def error_response(self, status: int, retry_after: int | None) -> Response:
        error = errors.injected_fault(status, retry_after)
        return _http_response(ApiResponse(status, error.body(), error.headers), _new_request_id(), {})

    def _parse(self, http_request: Request, request_id: str) -> ApiRequest:
        return ApiRequest(
            method=http_request.method,
            path=http_request.path.rstrip("/"),
            query=http_request.args.to_dict(),
            body=_json_body(http_request),
            base_url=http_request.host_url.rstrip("/"),
            caller=ANONYMOUS,
            store=self._okta,
            request_id=request_id,
            ip_address=http_request.remote_addr or "",
            user_agent=http_request.headers.get("User-Agent", ""),
        )

    def _dispatch(self, request: ApiRequest, http_request: Request, headers: dict[str, str]) -> ApiResponse:
        if not request.path.startswith("/api/"):
            self._count(request, "oauth", headers)
            return self._public(request, http_request)
        request = authenticate(request, http_request)
        route, arguments = routes.match(request.method, request.path)
        self._count(request, route.bucket, headers)
        authorize(request, route)
        licensed = self._okta.setting("api_access_management", default=True)
        if request.path.startswith(_LICENSED) and not licensed:
            raise errors.unlicensed()
        return self._run(request, route, arguments)

    def _public(self, request: ApiRequest, http_request: Request) -> ApiResponse:
        """The endpoints outside ``/api``, which need no token."""
        if request.path == _TOKEN:
            if request.method != "POST":
                raise errors.method_not_allowed()
            with self._okta.transaction():
                return token_endpoint.token(request, http_request.form, http_request.headers.get("DPoP"))
        if request.method not in ("GET", "HEAD"):
            raise errors.method_not_allowed()
        if handler := _PUBLIC.get(request.path):
            return handler(request)
        if match := _METADATA.fullmatch(request.path):
            return discovery.server_metadata(request, match.group(1))
        if match := _KEYS.fullmatch(request.path):
            return discovery.server_keys(request, match.group(1))
        raise errors.not_found(request.path, "Endpoint")

    def _count(self, request: ApiRequest, bucket: str, headers: dict[str, str]) -> None:
        limits = self._okta.setting("rate_limits", default={})
        status = self._limiter.count(bucket, request.caller.key, limits)
        headers.update(status.headers())
        if status.exceeded:
            raise errors.rate_limited(status.limit, status.reset)

    def _run(self, request: ApiRequest, route: Route, arguments: dict[str, str]) -> ApiResponse:
        if request.method == "GET":
            return route.handler(request, **arguments)
        if request.body is _MALFORMED:
            raise errors.malformed_body()
        if request.body is _NOT_JSON:
            raise errors.unsupported_media_type()
        with self._okta.transaction():
            response = route.handler(request, **arguments)
        delay = float(self._okta.setting("async_seconds", default=0)) if request.deferred else 0
        self._deferred.run_after(delay, lambda: self._follow_up(request))
        return response

    def _follow_up(self, request: ApiRequest) -> None:
        for work in request.deferred:
            work()
        for app_id in request.apps_to_push:
            self._pushes.touch(app_id)


class _DeferredWork:
    """Runs work after a delay; closing runs the remaining work at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[threading.Timer, Callable[[], None]] = {}

    def run_after(self, seconds: float, work: Callable[[], None]) -> None:
        if not seconds:
            work()
            return

        def run_pending() -> None:
            with self._lock:
                pending = self._pending.pop(timer, None)
            if pending is not None:
                pending()

        timer = threading.Timer(seconds, run_pending)
        timer.daemon = True
        with self._lock:
            self._pending[timer] = work
        timer.start()

    def close(self) -> None:
        with self._lock:
            remaining, self._pending = self._pending, {}
        for timer, work in remaining.items():
            timer.cancel()
            work()


def _new_request_id() -> str:
    return secrets.token_hex(16)


def _json_body(http_request: Request) -> Any:
    data = http_request.get_data()
    if not data or http_request.mimetype == "application/x-www-form-urlencoded":
        return None
    if http_request.mimetype not in ("", _JSON) and not http_request.mimetype.endswith("+json"):
        return _NOT_JSON
    try:
        return json.loads(data)
    except ValueError:
        return _MALFORMED


def _http_response(response: ApiResponse, request_id: str, headers: dict[str, str]) -> Response:
    body = b"" if response.body is None else json.dumps(response.body).encode()
    http_response = Response(body, response.status, content_type=_JSON if body else None)
    if not body:
        http_response.headers.pop("Content-Type", None)
    http_response.headers["x-okta-request-id"] = request_id
    for name, value in {**headers, **response.headers}.items():
        http_response.headers[name] = value
    for link in response.links:
        http_response.headers.add("Link", link)
    http_response.headers["Cache-Control"] = "no-cache, no-store"
    return http_response
