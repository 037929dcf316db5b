"""Playing the person: what a human step of a playbook asks for, done in the simulated consoles.

Steps are those of Kiro's guide "Connect your Okta IdP": the Kiro profile, its access token, the API integration of the SCIM
application, and the features of its "To App".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from provisioner.sandbox import dns as names
from provisioner.sandbox.dns import hosted_zones
from provisioner.sandbox.kiro import console as kiro
from provisioner.sandbox.kiro import domains as kiro_domains
from provisioner.sandbox.okta import console
from provisioner.sandbox.sandbox import Sandbox
from provisioner.sandbox.store import Document, Store


@dataclass(frozen=True)
class Registration:
    """What a Kiro profile for Okta asks for, as an admin finds it in the Admin Console.

    Attributes:
        label: the application's.
        client_id: the application's "Client ID".
        issuer: "Issuer URI" of the authorization server.
    """

    label: str
    client_id: str
    issuer: str


@dataclass(frozen=True)
class Act:
    """What a person did.

    Attributes:
        told: in one sentence.
        brought: what they brought back from a console, if anything.
    """

    told: str
    brought: str = ""


def act(sandbox: Sandbox, step_key: str, provider: str, instructions: Sequence[str] = ()) -> Act | None:
    """Do what a person would do at a human step.

    Args:
        sandbox: the sandbox; its server must be running.
        step_key: ``kiro-profile``, ``kiro-scim-token``, ``okta-api-integration``, ``okta-to-app``, or ``kiro-domain-`` or
            ``dns-record-`` and a domain.
        provider: the identity provider that it is about.
        instructions: what a person reads; a TXT record's lines begin with ``Name:``, ``Value:`` and ``TTL:``.

    Returns:
        what was done; None when nobody acts here (the setting ``console`` is ``waits``), the step is not
        known, or it cannot be done yet.
    """
    if sandbox.directory.setting("console", "answers") == "waits":
        return None
    try:
        if step_key.startswith(_DOMAIN):
            return _add_domain(sandbox, step_key.removeprefix(_DOMAIN), provider)
        if step_key.startswith(_RECORD):
            done = _copy_record(sandbox, instructions)
        else:
            done = _STEPS[step_key](sandbox) if step_key in _STEPS else None
    except (kiro.ConsoleRefusal, console.ConsoleRefusal):
        return None
    return Act(done) if done else None


def registration(sandbox: Sandbox) -> Registration | None:
    """The newest native application that a policy of a custom authorization server is for; None while there is none.

    A policy for all clients counts when no policy names the application.
    """
    okta = sandbox.okta
    apps = [app for app in okta.all("app") if _is_native(app)]
    for app in reversed(apps):
        client_id = app["credentials"]["oauthClient"]["client_id"]
        for wanted in (client_id, "ALL_CLIENTS"):
            server = _server_for(okta, wanted)
            if server is not None:
                return Registration(app["label"], client_id, issuer(sandbox, server))
    return None


def scim_application(okta: Store, label: str | None = None) -> Document | None:
    """The newest active "AWS IAM Identity Center" of the org, of that label when one is given; None when there is none."""
    found = [
        app
        for app in okta.all("app")
        if app["name"] == console.SCIM_APPLICATION
        and app["status"] == "ACTIVE"
        and label in (None, app["label"])
    ]
    return found[-1] if found else None


def okta_profile(sandbox: Sandbox) -> Document | None:
    """The newest Kiro profile for Okta, or None."""
    found = [profile for profile in sandbox.kiro.all("kiroProfile") if "issuer" in profile]
    return found[-1] if found else None


def plain_url(sandbox: Sandbox) -> str:
    """The http address of the server: provisioning would not trust the certificate of the other one."""
    return re.sub(r"^https:", "http:", sandbox.url)


def _create_profile(sandbox: Sandbox) -> str | None:
    wanted = registration(sandbox)
    if wanted is None:
        return None
    current = okta_profile(sandbox)
    if current and (current["clientId"], current["issuer"]) == (wanted.client_id, wanted.issuer):
        return f"The Kiro profile for {wanted.label} was there already."
    kiro.create_profile(sandbox.kiro, wanted.client_id, base_url=plain_url(sandbox), issuer=wanted.issuer)
    return f"Created a Kiro profile with the issuer {wanted.issuer} and the client ID {wanted.client_id}."


def _generate_token(sandbox: Sandbox) -> str | None:
    profile = okta_profile(sandbox)
    if profile is None:
        return None
    kiro.kept_token(sandbox.kiro, profile["id"])
    return f"Generated an access token for the Kiro profile {profile['id']}, and copied it and the SCIM endpoint."


def _integrate(sandbox: Sandbox) -> str | None:
    app, profile = scim_application(sandbox.okta), okta_profile(sandbox)
    if app is None or profile is None:
        return None
    endpoint = kiro.endpoint(plain_url(sandbox), profile["id"])
    token = kiro.kept_token(sandbox.kiro, profile["id"])
    console.enable_provisioning(sandbox.okta, app["id"], endpoint, token)
    return f"Enabled the API integration of {app['label']} with {endpoint} and the token; the test succeeded."


def _switch_on(sandbox: Sandbox) -> str | None:
    app = scim_application(sandbox.okta)
    if app is None:
        return None
    console.set_to_app(sandbox.okta, app["id"], create=True, update=True, deactivate=True)
    return f"Enabled Create Users, Update User Attributes and Deactivate Users of {app['label']}."


def tokens(sandbox: Sandbox, domains: Iterable[str]) -> dict[str, str]:
    """The verification tokens that the Kiro console shows for domains, of those that were added."""
    known = {name: sandbox.kiro.get("kiroDomain", name) for name in domains}
    return {name: str(domain["token"]) for name, domain in known.items() if domain is not None}


def profile_for(sandbox: Sandbox, provider: str) -> Document | None:
    """The newest Kiro profile for an identity provider, or None."""
    if provider == "okta":
        return okta_profile(sandbox)
    found = [profile for profile in sandbox.kiro.all("kiroProfile") if "issuer" not in profile]
    return found[-1] if found else None


def create_record(sandbox: Sandbox, name: str, value: str, ttl: int) -> str:
    """Type a TXT record into the editor of the zone that its name is in.

    Returns:
        the zone.

    Raises:
        ValueError: no zone has the name, or it makes no sense.
    """
    zone = hosted_zones.zone_of(sandbox.names.store, name)
    if zone is None:
        raise ValueError(f"no zone of the sandbox has the name {name}")
    strings = [value[start : start + 255] for start in range(0, len(value), 255)]
    names.add_record(sandbox.names.store, zone, f"{name.rstrip('.')}.", "TXT", names.txt(*strings), ttl=ttl)
    return zone.rstrip(".")


def _add_domain(sandbox: Sandbox, domain: str, provider: str) -> Act | None:
    """Add a domain in the Kiro console, and copy its token."""
    profile = profile_for(sandbox, provider)
    if profile is None:
        return None
    token = str(kiro_domains.add_domain(sandbox.kiro, profile["id"], domain)["token"])
    return Act(
        f"Added {domain} to the Kiro profile {profile['id']}, and copied its verification token.", token
    )


def _copy_record(sandbox: Sandbox, instructions: Sequence[str]) -> str | None:
    """Make the TXT record that stands in the instructions."""
    lines = dict(line.split(":", 1) for line in instructions if ":" in line)
    if not {"Name", "Value", "TTL"} <= lines.keys() or lines["Value"].strip().startswith("("):
        return None
    name = lines["Name"].split()[0]
    try:
        zone = create_record(sandbox, name, lines["Value"].strip(), int(lines["TTL"]))
    except ValueError:
        return None
    return f"Created the TXT record {name} in the zone {zone}."


def issuer(sandbox: Sandbox, server: Document) -> str:
    """The issuer as the Admin Console shows it.

    A dynamic one follows the address at which the org is visited; the default server's ends with its name.
    """
    name = "default" if server.get("default") else server["id"]
    if server["issuerMode"] == "DYNAMIC" or server["issuer"].startswith("/"):
        return f"{sandbox.url}/oauth2/{name}"
    return f"{server['issuer'].removesuffix(server['id'])}{name}"


def _is_native(app: Document) -> bool:
    oauth = (app.get("settings") or {}).get("oauthClient") or {}
    return app["name"] == "oidc_client" and oauth.get("application_type") == "native"


def _server_for(okta: Store, client: str) -> Document | None:
    """The newest custom authorization server with a policy that includes a client."""
    ids = [
        policy["_serverId"]
        for policy in okta.all("authPolicy")
        if client in ((policy.get("conditions") or {}).get("clients") or {}).get("include", ())
    ]
    found = [
        each for each in okta.all("authorizationServer") if each["id"] in ids and not each.get("default")
    ]
    return found[-1] if found else None


_DOMAIN: Final = "kiro-domain-"
_RECORD: Final = "dns-record-"
_STEPS: Final[dict[str, Callable[[Sandbox], str | None]]] = {
    "kiro-profile": _create_profile,
    "kiro-scim-token": _generate_token,
    "okta-api-integration": _integrate,
    "okta-to-app": _switch_on,
}
