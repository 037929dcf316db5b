"""Typical errors that happen to a value between the Kiro console and the DNS. Pure."""

from __future__ import annotations

import re
from typing import Final

from provisioner.providers.dns.resources import VALUE_PREFIX

_NOISE: Final = re.compile(r"[\s\"'\\\u201c\u201d\u00a0\u200b]+")
_MIN_LENGTH: Final = len(VALUE_PREFIX) + 4


def value_error(actual: str, expected: str) -> str | None:
    """How the actual value differs from the expected one, as the end of a sentence.

    Returns:
        None if both are equal, or the actual value is a different one altogether.
    """
    if actual == expected:
        return None
    actual_text, expected_text = _NOISE.sub("", actual), _NOISE.sub("", expected)
    if actual_text.casefold() == expected_text.casefold():
        differences = [*_noise_errors(actual)]
        if actual_text != expected_text:
            differences.append("differs in upper and lower case")
        return " and ".join(differences) or "differs in spaces or quotation marks"
    return _text_error(actual_text, expected_text)


def _text_error(actual: str, expected: str) -> str | None:
    """For values whose letters differ; both without quotation marks and spaces."""
    unprefixed = expected.removeprefix(VALUE_PREFIX)
    if actual.casefold() == unprefixed.casefold():
        return f"lacks the prefix {VALUE_PREFIX}"
    if expected in actual:
        return "has additional text around it"
    if unprefixed and actual.casefold().endswith(unprefixed.casefold()):
        return f"has another prefix than {VALUE_PREFIX}"
    return "is cut off" if len(actual) >= _MIN_LENGTH and actual in expected else None


def _noise_errors(actual: str) -> list[str]:
    errors = []
    if re.search(r"\"\s+\"", actual):
        errors.append("contains the quotation marks and spaces between its strings")
    elif re.search(r"[\"'\u201c\u201d]", actual):
        errors.append("contains quotation marks")
    if "\\" in actual:
        errors.append("contains backslashes")
    if re.search(r"[\s\u00a0\u200b]", actual.replace('" "', "")):
        errors.append("contains spaces")
    return errors
