"""Names and record data as text: what people write, and the one form in which it is kept."""

from __future__ import annotations

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

_LONGEST_STRING = 255  # RFC 1035 section 3.3: <character-string>


def parsed(name: str, origin: dns.name.Name = dns.name.root) -> dns.name.Name:
    """A name as a person writes it: Unicode or punycode, any case, relative to the origin without a final dot.

    Raises:
        ValueError: it is no domain name.
    """
    try:
        made = dns.name.from_text(name, origin, idna_codec=dns.name.IDNA_2008_Practical)
    except dns.exception.DNSException as problem:
        raise ValueError(f"{name!r} is no domain name: {problem}") from problem
    return made.canonicalize()


def kept(name: dns.name.Name) -> str:
    """How a name is kept: absolute, in lower case, punycode, escaped as in a zone file (RFC 1035 section 5.1)."""
    return name.canonicalize().to_text()


def type_of(text: str) -> dns.rdatatype.RdataType:
    """A record type by its name.

    Raises:
        ValueError: there is no such type, or no record can have it.
    """
    try:
        found = dns.rdatatype.from_text(text)
    except dns.exception.DNSException as problem:
        raise ValueError(f"unknown record type {text!r}") from problem
    if dns.rdatatype.is_metatype(found):
        raise ValueError(f"{text} is not a type that a record can have")
    return found


def data(rdtype: dns.rdatatype.RdataType, value: str, origin: dns.name.Name) -> dns.rdata.Rdata:
    """Record data as in a zone file; names in it are relative to the origin without a final dot.

    Raises:
        ValueError: it does not fit the type.
    """
    try:
        return dns.rdata.from_text(
            dns.rdataclass.IN,
            rdtype,
            value,
            origin,
            relativize=False,
            idna_codec=dns.name.IDNA_2008_Practical,
        )
    except (dns.exception.DNSException, ValueError) as problem:
        raise ValueError(f"{value!r} is not the data of a {rdtype.name} record: {problem}") from problem


def txt(*strings: str | bytes) -> str:
    """The data of a TXT record as in a zone file, one quoted string for each that is given.

    Raises:
        ValueError: a string has more than 255 octets (RFC 1035 section 3.3), or there is none.
    """
    octets = [string.encode() if isinstance(string, str) else string for string in strings]
    if not octets or max(map(len, octets)) > _LONGEST_STRING:
        raise ValueError(f"a TXT record has one string or more, each of at most {_LONGEST_STRING} octets")
    return " ".join(f'"{"".join(map(_escaped, string))}"' for string in octets)


def _escaped(octet: int) -> str:
    if octet in b'"\\':
        return f"\\{chr(octet)}"
    return chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03d}"
