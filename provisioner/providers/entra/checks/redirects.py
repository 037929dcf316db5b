"""Checks of the redirect URIs: where Entra may send people after they signed in."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import CheckContext, CheckRegistry, Severity, Violation, set_fields
from provisioner.core.plan import DesiredState
from provisioner.providers import kiro
from provisioner.providers.entra import resources as kinds

from .required import application

check = CheckRegistry()

_PATH = "application.publicClient.redirectUris"


def _as_listed(context: CheckContext) -> DesiredState:
    """The fix of every finding here: exactly the URIs of the playbook."""
    wanted = context.desired(kinds.Application)
    return set_fields(kinds.Application(key=wanted.key, redirect_uris=wanted.redirect_uris))


@check(
    "entra-redirect-uri-ide", reads=(kinds.Application,), severity=Severity.HIGH, vendor_row="redirect URIs"
)
def redirect_uri_ide(context: CheckContext) -> Iterator[Violation]:
    """The redirect URI of the Kiro IDE is registered

    Symptom: Signing in from the IDE ends on an error page (AADSTS50011); the command line is not affected.

    Why: The IDE always comes back to kiro://kiro.oauth/callback.

    Fix: App registrations, Authentication, Mobile and desktop applications: add kiro://kiro.oauth/callback.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 4, and step 2.
    """
    found = application(context)
    if kiro.KIRO_URI not in (found.redirect_uris or ()):
        yield Violation(
            f"{kiro.KIRO_URI} is not registered",
            found.address,
            ((_PATH, list(found.redirect_uris or ())),),
            _as_listed(context),
        )


@check(
    "entra-redirect-uri-loopback",
    reads=(kinds.Application,),
    severity=Severity.HIGH,
    vendor_row="redirect URIs",
)
def redirect_uri_loopback(context: CheckContext) -> Iterator[Violation]:
    """The loopback redirect URIs are registered

    Symptom: Signing in from the command line ends on an error page (AADSTS50011); the IDE is not affected.

    Why: The command line comes back to http://localhost on one of ten ports. Entra ignores the port of a localhost
    URI, so the portless one is enough; the path must be the same.

    Fix: App registrations, Authentication, Mobile and desktop applications: add http://localhost/oauth/callback.

    Source: Kiro, Microsoft Entra guide, Troubleshooting, row 4; Microsoft identity platform, redirect URI restrictions.
    """
    found = application(context)
    wanted = context.desired(kinds.Application).redirect_uris or ()
    missing = [uri for uri in wanted if uri != kiro.KIRO_URI and uri not in (found.redirect_uris or ())]
    if missing:
        portless = kinds.LOOPBACK_URI in (found.redirect_uris or ())
        yield Violation(
            f"not registered: {', '.join(missing)}"
            + ("; the portless URI still covers them" if portless else ""),
            found.address,
            ((_PATH, list(found.redirect_uris or ())),),
            _as_listed(context),
            severity=Severity.LOW if portless else None,
        )


@check("entra-redirect-uri-kiro-auth", reads=(kinds.Application,), severity=Severity.MEDIUM)
def redirect_uri_kiro_auth(context: CheckContext) -> Iterator[Violation]:
    """No redirect URI has the misprints of older guides

    Symptom: Signing in from the IDE ends on an error page, although a kiro:// URI is registered.

    Why: An older version of the vendor's page said kiro://kiro.auth/callback; another listed port 2128 for 3128.

    Fix: Replace it with kiro://kiro.oauth/callback (or port 3128).

    Source: kirodotdev/Kiro issue 6087; Kiro, Microsoft Entra guide, step 2.
    """
    found = application(context)
    for uri in found.redirect_uris or ():
        if uri.startswith("kiro://kiro.auth") or ":2128/" in uri:
            yield Violation(
                f"{uri} is a misprint of an older guide", found.address, ((_PATH, uri),), _as_listed(context)
            )


@check("entra-redirect-uri-wrong-platform", reads=(kinds.Application,), severity=Severity.HIGH, security=True)
def redirect_uri_wrong_platform(context: CheckContext) -> Iterator[Violation]:
    """Kiro's redirect URIs are registered for mobile and desktop applications only

    Symptom: Signing in fails: a client secret is demanded (AADSTS7000218), or the code may only be redeemed by a
    single-page application (AADSTS9002327).

    Why: The URI is registered under Web or Single-page application; where it is there too, Entra picks one of them.

    Fix: App registrations, Authentication: remove the URI from that platform; keep it under Mobile and desktop.

    Source: Kiro, Microsoft Entra guide, step 2; Microsoft identity platform, redirect URI restrictions.
    """
    found = application(context)
    ours = {*(context.desired(kinds.Application).redirect_uris or ()), kiro.KIRO_URI, kinds.LOOPBACK_URI}
    misplaced = {
        "web": [uri for uri in found.web_redirect_uris or () if uri in ours],
        "spa": [uri for uri in found.spa_redirect_uris or () if uri in ours],
    }
    if any(misplaced.values()):
        fix = kinds.Application(
            key=found.key,
            redirect_uris=context.desired(kinds.Application).redirect_uris,
            web_redirect_uris=tuple(uri for uri in found.web_redirect_uris or () if uri not in ours),
            spa_redirect_uris=tuple(uri for uri in found.spa_redirect_uris or () if uri not in ours),
        )
        for platform, uris in misplaced.items():
            if uris:
                yield Violation(
                    f"registered under the platform {platform}: {', '.join(uris)}",
                    found.address,
                    ((f"application.{platform}.redirectUris", uris),),
                    set_fields(fix),
                )


@check("entra-redirect-uri-extra", reads=(kinds.Application,), severity=Severity.MEDIUM, security=True)
def redirect_uri_extra(context: CheckContext) -> Iterator[Violation]:
    """There are no redirect URIs beyond those of the playbook

    Symptom: None; tokens may be sent to whoever answers at that address.

    Why: The vendor asks to register only the URIs of the guide.

    Fix: App registrations, Authentication: remove them, or list the ports in application: loopback_ports.

    Source: Kiro, Microsoft Entra guide, Redirect URI security.
    """
    found = application(context)
    wanted = context.desired(kinds.Application).redirect_uris or ()
    extra = [uri for uri in found.redirect_uris or () if uri not in wanted]
    if extra:
        yield Violation(
            f"also registered: {', '.join(extra)}", found.address, ((_PATH, extra),), _as_listed(context)
        )
