"""An HTTP server on loopback that sends prepared replies and records the requests."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DATE = "Sat, 21 Nov 2026 08:00:00 GMT"
DATE_SECONDS = 1_795_248_000
"""The same moment, in seconds since 1970."""


@dataclass(frozen=True)
class ReceivedRequest:
    """A request that the server received."""

    method: str
    path: str
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """A reply to send.

    Attributes:
        body: text or bytes as they are; anything else becomes JSON; None is an empty body.
        drop: close the connection without a response.
        missing: the number of bytes of the announced length that are not sent.
    """

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    drop: bool = False
    missing: int = 0

    @property
    def content(self) -> bytes:
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Responder = Reply | Callable[[ReceivedRequest], Reply]


@dataclass
class StubServer:
    """The server. The replies for one method and path are sent in order; the last one is repeated."""

    received: list[ReceivedRequest] = field(default_factory=list)
    url: str = ""
    _replies: defaultdict[tuple[str, str], deque[Responder]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def respond(self, method: str, path: str, *replies: Responder) -> None:
        """Prepare replies to requests for a path, with any query."""
        self._replies[method, path].extend(replies)

    def requests(self, method: str = "", path: str = "") -> list[ReceivedRequest]:
        """The received requests, in order."""
        return [
            request
            for request in self.received
            if method in ("", request.method) and path in ("", request.path.partition("?")[0])
        ]

    def reply(self, request: ReceivedRequest) -> Reply:
        """The reply to a request."""
        with self._lock:
            self.received.append(request)
            waiting = self._replies[request.method, request.path.partition("?")[0]]
            if not waiting:
                return error(404, "E0000007", f"nothing at {request.method} {request.path}")
            answer = waiting.popleft() if len(waiting) > 1 else waiting[0]
        return answer(request) if callable(answer) else answer


def error(status: int, code: str, summary: str = "", *causes: str, **headers: str) -> Reply:
    """A failure in Okta's format."""
    body = {
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": "oae1",
        "errorCauses": [{"errorSummary": cause} for cause in causes],
    }
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, body, named)


@contextmanager
def running_stub_server() -> Iterator[StubServer]:
    """A running server."""
    stub = StubServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: the other side does not wait for the rest

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            reply = stub.reply(ReceivedRequest(self.command, self.path, self.headers, body))
            if reply.drop:
                self.close_connection = True
                return
            self.send_response_only(reply.status)
            names = {name.lower() for name, _ in reply.headers}
            content = reply.content
            for name, value in reply.headers:
                self.send_header(name, value)
            if "content-type" not in names:
                self.send_header("Content-Type", "application/json")
            if "date" not in names:
                self.send_header("Date", DATE)
            self.send_header("Content-Length", str(len(content) + reply.missing))
            self.end_headers()
            self.wfile.write(content)
            if reply.missing:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
