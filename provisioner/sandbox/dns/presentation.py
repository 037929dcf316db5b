"""Names and record data in presentation format, as in a zone file (RFC 1035 section 5.1)."""

from __future__ import annotations

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

_MAX_STRING_OCTETS = 255  # RFC 1035 section 3.3: <character-string>


def parse_name(name: str, origin: dns.name.Name = dns.name.root) -> dns.name.Name:
    """Parse a name in Unicode or punycode; without a final dot it is relative to the origin.

    Raises:
        ValueError: it is not a domain name.
    """
    try:
        parsed = dns.name.from_text(name, origin, idna_codec=dns.name.IDNA_2008_Practical)
    except dns.exception.DNSException as error:
        raise ValueError(f"{name!r} is not a domain name: {error}") from error
    return parsed.canonicalize()


def canonical(name: dns.name.Name) -> str:
    """The text of a name as the store has it: absolute, lower case, punycode."""
    return name.canonicalize().to_text()


def parse_type(text: str) -> dns.rdatatype.RdataType:
    """Parse a record type.

    Raises:
        ValueError: the type does not exist, or is a QTYPE or meta-type.
    """
    try:
        rdtype = dns.rdatatype.from_text(text)
    except dns.exception.DNSException as error:
        raise ValueError(f"unknown record type {text!r}") from error
    if dns.rdatatype.is_metatype(rdtype):
        raise ValueError(f"{text} is not a type that a record can have")
    return rdtype


def parse_rdata(
    rdtype: dns.rdatatype.RdataType, text: str, origin: dns.name.Name = dns.name.root
) -> dns.rdata.Rdata:
    """Parse record data; names without a final dot are relative to the origin.

    Raises:
        ValueError: the data does not fit the type.
    """
    try:
        return dns.rdata.from_text(
            dns.rdataclass.IN,
            rdtype,
            text,
            origin,
            relativize=False,
            idna_codec=dns.name.IDNA_2008_Practical,
        )
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{text!r} is not the data of a {rdtype.name} record: {error}") from error


def txt(*strings: str | bytes) -> str:
    """The data of a TXT record: each argument as a quoted string.

    Raises:
        ValueError: there is no string, or one has more than 255 octets (RFC 1035 section 3.3).
    """
    encoded = [string.encode() if isinstance(string, str) else string for string in strings]
    if not encoded or max(map(len, encoded)) > _MAX_STRING_OCTETS:
        raise ValueError(f"a TXT record has one string or more, each of at most {_MAX_STRING_OCTETS} octets")
    return " ".join(f'"{"".join(map(_escape, string))}"' for string in encoded)


def _escape(octet: int) -> str:
    if octet in b'"\\':
        return f"\\{chr(octet)}"
    return chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03d}"
