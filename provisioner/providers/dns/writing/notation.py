"""The ways in which vendors write the data of TXT records. Pure."""

from __future__ import annotations

import re
from typing import Final

from provisioner.providers.dns.names import character_strings

_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["\\])')


def quoted(value: str) -> str:
    r"""A value as quoted character-strings: ``"a \"b\""``, ``"255 octets" "and the rest"``.

    Args:
        value: printable ASCII, as every verification value is; other characters stay as they are.
    """
    escaped = (re.sub(r'(["\\])', r"\\\1", string) for string in character_strings(value))
    return " ".join(f'"{string}"' for string in escaped)


def joined(content: str) -> str:
    """The value that a vendor's notation stands for.

    Args:
        content: as is, in quotation marks, or with several quoted strings; the outermost marks may be missing, since
            dns-lexicon takes them away for some vendors: ``a" "b``.
    """
    text = content.strip()
    if re.search(r'(?<!\\)" +"', text) and not text.startswith('"'):
        text = f'"{text}"'
    if not re.fullmatch(rf"(?:{_STRING.pattern}\s*)+", text, re.DOTALL):
        return content
    return "".join(_ESCAPED.sub(r"\1", string) for string in _STRING.findall(text))
