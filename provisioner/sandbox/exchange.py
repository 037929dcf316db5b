"""What one HTTP exchange with an emulated API looked like, for recorders and counters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what was answered.

    Attributes:
        method: HTTP method, upper case.
        path: path with the query string, as the client sent it.
        headers: the request's headers.
        body: the request's parsed JSON, or None when there was none.
        status: HTTP status; 0 when the connection was closed without an answer.
        answer: the answer's parsed JSON, or None when it had no body.
        inner: True for one part of a ``$batch``.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    status: int
    answer: Any
    inner: bool = False


Recorder = Callable[[Exchange], None]
