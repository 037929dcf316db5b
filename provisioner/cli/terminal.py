"""Terminals that cannot show everything: signs become the nearest that they can."""

from __future__ import annotations

import codecs
import sys
from typing import Final

_NEAREST: Final = {
    "✓": "+",
    "✗": "x",
    "○": "o",
    "…": "...",
    "→": "->",
    "±": "+-",
}
_NAME: Final = "provisioner.nearest"


def make_legible() -> None:
    """Let standard output and standard error write what their encoding lacks as plain characters, instead of failing."""
    codecs.register_error(_NAME, _nearest)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_NAME)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    plain = (_NEAREST.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in missing)
    return "".join(plain), error.end
