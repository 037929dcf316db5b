"""Secrets leave the process only for the system that they are for: every text on its way out passes :func:`redact`.

Outside text (a vendor's message, a request id, an error of a library) also passes :func:`relayed`, which limits its length.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

MASK: Final = "(secret)"
MAX_RELAYED: Final = 2_000
"""Characters of a text from outside that are shown."""
MAX_IDENTIFIER: Final = 128
"""Characters of a request id or an error code that are shown."""

_WINDOW: Final = 6
"""Characters by which a secret is found; shorter values are not secrets, and would match ordinary words."""
_ORDINARY: Final = re.compile(r"[a-z]{0,15}|[0-9]{0,15}")
"""Values that match words of messages and numbers in JSON."""
_MIN_LINE: Final = 16
_PRIVATE_MEMBERS: Final = ("d", "p", "q", "dp", "dq", "qi", "k")
"""The members of a JWK that are secret (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1)."""
_ALPHABETS: Final = (base64.b64encode, base64.urlsafe_b64encode)

_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s\\%]*+(?:-----END [A-Z0-9 ]{0,50}-----)?"
)
_JWT: Final = re.compile(r"(?<![\w-])eyJ[\w-]++\.[\w-]++(?:\.[\w-]*+){1,3}")
_AUTHORIZATION: Final = re.compile(
    r"(?i)(?<![a-z])(bearer|ssws|dpop|basic)((?:[\s:+\"'\\]|%20){1,8})([\w.~+/=%-]{16,}+)"
)


class SecretRegistry:
    """The secrets that this process knows, in every form in which a response may repeat them."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._forms: dict[str, tuple[str, ...]] = {}  # by their first characters, longest first

    def add(self, secret: str) -> None:
        """Remember a secret. Values that are too ordinary to be one are ignored."""
        if secret in self._known or len(secret) < _WINDOW or _ORDINARY.fullmatch(secret):
            return
        self._known.add(secret)
        for form in {form for part in _parts(secret) for form in _forms(part)}:
            forms = (*self._forms.get(form[:_WINDOW], ()), form)
            self._forms[form[:_WINDOW]] = tuple(sorted(forms, key=len, reverse=True))

    def mask(self, text: str) -> str:
        """The text without the secrets. The work grows linearly with the text, and not with the number of secrets."""
        forms, kept, end = self._forms, [], 0
        hits = (
            [start for start in range(len(text) - _WINDOW + 1) if text[start : start + _WINDOW] in forms]
            if forms
            else ()
        )
        for start in hits:
            found = (form for form in forms[text[start : start + _WINDOW]] if text.startswith(form, start))
            if start >= end and (form := next(found, "")):
                kept += [text[end:start], MASK]
                end = start + len(form)
        return "".join((*kept, text[end:]))


_registry: SecretRegistry = SecretRegistry()


def remember(*secrets: Any) -> None:
    """Remember secrets, so that no output contains them.

    Args:
        secrets: strings; or models, mappings and lists, in which every ``SecretStr`` is a secret. Other values are ignored.
    """
    for secret in secrets:
        for text in [secret] if isinstance(secret, str) else _secret_texts(secret):
            _registry.add(text)


def redact(text: str) -> str:
    """The text without the secrets that this process knows, and without what looks like a token or a private key."""
    text = _PRIVATE_KEY.sub(MASK, _registry.mask(text))
    return _AUTHORIZATION.sub(_without_credentials, _JWT.sub(MASK, text))


def relayed(text: str, limit: int = MAX_RELAYED) -> str:
    """A text from outside as a part of a message: without secrets, and not longer than the limit."""
    redacted = redact(text[: 20 * MAX_RELAYED])
    if len(redacted) <= limit:
        return redacted
    return f"{redacted[:limit]}... (cut: {limit:,} of {len(text):,} characters)"


def _without_credentials(match: re.Match[str]) -> str:
    """An Authorization header without its credentials; words after "basic" are not."""
    scheme, separator, credentials = match.groups()
    is_words = scheme.lower() == "basic" and not re.search("[A-Z0-9]", credentials)
    return match[0] if is_words else f"{scheme}{separator}{MASK}"


def _secret_texts(value: Any) -> Iterator[str]:
    from pydantic import BaseModel, SecretStr  # noqa: PLC0415 - start-up time

    if isinstance(value, SecretStr):
        yield value.get_secret_value()
        return
    if isinstance(value, BaseModel):
        value = [getattr(value, name) for name in type(value).model_fields]
    elements: Iterable[Any] = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        for element in elements:
            yield from _secret_texts(element)


def _parts(secret: str) -> Iterator[str]:
    """The whole, and what is secret on its own: the lines of a PEM, the private members of a JWK."""
    yield secret.strip()
    lines = secret.split()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _MIN_LINE and not line.startswith("-----"))
    if secret.lstrip().startswith("{"):
        try:
            members = json.loads(secret)
        except ValueError:
            return
        yield from (members[name] for name in _PRIVATE_MEMBERS if isinstance(members.get(name), str))


def _forms(text: str) -> Iterator[str]:
    """A text as it is, and escaped for JSON, URLs, HTML, and base64."""
    escaped = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    escaped |= {json.dumps(form)[1:-1] for form in escaped} | {form.replace("/", r"\/") for form in escaped}
    for safe in ("", "/", "!~*'()"):
        encoded = quote(text, safe=safe)
        escaped |= {encoded, _lower_hex(encoded), quote(encoded, safe="")}
    escaped |= {quote_plus(text), html.escape(text), html.escape(text, quote=False)}
    yield from (form for form in (*escaped, *_base64_forms(text.encode())) if len(form) >= _WINDOW)


def _lower_hex(encoded: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)


def _base64_forms(octets: bytes) -> Iterator[str]:
    """What base64 makes of the octets, wherever they begin in the encoded text: ``Basic`` encodes a name before them."""
    for before, lost in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(octets)) * 8 // 6
        for encode in _ALPHABETS:
            yield encode(b"\0" * before + octets).decode()[lost:whole]
