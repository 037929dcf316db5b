"""Names and values from outside, such as the names of files and groups, as text for a screen or for a shell."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import PurePath
from typing import Any, Final

_ACTIVE_IN_QUOTES: Final = re.compile(r'["$`%!\u201c-\u201f]')
"""Characters that cmd or PowerShell interpret inside double quotes."""
_UNQUOTED_ON_WINDOWS: Final = re.compile(r"[\w.:\\/+=-]+")


def plain(value: Any) -> str:
    """Any value as one line of printable text; text from outside must pass here before a terminal shows it.

    Control characters become visible escapes such as ``\\x1b``. Values other than strings become JSON.
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shell_argument(value: str | PurePath, *, windows: bool = os.name == "nt") -> str:
    """A value as one argument of a suggested command: one line, which a shell takes as the value and does not run.

    Args:
        value: for example the name of a file. If it begins with a hyphen, ``./`` is put before it.
        windows: quote for cmd and PowerShell; otherwise for POSIX shells. What cannot be quoted for both becomes ``?``,
            which stands for one character in a file name.
    """
    text = f"./{value}" if str(value).startswith("-") else str(value)
    if windows:
        quoted = "".join(char if char.isprintable() else "?" for char in _ACTIVE_IN_QUOTES.sub("?", text))
        return quoted if _UNQUOTED_ON_WINDOWS.fullmatch(quoted) else f'"{quoted}"'
    if text.isprintable():
        return shlex.quote(text)
    return f"$'{''.join(map(_ansi_c, text))}'"


def _ansi_c(char: str) -> str:
    """A character inside ``$'...'`` (bash, zsh, ksh; POSIX.1-2024, section 2.2.4)."""
    if char in "'\\":
        return f"\\{char}"
    if char.isprintable():
        return char
    is_octet_of_a_file_name = "\udc80" <= char <= "\udcff"
    octets = char.encode(errors="surrogateescape" if is_octet_of_a_file_name else "surrogatepass")
    return "".join(f"\\{octet:03o}" for octet in octets)
