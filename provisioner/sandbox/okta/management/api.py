"""The emulated Okta org as a handler of HTTP requests: ``/api/v1``, ``/oauth2`` and ``/.well-known``."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

from provisioner.sandbox.okta.login import discovery, dpop, token_endpoint
from provisioner.sandbox.okta.management import errors, routes
from provisioner.sandbox.okta.management.call import Call, Caller, Reply, Route
from provisioner.sandbox.okta.management.errors import OktaError
from provisioner.sandbox.okta.management.identity import new_request_id
from provisioner.sandbox.okta.management.limits import RateLimits
from provisioner.sandbox.okta.management.log_events import full_name
from provisioner.sandbox.okta.management.service_app import digest
from provisioner.sandbox.okta.pushes import Pushes
from provisioner.sandbox.store import Document, Store

_log = logging.getLogger(__name__)

_UNREADABLE, _FOREIGN = object(), object()
_JSON = "application/json"
_LICENSED = "/api/v1/authorizationServers"
_NOBODY = Caller("nobody", "User", "unknown", "unknown", "unknown")
_PUBLIC: dict[str, Callable[[Call], Reply]] = {
    "/.well-known/okta-organization": discovery.organization,
    "/.well-known/openid-configuration": discovery.org_metadata,
    "/.well-known/oauth-authorization-server": discovery.org_metadata,
    "/oauth2/v1/keys": discovery.org_keys,
}
_METADATA = re.compile(r"/oauth2/([^/]+)/\.well-known/(?:openid-configuration|oauth-authorization-server)")
_KEYS = re.compile(r"/oauth2/([^/]+)/v1/keys")
_TOKEN = "/oauth2/v1/token"  # noqa: S105 (an address)


class OktaApi:
    """Answers an org's requests from its documents."""

    def __init__(self, okta: Store, pushes: Pushes, lag: Callable[[], float]) -> None:
        """Prepare.

        Args:
            okta: the org.
            pushes: told which applications' provisioning may have work to do.
            lag: for how many seconds searches lag behind.
        """
        self._okta = okta
        self._pushes = pushes
        self._lag = lag
        self._limits = RateLimits()
        self._later = _Later()

    def close(self) -> None:
        """Finish what was put off."""
        self._later.close()

    def handle(self, request: Request) -> Response:
        """Answer one HTTP request; errors come in Okta's form."""
        request_id = new_request_id()
        self._okta.lag = self._lag()
        headers: dict[str, str] = {}
        try:
            reply = self._dispatch(self._call(request, request_id), request, headers)
        except OktaError as error:
            reply = Reply(error.status, error.body(), error.headers)
        return _response(reply, request_id, headers)

    def refusal(self, status: int, retry_after: int | None) -> Response:
        """Okta's answer for an injected fault."""
        error = errors.injected(status, retry_after)
        return _response(Reply(status, error.body(), error.headers), new_request_id(), {})

    def _call(self, request: Request, request_id: str) -> Call:
        return Call(
            method=request.method,
            path=request.path.rstrip("/"),
            query=request.args.to_dict(),
            body=_json_body(request),
            root=request.host_url.rstrip("/"),
            caller=_NOBODY,
            store=self._okta,
            request_id=request_id,
            address=request.remote_addr or "",
            agent=request.headers.get("User-Agent", ""),
        )

    def _dispatch(self, call: Call, request: Request, headers: dict[str, str]) -> Reply:
        if not call.path.startswith("/api/"):
            self._count(call, "oauth", headers)
            return self._public(call, request)
        caller = self._caller(request, call)
        call = Call(**{name: getattr(call, name) for name in Call.__slots__} | {"caller": caller})
        route, arguments = routes.match(call.method, call.path)
        self._count(call, route.bucket, headers)
        self._authorize(call, route)
        if call.path.startswith(_LICENSED) and not self._okta.setting("api_access_management", default=True):
            raise errors.unlicensed()
        return self._run(call, route, arguments)

    def _public(self, call: Call, request: Request) -> Reply:
        if call.path == _TOKEN:
            if call.method != "POST":
                raise errors.method_not_allowed()
            with self._okta.transaction():
                return token_endpoint.token(call, request.form, request.headers.get("DPoP"))
        if call.method not in ("GET", "HEAD"):
            raise errors.method_not_allowed()
        if handler := _PUBLIC.get(call.path):
            return handler(call)
        if found := _METADATA.fullmatch(call.path):
            return discovery.server_metadata(call, found.group(1))
        if found := _KEYS.fullmatch(call.path):
            return discovery.server_keys(call, found.group(1))
        raise OktaError(404, "E0000007", f"Not found: Resource not found: {call.path} (Endpoint)")

    def _caller(self, request: Request, call: Call) -> Caller:
        """``SSWS`` needs no space after it; that Okta sees it so is inferred from clients that leave it out."""
        header = request.headers.get("Authorization", "").strip()
        if header[:4].upper() == "SSWS":
            return self._token_owner(header[4:].strip())
        scheme, _, value = header.partition(" ")
        if scheme.lower() in ("bearer", "dpop"):
            return self._service_app(request, call, scheme.lower(), value.strip())
        raise errors.invalid_token()

    def _token_owner(self, value: str) -> Caller:
        hashed = digest(value)
        token = next((each for each in self._okta.all("apiToken") if each["_hash"] == hashed), None)
        owner = self._okta.get("user", token["userId"]) if token else None
        if token is None or owner is None or owner["status"] in ("DEPROVISIONED", "SUSPENDED"):
            raise errors.invalid_token()
        return Caller(token["id"], "User", owner["id"], owner["profile"]["login"], full_name(owner))

    def _service_app(self, request: Request, call: Call, scheme: str, value: str) -> Caller:
        claims = token_endpoint.claims_of(self._okta, call.root, value)
        if claims is None:
            raise errors.invalid_token()
        bound = (claims.get("cnf") or {}).get("jkt")
        address = f"{call.root}{request.path}"
        if bool(bound) != (scheme == "dpop") or (
            bound and not dpop.fits(request.headers.get("DPoP"), call.method, address, value, bound)
        ):
            raise errors.invalid_token()
        app = self._app_of(claims["cid"])
        if app is None or app["status"] != "ACTIVE":
            raise errors.invalid_token()
        return Caller(
            claims["cid"], "PublicClientApp", app["id"], claims["cid"], app["label"], frozenset(claims["scp"])
        )

    def _app_of(self, client_id: str) -> Document | None:
        app = self._okta.get("app", client_id)  # the client id, unless it was chosen, is the app's id
        candidates: Iterable[Document] = [app] if app else self._okta.all("app")
        return next(
            (
                each
                for each in candidates
                if each["credentials"].get("oauthClient", {}).get("client_id") == client_id
            ),
            None,
        )

    def _count(self, call: Call, bucket: str, headers: dict[str, str]) -> None:
        limits = self._okta.setting("rate_limits", default={})
        standing = self._limits.count(bucket, call.caller.key, limits)
        headers.update(standing.headers())
        if standing.exceeded:
            raise errors.rate_limited(standing.limit, standing.reset)

    def _authorize(self, call: Call, route: Route) -> None:
        """Every scope that the API description asks for (``security``); ``manage`` does not stand for ``read``."""
        denied = set(self._okta.setting("denied", default=[]))
        held = call.caller.scopes
        missing = {each for each in route.scopes if each in denied or (held is not None and each not in held)}
        if not missing:
            return
        if held is None:
            raise errors.denied()
        scope = " ".join(route.scopes)
        raise errors.denied(
            {
                "WWW-Authenticate": f'Bearer authorization_uri="{call.root}/oauth2/v1/authorize", realm="{call.root}", '
                f'scope="{scope}", error="insufficient_scope", '
                'error_description="The access token provided does not contain the required scopes.", '
                f'resource="{call.path}"'
            }
        )

    def _run(self, call: Call, route: Route, arguments: dict[str, str]) -> Reply:
        if call.method == "GET":
            return route.handler(call, **arguments)
        if call.body is _UNREADABLE:
            raise errors.malformed()
        if call.body is _FOREIGN:
            raise errors.wrong_media_type()
        with self._okta.transaction():
            reply = route.handler(call, **arguments)
        self._follow_up(call)
        return reply

    def _follow_up(self, call: Call) -> None:
        """What is done after the change: at once, or late when the org is told to be."""
        wait = float(self._okta.setting("async_seconds", default=0))
        self._later.after(wait if call.later else 0, lambda: self._finish(call))

    def _finish(self, call: Call) -> None:
        for work in call.later.values():
            work()
        for app_id in call.touched:
            self._pushes.touch(app_id)


class _Later:
    """Work put off for some seconds; closing does what is left at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[threading.Timer, Callable[[], None]] = {}

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        if not seconds:
            work()
            return

        def due() -> None:
            with self._lock:
                mine = self._waiting.pop(timer, None)
            if mine is not None:
                mine()

        timer = threading.Timer(seconds, due)
        timer.daemon = True
        with self._lock:
            self._waiting[timer] = work
        timer.start()

    def close(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for timer, work in waiting.items():
            timer.cancel()
            work()


def _json_body(request: Request) -> Any:
    data = request.get_data()
    if not data or request.mimetype == "application/x-www-form-urlencoded":
        return None
    if request.mimetype not in ("", _JSON) and not request.mimetype.endswith("+json"):
        return _FOREIGN
    try:
        return json.loads(data)
    except ValueError:
        return _UNREADABLE


def _response(reply: Reply, request_id: str, headers: dict[str, str]) -> Response:
    body = b"" if reply.body is None else json.dumps(reply.body).encode()
    response = Response(body, reply.status, content_type=_JSON if body else None)
    if not body:
        response.headers.pop("Content-Type", None)
    response.headers["x-okta-request-id"] = request_id
    for name, value in {**headers, **reply.headers}.items():
        response.headers[name] = value
    for link in reply.links:
        response.headers.add("Link", link)
    response.headers["Cache-Control"] = "no-cache, no-store"
    return response
