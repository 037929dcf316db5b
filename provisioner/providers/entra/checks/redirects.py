"""Checks of the redirect URIs: the addresses to which Entra sends users after sign-in."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.core.plan import DesiredState
from provisioner.providers import kiro
from provisioner.providers.entra import resources as kinds

from .required import required_application

check = CheckRegistry()

_PATH = "application.publicClient.redirectUris"


def _playbook_uris(context: CheckContext) -> DesiredState:
    """The fix that sets exactly the redirect URIs of the playbook."""
    desired = context.desired(kinds.Application)
    return set_fields(kinds.Application(key=desired.key, redirect_uris=desired.redirect_uris))


@check(
    "entra-redirect-uri-ide",
    reads=(kinds.Application,),
    severity=Severity.HIGH,
    troubleshooting_row="redirect URIs",
)
def redirect_uri_ide(context: CheckContext) -> Iterator[Violation]:
    """The redirect URI of the Kiro IDE is registered

    Symptom: Signing in from the IDE ends on an error page (AADSTS50011); the command line is not affected.

    Why: The IDE always uses the redirect URI kiro://kiro.oauth/callback.

    Fix: In the Entra admin center, App registrations, the application, Authentication, Mobile and desktop applications:
    add kiro://kiro.oauth/callback.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 4, and step 2.
    """
    application = required_application(context)
    registered = application.redirect_uris or ()
    if kiro.KIRO_URI not in registered:
        yield Violation(
            f"{kiro.KIRO_URI} is not registered",
            application.address,
            ((_PATH, list(registered)),),
            _playbook_uris(context),
        )


@check(
    "entra-redirect-uri-loopback",
    reads=(kinds.Application,),
    severity=Severity.HIGH,
    troubleshooting_row="redirect URIs",
)
def redirect_uri_loopback(context: CheckContext) -> Iterator[Violation]:
    """The loopback redirect URIs are registered

    Symptom: Signing in from the command line ends on an error page (AADSTS50011); the IDE is not affected.

    Why: The command line uses a redirect URI of http://localhost with one of ten ports. Entra ignores the port of a
    localhost URI, so the URI without a port is enough; the path must be the same.

    Fix: In the Entra admin center, App registrations, the application, Authentication, Mobile and desktop applications:
    add http://localhost/oauth/callback.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 4; Microsoft identity platform, redirect URI restrictions.
    """
    application = required_application(context)
    registered = application.redirect_uris or ()
    desired = context.desired(kinds.Application).redirect_uris or ()
    missing = [uri for uri in desired if uri not in (kiro.KIRO_URI, *registered)]
    if missing:
        portless = kinds.LOOPBACK_URI in registered
        yield Violation(
            f"not registered: {', '.join(missing)}"
            + ("; the URI without a port still covers them" if portless else ""),
            application.address,
            ((_PATH, list(registered)),),
            _playbook_uris(context),
            severity=Severity.LOW if portless else None,
        )


@check("entra-redirect-uri-kiro-auth", reads=(kinds.Application,), severity=Severity.MEDIUM)
def redirect_uri_kiro_auth(context: CheckContext) -> Iterator[Violation]:
    """No redirect URI has a misprint of an older guide

    Symptom: Signing in from the IDE ends on an error page, although a kiro:// URI is registered.

    Why: An older version of Kiro's guide had kiro://kiro.auth/callback; another listed port 2128 for 3128.

    Fix: Replace it with kiro://kiro.oauth/callback (or port 3128).

    Source: kirodotdev/Kiro issue 6087; Kiro, Microsoft Entra guide, step 2.
    """
    application = required_application(context)
    for uri in application.redirect_uris or ():
        if uri.startswith("kiro://kiro.auth") or ":2128/" in uri:
            yield Violation(
                f"{uri} is a misprint of an older guide",
                application.address,
                ((_PATH, uri),),
                _playbook_uris(context),
            )


@check("entra-redirect-uri-wrong-platform", reads=(kinds.Application,), severity=Severity.HIGH, security=True)
def redirect_uri_wrong_platform(context: CheckContext) -> Iterator[Violation]:
    """Kiro's redirect URIs are registered for mobile and desktop applications only

    Symptom: Signing in fails: Entra requires a client secret (AADSTS7000218), or only a single-page application may
    redeem the code (AADSTS9002327).

    Why: The URI is registered under Web or Single-page application. If it is also registered under Mobile and desktop
    applications, Entra picks one of them.

    Fix: In the Entra admin center, App registrations, the application, Authentication: remove the URI from that
    platform; keep it under Mobile and desktop applications.

    Source: Kiro, Microsoft Entra guide, step 2; Microsoft identity platform, redirect URI restrictions.
    """
    application = required_application(context)
    kiro_uris = {*(context.desired(kinds.Application).redirect_uris or ()), kiro.KIRO_URI, kinds.LOOPBACK_URI}
    web, spa = application.web_redirect_uris or (), application.spa_redirect_uris or ()
    misplaced = {
        platform: [uri for uri in uris if uri in kiro_uris] for platform, uris in (("web", web), ("spa", spa))
    }
    if any(misplaced.values()):
        fix = kinds.Application(
            key=application.key,
            redirect_uris=context.desired(kinds.Application).redirect_uris,
            web_redirect_uris=tuple(uri for uri in web if uri not in kiro_uris),
            spa_redirect_uris=tuple(uri for uri in spa if uri not in kiro_uris),
        )
        for platform, uris in misplaced.items():
            if uris:
                yield Violation(
                    f"registered under the platform {platform}: {', '.join(uris)}",
                    application.address,
                    ((f"application.{platform}.redirectUris", uris),),
                    set_fields(fix),
                )


@check("entra-redirect-uri-extra", reads=(kinds.Application,), severity=Severity.MEDIUM, security=True)
def redirect_uri_extra(context: CheckContext) -> Iterator[Violation]:
    """There are no redirect URIs other than the playbook's

    Symptom: None; tokens may be sent to an unknown host at that address.

    Why: Kiro's guide asks to register only its URIs.

    Fix: In the Entra admin center, App registrations, the application, Authentication: remove them, or list the ports
    in application: loopback_ports.

    Source: Kiro, Microsoft Entra guide, Redirect URI security.
    """
    application = required_application(context)
    desired = context.desired(kinds.Application).redirect_uris or ()
    extra = [uri for uri in application.redirect_uris or () if uri not in desired]
    if extra:
        yield Violation(
            f"also registered: {', '.join(extra)}",
            application.address,
            ((_PATH, extra),),
            _playbook_uris(context),
        )
