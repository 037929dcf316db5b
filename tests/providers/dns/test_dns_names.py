"""Names of domains and records, and records ready to paste."""

from __future__ import annotations

import json
import re

import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.providers.dns.names import (
    InvalidNameError,
    doubled_name,
    parents,
    parse_domain,
    record_name,
    to_unicode,
)
from provisioner.providers.dns.notation import character_strings
from provisioner.providers.dns.records import RecordFormat, render_record
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.suffixes import DomainKind, classify

VALUE = "kiro-site-verification=11111111-2222-3333-4444-555555555555"
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
DOMAINS = st.lists(LABEL, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "com"]))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("example.com", "example.com"),
        (" Example.COM. ", "example.com"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("B\u00dcCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("stra\u00dfe.de", "xn--strae-oqa.de"),
        ("\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah"),
        ("r3---sn.example.com", "r3---sn.example.com"),
        ("3com.com", "3com.com"),
    ],
)
def test_a_domain_has_one_canonical_form(text, canonical):
    assert parse_domain(text).ascii == canonical
    assert parse_domain(canonical).ascii == canonical


def test_the_display_name_has_both_forms_of_an_internationalised_domain():
    assert parse_domain("xn--bcher-kva.example").display_name == "b\u00fccher.example (xn--bcher-kva.example)"
    assert parse_domain("example.com").display_name == "example.com"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the domain is empty"),
        ("https://example.com/", "without https://"),
        ("example.com:53", "a URL or address"),
        ("alice@example.com", "the part after the @"),
        ("192.0.2.1", "an IP address"),
        ("::1", "a URL or address"),
        ("*.example.com", "expected the domain itself, example.com"),
        ("_dmarc.example.com", "an underscore"),
        ("localhost", "a single label"),
        ("a..com", "an empty label"),
        (".example.com", "an empty label"),
        ("-a.com", "a hyphen"),
        ("a b.com", "characters that no name has"),
        ("example.123", "the last label is a number"),
        ("xn--\u00fc.com", "internationalised"),
        ("xn--zzzzzzzzz99999.com", "not valid punycode"),
        ("\u2615\ufe0f.com", "internationalised"),
        (f"{'a' * 64}.com", "63 at most"),
        (".".join(["a" * 50] * 6), "253 at most"),
    ],
)
def test_other_texts_are_refused_with_what_was_expected(text, message):
    with pytest.raises(InvalidNameError, match=re.escape(message)):
        parse_domain(text)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("example.com.example.com", "twice"),
        ("www.example.com", "begins with www"),
        ("kiro-app-1.example.com", "looks like the name of the record"),
    ],
)
def test_probable_mistakes_are_warnings(text, warning):
    (message,) = parse_domain(text).warnings
    assert warning in message


@pytest.mark.parametrize(
    ("label", "name", "warned"),
    [
        ("kiro-app-1", "kiro-app-1.example.com", False),
        ("Kiro-App-1", "kiro-app-1.example.com", False),
        ("@", "example.com", False),
        ("", "example.com", False),
        ("_kiro.verify", "_kiro.verify.example.com", False),
        ("example.com", "example.com", True),
        ("kiro-app-1.example.com", "kiro-app-1.example.com", True),
        ("kiro-app-1.example.com.", "kiro-app-1.example.com", True),
        ("kiro-app-1.example.com.example.com", "kiro-app-1.example.com", True),
        ("b\u00fccher", "xn--bcher-kva.example.com", False),
    ],
)
def test_the_full_name_of_a_record(label, name, warned):
    result = record_name(label, parse_domain("example.com"))
    assert result.name == name
    assert bool(result.warnings) is warned


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("*", "cannot have a wildcard name"),
        ("kiro.other.com.", "a full name outside example.com"),
        ("a b", "characters"),
        ("x" * 64, "63 at most"),
        (".".join(["x" * 60] * 4), "253 at most"),
    ],
)
def test_other_labels_are_refused(label, message):
    with pytest.raises(InvalidNameError, match=message):
        record_name(label, parse_domain("example.com"))


@given(DOMAINS, LABEL)
def test_every_way_to_write_a_record_gives_the_same_name(domain, label):
    parsed = parse_domain(domain)
    names = {
        record_name(form, parse_domain(f"{domain.upper()}.")).name
        for form in (
            label,
            label.upper(),
            f"{label}.{domain}",
            f"{label}.{domain}.",
            f"{label}.{domain}.{domain}",
        )
    }
    assert names == {f"{label}.{domain}"}
    assert parse_domain(parsed.ascii) == parsed


@given(st.text(max_size=300))
def test_any_text_is_a_domain_or_refused(text):
    try:
        domain = parse_domain(text)
    except InvalidNameError:
        return
    assert parse_domain(domain.ascii).ascii == domain.ascii
    assert domain.ascii.isascii()
    assert len(domain.ascii) <= 253


@given(st.text(max_size=1000))
def test_character_strings_lose_nothing(value):
    strings = character_strings(value)
    assert "".join(strings) == value
    assert all(len(string.encode()) <= 255 for string in strings)


def test_names_derived_from_a_name():
    assert doubled_name("a.example.com", "example.com") == "a.example.com.example.com"
    assert doubled_name("a" * 250, "example.com") is None
    assert parents("a.b.example.com", "example.com") == ("a.b.example.com", "b.example.com", "example.com")
    assert parents("com", "com") == ("com",)
    assert to_unicode("xn--bcher-kva.xn--99999") == "b\u00fccher.xn--99999"


@pytest.mark.parametrize(
    ("domain", "kind", "registrable"),
    [
        ("a.b.example.co.uk", DomainKind.PUBLIC, "example.co.uk"),
        ("contoso.com", DomainKind.PUBLIC, "contoso.com"),
        ("contoso.github.io", DomainKind.PUBLIC, "github.io"),
        ("xn--e1afmkfd.xn--p1ai", DomainKind.PUBLIC, "xn--e1afmkfd.xn--p1ai"),
        ("co.uk", DomainKind.PUBLIC_SUFFIX, None),
        ("corp.local", DomainKind.SPECIAL_USE, None),
        ("printer.home.arpa", DomainKind.SPECIAL_USE, None),
        ("www.example.com", DomainKind.SPECIAL_USE, None),
        ("notexample.com", DomainKind.PUBLIC, "notexample.com"),
        ("aws.internal", DomainKind.PRIVATE, None),
        ("ad.corp", DomainKind.PRIVATE, None),
        ("ad.contosoprivate", DomainKind.UNDELEGATED, None),
    ],
)
def test_the_classification_of_a_domain(domain, kind, registrable):
    result = classify(domain)
    assert (result.kind, result.registrable) == (kind, registrable)
    assert result.reason
    assert result.resolvable is (kind is DomainKind.PUBLIC)


def record(value: str | None = VALUE, **more) -> DomainRecord:
    return DomainRecord(
        key="example.com", label="kiro-app-1", name="kiro-app-1.example.com", value=value, **more
    )


TEXTS = st.text(min_size=1, max_size=600)


class TestRenderedRecords:
    def test_a_line_of_a_zone_file(self):
        line = render_record(record(ttl=60), RecordFormat.ZONE_FILE)
        assert line == f'kiro-app-1.example.com. 60 IN TXT "{VALUE}"\n'

    @given(TEXTS)
    def test_a_zone_file_has_the_value(self, value):
        line = render_record(record(value), RecordFormat.ZONE_FILE)
        data = dns.rdata.from_text("IN", "TXT", line.partition(" TXT ")[2].rstrip("\n"))
        assert b"".join(data.strings).decode() == value

    def test_a_change_batch_of_route_53(self):
        batch = json.loads(render_record(record(), RecordFormat.ROUTE53))
        (change,) = batch["Changes"]
        assert change["Action"] == "CREATE"
        assert change["ResourceRecordSet"] == {
            "Name": "kiro-app-1.example.com.",
            "Type": "TXT",
            "TTL": 300,
            "ResourceRecords": [{"Value": f'"{VALUE}"'}],
        }

    def test_a_change_batch_keeps_other_values(self):
        batch = json.loads(render_record(record(), RecordFormat.ROUTE53, other_values=['a "b"', VALUE]))
        (change,) = batch["Changes"]
        assert change["Action"] == "UPSERT"
        values = [record["Value"] for record in change["ResourceRecordSet"]["ResourceRecords"]]
        assert values == ['"a \\"b\\""', f'"{VALUE}"']

    @given(st.text(min_size=1, max_size=600, alphabet=st.characters(min_codepoint=1, codec="utf-8")))
    def test_route_53_has_strings_of_255_octets_in_octal_escapes(self, value):
        batch = json.loads(render_record(record(value), RecordFormat.ROUTE53))
        text = batch["Changes"][0]["ResourceRecordSet"]["ResourceRecords"][0]["Value"]
        decoded = b""
        for string in re.findall(r'"((?:[^"\\]|\\.)*)"', text):
            octets = re.sub(
                rb"\\([0-7]{3}|.)",
                lambda part: bytes([int(part[1], 8)]) if len(part[1]) == 3 else part[1],
                string.encode("ascii"),
            )
            assert len(octets) <= 255
            decoded += octets
        assert decoded.decode() == value

    def test_terraform(self):
        text = render_record(record("${a}" + "x" * 300), RecordFormat.TERRAFORM)
        assert 'resource "aws_route53_record" "kiro_kiro_app_1_example_com" {' in text
        assert '"$${a}' in text
        assert 'x\\"\\"x' in text

    def test_plain_text(self):
        text = render_record(record(), RecordFormat.PLAIN, other_values=["v=spf1 -all"])
        assert "kiro-app-1.example.com  (in example.com: kiro-app-1)" in text
        assert VALUE in text
        assert "v=spf1 -all" in text

    def test_an_unknown_value_is_in_the_console(self):
        assert "(the value that the Kiro console shows)" in render_record(record(None), RecordFormat.PLAIN)
