"""Rules about the record's value."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.core.check import Severity
from provisioner.providers.dns.context import Rules, Said, Sight, evidence_of, is_token
from provisioner.providers.dns.observations import Answer, Place
from provisioner.providers.dns.propagation import remembered
from provisioner.providers.dns.resources import PREFIX
from provisioner.providers.dns.value_errors import distortion

rule = Rules()

_LONG_TTL = 86400


def _values(answers: tuple[Answer, ...]) -> list[str]:
    return sorted({value.joined for one in answers for value in one.values})


def _wrong(sight: Sight) -> list[Answer]:
    """Witnesses that have values, but not the wanted one."""
    if sight.record.value is None:
        return []
    return [one for one in sight.witnesses if one.values and not sight.holds(one)]


@rule("dns-value-malformed", Severity.HIGH)
def value_malformed(sight: Sight) -> Iterator[Said]:
    """The value is exactly as the console shows it

    Symptom: The record is there, and the domain stays Pending.

    Why: Something was added to the value or lost from it: quotation marks, spaces, its beginning or its end.

    Fix: Correct the value in the DNS. Quotation marks belong to the notation of zone files and of Route 53; elsewhere
    they become part of the value.

    Source: Kiro, Entra guide, step 3; RFC 1035, section 5.1; Amazon Route 53, TXT record type.
    """
    wanted = sight.record.value or ""
    found = {
        value: how
        for one in _wrong(sight)
        for value in (text.joined for text in one.values)
        if (how := distortion(value, wanted))
    }
    for value, how in found.items():
        yield Said(
            f"the value at {sight.record.name} {how}",
            f"correct it to exactly {wanted}",
            (("seen", value), ("wanted", wanted), *evidence_of(_wrong(sight))),
            mended=True,
        )


@rule("dns-value-other", Severity.HIGH)
def value_other(sight: Sight) -> Iterator[Said]:
    """The value is the one that was issued last

    Symptom: A TXT record is there, and the domain stays Pending.

    Why: It has another value: one issued before the domain was removed and added again, or another profile's.

    Fix: Replace it with the value that the console shows now. Other values at the name may stay.

    Source: Kiro, Entra guide, step 3.
    """
    wanted = sight.record.value or ""
    found = [
        one for one in _wrong(sight) if not any(distortion(value.joined, wanted) for value in one.values)
    ]
    if not found:
        return
    tokens = [value for value in _values(tuple(found)) if is_token(value)]
    if tokens:
        message = f"{sight.record.name} has another {PREFIX} value than the wanted one"
        step = f"replace it with {wanted}, or correct the playbook if the console shows the other one"
    else:
        message = f"{sight.record.name} has TXT records, but no {PREFIX} value"
        step = f"add the wanted one beside them: {sight.wanted}"
    yield Said(message, step, (("wanted", wanted), *evidence_of(found)), mended=True)


@rule("dns-value-split", Severity.LOW)
def value_split(sight: Sight) -> Iterator[Said]:
    """The value is one string

    Symptom: None, usually: readers of TXT records join the strings.

    Why: A TXT record has strings of up to 255 octets; this value was split without need. A reader that does not join
    them, or puts spaces between them, sees another value. Which Kiro does is not documented.

    Fix: Enter it as one string.

    Source: RFC 1035, section 3.3.14; RFC 7208, section 3.3, for how strings are joined elsewhere.
    """
    wanted = sight.record.value
    split = [
        one
        for one in sight.witnesses
        if any(value.joined == wanted and len(value.strings) > 1 for value in one.values)
    ]
    if split and wanted and len(wanted.encode()) <= 255:
        strings = next(list(value.strings) for value in split[0].values if value.joined == wanted)
        yield Said(
            f"the value is split into {len(strings)} strings",
            "if the domain stays Pending, enter it as one string",
            (("strings", strings), *evidence_of(split)),
        )


@rule("dns-tokens-several", Severity.MEDIUM)
def tokens_several(sight: Sight) -> Iterator[Said]:
    """There is one verification value, the current one

    Symptom: The domain stays Pending although the record is there.

    Why: Values of earlier attempts are left, at the same name or at others that are usual. Which one Kiro reads is not
    documented.

    Fix: Remove those that the console does not show any more; another profile's verified domain may need its own.

    Source: kirodotdev/Kiro issue 6167 (open); Kiro, Entra guide, step 3.
    """
    answers = tuple(one for place in Place for one in sight.knowing(place))
    tokens = sorted(
        {(one.name, value.joined) for one in answers for value in one.values if is_token(value.joined)}
    )
    stale = [f"{name}: {value}" for name, value in tokens if value != sight.record.value]
    if len(tokens) > 1 and stale and sight.record.value:
        yield Said(
            f"{len(stale)} other {PREFIX} value{'s are' if len(stale) > 1 else ' is'} there",
            "remove those that the Kiro console does not show any more"
            + (
                f"; apply does that at {sight.record.name} with outdated: remove"
                if sight.record.writer
                else ""
            ),
            tuple((f"{name} TXT", value) for name, value in tokens),
        )


@rule("dns-value-cached", Severity.LOW)
def value_cached(sight: Sight) -> Iterator[Said]:
    """Public resolvers have the current value

    Symptom: The value was corrected, and the domain stays Pending for a while.

    Why: Resolvers remember the older value for the TTL of its record.

    Fix: Wait.

    Source: RFC 1035, section 3.2.1, TTL.
    """
    old = [one for one in sight.cached if one.values and not sight.holds(one)]
    if sight.published and old:
        times = [left for one in old if (left := remembered(sight, one)) is not None]
        when = f"in the latest in {max(times)} s" if times else "when its TTL is over"
        yield Said(
            f"{', '.join(one.server for one in old)} still has an older value",
            f"wait: the new one is visible {when}",
            evidence_of(old),
        )


@rule("dns-ttl-long", Severity.LOW)
def ttl_long(sight: Sight) -> Iterator[Said]:
    """A mistake would not be remembered for days

    Symptom: A corrected record takes days to be seen.

    Why: The TTL of the record is longer than the 24 hours within which the domain is to be verified.

    Fix: A TTL of 300 seconds until the domain is verified.

    Source: RFC 1035, section 3.2.1, TTL; Kiro, Entra guide, step 3.
    """
    long = [one for one in sight.authoritative if one.values and (one.ttl or 0) > _LONG_TTL]
    if long:
        yield Said(
            f"the record's TTL is {long[0].ttl} s",
            "set it to 300 until the domain is verified",
            (("ttl", long[0].ttl), *evidence_of(long[:1])),
        )
