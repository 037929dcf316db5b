"""The emulated Microsoft Graph as a handler of HTTP requests, for both ``/v1.0`` and ``/beta``."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.wrappers import Request, Response

from provisioner.sandbox import faults
from provisioner.sandbox.entra.graph import audit_logs, routes
from provisioner.sandbox.entra.graph.batch import BatchPart, parse_batch, run_batch
from provisioner.sandbox.entra.graph.documents import new_id
from provisioner.sandbox.entra.graph.entity_sets import find
from provisioner.sandbox.entra.graph.errors import (
    GraphError,
    access_denied,
    bad_request,
    injected_error,
    method_not_allowed,
    throttled,
    unauthenticated,
)
from provisioner.sandbox.entra.graph.permissions import OWNED_BY
from provisioner.sandbox.entra.graph.replication import Replicas, check_replicated
from provisioner.sandbox.entra.graph.request import Caller, GraphRequest, GraphResponse, query_options
from provisioner.sandbox.entra.graph.scheduler import CycleScheduler
from provisioner.sandbox.entra.graph.throttling import Throttle, resource_units
from provisioner.sandbox.entra.login.tokens import Tokens
from provisioner.sandbox.exchange import Exchange, Recorder
from provisioner.sandbox.settings import LAG_SECONDS
from provisioner.sandbox.store import Store

_log = logging.getLogger(__name__)

_CONTENT_TYPE = (
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
)
_ALTERNATE_KEY = re.compile(r"^/(\w+)(\(\w+='(?:[^']|'')*'\))")
_QUOTED_ID = re.compile(r"^/(\w+)\('([^']*)'\)")
_MALFORMED = object()
"""The body of a request that is not JSON."""


@dataclass(frozen=True, slots=True)
class _RequestIds:
    """The ids by which Microsoft's support finds a request."""

    request_id: str
    client_request_id: str

    def headers(self) -> dict[str, str]:
        return {"request-id": self.request_id, "client-request-id": self.client_request_id}


class GraphApi:
    """Emulates Microsoft Graph on the documents of a tenant."""

    def __init__(
        self,
        directory: Store,
        tokens: Tokens,
        scheduler: CycleScheduler,
        recorder: Recorder,
        *,
        sandbox_store: Store,
    ) -> None:
        """Prepare.

        Args:
            directory: the tenant's documents.
            tokens: verifies the access tokens of requests.
            scheduler: runs the cycles of provisioning jobs.
            recorder: receives every part of a batch; the server records whole requests.
            sandbox_store: the settings and faults of the whole sandbox.
        """
        self._directory = directory
        self._sandbox_store = sandbox_store
        self._tokens = tokens
        self._scheduler = scheduler
        self._recorder = recorder
        self._replicas = Replicas()
        self._throttle = Throttle()

    def handle(self, http_request: Request) -> Response:
        """Respond to one HTTP request; an error has Graph's format."""
        request_id = new_id()
        ids = _RequestIds(request_id, http_request.headers.get("client-request-id") or request_id)
        self._directory.lag = LAG_SECONDS.read(self._sandbox_store)
        try:
            caller = self._authenticate(http_request)
            response = self._dispatch(self._parse(http_request, caller), ids)
        except GraphError as error:
            response = _render_error(error, ids)
        return _http_response(response, ids)

    def error_response(self, status: int, retry_after: int | None) -> Response:
        ids = _RequestIds(new_id(), new_id())
        return _http_response(_render_error(injected_error(status, retry_after), ids), ids)

    def _authenticate(self, http_request: Request) -> Caller:
        scheme, _, token = http_request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthenticated("Access token is empty.")
        claims = self._tokens.claims(token.strip())
        if claims is None:
            raise unauthenticated("IDX14100: JWT is not well formed, or it was not issued by this tenant.")
        if claims.expired:
            raise unauthenticated("Lifetime validation failed, the token is expired.")
        return Caller(claims.app_id, claims.object_id, claims.permissions, claims.delegated)

    def _parse(self, http_request: Request, caller: Caller) -> GraphRequest:
        version = http_request.path.split("/")[1]
        return GraphRequest(
            method=http_request.method,
            path=normalize_path(http_request.path[len(version) + 1 :]),
            options=query_options(http_request.args),
            headers={name.lower(): value for name, value in http_request.headers.items()},
            body=_json_body(http_request),
            root=f"{http_request.host_url}{version}",
            tenant_id=self._directory.setting("tenant_id", ""),
            caller=caller,
            directory=self._directory,
            scheduler=self._scheduler,
        )

    def _dispatch(self, request: GraphRequest, ids: _RequestIds, *, in_batch: bool = False) -> GraphResponse:
        if request.path == "/$batch":
            if request.method != "POST" or in_batch:
                raise method_not_allowed()
            return run_batch(
                parse_batch(request.body), lambda part: self._respond_in_batch(request, part, ids)
            )
        route, arguments = routes.match(request.method, request.path)
        self._authorize(request, route, arguments)
        self._check_limit(request, route)
        response = self._run(request, route, arguments)
        units = resource_units(request.method, request.path, request.options)
        return replace(response, headers={"x-ms-resource-unit": str(units), **response.headers})

    def _authorize(self, request: GraphRequest, route: routes.Route, arguments: Mapping[str, str]) -> None:
        """Require one of the route's permissions; with only OwnedBy, the caller must own the object."""
        granted = request.caller.permissions.intersection(route.permissions)
        if route.permissions and not granted:
            raise access_denied()
        if route.owned is None or granted != {OWNED_BY}:
            return
        try:
            document = find(self._directory, route.owned, arguments["key"])
        except GraphError:
            return  # the handler raises this error, or creates the object
        if request.caller.principal_id not in document["_owners"]:
            raise access_denied()

    def _check_limit(self, request: GraphRequest, route: routes.Route) -> None:
        if route.limit and self._directory.setting("throttling", True):
            retry_after = self._throttle.retry_after(route.limit, request.caller.app_id)
            if retry_after is not None:
                raise throttled(retry_after)

    def _run(self, request: GraphRequest, route: routes.Route, arguments: Mapping[str, str]) -> GraphResponse:
        lagging = self._replicas.is_lagging(self._directory.lag)
        if request.method == "GET":
            with self._directory.lagging_replica() if lagging else nullcontext():
                return route.handler(request, **arguments)
        if request.body is _MALFORMED:
            raise bad_request(
                "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid "
                "JSON format.",
                "BadRequest",
            )
        if lagging:
            check_replicated(request, arguments)
        if route.calls_scim:
            return route.handler(request, **arguments)
        with self._directory.transaction():
            audit_target = audit_logs.find_target(request, arguments)
            response = route.handler(request, **arguments)
            audit_logs.record_change(request, f"{route.method} {route.path}", audit_target, response)
            return response

    def _respond_in_batch(self, batch: GraphRequest, part: BatchPart, ids: _RequestIds) -> GraphResponse:
        """Respond to one part of a batch: the same caller, but its own route, faults and record."""
        request = replace(
            batch,
            method=part.method,
            path=normalize_path(part.path),
            options=query_options(part.arguments),
            headers=part.headers,
            body=part.body,
        )
        version = batch.root.rpartition("/")[2]
        response = self._respond_or_fail(request, f"/{version}{part.path}", ids)
        response = replace(response, headers={**response.headers, "Content-Type": "application/json"})
        self._recorder(
            Exchange(
                method=part.method,
                path=f"/{version}{part.url}",
                headers=part.headers,
                body=part.body,
                status=response.status,
                response=response.body,
                inner=True,
            )
        )
        return response

    def _respond_or_fail(self, request: GraphRequest, path: str, ids: _RequestIds) -> GraphResponse:
        """The response to one part of a batch, changed by the injected fault that matches it, if any."""
        rule = faults.trigger(self._sandbox_store, request.method, path, inner=True)
        if rule is not None and rule.effect == "status":
            return _render_error(injected_error(rule.status, rule.retry_after), ids)
        try:
            response = self._dispatch(request, ids, in_batch=True)
        except GraphError as error:
            response = _render_error(error, ids)
        except Exception:  # noqa: BLE001 (a defect fails this part, not the whole batch)
            _log.exception("%s %s failed inside the sandbox", request.method, path)
            response = _render_error(injected_error(500, None), ids)
        return response if rule is None else _render_error(injected_error(404, None), ids)


def normalize_path(path: str) -> str:
    """The form that routes match: ``/applications(appId='x')/owners/`` is ``/applications/(appId='x')/owners``."""
    unquoted = _QUOTED_ID.sub(r"/\1/\2", path)
    return _ALTERNATE_KEY.sub(r"/\1/\2", unquoted).rstrip("/") or "/"


def _json_body(http_request: Request) -> Any:
    text = http_request.get_data()
    if not text:
        return None
    if http_request.mimetype != "application/json":
        return _MALFORMED
    try:
        return json.loads(text)
    except ValueError:
        return _MALFORMED


def _render_error(error: GraphError, ids: _RequestIds) -> GraphResponse:
    return GraphResponse(error.status, error.body(ids.request_id, ids.client_request_id), error.headers)


def _http_response(response: GraphResponse, ids: _RequestIds) -> Response:
    headers = {**ids.headers(), "Cache-Control": "no-cache", **response.headers}
    if response.body is None:
        return Response(status=response.status, headers=headers, content_type=None)
    if isinstance(response.body, str):  # only /$count has a text body
        return Response(response.body, response.status, headers, content_type="text/plain")
    headers["OData-Version"] = "4.0"
    return Response(json.dumps(response.body), response.status, headers, content_type=_CONTENT_TYPE)
