"""How Okta writes ids and moments.

Shapes as in recorded traffic of terraform-provider-okta and okta-sdk-python: twenty letters and digits that begin with a
prefix telling the kind, and moments of whole seconds with ``.000``.
"""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime, timedelta

_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 20


def new_id(prefix: str) -> str:
    """An id that nothing else has, such as ``0oauj9hxrlQXoHCca1d7`` for the prefix ``0oa``."""
    return prefix + _random(_ID_LENGTH - len(prefix))


def new_error_id() -> str:
    """The ``errorId`` of an error answer."""
    return f"oae{secrets.token_urlsafe(16)}"


def new_request_id() -> str:
    """The ``x-okta-request-id`` of an answer."""
    return secrets.token_hex(16)


def now(later: timedelta = timedelta()) -> str:
    """The present, or so much later, in whole seconds."""
    return (datetime.now(UTC) + later).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
