"""Checks of the redirect URIs: where Okta may send people after they signed in."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.core.plan import DesiredState
from provisioner.providers import kiro
from provisioner.providers.okta import resources as kinds

from .required import application

check = CheckRegistry()

_PATH = "application.settings.oauthClient.redirect_uris"


def _as_listed(context: CheckContext) -> DesiredState:
    """The fix of every finding here: exactly the URIs of the playbook."""
    wanted = context.desired(kinds.Application)
    return set_fields(kinds.Application(key=wanted.key, redirect_uris=wanted.redirect_uris))


def _misprinted(uri: str) -> bool:
    return any(misprint in uri for misprint in kiro.MISPRINTS)


@check("okta-redirect-uri-missing", reads=(kinds.Application,), severity=Severity.HIGH)
def redirect_uri_missing(context: CheckContext) -> Iterator[Violation]:
    """Every redirect URI of the guide is registered

    Symptom: Signing in ends on a page that says "The 'redirect_uri' parameter must be a Login redirect URI in the client
    app settings": always from the IDE when kiro:// is missing; from the command line whenever it gets that port.

    Why: Okta compares the whole URI, its port included. The command line takes the first free one of ten ports.

    Fix: Applications, the OIDC application, General, Sign-in redirect URIs: add what is missing.

    Source: Kiro, Okta guide, step 1.
    """
    found = application(context)
    there = found.redirect_uris or ()
    missing = [uri for uri in context.desired(kinds.Application).redirect_uris or () if uri not in there]
    if missing:
        yield Violation(
            f"not registered: {', '.join(missing)}",
            found.address,
            ((_PATH, list(there)),),
            _as_listed(context),
        )


@check("okta-redirect-uri-kiro-auth", reads=(kinds.Application,), severity=Severity.MEDIUM)
def redirect_uri_kiro_auth(context: CheckContext) -> Iterator[Violation]:
    """The redirect URI of the IDE has no misprint

    Symptom: Signing in from the IDE ends on an error page, although a kiro:// URI is registered.

    Why: An older version of the vendor's page said kiro://kiro.auth/callback.

    Fix: Replace it with kiro://kiro.oauth/callback.

    Source: kirodotdev/Kiro issue 6087; Kiro, Okta guide, step 1.
    """
    yield from _misprint(context, kiro.MISPRINTS[0])


@check("okta-redirect-uri-port-2128", reads=(kinds.Application,), severity=Severity.MEDIUM)
def redirect_uri_port_2128(context: CheckContext) -> Iterator[Violation]:
    """No redirect URI has port 2128

    Symptom: Signing in from the command line fails at its first port.

    Why: An older version of the vendor's page listed port 2128 for 3128.

    Fix: Replace 2128 with 3128.

    Source: Kiro, Okta guide, step 1, and an older version of it.
    """
    yield from _misprint(context, kiro.MISPRINTS[1])


def _misprint(context: CheckContext, misprint: str) -> Iterator[Violation]:
    found = application(context)
    for uri in found.redirect_uris or ():
        if misprint in uri:
            yield Violation(
                f"{uri} is a misprint of an older guide", found.address, ((_PATH, uri),), _as_listed(context)
            )


@check("okta-redirect-uri-extra", reads=(kinds.Application,), severity=Severity.MEDIUM, security=True)
def redirect_uri_extra(context: CheckContext) -> Iterator[Violation]:
    """There are no redirect URIs beyond those of the playbook

    Symptom: None; codes may be sent to whoever answers at that address.

    Why: Somebody registered more than the vendor's guide lists.

    Fix: Applications, the OIDC application, General, Sign-in redirect URIs: remove them, or list the ports in
    application: loopback_ports.

    Source: Kiro, Okta guide, step 1, and Redirect URI security.
    """
    found = application(context)
    wanted = context.desired(kinds.Application).redirect_uris or ()
    extra = [uri for uri in found.redirect_uris or () if uri not in wanted and not _misprinted(uri)]
    if extra:
        yield Violation(
            f"also registered: {', '.join(extra)}", found.address, ((_PATH, extra),), _as_listed(context)
        )


@check("okta-redirect-uri-wildcard", reads=(kinds.Application,), severity=Severity.HIGH, security=True)
def redirect_uri_wildcard(context: CheckContext) -> Iterator[Violation]:
    """Redirect URIs have no wildcards

    Symptom: None; with a wildcard, codes may be sent to any subdomain.

    Why: "Allow wildcard * in sign-in URI redirect" is ticked.

    Fix: Applications, the OIDC application, General: untick it.

    Source: Okta Management API, wildcard_redirect; RFC 9700, section 2.1.
    """
    found = application(context)
    if found.wildcard_redirect != "DISABLED":
        yield Violation(
            f"wildcards are allowed ({found.wildcard_redirect})",
            found.address,
            (("application.settings.oauthClient.wildcard_redirect", found.wildcard_redirect),),
            set_fields(kinds.Application(key=found.key, wildcard_redirect="DISABLED")),
        )
