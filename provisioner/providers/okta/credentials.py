"""What proves to Okta who we are."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ApiToken:
    """An API token, sent as ``SSWS``."""

    value: str = field(repr=False)


@dataclass(frozen=True)
class ServiceApp:
    """A service app that proves who it is with a private key.

    Attributes:
        private_key: PEM or JWK.
        scopes: to ask for; asking for one that was not granted fails the whole call.
        dpop: prove possession of a key with every request.
    """

    client_id: str
    private_key: str = field(repr=False)
    scopes: tuple[str, ...]
    key_id: str | None = None
    dpop: bool = False

    @property
    def key(self) -> str:
        """The key as the SDK can read it: it takes a JWK for a Python literal, so only its texts are left in it.

        Raises:
            ValueError: it begins like a JWK, but is none.
        """
        text = self.private_key.strip()
        if not text.startswith("{"):
            return text
        members = json.loads(text)
        return json.dumps({name: value for name, value in members.items() if isinstance(value, str)})
