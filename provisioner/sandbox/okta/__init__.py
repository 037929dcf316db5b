"""The emulated Okta org: the Management API, the provisioning service and the Admin Console."""

from typing import Final

DOMAIN: Final = "fabrikam.example"
"""Email domain of the org's users. Not that of another vendor's users: a domain belongs to one Kiro profile."""
