"""Domains and labels as people write them, and records ready to paste."""

from __future__ import annotations

import json
import re

import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.providers.dns.names import (
    NameFaultError,
    character_strings,
    decoded,
    doubled,
    parents,
    parse_domain,
    record_name,
)
from provisioner.providers.dns.records import Form, rendered
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.suffixes import Sort, registrable_domain, standing

VALUE = "kiro-site-verification=11111111-2222-3333-4444-555555555555"
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
DOMAINS = st.lists(LABEL, min_size=1, max_size=4).map(lambda labels: ".".join([*labels, "com"]))


@pytest.mark.parametrize(
    ("written", "canonical"),
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
def test_a_domain_has_one_form(written, canonical):
    assert parse_domain(written).ascii == canonical
    assert parse_domain(canonical).ascii == canonical


def test_both_forms_of_an_internationalised_domain_are_shown():
    assert parse_domain("xn--bcher-kva.example").shown == "b\u00fccher.example (xn--bcher-kva.example)"
    assert parse_domain("example.com").shown == "example.com"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "nothing is written"),
        ("https://example.com/", "without https://"),
        ("example.com:53", "a URL or address"),
        ("alice@example.com", "what stands after the @"),
        ("192.0.2.1", "an IP address"),
        ("::1", "a URL or address"),
        ("*.example.com", "expected the domain itself, example.com"),
        ("_dmarc.example.com", "an underscore"),
        ("localhost", "one label"),
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
def test_what_is_no_domain_is_refused_with_what_was_expected(written, message):
    with pytest.raises(NameFaultError, match=re.escape(message)):
        parse_domain(written)


@pytest.mark.parametrize(
    ("written", "warning"),
    [
        ("example.com.example.com", "twice"),
        ("www.example.com", "begins with www"),
        ("kiro-app-1.example.com", "looks like the name of the record"),
    ],
)
def test_what_may_be_a_mistake_is_warned_of(written, warning):
    (told,) = parse_domain(written).warnings
    assert warning in told


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
    found = record_name(label, parse_domain("example.com"))
    assert found.name == name
    assert bool(found.warnings) is warned


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("*", "a wildcard is no name"),
        ("kiro.other.com.", "a full name outside example.com"),
        ("a b", "characters"),
        ("x" * 64, "63 at most"),
        (".".join(["x" * 60] * 4), "253 at most"),
    ],
)
def test_what_is_no_label_is_refused(label, message):
    with pytest.raises(NameFaultError, match=message):
        record_name(label, parse_domain("example.com"))


@given(DOMAINS, LABEL)
def test_however_it_is_written_it_is_the_same_name(domain, label):
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
        found = parse_domain(text)
    except NameFaultError:
        return
    assert parse_domain(found.ascii).ascii == found.ascii
    assert found.ascii.isascii()
    assert len(found.ascii) <= 253


@given(st.text(max_size=1000))
def test_character_strings_lose_nothing(value):
    strings = character_strings(value)
    assert "".join(strings) == value
    assert all(len(one.encode()) <= 255 for one in strings)


def test_other_names():
    assert doubled("a.example.com", "example.com") == "a.example.com.example.com"
    assert doubled("a" * 250, "example.com") is None
    assert parents("a.b.example.com", "example.com") == ("a.b.example.com", "b.example.com", "example.com")
    assert parents("com", "com") == ("com",)
    assert decoded("xn--bcher-kva.xn--99999") == "b\u00fccher.xn--99999"


@pytest.mark.parametrize(
    ("domain", "sort", "registrable"),
    [
        ("a.b.example.co.uk", Sort.PUBLIC, "example.co.uk"),
        ("contoso.com", Sort.PUBLIC, "contoso.com"),
        ("contoso.github.io", Sort.PUBLIC, "github.io"),
        ("xn--e1afmkfd.xn--p1ai", Sort.PUBLIC, "xn--e1afmkfd.xn--p1ai"),
        ("co.uk", Sort.SUFFIX, None),
        ("corp.local", Sort.SPECIAL_USE, None),
        ("printer.home.arpa", Sort.SPECIAL_USE, None),
        ("www.example.com", Sort.SPECIAL_USE, None),
        ("notexample.com", Sort.PUBLIC, "notexample.com"),
        ("aws.internal", Sort.PRIVATE, None),
        ("ad.corp", Sort.PRIVATE, None),
        ("ad.contosoprivate", Sort.UNDELEGATED, None),
    ],
)
def test_where_a_domain_stands(domain, sort, registrable):
    found = standing(domain)
    assert (found.sort, found.registrable) == (sort, registrable)
    assert found.reason
    assert found.resolvable is (sort is Sort.PUBLIC)
    assert registrable_domain(domain) == registrable


def record(value: str | None = VALUE, **more) -> DomainRecord:
    return DomainRecord(
        key="example.com", label="kiro-app-1", name="kiro-app-1.example.com", value=value, **more
    )


TEXTS = st.text(min_size=1, max_size=600)


class TestReadyToPaste:
    def test_as_a_line_of_a_zone_file(self):
        line = rendered(record(ttl=60), Form.ZONE_FILE)
        assert line == f'kiro-app-1.example.com. 60 IN TXT "{VALUE}"\n'

    @given(TEXTS)
    def test_a_zone_file_says_what_was_meant(self, value):
        line = rendered(record(value), Form.ZONE_FILE)
        data = dns.rdata.from_text("IN", "TXT", line.partition(" TXT ")[2].rstrip("\n"))
        assert b"".join(data.strings).decode() == value

    def test_as_a_change_batch_of_route_53(self):
        batch = json.loads(rendered(record(), Form.ROUTE53))
        (change,) = batch["Changes"]
        assert change["Action"] == "CREATE"
        assert change["ResourceRecordSet"] == {
            "Name": "kiro-app-1.example.com.",
            "Type": "TXT",
            "TTL": 300,
            "ResourceRecords": [{"Value": f'"{VALUE}"'}],
        }

    def test_a_change_batch_keeps_what_is_there(self):
        batch = json.loads(rendered(record(), Form.ROUTE53, others=['a "b"', VALUE]))
        (change,) = batch["Changes"]
        assert change["Action"] == "UPSERT"
        values = [one["Value"] for one in change["ResourceRecordSet"]["ResourceRecords"]]
        assert values == ['"a \\"b\\""', f'"{VALUE}"']

    @given(st.text(min_size=1, max_size=600, alphabet=st.characters(min_codepoint=1, codec="utf-8")))
    def test_route_53_is_given_strings_of_255_octets_in_octal_escapes(self, value):
        batch = json.loads(rendered(record(value), Form.ROUTE53))
        text = batch["Changes"][0]["ResourceRecordSet"]["ResourceRecords"][0]["Value"]
        found = b""
        for string in re.findall(r'"((?:[^"\\]|\\.)*)"', text):
            octets = re.sub(
                rb"\\([0-7]{3}|.)",
                lambda part: bytes([int(part[1], 8)]) if len(part[1]) == 3 else part[1],
                string.encode("ascii"),
            )
            assert len(octets) <= 255
            found += octets
        assert found.decode() == value

    def test_as_terraform(self):
        text = rendered(record("${a}" + "x" * 300), Form.TERRAFORM)
        assert 'resource "aws_route53_record" "kiro_kiro_app_1_example_com" {' in text
        assert '"$${a}' in text
        assert 'x\\"\\"x' in text

    def test_in_plain_words(self):
        text = rendered(record(), Form.PLAIN, others=["v=spf1 -all"])
        assert "kiro-app-1.example.com  (in example.com: kiro-app-1)" in text
        assert VALUE in text
        assert "v=spf1 -all" in text

    def test_a_value_that_is_not_known_is_said_to_be_in_the_console(self):
        assert "(the value that the Kiro console shows)" in rendered(record(None), Form.PLAIN)
