"""The emulated Microsoft Entra ID: Microsoft Graph, the sign-in endpoints and the provisioning service."""

from typing import Final

DOMAIN: Final = "contoso.example"
"""Email domain of the tenant's users."""
