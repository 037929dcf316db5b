"""The credentials of an Okta client: an API token, or a service app with a private key."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from provisioner.core.redaction import remember


@dataclass(frozen=True)
class ApiToken:
    """An API token, sent as ``SSWS``."""

    value: str = field(repr=False)

    def __post_init__(self) -> None:
        remember(self.value)


@dataclass(frozen=True)
class ServiceApp:
    """A service app that authenticates with a private key (private_key_jwt).

    Attributes:
        private_key: PEM or JWK.
        scopes: scopes to request. If one of them is not granted, the token request fails.
        key_id: ``kid`` of the key.
        dpop: send a proof of possession (DPoP, RFC 9449) with every request.
    """

    client_id: str
    private_key: str = field(repr=False)
    scopes: tuple[str, ...]
    key_id: str | None = None
    dpop: bool = False

    def __post_init__(self) -> None:
        remember(self.private_key)

    @property
    def sdk_key(self) -> str:
        """The key in the form that the SDK reads.

        The SDK parses a JWK as a Python literal, so members that are not strings are removed.

        Raises:
            ValueError: it begins like a JWK but is not valid JSON.
        """
        text = self.private_key.strip()
        if not text.startswith("{"):
            return text
        members = json.loads(text)
        return json.dumps({name: value for name, value in members.items() if isinstance(value, str)})
