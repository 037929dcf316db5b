"""Checks that compare the domains of users' e-mail addresses with the playbook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.core.check import CheckContext, CheckRegistry, Severity, SkipCheckError, Violation
from provisioner.providers.dns.names import parents, to_unicode, within
from provisioner.providers.dns.observations import MICROSOFT_DOMAINS, EmailDomain, VerifiedDomain, Zone
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.suffixes import classify

_MAIL_PROVIDERS: Final = """
126.com 163.com aol.com gmail.com gmx.com gmx.de gmx.net googlemail.com hotmail.com icloud.com live.com mac.com
mail.com mail.ru me.com msn.com outlook.com proton.me protonmail.com qq.com rocketmail.com web.de yahoo.co.jp
yahoo.com yandex.com yandex.ru ymail.com zoho.com
"""
PUBLIC_MAIL: Final = frozenset(_MAIL_PROVIDERS.split())
"""The best-known public mail providers; not all."""

check = CheckRegistry()


@check("dns-email-domain-uncovered", reads=(EmailDomain,), severity=Severity.MEDIUM)
def email_domain_uncovered(context: CheckContext) -> Iterator[Violation]:
    """The domains of all e-mail addresses are in the playbook

    Symptom: A user enters their e-mail address at Kiro's sign-in, and is not sent to the organization's sign-in.

    Why: Kiro finds the profile by the domain of the entered address. Only an equal domain counts here: whether a domain
    covers its subdomains is not documented.

    Fix: Add the domain to the playbook if it is yours. Users of other domains, such as those of a public mail provider,
    enter an address in a domain of the playbook: Kiro uses it to find the profile, and it need not be their own.

    Source: Kiro, Entra guide, Domain configuration notes and step 3.
    """
    playbook_domains = _playbook_domains(context)
    if not playbook_domains:
        raise SkipCheckError(
            "the playbook has no domains; dns-verified-domain-candidate lists the domains that it could have"
        )
    for email_domain in _uncovered(context):
        name = email_domain.key
        yield Violation(
            f"{_describe(email_domain, playbook_domains)}; {_next_step(context, name)}",
            email_domain.address,
            (
                ("domain", name),
                ("people", email_domain.people),
                ("domains of the playbook", sorted(playbook_domains)),
            ),
            severity=Severity.LOW if _is_shared(name) else None,
        )


@check("dns-verified-domain-candidate", reads=(VerifiedDomain, EmailDomain), severity=Severity.LOW)
def verified_domain_candidate(context: CheckContext) -> Iterator[Violation]:
    """The tenant's verified domains with users are in the playbook

    Symptom: None yet. Kiro cannot find the profile by these users' e-mail addresses.

    Why: The identity provider's tenant has verified the domain, so it is the organization's own, and a TXT record can
    be created in it. Verified in the tenant, it is not verified for Kiro.

    Fix: Add the domain to the playbook, below domains:. If the playbook has domains, dns-email-domain-uncovered reports
    the missing ones, and this check is skipped.

    Source: Kiro, Entra guide, step 3; Microsoft Graph v1.0, organization (verifiedDomains).
    """
    verified = {domain.key: domain for domain in context.snapshot.all(VerifiedDomain)}
    if not verified:
        raise SkipCheckError("the identity provider returned no verified domain")
    candidates = [email_domain for email_domain in _uncovered(context) if email_domain.key in verified]
    if candidates and _playbook_domains(context):
        raise SkipCheckError("dns-email-domain-uncovered reports the missing domains")
    for email_domain in candidates:
        name, default = email_domain.key, verified[email_domain.key].default
        title = "the tenant's default domain" if default else "which the tenant has verified"
        yield Violation(
            f"{_people(email_domain)} in {to_unicode(name)}, {title}; {_add(name)}",
            email_domain.address,
            (("domain", name), ("people", email_domain.people), ("default", default)),
        )


def _playbook_domains(context: CheckContext) -> frozenset[str]:
    return frozenset(record.key for record in context.all_desired(DomainRecord))


def _uncovered(context: CheckContext) -> list[EmailDomain]:
    """The domains that are not in the playbook, those with most users first.

    Raises:
        SkipCheckError: no domain was read.
    """
    email_domains = context.snapshot.all(EmailDomain)
    if not email_domains:
        raise SkipCheckError("no user with an e-mail address is assigned to the application")
    playbook_domains = _playbook_domains(context)
    uncovered = (domain for domain in email_domains if domain.key not in playbook_domains)
    return sorted(uncovered, key=lambda domain: (-domain.people, domain.key))


def _describe(email_domain: EmailDomain, playbook_domains: frozenset[str]) -> str:
    name = email_domain.key
    above = [parent for parent in parents(name, "")[1:] if parent in playbook_domains]
    where = f"{to_unicode(name)}, which is not in the playbook"
    if above:
        where += f" ({above[0]} is; whether it covers its subdomains is not documented)"
    return (
        f"{_people(email_domain)} in {where}: Kiro does not find this profile by such an address, unless the domain was "
        "added to the profile in the Kiro console"
    )


def _people(email_domain: EmailDomain) -> str:
    count = email_domain.people
    text = "1 user has an address" if count == 1 else f"{count} users have addresses"
    return text if email_domain.complete else f"at least {text} (not every user was read)"


def _next_step(context: CheckContext, domain: str) -> str:
    """What to do about a domain that is not in the playbook."""
    other_address = (
        "tell these users to enter an address in a domain of the playbook, which need not be their own"
    )
    if _is_shared(domain):
        return f"you cannot verify that domain: {other_address}"
    suffixes = tuple(suffix for zone in context.snapshot.all(Zone) for suffix in zone.suffixes)
    classification = classify(domain, suffixes)
    if not classification.resolvable:
        return f"it cannot be verified ({classification.reason}; see dns-domain-private): {other_address}"
    if context.snapshot.get(VerifiedDomain, domain):
        return f"the tenant has verified it: {_add(domain)}"
    return f"if it is yours, {_add(domain)}; otherwise {other_address}"


def _is_shared(domain: str) -> bool:
    """Whether it belongs to a public mail provider, or to Microsoft."""
    return domain in PUBLIC_MAIL or any(within(domain, suffix) for suffix in MICROSOFT_DOMAINS)


def _add(domain: str) -> str:
    return f'add it to the playbook, below domains: "- name: {to_unicode(domain)}"'
