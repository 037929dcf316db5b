"""The emulated Kiro side: its console and its SCIM endpoint, both over one Kiro store."""

from provisioner.sandbox.kiro.console import (
    ConsoleRefusal,
    answers,
    create_profile,
    delete_profile,
    describe,
    generate_token,
    revoke_token,
    tokens,
)
from provisioner.sandbox.kiro.scim.endpoint import KiroEndpoint

__all__ = [
    "ConsoleRefusal",
    "KiroEndpoint",
    "answers",
    "create_profile",
    "delete_profile",
    "describe",
    "generate_token",
    "revoke_token",
    "tokens",
]
