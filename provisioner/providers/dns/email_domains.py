"""Counts users by the domain of their e-mail addresses, while they are read. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .names import canonical_domain
from .observations import EmailDomain


@dataclass
class EmailDomains:
    """The number of users per domain of their e-mail addresses. Of a user, only the id is stored.

    Attributes:
        complete: every user was read.
    """

    complete: bool = True
    _users: set[str] = field(default_factory=set)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(self, user: str, address: str | None) -> None:
        """Count a user, once.

        Args:
            user: an id.
            address: an e-mail address, or a sign-in name of that form; others are not counted.
        """
        _, at, domain = (address or "").rpartition("@")
        if at and domain.strip().strip(".") and user not in self._users:
            self._counts[domain] += 1
        self._users.add(user)

    @property
    def addresses_hidden(self) -> bool:
        """Whether there are users, but no readable address."""
        return bool(self._users) and not self._counts

    def domains(self) -> tuple[EmailDomain, ...]:
        """The domains, sorted by name."""
        users: Counter[str] = Counter()
        for domain, count in self._counts.items():
            users[canonical_domain(domain)] += count
        return tuple(
            EmailDomain(key=name, people=users[name], complete=self.complete) for name in sorted(users)
        )
