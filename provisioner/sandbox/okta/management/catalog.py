"""Application types that the sandbox knows: those of one's own, and a few of the Okta Integration Network.

Names, titles of links and their numbers: recorded traffic of terraform-provider-okta and okta-sdk-python (``oidc_client``,
``bookmark``, ``okta_org2org``, ``deelhr``, ``office365``, ``saasure``). ``amazon_aws_sso`` and its keys ``acsURL`` and
``entityID``: public configurations of it; no body of a real one was seen, so what it answers beyond those is modelled on
``okta_org2org``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from provisioner.sandbox.okta.management.errors import invalid


@dataclass(frozen=True, slots=True)
class AppKind:
    """A type of application.

    Attributes:
        name: its key.
        title: what Okta calls it.
        modes: sign-on modes it has; the first is its own choice.
        link: name of its tile's link, or empty for none.
        tile: the last part of the tile's address.
        own: whether it is made by the admin, rather than taken from the catalogue.
        required: members of ``settings.app`` that must be given.
        defaults: ``settings.app`` as it is when nothing is given.
        provisioning: how its connection can be set up by the API: ``TOKEN``, or None when it cannot.
        seldom_mode: whether ``signOnMode`` is answered as null (recorded for ``deelhr``).
    """

    name: str
    title: str
    modes: tuple[str, ...]
    link: str = "login"
    tile: str = ""
    own: bool = False
    required: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)
    provisioning: str | None = None
    seldom_mode: bool = False


_KINDS = (
    AppKind(
        "oidc_client",
        "OpenID Connect Client",
        ("OPENID_CONNECT",),
        "oidc_client_link",
        "aln177a159h7Zf52X0g8",
        own=True,
    ),
    AppKind(
        "bookmark",
        "Bookmark App",
        ("BOOKMARK",),
        tile="2557",
        required=("url",),
        defaults={"requestIntegration": False},
    ),
    AppKind(
        "amazon_aws_sso",
        "AWS IAM Identity Center",
        ("SAML_2_0",),
        tile="aln1ghfn5xxV7ZPbE1d8",
        defaults={"acsURL": None, "entityID": None},
    ),
    AppKind("amazon_aws", "AWS Account Federation", ("SAML_2_0", "AUTO_LOGIN"), tile="272"),
    AppKind("okta_org2org", "Okta Org2Org", ("SAML_2_0", "AUTO_LOGIN"), tile="51975", provisioning="TOKEN"),
    AppKind("zscalerbyz", "Zscaler 2.0", ("SAML_2_0", "AUTO_LOGIN"), tile="2513", provisioning="TOKEN"),
    AppKind("deelhr", "Deel HR", ("AUTO_LOGIN",), "deelhr_link", "aln5a838ba0SiO7GZ0x7", seldom_mode=True),
    AppKind("office365", "Microsoft Office 365", ("WS_FEDERATION", "SAML_1_1", "AUTO_LOGIN"), tile="1872"),
    AppKind("template_swa", "Template App", ("BROWSER_PLUGIN",), tile="1561", required=("url",)),
    AppKind("template_swa3field", "Template App 3 Fields", ("BROWSER_PLUGIN",), tile="1562"),
    AppKind("template_basic_auth", "Template Basic Auth App", ("BASIC_AUTH",), tile="1563"),
    AppKind("template_sps", "Template Plugin App", ("SECURE_PASSWORD_STORE",), tile="1564"),
    AppKind("template_wsfed", "Template WS-Fed", ("WS_FEDERATION",), tile="1565"),
    AppKind("saasure", "Okta Admin Console", ("OPENID_CONNECT",), "admin", "2"),
    AppKind("okta_enduser", "Okta Dashboard", ("OPENID_CONNECT",), ""),
    AppKind("okta_browser_plugin", "Okta Browser Plugin", ("OPENID_CONNECT",), ""),
)
KINDS = {kind.name: kind for kind in _KINDS}
SYSTEM_APPS = ("saasure", "okta_enduser", "okta_browser_plugin")
_BY_MODE = {
    "OPENID_CONNECT": "oidc_client",
    "AUTO_LOGIN": "template_swa",
    "BROWSER_PLUGIN": "template_swa",
    "BASIC_AUTH": "template_basic_auth",
    "SECURE_PASSWORD_STORE": "template_sps",
    "WS_FEDERATION": "template_wsfed",
    "BOOKMARK": "bookmark",
}


def kind_of(app: dict[str, Any]) -> AppKind:
    """The type of an application that exists; a SAML app of one's own has a name of its own."""
    found = KINDS.get(app["name"])
    if found is not None:
        return found
    return AppKind(app["name"], app["label"], ("SAML_2_0",), f"{app['name']}_link", app["id"], own=True)


def wanted(name: Any, mode: Any) -> AppKind | None:
    """The type that a request to create an application means; None for a SAML app of one's own.

    Raises:
        OktaError: there is no such type, or it has no such sign-on mode. The real wording was not seen.
    """
    if not name:
        if mode == "SAML_2_0":
            return None
        name = _BY_MODE.get(str(mode))
        if name is None:
            raise invalid("signOnMode", "signOnMode: The field cannot be left blank")
    kind = KINDS.get(str(name))
    if kind is None or kind.name in SYSTEM_APPS:
        raise invalid("name", f"name: There is no app '{name}' in the catalog.")
    if mode and mode not in kind.modes:
        raise invalid("signOnMode", f"signOnMode: '{mode}' is not supported by the app '{kind.name}'.")
    return kind


def check_settings(kind: AppKind, settings: dict[str, Any]) -> None:
    """Refuse ``settings.app`` that the type does not take.

    Raises:
        OktaError: 400 for a missing member, or for Office 365 without the admin's consent (recorded:
            TestAccResourceOktaAppSaml_preconfigured).
    """
    for name in kind.required:
        if not settings.get(name):
            raise invalid(f"settings.app.{name}", f"{name}: The field cannot be left blank")
    automatic = kind.name == "office365" and settings.get("wsFedConfigureType") == "AUTO"
    if automatic and not settings.get("requireAdminConsent"):
        raise invalid(
            "settings", "In order to continue using WS-FED Auto for SSO, you must grant admin consent."
        )
