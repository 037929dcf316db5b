"""Ends a command that is terminated (SIGTERM, as CI systems and Kubernetes send it) as Ctrl-C ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM do in this block what SIGINT does. Without effect outside of the main thread, which gets no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _interrupt(_signal: int, frame: FrameType | None) -> None:
    """Call the handler of SIGINT: asyncio replaces it, so that the running task can end in order.

    A shell starts programs in the background with SIGINT ignored; SIGTERM still ends them.
    """
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:
        raise KeyboardInterrupt
