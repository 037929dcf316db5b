"""Domains in the simulated Kiro console: Pending at first, Verified once a public DNS lookup finds the token.

Kiro, Entra guide, step 3: a domain that is added shows a verification token. The admin creates a TXT record with it, at a
prefix such as ``kiro-app-1``. The domain is Pending until then. A profile has at most ten domains, and a domain has one
profile.

The form of the value is that of public DNS data (``kiro-site-verification=`` and a UUID). The guide does not document which
names Kiro looks up, nor how often. The sandbox looks up ``kiro-app-1`` to ``kiro-app-10`` and the domain itself, each
time the console is opened. What happens to a token after 24 hours is not documented; in the sandbox it stays valid.

Kind in the Kiro store: ``kiroDomain``, by name.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from provisioner.sandbox.refusal import ConsoleRefusal
from provisioner.sandbox.store import Document, Store

MAX_DOMAINS: Final = 10
PENDING: Final = "Pending"
VERIFIED: Final = "Verified"

Resolve = Callable[[str], list[str]]
"""Returns the TXT values of a name, as Kiro's resolver returns them."""


def add_domain(store: Store, profile_id: str, name: str) -> Document:
    """Add a domain to a profile. If the profile has it already, nothing changes.

    Returns:
        ``{"id": name, "profileId", "token", "status", "addedAt"}``; ``token`` is the value of the TXT record.

    Raises:
        ConsoleRefusal: there is no such profile, the profile has ten domains, or another profile has this one.
    """
    name = name.lower().rstrip(".")
    with store.transaction():
        if store.get("kiroProfile", profile_id) is None:
            raise ConsoleRefusal(f"There is no profile {profile_id}.")
        existing = store.get("kiroDomain", name)
        if existing is not None and existing["profileId"] == profile_id:
            return existing
        if existing is not None:
            raise ConsoleRefusal(f"{name} is already associated with another profile.")
        if len(domains(store, profile_id)) >= MAX_DOMAINS:
            raise ConsoleRefusal(f"A Kiro profile supports at most {MAX_DOMAINS} domains.")
        domain = {
            "id": name,
            "profileId": profile_id,
            "token": f"kiro-site-verification={uuid.uuid4()}",
            "status": PENDING,
            "addedAt": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        store.put("kiroDomain", name, domain)
    return domain


def remove_domain(store: Store, name: str) -> None:
    """Remove a domain from its profile. When it is added again, it gets another token.

    Raises:
        ConsoleRefusal: no profile has it.
    """
    name = name.lower().rstrip(".")
    if store.get("kiroDomain", name) is None:
        raise ConsoleRefusal(f"There is no domain {name}.")
    store.delete("kiroDomain", name)


def domains(store: Store, profile_id: str) -> list[Document]:
    """A profile's domains, oldest first."""
    return [domain for domain in store.all("kiroDomain") if domain["profileId"] == profile_id]


def verify(store: Store, resolve: Resolve) -> None:
    """Look up every Pending domain, and set it to Verified if the lookup finds its token."""
    for domain in store.all("kiroDomain"):
        if domain["status"] == PENDING and any(
            domain["token"] in resolve(name) for name in _lookup_names(domain["id"])
        ):
            store.put("kiroDomain", domain["id"], {**domain, "status": VERIFIED})


def _lookup_names(domain: str) -> Iterator[str]:
    yield from (f"kiro-app-{number}.{domain}" for number in range(1, 11))
    yield domain
