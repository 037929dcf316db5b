"""The ``connection:`` section of an Okta playbook: the organization's URL and the credentials."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints, model_validator

from provisioner.core.resource import Model
from provisioner.providers.base.playbook_models import LOOPBACK_HOSTS, Name

OKTA_DOMAINS: Final = (
    "okta.com",
    "oktapreview.com",
    "okta-emea.com",
    "okta-gov.com",
    "okta.mil",
    "okta-miltest.com",
    "trex-govcloud.com",
)
"""The domains of organizations (Okta developer documentation, Okta domains; okta-sdk-python). Others are custom domains."""

_HOST: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE
)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_EXPECTED_URL: Final = "expected a URL such as https://acme.okta.com"


def org_url(value: str) -> str:
    """The organization's URL without ``-admin``, a path, a query or a trailing slash, which are often copied with it.

    Raises:
        ValueError: it is not a URL of an organization.
    """
    text = value.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port = f":{parts.port}" if parts.port not in (None, _DEFAULT_PORTS.get(parts.scheme)) else ""
    except ValueError:
        raise ValueError(_EXPECTED_URL) from None
    host = (parts.hostname or "").removesuffix(".")
    if host in LOOPBACK_HOSTS and parts.scheme in _DEFAULT_PORTS and not (parts.username or parts.password):
        return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
    if parts.scheme != "https":
        raise ValueError("expected a URL that begins with https://")
    name, _, domain = host.partition(".")
    if domain in OKTA_DOMAINS:
        while name.endswith("-admin"):
            name = name.removesuffix("-admin")
        host = f"{name}.{domain}"
    if not _HOST.fullmatch(host) or parts.username or parts.password:
        raise ValueError(_EXPECTED_URL)
    return f"https://{host}{port}"


def is_custom_domain(url: str) -> bool:
    """Whether the URL's host is neither in one of Okta's domains nor this machine."""
    host = urlsplit(url).hostname or ""
    return host not in LOOPBACK_HOSTS and host.partition(".")[2] not in OKTA_DOMAINS


def _blank_to_none(value: Any) -> Any:
    return None if value == "" else value


BlankIsNone = BeforeValidator(_blank_to_none)
"""An empty variable counts as an absent key."""
OrgUrl = Annotated[str, AfterValidator(org_url)]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9$\-_.+!*'(),]{6,100}$")]


class ConnectionSection(Model):
    """The organization and the credentials."""

    org_url: OrgUrl = Field(
        description="The organization's own URL, such as https://acme.okta.com; not a custom domain."
    )
    client_id: Annotated[ClientId | None, BlankIsNone] = Field(
        default=None, description="Client ID of a service app (API Services) with a public key. Preferred."
    )
    private_key: Annotated[SecretStr | None, BlankIsNone] = Field(
        default=None, description="The service app's private key, as PEM or JWK."
    )
    key_id: Annotated[Name | None, BlankIsNone] = Field(
        default=None, description="kid of that key; required when the service app has several."
    )
    dpop: bool = Field(
        default=False,
        description="The service app requires proof of possession (DPoP), as apps created in the Admin Console do.",
    )
    token: Annotated[SecretStr | None, BlankIsNone] = Field(
        default=None, description="An API token (SSWS); used when there is no service app."
    )

    @model_validator(mode="after")
    def _require_client_id_and_key_together(self) -> Self:
        if (self.client_id is None) != (self.private_key is None):
            raise ValueError("client_id and private_key go together")
        return self

    @property
    def names(self) -> str:
        """The tenant that the playbook names."""
        return self.org_url
