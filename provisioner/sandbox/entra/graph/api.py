"""The emulated Microsoft Graph as a handler of HTTP requests, for ``/v1.0`` and ``/beta`` alike."""

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
from provisioner.sandbox.entra.graph import audit, batch, replication, routes
from provisioner.sandbox.entra.graph.call import Call, Caller, Reply, query_options
from provisioner.sandbox.entra.graph.cycles import Cycles
from provisioner.sandbox.entra.graph.documents import new_id
from provisioner.sandbox.entra.graph.entities import find
from provisioner.sandbox.entra.graph.errors import (
    GraphError,
    bad_request,
    denied,
    injected,
    method_not_allowed,
    throttled,
    unauthenticated,
)
from provisioner.sandbox.entra.graph.permissions import OWNED_BY
from provisioner.sandbox.entra.graph.throttle import Throttle, resource_units
from provisioner.sandbox.entra.login.tokens import Tokens
from provisioner.sandbox.exchange import Exchange, Recorder
from provisioner.sandbox.settings import LAG_SECONDS
from provisioner.sandbox.store import Store

_log = logging.getLogger(__name__)

_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
_KEYED = re.compile(r"^/(\w+)(\(\w+='(?:[^']|'')*'\))")
_QUOTED_ID = re.compile(r"^/(\w+)\('([^']*)'\)")
_UNREADABLE = object()
_BATCH = "/$batch"


@dataclass(frozen=True, slots=True)
class _Trace:
    """The ids by which Microsoft's support finds a request."""

    request_id: str
    client_request_id: str

    def headers(self) -> dict[str, str]:
        return {"request-id": self.request_id, "client-request-id": self.client_request_id}


class GraphApi:
    """Answers Graph requests from a tenant's documents."""

    def __init__(
        self, directory: Store, tokens: Tokens, cycles: Cycles, record: Recorder, *, sandbox: Store
    ) -> None:
        self._directory = directory
        self._sandbox = sandbox
        self._tokens = tokens
        self._cycles = cycles
        self._record = record
        self._replicas = replication.Replicas()
        self._throttle = Throttle()

    def handle(self, request: Request) -> Response:
        """Answer one HTTP request; errors come in Graph's shape."""
        trace = _trace(request)
        version = request.path.split("/")[1]
        self._directory.lag = LAG_SECONDS.read(self._sandbox)
        try:
            caller = self._caller(request)
            reply = self._dispatch(self._call(request, version, caller), trace)
        except GraphError as error:
            reply = _failed(error, trace)
        return _response(reply, trace)

    def refusal(self, status: int, retry_after: int | None) -> Response:
        """Graph's answer for an injected fault."""
        trace = _Trace(new_id(), new_id())
        return _response(_failed(injected(status, retry_after), trace), trace)

    def _caller(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthenticated("Access token is empty.")
        claims = self._tokens.claims(token.strip())
        if claims is None:
            raise unauthenticated("IDX14100: JWT is not well formed, or it was not issued by this tenant.")
        if claims.expired:
            raise unauthenticated("Lifetime validation failed, the token is expired.")
        return Caller(claims.app_id, claims.object_id, claims.permissions, claims.delegated)

    def _call(self, request: Request, version: str, caller: Caller) -> Call:
        return Call(
            method=request.method,
            path=_normal(request.path[len(version) + 1 :]),
            options=query_options(request.args),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=_json_body(request),
            root=f"{request.host_url}{version}",
            tenant_id=self._directory.setting("tenant_id", ""),
            caller=caller,
            directory=self._directory,
            cycles=self._cycles,
        )

    def _dispatch(self, call: Call, trace: _Trace, *, inner: bool = False) -> Reply:
        if call.path == _BATCH:
            if call.method != "POST" or inner:
                raise method_not_allowed()
            return batch.run(batch.parts(call.body), lambda part: self._part(call, part, trace))
        route, arguments = routes.match(call.method, call.path)
        self._authorize(call, route, arguments)
        self._limit(call, route)
        reply = self._run(call, route, arguments)
        units = {"x-ms-resource-unit": str(resource_units(call.method, call.path, call.options))}
        return replace(reply, headers={**units, **reply.headers})

    def _authorize(self, call: Call, route: routes.Route, arguments: Mapping[str, str]) -> None:
        """Any of the route's permissions; with nothing but OwnedBy, the object has to be the caller's."""
        held = call.caller.permissions.intersection(route.permissions)
        if route.permissions and not held:
            raise denied()
        if route.owned is None or held != {OWNED_BY}:
            return
        try:
            target = find(self._directory, route.owned, arguments["key"])
        except GraphError:
            return  # the handler says what is wrong, or creates it
        if call.caller.principal_id not in target["_owners"]:
            raise denied()

    def _limit(self, call: Call, route: routes.Route) -> None:
        if route.limit and self._directory.setting("throttling", True):
            delay = self._throttle.delay(route.limit, call.caller.app_id)
            if delay is not None:
                raise throttled(delay)

    def _run(self, call: Call, route: routes.Route, arguments: Mapping[str, str]) -> Reply:
        lagging = self._replicas.lagging(self._directory.lag)
        if call.method == "GET":
            with self._directory.lagging_replica() if lagging else nullcontext():
                return route.handler(call, **arguments)
        if call.body is _UNREADABLE:
            raise bad_request(
                "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid "
                "JSON format.",
                "BadRequest",
            )
        if lagging:
            replication.check_known(call, arguments)
        if route.outbound:
            return route.handler(call, **arguments)
        with self._directory.transaction():
            about = audit.target(call, arguments)
            reply = route.handler(call, **arguments)
            audit.note(call, f"{route.method} {route.path}", about, reply)
            return reply

    def _part(self, call: Call, part: batch.Part, trace: _Trace) -> Reply:
        """One part of a batch: same caller, its own route, faults and record."""
        inner = replace(
            call,
            method=part.method,
            path=_normal(part.path),
            options=query_options(part.arguments),
            headers=part.headers,
            body=part.body,
        )
        version = call.root.rpartition("/")[2]
        reply = self._answered(inner, f"/{version}{part.path}", trace)
        headers = {**reply.headers, "Content-Type": "application/json"}
        reply = replace(reply, headers=headers)
        self._record(
            Exchange(
                method=part.method,
                path=f"/{version}{part.target}",
                headers=part.headers,
                body=part.body,
                status=reply.status,
                answer=reply.body,
                inner=True,
            )
        )
        return reply

    def _answered(self, call: Call, path: str, trace: _Trace) -> Reply:
        """The answer to a part of a batch, errors included, bent by the fault rule that it triggers, if any."""
        rule = faults.trigger(self._sandbox, call.method, path, inner=True)
        if rule is not None and rule.effect == "status":
            return _failed(injected(rule.status, rule.retry_after), trace)
        try:
            reply = self._dispatch(call, trace, inner=True)
        except GraphError as error:
            reply = _failed(error, trace)
        except Exception:  # noqa: BLE001 (one part's defect must not take the others down)
            _log.exception("%s %s failed inside the sandbox", call.method, path)
            reply = _failed(injected(500, None), trace)
        return reply if rule is None else _failed(injected(404, None), trace)


def _trace(request: Request) -> _Trace:
    request_id = new_id()
    return _Trace(request_id, request.headers.get("client-request-id") or request_id)


def _normal(path: str) -> str:
    """One spelling of a path: ``/applications(appId='x')/owners/`` as ``/applications/(appId='x')/owners``."""
    plain = _QUOTED_ID.sub(r"/\1/\2", path)
    return _KEYED.sub(r"/\1/\2", plain).rstrip("/") or "/"


def _json_body(request: Request) -> Any:
    text = request.get_data()
    if not text:
        return None
    if request.mimetype != "application/json":
        return _UNREADABLE
    try:
        return json.loads(text)
    except ValueError:
        return _UNREADABLE


def _failed(error: GraphError, trace: _Trace) -> Reply:
    return Reply(error.status, error.body(trace.request_id, trace.client_request_id), error.headers)


def _response(reply: Reply, trace: _Trace) -> Response:
    headers = {**trace.headers(), "Cache-Control": "no-cache", **reply.headers}
    if reply.body is None:
        return Response(status=reply.status, headers=headers, content_type=None)
    if isinstance(reply.body, str):  # only /$count answers with bare text
        return Response(reply.body, reply.status, headers, content_type="text/plain")
    headers["OData-Version"] = "4.0"
    return Response(json.dumps(reply.body), reply.status, headers, content_type=_JSON)
