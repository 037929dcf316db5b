"""The sandbox's HTTP server: one loopback port, a table of mounted APIs, and what applies to all of them.

No vendor is named here. A mount has a path pattern and an API. The API also builds the error response for an injected fault,
so that it looks like the vendor's own. With a certificate, the same port accepts TLS too. The first byte of a connection
decides: a TLS record starts with 0x16, an HTTP request with a letter.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn, Protocol

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from provisioner.sandbox import faults
from provisioner.sandbox.exchange import Exchange, Recorder
from provisioner.sandbox.loopback import is_own_host_header
from provisioner.sandbox.settings import LATENCY_MS
from provisioner.sandbox.store import Store

_log = logging.getLogger(__name__)

_TLS_HANDSHAKE = b"\x16"
_STOP_SECONDS = 10.0  # for running requests when the server stops
_POLL_SECONDS = 0.02  # how soon the accepting thread notices that it has to stop

HEALTH_PATH = "/sandbox/health"


class Api(Protocol):
    """An API that can be mounted on the server."""

    def handle(self, request: Request) -> Response:
        """The response to a request."""

    def error_response(self, status: int, retry_after: int | None) -> Response:
        """An error response in the vendor's format, for an injected fault or a defect of the sandbox.

        Args:
            status: HTTP status.
            retry_after: seconds for a Retry-After header, or None for none.
        """


class Mount:
    """An API on the server, loaded at its first request.

    Attributes:
        pattern: regular expression that the start of a path must match.
        recorded: whether its exchanges go to the recorder.
    """

    def __init__(self, pattern: re.Pattern[str], load: Callable[[], Api], *, recorded: bool = False) -> None:
        """Mount an API; `load` is called once."""
        self.pattern = pattern
        self.recorded = recorded
        self._load = load
        self._api: Api | None = None
        self._lock = threading.Lock()

    @property
    def api(self) -> Api:
        """The loaded API."""
        with self._lock:
            if self._api is None:
                self._api = self._load()
            return self._api


class Front:
    """The WSGI application in front of the mounts: health, latency, faults, recording."""

    def __init__(
        self, mounts: Sequence[Mount], store: Store, health: dict[str, Any], record: Recorder, *, host: str
    ) -> None:
        """Serve.

        Args:
            mounts: the first whose pattern matches handles a request.
            store: the sandbox's settings and faults.
            health: the JSON response at `HEALTH_PATH`.
            record: receives the exchanges of recorded mounts.
            host: the host that the server listens on.
        """
        self._host = host
        self._mounts = mounts
        self._store = store
        self._health = health
        self._record = record

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if not is_own_host_header(request.headers.get("Host", ""), self._host):
            return Response("The Host header does not name this machine.", 421, mimetype="text/plain")
        if request.path == HEALTH_PATH:
            return Response(json.dumps(self._health), mimetype="application/json")
        time.sleep(LATENCY_MS.read(self._store) / 1000)
        mount = next((mount for mount in self._mounts if mount.pattern.match(request.path)), None)
        if mount is None:
            return NotFound().get_response()
        response = self._respond_with_faults(mount, request)
        self._record_exchange(mount, request, response)
        if response is None:
            _drop(request)
        return response

    def _respond_with_faults(self, mount: Mount, request: Request) -> Response | None:
        """The mount's response, changed by the fault rule that applies; None to drop the connection."""
        rule = faults.trigger(self._store, request.method, request.path)
        effect = rule.effect if rule else None
        if rule is not None and effect == "status":
            return mount.api.error_response(rule.status, rule.retry_after)
        if effect == "drop-before":
            return None
        if rule is not None and effect == "kill-before":
            faults.kill(rule)
        response = _handle(mount, request)
        if rule is not None and effect == "kill-after":
            faults.kill(rule)
        if effect == "404-after":
            return mount.api.error_response(404, None)
        return None if effect == "drop-after" else response

    def _record_exchange(self, mount: Mount, request: Request, response: Response | None) -> None:
        if mount.recorded:
            self._record(
                Exchange(
                    method=request.method,
                    path=_target(request),
                    headers=dict(request.headers),
                    body=_parse_body(request.get_data()),
                    status=0 if response is None else response.status_code,
                    response=None if response is None else _parse_body(response.get_data()),
                )
            )


def _handle(mount: Mount, request: Request) -> Response:
    try:
        return mount.api.handle(request)
    except HTTPException as error:
        return Response.from_app(error.get_response(), request.environ)
    except Exception:  # noqa: BLE001 (a defect of the sandbox: a 500 and a log entry)
        _log.exception("%s %s failed inside the sandbox", request.method, request.path)
        return mount.api.error_response(500, None)


def _drop(request: Request) -> NoReturn:
    """Close the connection without a response."""
    with contextlib.suppress(OSError):
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def _target(request: Request) -> str:
    """Path and query as sent."""
    return str(request.environ.get("REQUEST_URI") or request.full_path)


def _parse_body(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


class _Connection(WSGIRequestHandler):
    """One client connection, kept alive between requests (werkzeug's own handler closes it after each)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def setup(self) -> None:
        super().setup()
        self.server.add_connection(self.connection)

    def finish(self) -> None:
        self.server.remove_connection(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        if isinstance(self.connection, ssl.SSLSocket):
            environ["wsgi.url_scheme"] = "https"
        body = _read_body(environ)
        environ |= {
            "wsgi.input": BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input_terminated": True,
        }
        with self.server.counted_request():
            try:
                response = Response.from_app(self.server.app, environ, buffered=True)
                self._send(response, environ["REQUEST_METHOD"])
            except (ConnectionError, TimeoutError):
                self.close_connection = True

    def _send(self, response: Response, method: str) -> None:
        body = response.get_data()
        self.send_response(response.status_code)
        for name, value in response.headers:
            if name.lower() not in ("content-length", "connection"):
                self.send_header(name, value)
        if response.status_code not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if method != "HEAD" and response.status_code not in (204, 304):
            self.wfile.write(body)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 (werkzeug's name)
        """Write nothing to the console: recorder and emulated logs have it all."""


def _read_body(environ: dict[str, Any]) -> bytes:
    """The request's body, read to its end so that the connection can be reused."""
    if environ.get("wsgi.input_terminated"):
        return bytes(environ["wsgi.input"].read())
    return bytes(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))


class Listener(ThreadedWSGIServer):
    """Serves an application on a bound socket, in its own threads, until it is stopped."""

    request_queue_size = 128

    def __init__(self, bound: socket.socket, app: Front, certificate: tuple[Path, Path] | None) -> None:
        """Serve.

        Args:
            bound: a bound TCP socket; the listener takes it over.
            app: the application.
            certificate: certificate and key files (PEM) to accept TLS as well; None for plain HTTP only.
        """
        host, port = bound.getsockname()[:2]
        super().__init__(host, port, app, _Connection, fd=bound.fileno())
        bound.close()
        self._tls = _tls_context(certificate) if certificate else None
        self._guard = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._requests = 0
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), name="sandbox", daemon=True
        )
        self._thread.start()

    def add_connection(self, connection: socket.socket) -> None:
        """Remember a connection, to close it when the server stops."""
        with self._guard:
            self._connections.add(connection)

    def remove_connection(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._guard:
            self._connections.discard(connection)

    @contextlib.contextmanager
    def counted_request(self) -> Iterator[None]:
        """Count a request as running until its response is sent."""
        with self._guard:
            self._requests += 1
        try:
            yield
        finally:
            with self._guard:
                self._requests -= 1
                self._guard.notify_all()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, with TLS when its first byte is that of a handshake."""
        self.add_connection(request)
        try:
            if self._tls is None or request.recv(1, socket.MSG_PEEK)[:1] != _TLS_HANDSHAKE:
                super().finish_request(request, client_address)
                return
            with self._tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        finally:
            self.remove_connection(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (socketserver's signature)
        """Ignore clients that disconnect or do not trust the certificate."""
        _log.debug("connection ended", exc_info=True)

    def stop(self) -> None:
        """Let running requests finish, then close every connection and the port."""
        self.shutdown()
        with self._guard:
            self._guard.wait_for(lambda: self._requests == 0, timeout=_STOP_SECONDS)
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()


def _tls_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def bind(host: str, port: int) -> socket.socket:
    """A listening socket that accepts no connection yet.

    Args:
        host: an address of this machine.
        port: TCP port; 0 for any free one.

    Raises:
        OSError: the port is in use (errno EADDRINUSE), or the address is not one of this machine.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound
