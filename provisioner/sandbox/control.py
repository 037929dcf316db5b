"""Steering a sandbox by hand: its settings, its people, its cycles, and what to know to use it from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from provisioner.sandbox import console_actions, seed
from provisioner.sandbox.console_actions import act, tokens
from provisioner.sandbox.dns import hosted_zones
from provisioner.sandbox.entra import provisioning
from provisioner.sandbox.entra.graph import documents
from provisioner.sandbox.entra.graph.permissions import AUTOMATION_PERMISSIONS
from provisioner.sandbox.kiro import console
from provisioner.sandbox.kiro import domains as kiro_domains
from provisioner.sandbox.okta.management import directory as okta_directory
from provisioner.sandbox.sandbox import Sandbox
from provisioner.sandbox.seed import DOMAIN, OKTA_DOMAIN
from provisioner.sandbox.store import Document

__all__ = [
    "Provider",
    "act",
    "add_domain",
    "add_group",
    "add_member",
    "configure",
    "counts",
    "create_record",
    "cycle",
    "facts",
    "generate_token",
    "host",
    "move_to_cloud",
    "name_servers",
    "okta_credentials",
    "okta_org",
    "populate",
    "settings",
    "tokens",
    "update_credentials",
    "verify_domains",
]

Provider = Literal["entra", "okta"]

_KINDS: Final = ("application", "servicePrincipal", "user", "group", "appRoleAssignment", "deletedItem")
_OKTA_KINDS: Final = {
    "application": "app",
    "user": "user",
    "group": "group",
    "authorizationServer": "authorizationServer",
    "pushMapping": "pushMapping",
}


def facts(sandbox: Sandbox) -> dict[str, str]:
    """What another client needs: addresses, and the automation client's credentials (worth nothing elsewhere)."""
    directory = sandbox.directory
    return {
        "Microsoft Graph": f"{sandbox.url}/v1.0",
        "Token endpoint": f"{sandbox.url}/{sandbox.tenant_id}/oauth2/v2.0/token",
        "Tenant": sandbox.tenant_id,
        "Client id": str(directory.setting("client_id")),
        "Client secret": str(directory.setting("client_secret")),
        "Okta org": sandbox.url,
        "Okta API token": sandbox.okta_token(),
        "Okta client id": sandbox.okta_client()["client_id"],
        "DNS over HTTPS": f"{sandbox.url}/dns-query",
        **sandbox.names.connection_facts(),
        "State": str(sandbox.home),
    }


def counts(sandbox: Sandbox) -> dict[str, int]:
    """How many objects the Entra tenant has, by kind."""
    return {kind: len(sandbox.directory.all(kind)) for kind in _KINDS}


def okta_org(sandbox: Sandbox) -> dict[str, Any]:
    """What the Okta org holds.

    Returns:
        ``counts`` by kind; ``applications`` with ``label``, ``name``, ``status``, ``features``, numbers of ``users`` and
        ``groups`` and how many of the users are in ``errors``; ``authorizationServers`` with ``name``, ``status`` and
        ``issuer``; ``pushedGroups`` with ``group``, ``application``, ``status`` and ``error``.
    """
    okta = sandbox.okta
    names = {group["id"]: group["profile"]["name"] for group in okta.all("group")}
    labels = {app["id"]: app["label"] for app in okta.all("app")}
    return {
        "counts": {name: len(okta.keys(kind)) for name, kind in _OKTA_KINDS.items()},
        "applications": [_described(sandbox, app) for app in okta.all("app")],
        "authorizationServers": [
            {
                "name": server["name"],
                "status": server["status"],
                "issuer": console_actions.issuer(sandbox, server),
            }
            for server in okta.all("authorizationServer")
        ],
        "pushedGroups": [
            {
                "group": names.get(mapping["sourceGroupId"], mapping["sourceGroupId"]),
                "application": labels.get(mapping["_appId"], mapping["_appId"]),
                "status": mapping["status"],
                "error": mapping.get("errorSummary") or None,
            }
            for mapping in okta.all("pushMapping")
        ],
    }


def settings(sandbox: Sandbox) -> dict[str, Any]:
    """How the sandbox behaves."""
    directory = sandbox.directory
    okta = sandbox.okta
    granted = set(directory.setting("permissions", []))
    return {
        "latency_ms": directory.setting("latency_ms", 0),
        "lag_seconds": directory.setting("lag_seconds", 0),
        "console": directory.setting("console", "answers"),
        "strict_scim": bool(directory.setting("strict_scim", False)),
        "deny": ",".join(name for name in AUTOMATION_PERMISSIONS if name not in granted),
        "okta_deny": ",".join(okta.setting("denied", [])),
        "api_access_management": bool(okta.setting("api_access_management", True)),
        "async_seconds": okta.setting("async_seconds", 0),
    }


def configure(sandbox: Sandbox, name: str, value: str) -> None:
    """Change a setting.

    Args:
        sandbox: the sandbox.
        name: one of the keys of `settings`.
        value: as a person types it.

    Raises:
        ValueError: there is no such setting, or the value makes no sense.
    """
    directory, okta = sandbox.directory, sandbox.okta
    match name:
        case "latency_ms" | "lag_seconds":
            directory.set(name, _number(value))
        case "console":
            directory.set(name, _one_of(value, ("answers", "waits")))
        case "strict_scim":
            directory.set(name, _truth(value))
        case "deny":
            denied = _names(value)
            _check_granted(denied, AUTOMATION_PERMISSIONS)
            directory.set("permissions", [known for known in AUTOMATION_PERMISSIONS if known not in denied])
        case "okta_deny":
            denied = _names(value)
            _check_granted(denied, okta.setting("scopes_granted", []))
            okta.set("denied", denied)
        case "api_access_management":
            okta.set(name, _truth(value))
        case "async_seconds":
            okta.set(name, _number(value))
        case _:
            raise ValueError(f"unknown setting; expected one of {', '.join(settings(sandbox))}")


def name_servers(sandbox: Sandbox) -> dict[str, Any]:
    """How its DNS is reached.

    Returns:
        ``name_servers`` and ``resolvers``: address and port by name, without the final dot; ``suffixes``: public suffixes that
        only this DNS has.
    """
    names = sandbox.names
    return {
        "name_servers": _addresses(names.name_servers()),
        "resolvers": _addresses(names.resolvers()),
        "suffixes": hosted_zones.SUFFIXES,
    }


def host(sandbox: Sandbox, domains: Iterable[str]) -> None:
    """Make the zones of domains that the sandbox's DNS has not heard of; private names stay unknown."""
    for domain in domains:
        hosted_zones.host(sandbox.names.store, domain)
    sandbox.names.wait_for_ports()


def verify_domains(sandbox: Sandbox) -> None:
    """What the Kiro console does with Pending domains when somebody looks at it: a public DNS lookup of each."""
    if sandbox.kiro.keys("kiroDomain"):
        kiro_domains.verify(sandbox.kiro, lambda name: hosted_zones.txt_values(sandbox.names, name))


def add_domain(sandbox: Sandbox, name: str, provider: str) -> str:
    """Add a domain to the newest Kiro profile for a provider, and return its verification token.

    Raises:
        ConsoleRefusal: the console does not do that.
        ValueError: there is no profile.
    """
    profile = console_actions.profile_for(sandbox, provider)
    if profile is None:
        raise ValueError(f"there is no Kiro profile for {provider} yet")
    hosted_zones.host(sandbox.names.store, name)
    return str(kiro_domains.add_domain(sandbox.kiro, profile["id"], name)["token"])


def create_record(sandbox: Sandbox, name: str, value: str, ttl: int) -> str:
    """Make a TXT record; returns the zone.

    Raises:
        ValueError: no zone of the sandbox has the name, or it makes no sense.
    """
    return console_actions.create_record(sandbox, name, value, ttl)


def update_credentials(sandbox: Sandbox) -> dict[str, str]:
    """How a zone is written to: by dynamic update at its primary, with a key (worth nothing elsewhere)."""
    grant = hosted_zones.update_key(sandbox.names.store)
    return {"provider": "rfc2136", "key": grant.name, "algorithm": grant.algorithm, "secret": grant.secret}


def move_to_cloud(sandbox: Sandbox, cloud: str) -> None:
    """Make the tenant one of another Microsoft cloud: templates have other ids there.

    Args:
        sandbox: the sandbox.
        cloud: ``global``, ``usgov``, ``usgov-dod`` or ``china``; the two of the US government share their ids.
    """
    name = cloud.removesuffix("-dod")
    if sandbox.directory.setting("cloud", "global") != name:
        sandbox.directory.set("cloud", name)


def cycle(sandbox: Sandbox) -> dict[str, str]:
    """Run a provisioning cycle of every job now, and push what every Okta application has to push.

    Returns:
        how it ended, by job id and by label of the Okta application.
    """
    from provisioner.sandbox.okta import provisioning as okta_provisioning  # noqa: PLC0415 (start-up time)

    for job in sandbox.directory.all("synchronizationJob"):
        provisioning.run_cycle(sandbox.directory, job["id"])
    ended = {job["id"]: _outcome(job["status"]) for job in sandbox.directory.all("synchronizationJob")}
    for connection in sandbox.okta.all("appConnection"):
        okta_provisioning.push(sandbox.okta, connection["appId"])
        app = sandbox.okta.get("app", connection["appId"])
        if app is not None:
            found = _described(sandbox, app)
            ended[app["label"]] = f"{found['users']} users assigned, {found['errors']} in error"
    return ended


def add_group(sandbox: Sandbox, name: str, like: str = "Kiro-Users", *, provider: Provider = "entra") -> None:
    """Add a group with the same members as another one."""
    if provider == "okta":
        okta_directory.import_group(sandbox.okta, name, like)
        return
    directory = sandbox.directory
    members = [
        member
        for found in directory.all("group")
        if found["displayName"] == like
        for member in found["_members"]
    ]
    group = documents.group(name, "".join(filter(str.isalnum, name)).lower() or "group", members=members)
    directory.put("group", group["id"], group)


def add_member(
    sandbox: Sandbox, user_name: str, group_name: str = "Kiro-Users", *, provider: Provider = "entra"
) -> None:
    """Add a user, made if there is none of that name, to a group.

    Raises:
        ValueError: there is no such group.
    """
    directory = sandbox.directory
    domain = OKTA_DOMAIN if provider == "okta" else DOMAIN
    name = user_name if "@" in user_name else f"{user_name}@{domain}"
    if provider == "okta":
        okta_directory.import_member(sandbox.okta, name, group_name)
        return
    with directory.transaction():
        user = next((found for found in directory.all("user") if found["userPrincipalName"] == name), None)
        if user is None:
            given = name.partition("@")[0].title()
            user = documents.user(name, given, given, "Example")
            directory.put("user", user["id"], user)
        group = next((found for found in directory.all("group") if found["displayName"] == group_name), None)
        if group is None:
            raise ValueError(f"there is no group {group_name!r}")
        if user["id"] not in group["_members"]:
            directory.put("group", group["id"], {**group, "_members": [*group["_members"], user["id"]]})


def populate(
    sandbox: Sandbox, *, users: int = 0, groups: int = 0, members: int = 0, provider: Provider = "entra"
) -> None:
    """Add many users, and groups with so many members each."""
    if provider == "okta":
        okta_directory.populate(sandbox.okta, users=users, groups=groups, members=members)
    else:
        seed.populate(sandbox.directory, users=users, groups=groups, members=members)


def okta_credentials(sandbox: Sandbox) -> tuple[str, str]:
    """SCIM endpoint and a fresh token of the newest Kiro profile for Okta.

    Raises:
        ValueError: there is no such profile, or it has two tokens already.
    """
    profile = console_actions.okta_profile(sandbox)
    if profile is None:
        raise ValueError("there is no Kiro profile for Okta yet")
    try:
        token = console.generate_token(sandbox.kiro, profile["id"])
    except console.ConsoleRefusal as refusal:
        raise ValueError(str(refusal)) from refusal
    return console.endpoint(console_actions.plain_url(sandbox), profile["id"]), token


def generate_token(sandbox: Sandbox) -> dict[str, str]:
    """Generate a token for the newest Kiro profile, as a person does in the console.

    Returns:
        KIRO_SCIM_ENDPOINT and KIRO_SCIM_TOKEN; the token is shown only this once.

    Raises:
        ValueError: there is no profile, or it has two tokens already.
    """
    profiles = console.describe(sandbox.kiro)["profiles"]
    if not profiles:
        raise ValueError("there is no Kiro profile yet")
    profile = profiles[-1]["id"]
    try:
        token = console.generate_token(sandbox.kiro, profile)
    except console.ConsoleRefusal as refusal:
        raise ValueError(str(refusal)) from refusal
    return {"KIRO_SCIM_ENDPOINT": console.endpoint(sandbox.url, profile), "KIRO_SCIM_TOKEN": token}


def _outcome(status: dict[str, Any]) -> str:
    last = status.get("lastExecution") or {}
    reason = (status.get("quarantine") or {}).get("reason")
    exported = f"{last.get('countExported', 0)} exported, {last.get('countEscrowed', 0)} held back"
    return (
        f"quarantine: {reason}"
        if reason
        else f"{status['code']}: {last.get('state') or 'has not run'}, {exported}"
    )


def _described(sandbox: Sandbox, app: Document) -> dict[str, Any]:
    users = sandbox.okta.under("appUser", f"{app['id']}:")
    return {
        **{name: app.get(name) for name in ("label", "name", "status", "features")},
        "users": len(users),
        "groups": len(sandbox.okta.keys("appGroup", f"{app['id']}:")),
        "errors": sum(user.get("syncState") == "ERROR" for user in users),
    }


def _addresses(reachable: dict[str, str]) -> dict[str, tuple[str, int]]:
    split = {name.rstrip("."): where.rpartition(":") for name, where in reachable.items()}
    return {name: (address, int(port)) for name, (address, _, port) in split.items()}


def _names(value: str) -> list[str]:
    return sorted({part.strip() for part in value.split(",") if part.strip()})


def _check_granted(denied: Iterable[str], granted: Iterable[str]) -> None:
    if unknown := set(denied) - set(granted):
        raise ValueError(f"not granted in the first place: {', '.join(sorted(unknown))}")


def _truth(value: str) -> bool:
    return _one_of(value, ("true", "false")) == "true"


def _number(value: str) -> float:
    number = float(value)
    if not 0 <= number <= 60_000:
        raise ValueError("expected a number from 0 to 60000")
    return number


def _one_of(value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"expected {' or '.join(allowed)}")
    return value
