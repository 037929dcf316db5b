"""What became of a value between the console and the DNS. Pure."""

from __future__ import annotations

import re
from typing import Final

from provisioner.providers.dns.resources import PREFIX

_NOISE: Final = re.compile(r"[\s\"'\\\u201c\u201d\u00a0\u200b]+")
_SHORTEST: Final = len(PREFIX) + 4


def distortion(seen: str, wanted: str) -> str | None:
    """How a value that is seen differs from the one that is wanted, as the end of a sentence.

    Returns:
        None when it is the same, or another value altogether.
    """
    if seen == wanted:
        return None
    bare, whole = _NOISE.sub("", seen), _NOISE.sub("", wanted)
    if bare.casefold() == whole.casefold():
        return " and ".join(_noise(seen, wanted, bare, whole))
    return _other_text(bare, whole)


def _other_text(bare: str, whole: str) -> str | None:
    """The same for values whose letters differ; quotes and spaces are gone from both."""
    token = whole.removeprefix(PREFIX)
    if bare.casefold() == token.casefold():
        return f"lacks {PREFIX} in front"
    if whole in bare:
        return "has more around it"
    if token and bare.casefold().endswith(token.casefold()):
        return "has something else in front of the token"
    return "is cut off" if len(bare) >= _SHORTEST and bare in whole else None


def _noise(seen: str, wanted: str, bare: str, whole: str) -> list[str]:
    said = []
    if re.search(r"\"\s+\"", seen):
        said.append("was entered with the quotes and spaces between its strings")
    elif re.search(r"[\"'\u201c\u201d]", seen):
        said.append("has quotation marks in it")
    if "\\" in seen:
        said.append("has backslashes in it")
    if re.search(r"[\s\u00a0\u200b]", seen.replace('" "', "")) and seen != wanted:
        said.append("has spaces in it")
    if bare != whole:
        said.append("differs in upper and lower case")
    return said or ["differs in spaces or quotation marks"]
