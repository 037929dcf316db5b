"""The streams of the program. All output passes here: that of commands, click, logs, warnings and tracebacks.

What leaves contains no secret, acts on no terminal, and has no command of a CI system in it, except what the program
prints on purpose.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TextIO, cast

from provisioner.core.redaction import redact

_ASCII: Final = {
    "✓": "+",
    "✗": "x",
    "○": "o",
    "…": "...",
    "→": "->",
    "±": "+-",
}
_ERROR_HANDLER: Final = "provisioner.ascii"

_CONTROL: Final = re.compile(
    "\r\n|\r\x1b\\[K|\x1b\\[[0-9;]{0,16}m"  # what the program prints itself: lines of CSV, progress, colours
    "|([\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069])"
)
"""Control characters, and characters that change the direction of text."""
_BRACKET_COMMAND: Final = re.compile(r"#(?=#\w{0,40}\[)")
"""``##vso[...]`` (Azure Pipelines) and ``##[...]`` (Azure Pipelines, GitHub Actions), which act anywhere in a line.

Sources: azure-pipelines-agent, ``Command.TryParse``; actions/runner, ``ActionCommand.TryParse``.
"""
_COLON_COMMAND: Final = re.compile(r"^([^\S\n]*+):(?=:)", re.MULTILINE)
"""``::command::`` (GitHub Actions), which acts after white space at the beginning of a line (``TryParseV2``)."""

_LINE_END: Final = 80
"""Characters of an unfinished line that are remembered; longer than any beginning of a command."""

_own_commands: ContextVar[bool] = ContextVar("_own_commands", default=False)


class GuardedStream:
    """A text stream in front of another one. It holds text back until the end of a line, or until it is flushed.

    A secret is found if it is in one text that is written, or in one line.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pending = ""
        self._line = ""

    def write(self, text: str) -> int:
        """Write a text."""
        self._pending += text  # raises a TypeError for bytes, by which click recognises a text stream
        if text.endswith("\n"):
            self.release()
        return len(text)

    def flush(self) -> None:
        """Write what was held back."""
        self.release()
        self._stream.flush()

    def release(self) -> None:
        """Hand on what was held back, without flushing the other stream."""
        text, self._pending = self._pending, ""
        if not text:
            return
        text = _harmless(text)
        if self._line and _harmless(self._line + text) != self._line + text:
            text = f" {text}"  # else both would be a command together
        self._stream.write(text)
        self._line = re.split("[\r\n]", self._line + text)[-1][-_LINE_END:]

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # would bypass this object
            raise AttributeError(name)
        return getattr(self._stream, name)


@contextmanager
def guarded_output() -> Iterator[None]:
    """Let standard output and standard error pass a :class:`GuardedStream`, and replace characters that they cannot encode."""
    before = sys.stdout, sys.stderr
    replace_unencodable()
    streams = [GuardedStream(stream) for stream in before]
    sys.stdout, sys.stderr = (cast("TextIO", stream) for stream in streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in streams:
            stream.release()


@contextmanager
def own_commands() -> Iterator[None]:
    """Print lines that are commands of a CI system. Their values must be escaped."""
    token = _own_commands.set(True)
    try:
        yield
    finally:
        _own_commands.reset(token)


def replace_unencodable() -> None:
    """Let standard output and standard error replace characters that their encoding lacks, instead of failing."""
    codecs.register_error(_ERROR_HANDLER, _to_ascii)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERROR_HANDLER)


def _harmless(text: str) -> str:
    text = _CONTROL.sub(_visible, redact(text))
    text = _BRACKET_COMMAND.sub("# ", text)
    return text if _own_commands.get() else _COLON_COMMAND.sub(r"\1: ", text)


def _visible(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode() if match[1] else match[0]


def _to_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    ascii_text = (
        _ASCII.get(character) or character.encode("ascii", "backslashreplace").decode()
        for character in characters
    )
    return "".join(ascii_text), error.end
