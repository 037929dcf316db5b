"""The domains of people's e-mail addresses: counted while people are read, and compared with the playbook's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from provisioner.core.check import CheckContext, CheckRegistry, Severity, SkipCheckError, Violation
from provisioner.providers.dns.names import NameFaultError, decoded, parents, parse_domain, within
from provisioner.providers.dns.observations import VENDOR_DOMAINS, EmailDomain, VerifiedDomain, Zone
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.suffixes import standing

_BEST_KNOWN: Final = """
126.com 163.com aol.com gmail.com gmx.com gmx.de gmx.net googlemail.com hotmail.com icloud.com live.com mac.com
mail.com mail.ru me.com msn.com outlook.com proton.me protonmail.com qq.com rocketmail.com web.de yahoo.co.jp
yahoo.com yandex.com yandex.ru ymail.com zoho.com
"""
PUBLIC_MAIL: Final = frozenset(_BEST_KNOWN.split())
"""Where anybody can have a mailbox; the best known, not all."""

check = CheckRegistry()


@dataclass
class EmailDomains:
    """Counts people by the domain of their e-mail addresses; of a person, only the id is kept.

    Attributes:
        whole: everybody was read.
    """

    whole: bool = True
    _known: set[str] = field(default_factory=set)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(self, person: str, address: str | None) -> None:
        """Count a person, once.

        Args:
            person: an id.
            address: an e-mail address, or a sign-in name of that form; others are not counted.
        """
        _, at, domain = (address or "").rpartition("@")
        if at and domain.strip().strip(".") and person not in self._known:
            self._counts[domain] += 1
        self._known.add(person)

    @property
    def blind(self) -> bool:
        """Whether there are people, but nobody's address was told."""
        return bool(self._known) and not self._counts

    def domains(self) -> tuple[EmailDomain, ...]:
        """The domains, in the order of their names."""
        people: Counter[str] = Counter()
        for written, count in self._counts.items():
            people[canonical(written)] += count
        return tuple(
            EmailDomain(key=name, people=people[name], complete=self.whole) for name in sorted(people)
        )


def canonical(domain: str) -> str:
    """A domain as the DNS knows it; in lower case where it is none that the DNS could have."""
    try:
        return parse_domain(domain).ascii
    except NameFaultError:
        return domain.strip().strip(".").lower()


@check("dns-email-domain-uncovered", reads=(EmailDomain,), severity=Severity.MEDIUM)
def email_domain_uncovered(context: CheckContext) -> Iterator[Violation]:
    """Everybody's e-mail address is in a domain of the playbook

    Symptom: Somebody enters the own e-mail address at Kiro's sign-in, and is not led to the organization's sign-in.

    Why: Kiro finds the profile by the domain of the address that is entered. Only an equal domain counts here: whether
    a domain covers those below it is not documented.

    Fix: Add the domain to the playbook if it is yours. Those whose address is elsewhere, at a public mail provider for
    example, enter an address in a domain of the playbook: it is used to find the profile, and need not be theirs.

    Source: Kiro, Entra guide, Domain configuration notes and step 3.
    """
    listed = _listed(context)
    if not listed:
        raise SkipCheckError(
            "the playbook has no domains; dns-verified-domain-candidate tells which it could have"
        )
    for found in _uncovered(context):
        yield Violation(
            f"{_told(found, listed)}; {_advice(context, found.key)}",
            found.address,
            (("domain", found.key), ("people", found.people), ("domains of the playbook", sorted(listed))),
            severity=Severity.LOW if _is_anybodys(found.key) else None,
        )


@check("dns-verified-domain-candidate", reads=(VerifiedDomain, EmailDomain), severity=Severity.LOW)
def verified_domain_candidate(context: CheckContext) -> Iterator[Violation]:
    """Domains of the tenant in which people have addresses are in the playbook

    Symptom: None yet. Kiro cannot tell from these people's addresses which profile is theirs.

    Why: The identity provider's tenant has verified the domain, so it is the organization's own, and a TXT record can
    be made in it. Verified there, it is not verified for Kiro.

    Fix: Add the domain to the playbook, below domains:. Where the playbook has domains already,
    dns-email-domain-uncovered tells of the missing ones, and this check is skipped.

    Source: Kiro, Entra guide, step 3; Microsoft Graph v1.0, organization (verifiedDomains).
    """
    verified = {found.key: found for found in context.snapshot.all(VerifiedDomain)}
    if not verified:
        raise SkipCheckError("the identity provider tells of no domain that it has verified")
    candidates = [found for found in _uncovered(context) if found.key in verified]
    if candidates and _listed(context):
        raise SkipCheckError("dns-email-domain-uncovered tells of the domains that are missing")
    for found in candidates:
        default = verified[found.key].default
        title = "the tenant's default domain" if default else "verified in the tenant"
        yield Violation(
            f"{_people(found)} in {decoded(found.key)}, {title}; {_add(found.key)}",
            found.address,
            (("domain", found.key), ("people", found.people), ("default", default)),
        )


def _listed(context: CheckContext) -> frozenset[str]:
    return frozenset(record.key for record in context.all_desired(DomainRecord))


def _uncovered(context: CheckContext) -> list[EmailDomain]:
    """The domains that are not in the playbook, those of most people first.

    Raises:
        SkipCheckError: no domain is known at all.
    """
    found = context.snapshot.all(EmailDomain)
    if not found:
        raise SkipCheckError("nobody with an e-mail address is assigned to the application")
    listed = _listed(context)
    missing = (one for one in found if one.key not in listed)
    return sorted(missing, key=lambda one: (-one.people, one.key))


def _told(found: EmailDomain, listed: frozenset[str]) -> str:
    above = [name for name in parents(found.key, "")[1:] if name in listed]
    where = f"{decoded(found.key)}, which is not in the playbook"
    if above:
        where += f" ({above[0]} is; that it covers domains below it is not documented)"
    return (
        f"{_people(found)} in {where}: Kiro does not lead whoever enters such an address to this profile, unless "
        "somebody added the domain to it by hand"
    )


def _people(found: EmailDomain) -> str:
    count = "1 person has an address" if found.people == 1 else f"{found.people} people have addresses"
    return count if found.complete else f"at least {count} (not everybody was read)"


def _advice(context: CheckContext, domain: str) -> str:
    """What to do about a domain that is not in the playbook."""
    elsewhere = "let them enter an address in a domain of the playbook, which need not be their own"
    if _is_anybodys(domain):
        return f"nobody can verify that domain for you: {elsewhere}"
    suffixes = tuple(suffix for zone in context.snapshot.all(Zone) for suffix in zone.suffixes)
    place = standing(domain, suffixes)
    if not place.resolvable:
        return f"it cannot be verified ({place.reason}; see dns-domain-private): {elsewhere}"
    if context.snapshot.get(VerifiedDomain, domain):
        return f"it is verified in the tenant: {_add(domain)}"
    return f"if it is yours, {_add(domain)}; otherwise {elsewhere}"


def _is_anybodys(domain: str) -> bool:
    """Whether it belongs to a mail provider, or to the vendor of the directory."""
    return domain in PUBLIC_MAIL or any(within(domain, vendor) for vendor in VENDOR_DOMAINS)


def _add(domain: str) -> str:
    return f'add it to the playbook, below domains: "- name: {decoded(domain)}"'
