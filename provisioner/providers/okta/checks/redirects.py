"""Checks of the redirect URIs: where Okta may send users after they sign in."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.core.plan import DesiredState
from provisioner.providers import kiro
from provisioner.providers.okta import resources as kinds

from .required import required_application

check = CheckRegistry()

_PATH = "application.settings.oauthClient.redirect_uris"


def _playbook_uris(context: CheckContext) -> DesiredState:
    """The fix of every finding here: exactly the URIs of the playbook."""
    desired = context.desired(kinds.Application)
    return set_fields(kinds.Application(key=desired.key, redirect_uris=desired.redirect_uris))


@check("okta-redirect-uri-missing", reads=(kinds.Application,), severity=Severity.HIGH)
def redirect_uri_missing(context: CheckContext) -> Iterator[Violation]:
    """Every redirect URI of the playbook is registered

    Symptom: Sign-in ends on a page that says "The 'redirect_uri' parameter must be a Login redirect URI in the client
    app settings". If kiro:// is missing, this happens in the IDE; if a port is missing, when the command line uses it.

    Why: Okta compares the whole URI, including its port. The command line uses the first free port of ten.

    Fix: In the Okta Admin Console, Applications, the OIDC application, General, Sign-in redirect URIs: add the missing
    URIs.

    Source: Kiro, Okta guide, step 1.
    """
    existing = required_application(context)
    registered = existing.redirect_uris or ()
    desired = context.desired(kinds.Application).redirect_uris or ()
    if missing := [uri for uri in desired if uri not in registered]:
        yield Violation(
            f"not registered: {', '.join(missing)}",
            existing.address,
            ((_PATH, list(registered)),),
            _playbook_uris(context),
        )


@check("okta-redirect-uri-kiro-auth", reads=(kinds.Application,), severity=Severity.MEDIUM)
def redirect_uri_kiro_auth(context: CheckContext) -> Iterator[Violation]:
    """The redirect URI of the IDE is not the misprint of an older guide

    Symptom: Sign-in from the IDE ends on an error page, although a kiro:// URI is registered.

    Why: An older version of Kiro's guide had kiro://kiro.auth/callback.

    Fix: Replace it with kiro://kiro.oauth/callback.

    Source: kirodotdev/Kiro issue 6087; Kiro, Okta guide, step 1.
    """
    yield from _misprint(context, kiro.MISPRINTS[0])


@check("okta-redirect-uri-port-2128", reads=(kinds.Application,), severity=Severity.MEDIUM)
def redirect_uri_port_2128(context: CheckContext) -> Iterator[Violation]:
    """No redirect URI has port 2128

    Symptom: Sign-in from the command line fails at its first port.

    Why: An older version of Kiro's guide listed port 2128 instead of 3128.

    Fix: Replace 2128 with 3128.

    Source: Kiro, Okta guide, step 1, and an older version of it.
    """
    yield from _misprint(context, kiro.MISPRINTS[1])


def _misprint(context: CheckContext, misprint: str) -> Iterator[Violation]:
    existing = required_application(context)
    for uri in existing.redirect_uris or ():
        if misprint in uri:
            yield Violation(
                f"{uri} is a misprint of an older guide",
                existing.address,
                ((_PATH, uri),),
                _playbook_uris(context),
            )


@check("okta-redirect-uri-extra", reads=(kinds.Application,), severity=Severity.MEDIUM, security=True)
def redirect_uri_extra(context: CheckContext) -> Iterator[Violation]:
    """Only the redirect URIs of the playbook are registered

    Symptom: None. Authorization codes may be sent to another address.

    Why: More URIs are registered than Kiro's guide lists.

    Fix: In the Okta Admin Console, Applications, the OIDC application, General, Sign-in redirect URIs: remove them, or
    list the ports in application: loopback_ports.

    Source: Kiro, Okta guide, step 1, and Redirect URI security.
    """
    existing = required_application(context)
    desired = context.desired(kinds.Application).redirect_uris or ()
    extra = [
        uri
        for uri in existing.redirect_uris or ()
        if uri not in desired and not any(misprint in uri for misprint in kiro.MISPRINTS)
    ]
    if extra:
        yield Violation(
            f"also registered: {', '.join(extra)}",
            existing.address,
            ((_PATH, extra),),
            _playbook_uris(context),
        )


@check("okta-redirect-uri-wildcard", reads=(kinds.Application,), severity=Severity.HIGH, security=True)
def redirect_uri_wildcard(context: CheckContext) -> Iterator[Violation]:
    """Redirect URIs have no wildcards

    Symptom: None. With a wildcard, authorization codes may be sent to any subdomain.

    Why: "Allow wildcard * in sign-in URI redirect" is selected.

    Fix: In the Okta Admin Console, Applications, the OIDC application, General: clear it.

    Source: Okta Management API, wildcard_redirect; RFC 9700, section 2.1.
    """
    existing = required_application(context)
    if existing.wildcard_redirect != "DISABLED":
        yield Violation(
            f"wildcards are allowed ({existing.wildcard_redirect})",
            existing.address,
            (("application.settings.oauthClient.wildcard_redirect", existing.wildcard_redirect),),
            set_fields(kinds.Application(key=existing.key, wildcard_redirect="DISABLED")),
        )
