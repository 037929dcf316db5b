"""One HTTP exchange with an emulated API, for recorders and counters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its response.

    Attributes:
        method: HTTP method, upper case.
        path: path with the query string, as the client sent it.
        headers: the request's headers.
        body: the request's parsed JSON, or None without a body.
        status: HTTP status; 0 when the connection was closed without a response.
        response: the response's parsed JSON, or None without a body.
        inner: True for one part of a ``$batch``.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    status: int
    response: Any
    inner: bool = False


Recorder = Callable[[Exchange], None]


def serialized(recorder: Recorder) -> Recorder:
    """A recorder that the server's threads call one at a time."""
    lock = threading.Lock()

    def record(exchange: Exchange) -> None:
        with lock:
            recorder(exchange)

    return record


def discard(_exchange: Exchange) -> None:
    """Record nothing."""
