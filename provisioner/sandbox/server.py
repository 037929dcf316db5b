"""The sandbox's HTTP server: one loopback port, a table of mounted APIs, and what acts on all of them.

Nothing here knows a vendor. A mount names the paths it owns, a handler, and how it words a refusal, so that an
injected fault looks like the vendor's own. When a certificate is given the same port speaks TLS too: the first
byte of a connection tells which (a TLS record starts with 0x16, an HTTP request with a letter).
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
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from provisioner.sandbox import faults
from provisioner.sandbox.exchange import Exchange, Recorder
from provisioner.sandbox.store import Store

_log = logging.getLogger(__name__)

_TLS_HANDSHAKE = b"\x16"
_HEALTH = "/sandbox/health"
_PATIENCE_SECONDS = 10.0  # for running requests when the server stops
_POLL_SECONDS = 0.02  # how soon the accepting thread notices that it shall stop

Handler = Callable[[Request], Response]
Refusal = Callable[[int, int | None], Response]


@dataclass(frozen=True, slots=True)
class Mount:
    """An API on the server.

    Attributes:
        pattern: regular expression that the start of a path must match.
        handle: answers a request.
        refusal: builds the vendor's answer for an injected status (and Retry-After seconds, or None).
        recorded: whether its exchanges go to the recorder.
    """

    pattern: re.Pattern[str]
    handle: Handler
    refusal: Refusal
    recorded: bool = False


class Front:
    """The WSGI application in front of the mounts: health, latency, faults, recording."""

    def __init__(
        self, mounts: Sequence[Mount], directory: Store, health: dict[str, Any], record: Recorder
    ) -> None:
        self._mounts = mounts
        self._directory = directory
        self._health = health
        self._record = record

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path == _HEALTH:
            return Response(json.dumps(self._health), mimetype="application/json")
        time.sleep(self._directory.setting("latency_ms", 0) / 1000)
        mount = next((mount for mount in self._mounts if mount.pattern.match(request.path)), None)
        if mount is None:
            return NotFound().get_response()
        response = self._faulty(mount, request)
        self._note(mount, request, response)
        if response is None:
            _drop(request)
        return response

    def _faulty(self, mount: Mount, request: Request) -> Response | None:
        """The mount's answer, bent by the fault rule that this request triggers; None when it is to be dropped."""
        rule = faults.due(self._directory, request.method, request.path)
        effect = rule.effect if rule else None
        if rule is not None and effect == "status":
            return mount.refusal(rule.status, rule.retry_after)
        if effect == "drop-before":
            return None
        if rule is not None and effect == "kill-before":
            faults.kill(rule)
        response = _answer(mount, request)
        if rule is not None and effect == "kill-after":
            faults.kill(rule)
        if effect == "404-after":
            return mount.refusal(404, None)
        return None if effect == "drop-after" else response

    def _note(self, mount: Mount, request: Request, response: Response | None) -> None:
        if mount.recorded:
            self._record(
                Exchange(
                    method=request.method,
                    path=_target(request),
                    headers=dict(request.headers),
                    body=_parsed(request.get_data()),
                    status=0 if response is None else response.status_code,
                    answer=None if response is None else _parsed(response.get_data()),
                )
            )


def _answer(mount: Mount, request: Request) -> Response:
    try:
        return mount.handle(request)
    except HTTPException as problem:
        return Response.from_app(problem.get_response(), request.environ)
    except Exception:  # noqa: BLE001 (a defect of the sandbox is answered as a 500 and logged)
        _log.exception("%s %s failed inside the sandbox", request.method, request.path)
        return mount.refusal(500, None)


def _drop(request: Request) -> NoReturn:
    """Close the connection without an answer."""
    with contextlib.suppress(OSError):
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


def _target(request: Request) -> str:
    """Path and query as sent."""
    return str(request.environ.get("REQUEST_URI") or request.full_path)


def _parsed(body: bytes) -> Any:
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
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        if isinstance(self.connection, ssl.SSLSocket):
            environ["wsgi.url_scheme"] = "https"
        body = _whole_body(environ)
        environ |= {
            "wsgi.input": BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input_terminated": True,
        }
        with self.server.busy():
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
        """Keep the console quiet: the recorder and the emulated logs tell what happened."""


def _whole_body(environ: dict[str, Any]) -> bytes:
    """The request's body, read to its end so that the connection can be used again."""
    if environ.get("wsgi.input_terminated"):
        return bytes(environ["wsgi.input"].read())
    return bytes(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))


class Listener(ThreadedWSGIServer):
    """Serves an application on a bound socket, in threads of its own, until closed."""

    request_queue_size = 128

    def __init__(self, bound: socket.socket, app: Front, certificate: tuple[Path, Path] | None) -> None:
        """Serve.

        Args:
            bound: a bound TCP socket; the listener takes it over.
            app: what answers.
            certificate: certificate and key files (PEM) when TLS is wanted beside plain HTTP.
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

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection, to close it when the server stops."""
        with self._guard:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._guard:
            self._connections.discard(connection)

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Count a request as running until its answer is sent."""
        with self._guard:
            self._requests += 1
        try:
            yield
        finally:
            with self._guard:
                self._requests -= 1
                self._guard.notify_all()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection; wrap it in TLS when its first byte asks for that."""
        self.opened(request)
        try:
            if self._tls is None or request.recv(1, socket.MSG_PEEK)[:1] != _TLS_HANDSHAKE:
                super().finish_request(request, client_address)
                return
            with self._tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        finally:
            self.closed(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (socketserver's signature)
        """A client that goes away, or does not trust the certificate, is none of our business."""
        _log.debug("connection ended", exc_info=True)

    def stop(self) -> None:
        """Let running requests finish, then close every connection and the port."""
        self.shutdown()
        with self._guard:
            self._guard.wait_for(lambda: self._requests == 0, timeout=_PATIENCE_SECONDS)
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
    """A socket bound to the address, not yet listening.

    Args:
        host: an address of this machine.
        port: TCP port; 0 for any free one.

    Raises:
        OSError: when the port is in use (errno EADDRINUSE) or the address is not ours.
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
