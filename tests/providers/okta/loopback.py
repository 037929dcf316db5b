"""An HTTP server on loopback that answers as it was told to, and remembers what it was asked."""

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
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What to answer.

    Attributes:
        body: text or bytes as they are; anything else becomes JSON; None is an empty body.
        drop: close the connection without a word.
        missing: so many bytes of the announced length never arrive.
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


Answering = Reply | Callable[[Asked], Reply]


@dataclass
class Loopback:
    """The server. Answers for one method and path are given in order, the last again and again."""

    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    _answers: defaultdict[tuple[str, str], deque[Answering]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answers(self, method: str, path: str, *replies: Answering) -> None:
        """What to answer to requests for a path; the query does not matter."""
        self._answers[method, path].extend(replies)

    def requests(self, method: str = "", path: str = "") -> list[Asked]:
        """What was asked, in order."""
        return [
            asked
            for asked in self.asked
            if method in ("", asked.method) and path in ("", asked.path.partition("?")[0])
        ]

    def reply(self, asked: Asked) -> Reply:
        """What to say to a request."""
        with self._lock:
            self.asked.append(asked)
            waiting = self._answers[asked.method, asked.path.partition("?")[0]]
            if not waiting:
                return error(404, "E0000007", f"nothing at {asked.method} {asked.path}")
            answer = waiting.popleft() if len(waiting) > 1 else waiting[0]
        return answer(asked) if callable(answer) else answer


def error(status: int, code: str, summary: str = "", *causes: str, **headers: str) -> Reply:
    """A failure in Okta's form."""
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
def serving() -> Iterator[Loopback]:
    """A server while one needs it."""
    loopback = Loopback()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: the other side does not wait for the rest

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            reply = loopback.reply(Asked(self.command, self.path, self.headers, body))
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
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    loopback.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
