"""Steering a sandbox by hand: its settings, its people, its cycles, and what to know to use it from elsewhere."""

from __future__ import annotations

from typing import Any, Final

from provisioner.sandbox import provisioning
from provisioner.sandbox.graph import documents
from provisioner.sandbox.graph.permissions import EVERYTHING
from provisioner.sandbox.kiro import console
from provisioner.sandbox.sandbox import Sandbox
from provisioner.sandbox.seed import DOMAIN

_KINDS: Final = ("application", "servicePrincipal", "user", "group", "appRoleAssignment", "deletedItem")


def facts(sandbox: Sandbox) -> dict[str, str]:
    """What another client needs: addresses, and the automation client's credentials (worth nothing elsewhere)."""
    directory = sandbox.directory
    return {
        "Microsoft Graph": f"{sandbox.url}/v1.0",
        "Token endpoint": f"{sandbox.url}/{sandbox.tenant_id}/oauth2/v2.0/token",
        "Tenant": sandbox.tenant_id,
        "Client id": str(directory.setting("client_id")),
        "Client secret": str(directory.setting("client_secret")),
        "State": str(sandbox.home),
    }


def counts(sandbox: Sandbox) -> dict[str, int]:
    """How many objects there are, by kind."""
    return {kind: len(sandbox.directory.all(kind)) for kind in _KINDS}


def settings(sandbox: Sandbox) -> dict[str, Any]:
    """How the sandbox behaves."""
    directory = sandbox.directory
    granted = set(directory.setting("permissions", []))
    return {
        "latency_ms": directory.setting("latency_ms", 0),
        "lag_seconds": directory.setting("lag_seconds", 0),
        "console": directory.setting("console", "answers"),
        "strict_scim": bool(directory.setting("strict_scim", False)),
        "deny": ",".join(name for name in EVERYTHING if name not in granted),
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
    directory = sandbox.directory
    match name:
        case "latency_ms" | "lag_seconds":
            directory.set(name, _number(value))
        case "console":
            directory.set(name, _one_of(value, ("answers", "waits")))
        case "strict_scim":
            directory.set(name, _one_of(value, ("true", "false")) == "true")
        case "deny":
            denied = {part.strip() for part in value.split(",") if part.strip()}
            if unknown := denied - set(EVERYTHING):
                raise ValueError(f"not granted in the first place: {', '.join(sorted(unknown))}")
            directory.set("permissions", [known for known in EVERYTHING if known not in denied])
        case _:
            raise ValueError(f"unknown setting; expected one of {', '.join(settings(sandbox))}")


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
    """Run a provisioning cycle of every job now.

    Returns:
        how it ended, by job id.
    """
    for job in sandbox.directory.all("synchronizationJob"):
        provisioning.run_cycle(sandbox.directory, job["id"])
    return {job["id"]: _outcome(job["status"]) for job in sandbox.directory.all("synchronizationJob")}


def add_group(sandbox: Sandbox, name: str, like: str = "Kiro-Users") -> None:
    """Add a group with the same members as another one."""
    directory = sandbox.directory
    members = [
        member
        for found in directory.all("group")
        if found["displayName"] == like
        for member in found["_members"]
    ]
    group = documents.group(name, "".join(filter(str.isalnum, name)).lower() or "group", members=members)
    directory.put("group", group["id"], group)


def add_member(sandbox: Sandbox, user_name: str, group_name: str = "Kiro-Users") -> None:
    """Add a user, made if there is none of that name, to a group.

    Raises:
        ValueError: there is no such group.
    """
    directory = sandbox.directory
    name = user_name if "@" in user_name else f"{user_name}@{DOMAIN}"
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


def _number(value: str) -> float:
    number = float(value)
    if not 0 <= number <= 60_000:
        raise ValueError("expected a number from 0 to 60000")
    return number


def _one_of(value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"expected {' or '.join(allowed)}")
    return value
