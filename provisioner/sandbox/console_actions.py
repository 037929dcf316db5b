"""Console actions: what a simulated admin does at a manual step of a playbook.

The admin uses Kiro's console, the editor of a DNS zone, or the vendor's console.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from provisioner.sandbox.refusal import ConsoleRefusal
from provisioner.sandbox.sandbox import Sandbox
from provisioner.sandbox.settings import CONSOLE
from provisioner.sandbox.store import Document

# The DNS and Kiro are imported when they are needed: they take time to load.
# ruff: noqa: PLC0415

_DOMAIN_STEP: Final = "kiro-domain-"
_RECORD_STEP: Final = "dns-record-"
_STRING_LENGTH: Final = 255  # of a TXT record (RFC 1035, section 3.3)


@dataclass(frozen=True)
class ActionResult:
    """What a simulated admin did.

    Attributes:
        summary: what the admin did, in one sentence.
        output: the value that the console showed; empty if it showed none.
    """

    summary: str
    output: str = ""


def perform(
    sandbox: Sandbox, vendor: str, step_key: str, instructions: Sequence[str] = ()
) -> ActionResult | None:
    """Do a manual step.

    Args:
        sandbox: the sandbox; its server must be running.
        vendor: the identity provider of the playbook.
        step_key: key of the step: ``kiro-domain-`` or ``dns-record-`` and a domain, or one of the vendor's.
        instructions: the step's instructions; those of a TXT record have lines with ``Name:``, ``Value:`` and ``TTL:``.

    Returns:
        what was done; None with the setting ``console=manual``, for an unknown step, or when it cannot be done yet.
    """
    if CONSOLE.read(sandbox.store) == "manual":
        return None
    try:
        if step_key.startswith(_DOMAIN_STEP):
            return _perform_domain_step(sandbox, vendor, step_key.removeprefix(_DOMAIN_STEP))
        if step_key.startswith(_RECORD_STEP):
            return _perform_record_step(sandbox, instructions)
        action = sandbox.vendors[vendor].console_actions().get(step_key)
        summary = action() if action else None
    except ConsoleRefusal:
        return None
    return ActionResult(summary) if summary else None


def generate_token(sandbox: Sandbox, vendor: str | None = None) -> dict[str, str]:
    """Generate a SCIM token, which Kiro's console labels "access token", for the newest Kiro profile.

    Args:
        sandbox: the sandbox.
        vendor: name of a vendor, to use the newest profile for it; None for the newest of all profiles.

    Returns:
        ``KIRO_SCIM_ENDPOINT`` and ``KIRO_SCIM_TOKEN``; Kiro shows the token only this once.

    Raises:
        ConsoleRefusal: there is no such profile, or it has two tokens already.
    """
    from provisioner.sandbox.kiro import console

    if vendor:
        profile = _newest_profile(sandbox, vendor)
    elif profiles := sandbox.kiro.all("kiroProfile"):
        profile = profiles[-1]
    else:
        raise ConsoleRefusal("there is no Kiro profile yet")
    return {
        "KIRO_SCIM_ENDPOINT": console.endpoint(sandbox.http_url, profile["id"]),
        "KIRO_SCIM_TOKEN": console.generate_token(sandbox.kiro, profile["id"]),
    }


def add_domain(sandbox: Sandbox, vendor: str, domain: str) -> str:
    """Add a domain to the newest Kiro profile for a vendor, and create the domain's zone in the DNS.

    Returns:
        the domain's verification token.

    Raises:
        ConsoleRefusal: there is no such profile, or Kiro's console refuses the domain.
    """
    from provisioner.sandbox.dns import hosted_zones
    from provisioner.sandbox.kiro import domains

    profile = _newest_profile(sandbox, vendor)
    hosted_zones.create_zone(sandbox.dns.store, domain)
    return str(domains.add_domain(sandbox.kiro, profile["id"], domain)["token"])


def create_record(sandbox: Sandbox, name: str, value: str, ttl: int) -> str:
    """Create a TXT record in the editor of the zone that contains its name.

    Args:
        sandbox: the sandbox.
        name: the full name.
        value: of any length; it is split into strings.
        ttl: seconds.

    Returns:
        the zone, without a final dot.

    Raises:
        ValueError: no zone contains the name, or the name is malformed.
    """
    from provisioner.sandbox.dns import add_record, hosted_zones, txt

    zone = hosted_zones.zone_containing(sandbox.dns.store, name)
    if zone is None:
        raise ValueError(f"no zone of the sandbox contains the name {name}")
    strings = [value[start : start + _STRING_LENGTH] for start in range(0, len(value), _STRING_LENGTH)]
    add_record(sandbox.dns.store, zone, f"{name.rstrip('.')}.", "TXT", txt(*strings), ttl=ttl)
    return zone.rstrip(".")


def verify_domains(sandbox: Sandbox) -> None:
    """Open the list of domains in Kiro's console: Kiro then looks up each Pending domain in the public DNS.

    A domain becomes Verified if one of its TXT records has its token.
    """
    from provisioner.sandbox.dns import hosted_zones
    from provisioner.sandbox.kiro import domains

    if sandbox.kiro.keys("kiroDomain"):
        domains.verify(sandbox.kiro, lambda name: hosted_zones.lookup_txt(sandbox.dns, name))


def verification_tokens(sandbox: Sandbox, names: Iterable[str]) -> dict[str, str]:
    """The verification tokens by domain, as Kiro's console shows them; domains that were not added are left out."""
    added = {name: sandbox.kiro.get("kiroDomain", name) for name in names}
    return {name: str(domain["token"]) for name, domain in added.items() if domain is not None}


def _newest_profile(sandbox: Sandbox, vendor: str) -> Document:
    profile = sandbox.vendors[vendor].newest_profile()
    if profile is None:
        raise ConsoleRefusal(f"there is no Kiro profile for {vendor} yet")
    return profile


def _perform_domain_step(sandbox: Sandbox, vendor: str, domain: str) -> ActionResult:
    token = add_domain(sandbox, vendor, domain)
    return ActionResult(f"Added {domain} in the Kiro console, and copied its verification token.", token)


def _perform_record_step(sandbox: Sandbox, instructions: Sequence[str]) -> ActionResult | None:
    """Create the TXT record from the instructions; None while its value is not known, which then is in parentheses."""
    lines = dict(line.split(":", 1) for line in instructions if ":" in line)
    if not {"Name", "Value", "TTL"} <= lines.keys() or lines["Value"].strip().startswith("("):
        return None
    name = lines["Name"].split()[0]
    try:
        zone = create_record(sandbox, name, lines["Value"].strip(), int(lines["TTL"]))
    except ValueError:
        return None
    return ActionResult(f"Created the TXT record {name} in the zone {zone}.")
