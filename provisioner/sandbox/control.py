"""Control of a sandbox from outside: its settings, provisioning, misconfigurations, and how other clients reach it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from provisioner.sandbox.misconfigurations import Misconfigurations
from provisioner.sandbox.register import VENDORS, vendor_class
from provisioner.sandbox.sandbox import Sandbox
from provisioner.sandbox.settings import SHARED, Setting
from provisioner.sandbox.vendor import Vendor

# The DNS and Kiro are imported when they are needed: they take time to load.
# ruff: noqa: PLC0415


def connection(sandbox: Sandbox) -> dict[str, str]:
    """Addresses and credentials for other clients, by title. The credentials are worth nothing elsewhere."""
    vendors = (vendor.connection() for vendor in sandbox.vendors.values())
    return {
        **{title: value for facts in vendors for title, value in facts.items()},
        "DNS over HTTPS": f"{sandbox.url}/dns-query",
        **sandbox.dns.connection_facts(),
        "Folder": str(sandbox.home),
    }


def settings(sandbox: Sandbox) -> dict[str, tuple[Any, str]]:
    """Every setting by name: its value and what it changes."""
    return {setting.name: (setting.read(owner.store), setting.help) for setting, owner in _settings(sandbox)}


def configure(sandbox: Sandbox, name: str, value: str) -> None:
    """Change a setting.

    Args:
        sandbox: the sandbox.
        name: name of the setting.
        value: as it is typed.

    Raises:
        ValueError: there is no such setting, or the value is not valid.
    """
    for setting, owner in _settings(sandbox):
        if setting.name == name:
            setting.write(owner.store, value)
            return
    names = ", ".join(setting.name for setting, _ in _settings(sandbox))
    raise ValueError(f"unknown setting; expected one of {names}")


def run_provisioning(sandbox: Sandbox) -> dict[str, str]:
    """Provision now, and wait for the end.

    Returns:
        one line per job or application, by its name.
    """
    vendors = sandbox.vendors.values()
    return {name: line for vendor in vendors for name, line in vendor.run_provisioning().items()}


def misconfigurations() -> dict[str, str]:
    """Every misconfiguration: what it does in one sentence, by its id."""
    return {
        check_id: catalog.describe(check_id)
        for catalog in (
            *(vendor_class(name).misconfigurations() for name in VENDORS),
            _dns_misconfigurations(),
        )
        for check_id in catalog
    }


def misconfigure(sandbox: Sandbox, check_id: str, target: str | None = None) -> None:
    """Apply a misconfiguration.

    Args:
        sandbox: the sandbox; its server must be running.
        check_id: id of the misconfiguration, which is that of the check that reports it.
        target: name of the application, or the domain; None for the newest one.

    Raises:
        KeyError: there is no such misconfiguration.
        NothingToBreakError: the tenant has nothing that it applies to.
    """
    for vendor in sandbox.vendors.values():
        if check_id in vendor.misconfigurations():
            vendor.misconfigurations().apply(check_id, vendor.store, sandbox.kiro, target)
            return
    _dns_misconfigurations().apply(check_id, sandbox.dns.store, target)


def dns_connection(sandbox: Sandbox) -> dict[str, Any]:
    """How to reach the sandbox's DNS.

    Returns:
        fields of the product's ``SandboxConnection``. ``name_servers`` and ``resolvers`` are address and port by name,
        without the final dot; ``suffixes`` are the public suffixes that exist in this DNS only.
    """
    from provisioner.sandbox.dns import hosted_zones

    return {
        "name_servers": _addresses(sandbox.dns.name_servers()),
        "resolvers": _addresses(sandbox.dns.resolvers()),
        "suffixes": hosted_zones.SUFFIXES,
    }


def create_zones(sandbox: Sandbox, domains: Iterable[str]) -> None:
    """Create a zone for each domain, and wait until its name servers can be queried.

    A domain inside an existing zone needs none. A private or internal name gets none, as in the public DNS.
    """
    from provisioner.sandbox.dns import hosted_zones

    for domain in domains:
        hosted_zones.create_zone(sandbox.dns.store, domain)
    sandbox.dns.wait_for_ports()


def dns_update_key(sandbox: Sandbox) -> dict[str, str]:
    """A key for dynamic updates of every zone, with the members of a playbook's ``dns:``."""
    from provisioner.sandbox.dns import hosted_zones

    key = hosted_zones.update_key(sandbox.dns.store)
    return {"provider": "rfc2136", "key": key.name, "algorithm": key.algorithm, "secret": key.secret}


def _settings(sandbox: Sandbox) -> Iterator[tuple[Setting, Sandbox | Vendor]]:
    """Every setting, and whose store has its value."""
    yield from ((setting, sandbox) for setting in SHARED)
    for vendor in sandbox.vendors.values():
        yield from ((setting, vendor) for setting in vendor.settings)


def _dns_misconfigurations() -> Misconfigurations[Any]:
    from provisioner.sandbox.dns.misconfigurations import MISCONFIGURATIONS

    return MISCONFIGURATIONS


def _addresses(endpoints: dict[str, str]) -> dict[str, tuple[str, int]]:
    """Address and port by name, from ``{"ns1.contoso.example.": "127.0.0.1:41053"}``."""
    parts = {name.rstrip("."): endpoint.rpartition(":") for name, endpoint in endpoints.items()}
    return {name: (address, int(port)) for name, (address, _, port) in parts.items()}
