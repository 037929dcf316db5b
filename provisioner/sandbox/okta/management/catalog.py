"""Application definitions: custom applications and a part of the Okta Integration Network catalog.

Names, titles, and names and numbers of links: recorded traffic of terraform-provider-okta and okta-sdk-python
(``oidc_client``, ``bookmark``, ``okta_org2org``, ``deelhr``, ``office365``, ``saasure``). ``amazon_aws_sso`` and its settings
``acsURL`` and ``entityID``: public configurations of it. No response for a real one is available, so its other members
follow ``okta_org2org``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from provisioner.sandbox.okta.management.errors import invalid, required_field


@dataclass(frozen=True, slots=True)
class AppDefinition:
    """An application definition.

    Attributes:
        name: key in the catalog.
        title: Okta's display name.
        sign_on_modes: supported sign-on modes; the first is the default.
        link_name: name of the app link; empty for none.
        link_id: last part of the link's path.
        custom: whether an admin creates it, rather than adding it from the catalog.
        required_settings: members of ``settings.app`` that a request must have.
        default_settings: default values of ``settings.app``.
        token_connection: whether the API can configure its provisioning connection, with ``authScheme`` TOKEN.
        null_sign_on_mode: whether responses have ``signOnMode`` null (recorded for ``deelhr``).
    """

    name: str
    title: str
    sign_on_modes: tuple[str, ...]
    link_name: str = "login"
    link_id: str = ""
    custom: bool = False
    required_settings: tuple[str, ...] = ()
    default_settings: dict[str, Any] = field(default_factory=dict)
    token_connection: bool = False
    null_sign_on_mode: bool = False


_SAML_OR_SWA = ("SAML_2_0", "AUTO_LOGIN")
_DEFINITIONS = (
    AppDefinition(
        "oidc_client",
        "OpenID Connect Client",
        ("OPENID_CONNECT",),
        "oidc_client_link",
        "aln177a159h7Zf52X0g8",
        custom=True,
    ),
    AppDefinition(
        "bookmark",
        "Bookmark App",
        ("BOOKMARK",),
        link_id="2557",
        required_settings=("url",),
        default_settings={"requestIntegration": False},
    ),
    AppDefinition(
        "amazon_aws_sso",
        "AWS IAM Identity Center",
        ("SAML_2_0",),
        link_id="aln1ghfn5xxV7ZPbE1d8",
        default_settings={"acsURL": None, "entityID": None},
    ),
    AppDefinition("amazon_aws", "AWS Account Federation", _SAML_OR_SWA, link_id="272"),
    AppDefinition("okta_org2org", "Okta Org2Org", _SAML_OR_SWA, link_id="51975", token_connection=True),
    AppDefinition("zscalerbyz", "Zscaler 2.0", _SAML_OR_SWA, link_id="2513", token_connection=True),
    AppDefinition(
        "deelhr", "Deel HR", ("AUTO_LOGIN",), "deelhr_link", "aln5a838ba0SiO7GZ0x7", null_sign_on_mode=True
    ),
    AppDefinition(
        "office365", "Microsoft Office 365", ("WS_FEDERATION", "SAML_1_1", "AUTO_LOGIN"), link_id="1872"
    ),
    AppDefinition(
        "template_swa", "Template App", ("BROWSER_PLUGIN",), link_id="1561", required_settings=("url",)
    ),
    AppDefinition("template_swa3field", "Template App 3 Fields", ("BROWSER_PLUGIN",), link_id="1562"),
    AppDefinition("template_basic_auth", "Template Basic Auth App", ("BASIC_AUTH",), link_id="1563"),
    AppDefinition("template_sps", "Template Plugin App", ("SECURE_PASSWORD_STORE",), link_id="1564"),
    AppDefinition("template_wsfed", "Template WS-Fed", ("WS_FEDERATION",), link_id="1565"),
    AppDefinition("saasure", "Okta Admin Console", ("OPENID_CONNECT",), "admin", "2"),
    AppDefinition("okta_enduser", "Okta Dashboard", ("OPENID_CONNECT",), ""),
    AppDefinition("okta_browser_plugin", "Okta Browser Plugin", ("OPENID_CONNECT",), ""),
)
DEFINITIONS = {definition.name: definition for definition in _DEFINITIONS}
SYSTEM_APPS = ("saasure", "okta_enduser", "okta_browser_plugin")
"""Okta's own applications, which every org has."""
_NAME_BY_SIGN_ON_MODE = {
    "OPENID_CONNECT": "oidc_client",
    "AUTO_LOGIN": "template_swa",
    "BROWSER_PLUGIN": "template_swa",
    "BASIC_AUTH": "template_basic_auth",
    "SECURE_PASSWORD_STORE": "template_sps",
    "WS_FEDERATION": "template_wsfed",
    "BOOKMARK": "bookmark",
}


def definition_of(app: dict[str, Any]) -> AppDefinition:
    """The definition of a stored application; a custom SAML application has one of its own."""
    definition = DEFINITIONS.get(app["name"])
    if definition is not None:
        return definition
    return AppDefinition(
        app["name"], app["label"], ("SAML_2_0",), f"{app['name']}_link", app["id"], custom=True
    )


def requested_definition(name: Any, sign_on_mode: Any) -> AppDefinition | None:
    """The definition for a request that creates an application; None for a custom SAML application.

    Raises:
        OktaError: 400 for an unknown name or an unsupported sign-on mode; Okta's own text is not recorded.
    """
    if not name:
        if sign_on_mode == "SAML_2_0":
            return None
        name = _NAME_BY_SIGN_ON_MODE.get(str(sign_on_mode))
        if name is None:
            raise required_field("signOnMode")
    definition = DEFINITIONS.get(str(name))
    if definition is None or definition.name in SYSTEM_APPS:
        raise invalid("name", f"name: There is no app '{name}' in the catalog.")
    if sign_on_mode and sign_on_mode not in definition.sign_on_modes:
        raise invalid(
            "signOnMode", f"signOnMode: '{sign_on_mode}' is not supported by the app '{definition.name}'."
        )
    return definition


def check_settings(definition: AppDefinition, app_settings: dict[str, Any]) -> None:
    """Check ``settings.app``.

    Raises:
        OktaError: 400 for a missing member, or for Office 365 without the admin's consent (recorded:
            TestAccResourceOktaAppSaml_preconfigured).
    """
    for name in definition.required_settings:
        if not app_settings.get(name):
            raise required_field(f"settings.app.{name}")
    automatic = definition.name == "office365" and app_settings.get("wsFedConfigureType") == "AUTO"
    if automatic and not app_settings.get("requireAdminConsent"):
        raise invalid(
            "settings", "In order to continue using WS-FED Auto for SSO, you must grant admin consent."
        )
