"""The simulated Kiro: its console and its SCIM endpoint, over one store."""

from provisioner.sandbox.kiro.console import (
    automatic_credentials,
    create_profile,
    delete_profile,
    describe,
    generate_token,
    revoke_token,
    tokens,
)
from provisioner.sandbox.kiro.scim.endpoint import KiroEndpoint
from provisioner.sandbox.refusal import ConsoleRefusal

__all__ = [
    "ConsoleRefusal",
    "KiroEndpoint",
    "automatic_credentials",
    "create_profile",
    "delete_profile",
    "describe",
    "generate_token",
    "revoke_token",
    "tokens",
]
