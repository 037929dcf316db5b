"""Notations of TXT data: zone files, Route 53, Terraform, and the APIs of DNS vendors. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

MAX_STRING: Final = 255
"""Octets of one character-string of a TXT record (RFC 1035, section 3.3)."""

_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"\s*+', re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["\\])')


def character_strings(value: str) -> tuple[str, ...]:
    """A TXT value as character-strings of at most 255 octets, split between characters."""
    strings: list[str] = []
    current = b""
    for character in value:
        octets = character.encode()
        if len(current) + len(octets) > MAX_STRING:
            strings.append(current.decode())
            current = b""
        current += octets
    return (*strings, current.decode())


def zone_file_strings(value: str) -> str:
    r"""A value as in zone files, ``"a \"b\"" "..."`` (RFC 1035, section 5.1)."""
    return _quote(value, lambda octet: f"\\{octet:03d}")


def route53_strings(value: str) -> str:
    """A value as in Route 53 (Amazon Route 53 Developer Guide, TXT record type)."""
    return _quote(value, _octal)


def terraform_string(value: str) -> str:
    """A value inside the quotation marks of Terraform, for ``aws_route53_record``."""
    text = _quote(value, _octal, '""')[1:-1].replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("${", "$${").replace("%{", "%%{")


def unquote(content: str) -> str:
    """The value in a vendor's notation.

    Args:
        content: the plain value, or one or several quoted strings; the outermost quotation marks may be missing, since
            dns-lexicon removes them for some vendors: ``a" "b``.
    """
    text = content.strip()
    if re.search(r'(?<!\\)" +"', text) and not text.startswith('"'):
        text = f'"{text}"'
    strings, end = [], 0
    while string := _STRING.match(text, end):
        strings.append(_ESCAPED.sub(r"\1", string[1]))
        end = string.end()
    return "".join(strings) if strings and end == len(text) else content


def _quote(value: str, escape: Callable[[int], str], separator: str = '" "') -> str:
    strings = (
        "".join(_plain(octet) or escape(octet) for octet in text.encode())
        for text in character_strings(value)
    )
    return f'"{separator.join(strings)}"'


def _octal(octet: int) -> str:
    return f"\\{octet:03o}"


def _plain(octet: int) -> str:
    """An octet that needs no numeric escape; empty for others."""
    if octet in b'"\\':
        return f"\\{octet:c}"
    return chr(octet) if 0x20 <= octet < 0x7F else ""
