"""The simulated Kiro console's domains: added, Pending, and Verified once a public DNS lookup finds the token.

Kiro, Entra guide, step 3: a domain is added and shows a verification token; a TXT record with it is to be made with a
prefix such as ``kiro-app-1``; the domain is Pending until then; a profile has ten at most, and a domain one profile.

The value's form is that of public DNS data (``kiro-site-verification=`` and a UUID). The guide does not say at which names
Kiro looks, nor how often: here it looks at ``kiro-app-1`` to ``kiro-app-10`` and at the domain itself, whenever somebody looks at
the console. What happens to a token after 24 hours is not documented; here nothing does.

Kind in the Kiro store: ``kiroDomain``, by name.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from provisioner.sandbox.kiro.console import ConsoleRefusal
from provisioner.sandbox.store import Document, Store

MAX_DOMAINS: Final = 10
PENDING: Final = "Pending"
VERIFIED: Final = "Verified"

Resolve = Callable[[str], list[str]]
"""The TXT values of a name, as Kiro's resolver sees them."""


def add_domain(store: Store, profile_id: str, name: str) -> Document:
    """Add a domain to a profile; one that the profile has already is shown as it is.

    Returns:
        ``{"id": name, "profileId", "token", "status", "addedAt"}``; ``token`` is the value of the TXT record.

    Raises:
        ConsoleRefusal: there is no such profile, the profile has ten domains, or another profile has this one.
    """
    name = name.lower().rstrip(".")
    with store.transaction():
        if store.get("kiroProfile", profile_id) is None:
            raise ConsoleRefusal(f"There is no profile {profile_id}.")
        found = store.get("kiroDomain", name)
        if found is not None and found["profileId"] == profile_id:
            return found
        if found is not None:
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
    """Take a domain off its profile; added again, it has another token.

    Raises:
        ConsoleRefusal: nobody has it.
    """
    name = name.lower().rstrip(".")
    if store.get("kiroDomain", name) is None:
        raise ConsoleRefusal(f"There is no domain {name}.")
    store.delete("kiroDomain", name)


def domains(store: Store, profile_id: str) -> list[Document]:
    """A profile's domains, oldest first."""
    return [each for each in store.all("kiroDomain") if each["profileId"] == profile_id]


def verify(store: Store, resolve: Resolve) -> None:
    """Look every Pending domain up, as the console does."""
    for domain in store.all("kiroDomain"):
        if domain["status"] == PENDING and any(
            domain["token"] in resolve(name) for name in _names(domain["id"])
        ):
            store.put("kiroDomain", domain["id"], {**domain, "status": VERIFIED})


def _names(domain: str) -> Iterator[str]:
    yield from (f"kiro-app-{number}.{domain}" for number in range(1, 11))
    yield domain
