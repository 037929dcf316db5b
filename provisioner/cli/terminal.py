"""Output for terminals whose encoding lacks some characters: they become similar ASCII characters."""

from __future__ import annotations

import codecs
import sys
from typing import Final

_ASCII: Final = {
    "✓": "+",
    "✗": "x",
    "○": "o",
    "…": "...",
    "→": "->",
    "±": "+-",
}
_ERROR_HANDLER: Final = "provisioner.ascii"


def replace_unencodable() -> None:
    """Let standard output and standard error replace characters that their encoding lacks, instead of failing."""
    codecs.register_error(_ERROR_HANDLER, _to_ascii)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERROR_HANDLER)


def _to_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    ascii_text = (
        _ASCII.get(character) or character.encode("ascii", "backslashreplace").decode()
        for character in characters
    )
    return "".join(ascii_text), error.end
