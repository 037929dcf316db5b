"""The keys of an Okta playbook."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints, model_validator

from provisioner.core.resource import Model
from provisioner.providers import kiro
from provisioner.providers.base.playbook_models import (
    LOOPBACK_HOSTS,
    Endpoint,
    Name,
    Port,
    PrincipalEntry,
    SafetySection,
    unique,
)

OKTA_DOMAINS: Final = (
    "okta.com",
    "oktapreview.com",
    "okta-emea.com",
    "okta-gov.com",
    "okta.mil",
    "okta-miltest.com",
    "trex-govcloud.com",
)
"""Where organizations live (Okta developer documentation, Okta domains; okta-sdk-python). Others are custom domains."""

_MINUTES_OF_ACCESS: Final = (5, 1440)
_MINUTES_OF_WINDOW: Final = (10, 2_628_000)


_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE
)
_DEFAULT_PORTS = {"https": 443, "http": 80}


def org_url(value: str) -> str:
    """The organization's URL without what people copy along with it: ``-admin``, a path, a trailing slash.

    Raises:
        ValueError: it is not a URL of an organization.
    """
    text = value.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port = f":{parts.port}" if parts.port not in (None, _DEFAULT_PORTS.get(parts.scheme)) else ""
    except ValueError:
        raise ValueError(_EXPECTED) from None
    host = (parts.hostname or "").removesuffix(".")
    if host in LOOPBACK_HOSTS and parts.scheme in _DEFAULT_PORTS and not (parts.username or parts.password):
        return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
    if parts.scheme != "https":
        raise ValueError("expected a URL that begins with https://")
    name, _, domain = host.partition(".")
    if domain in OKTA_DOMAINS:
        host = f"{re.sub(r'(-admin)+$', '', name)}.{domain}"
    if not _HOST.fullmatch(host) or parts.username or parts.password:
        raise ValueError(_EXPECTED)
    return f"https://{host}{port}"


_EXPECTED = "expected a URL such as https://acme.okta.com"


def is_custom(url: str) -> bool:
    """Whether the URL's host is not one of Okta's own: then it is a custom domain, unless it is this machine."""
    host = urlsplit(url).hostname or ""
    return host not in LOOPBACK_HOSTS and host.partition(".")[2] not in OKTA_DOMAINS


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


Optional_ = BeforeValidator(_blank_is_none)
OrgUrl = Annotated[str, AfterValidator(org_url)]
OktaId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{20}$")]
OktaClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9$\-_.+!*'(),]{6,100}$")]


class ConnectionSection(Model):
    """Which organization, and as whom."""

    org_url: OrgUrl = Field(
        description="The organization's own URL, such as https://acme.okta.com; not a custom domain."
    )
    client_id: Annotated[OktaClientId | None, Optional_] = Field(
        default=None, description="Client id of a service app (API Services) with a public key. Preferred."
    )
    private_key: Annotated[SecretStr | None, Optional_] = Field(
        default=None, description="The service app's private key, as PEM or JWK."
    )
    key_id: Annotated[Name | None, Optional_] = Field(
        default=None, description="kid of that key; needed when the service app has several."
    )
    dpop: bool = Field(
        default=False,
        description="The service app demands proof of possession (DPoP), as apps made in the console do.",
    )
    token: Annotated[SecretStr | None, Optional_] = Field(
        default=None, description="An API token (SSWS); used when there is no service app."
    )

    @model_validator(mode="after")
    def _key_with_client(self) -> Self:
        if (self.client_id is None) != (self.private_key is None):
            raise ValueError("client_id and private_key go together")
        return self

    @property
    def names(self) -> str:
        """What tells this tenant from others."""
        return self.org_url


class ApplicationSection(Model):
    """The OIDC application that people sign in to."""

    label: Name | None = Field(
        default=None, description="Its name in the Admin Console. Default: the playbook's name."
    )
    id: OktaId | None = Field(default=None, description="Id of an existing application to adopt (0oa...).")
    loopback_ports: Annotated[tuple[Port, ...], AfterValidator(unique)] = Field(
        default=kiro.LOOPBACK_PORTS,
        description="Ports with a loopback redirect URI, besides kiro://. Okta compares the port.",
    )
    authentication_policy: Name | None = Field(
        default=None,
        description="Name of the authentication policy (Identity Engine). Absent: it is not managed.",
    )


class AuthorizationServerSection(Model):
    """The custom authorization server, its access policy and its rule."""

    name: Name = Field(default="Kiro", description="Its name.")
    id: OktaId | None = Field(default=None, description="Id of an existing server to adopt (aus...).")
    audience: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        default="kiro",
        description="Its audience. Okta demands one; the vendor's guide names none, so this default is ours.",
    )
    scopes: Annotated[tuple[Name, ...], AfterValidator(unique)] = Field(
        default=kiro.SCOPES, description="Custom scopes. The vendor requires both defaults."
    )
    openid: bool = Field(
        default=False, description="Allow the scope openid too. The vendor's guide does not list it."
    )
    policy: Name = Field(default="Kiro", description="Name of the access policy.")
    rule: Name = Field(default="Kiro", description="Name of its rule.")
    access_token_minutes: Annotated[int, Field(ge=_MINUTES_OF_ACCESS[0], le=_MINUTES_OF_ACCESS[1])] | None = (
        Field(default=None, description="Lifetime of access tokens. Absent: not managed; new: 60.")
    )
    refresh_token_minutes: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Lifetime of refresh tokens, 0 without end. Absent: not managed; new: 0.",
    )
    refresh_window_minutes: (
        Annotated[int, Field(ge=_MINUTES_OF_WINDOW[0], le=_MINUTES_OF_WINDOW[1])] | None
    ) = Field(
        default=None,
        description="For so long a refresh token may lie unused. Absent: not managed; new: 10080.",
    )
    issuer_mode: Literal["ORG_URL", "CUSTOM_URL", "DYNAMIC"] | None = Field(
        default=None, description="Which domain the issuer has. Absent: not managed."
    )


class ScimSection(Model):
    """The SCIM application: "AWS IAM Identity Center" from the catalogue."""

    label: Name = Field(
        default="Kiro-SCIM",
        description="Its label. Not the catalogue's own one, so that an AWS IAM Identity Center of yours is not "
        "taken for it.",
    )
    id: OktaId | None = Field(default=None, description="Id of an existing application to adopt (0oa...).")
    acs_url: Endpoint = Field(
        default="https://kiro.invalid/saml/acs",
        description="ACS URL. Kiro does not use SAML, but the catalogue's form asks for one.",
    )
    entity_id: Name = Field(
        default="https://kiro.invalid/saml", description="SAML issuer, which is not used either."
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description="SCIM endpoint from the Kiro console, to be shown in the human step. Absent: the step tells where it is.",
    )
    mapping: Literal["guide", "unmanaged"] = Field(
        default="guide",
        description="guide: department and employeeNumber are not mapped. unmanaged: left alone.",
    )
    console_steps: Literal["verify", "confirmed"] = Field(
        default="verify",
        description="verify: wait until the application shows that provisioning was switched on. "
        "confirmed: take your word for it, where the application does not show it.",
    )


class OktaPrincipalEntry(PrincipalEntry):
    """A group or a user, by name or by id."""

    name: Name | None = Field(default=None, description="Name of a group; login of a user.")
    id: OktaId | None = Field(default=None, description="Its id (00g..., 00u...); always unambiguous.")


class OktaSafetySection(SafetySection):
    """Limits within which apply may act without being told otherwise."""

    deprovision: bool = Field(
        default=False,
        description="Allow what takes people out of Kiro: removing assignments of the SCIM application, and "
        "deactivating it.",
    )
