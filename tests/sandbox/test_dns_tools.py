"""Tools that admins use: dig and nsupdate of BIND, kdig of Knot."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from provisioner.sandbox.dns import ServerOptions, add_record, configure, set_security_status, tsig_keys, txt
from tests.sandbox.dns_fixtures import NS1, ZONE, Client

WRONG = "bm90IHRoZSBzYW5kYm94J3Mgc2VjcmV0"


def tool(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


def run(*command: str, text: str | None = None) -> str:
    process = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False)
    return process.stdout + process.stderr


def run_query(client: Client, name: str, *options: str, program: str = "dig", host: str = NS1) -> str:
    client.set_resolver_timeout()
    address, port = client.address(host)
    return run(program, f"@{address}", "-p", str(port), name, *options)


def run_update(
    client: Client, lines: str, key: str | None = "provisioner.", secret: str | None = None
) -> str:
    address, port = client.address(NS1)
    known = {tsig.name: tsig for tsig in tsig_keys(client.service.store)}
    signed = ["-y", f"{known[key].algorithm}:{key}:{secret or known[key].secret}"] if key else []
    return run("nsupdate", *signed, text=f"server {address} {port}\nzone {ZONE}\n{lines}\nsend\n")


@pytest.mark.parametrize(
    "program", [pytest.param("dig", marks=tool("dig")), pytest.param("kdig", marks=tool("kdig"))]
)
def test_queries(dns_client: Client, program):
    add_record(dns_client.service.store, ZONE, "kiro", "TXT", txt("one", 'tw"o'))
    for transport in ("+notcp", "+tcp"):
        output = run_query(dns_client, f"kiro.{ZONE}", "TXT", transport, program=program)
        assert '"one" "tw\\"o"' in output
        assert re.search(r"[Ff]lags: qr aa", output)
    assert "NXDOMAIN" in run_query(dns_client, f"nothing.{ZONE}", program=program)
    assert "192.0.2.25" in run_query(dns_client, f"mail.{ZONE}", "A", program=program, host="resolver1.")
    for warning in ("alformed", "mismatch", "rror"):
        assert warning not in output


@pytest.mark.parametrize(
    "program", [pytest.param("dig", marks=tool("dig")), pytest.param("kdig", marks=tool("kdig"))]
)
def test_a_truncated_response_leads_to_a_query_over_tcp(dns_client: Client, program):
    configure(dns_client.service.store, NS1, ServerOptions(mode="truncate"))
    output = run_query(dns_client, f"mail.{ZONE}", "A", program=program)
    assert "192.0.2.25" in output
    assert re.search(r"[Tt]runcated", output)


@tool("dig")
def test_dig_shows_edns_and_bogus(dns_client: Client):
    assert "EDNS: version: 0" in run_query(
        dns_client, ZONE, "SOA", "+cookie", "+nsid", "+subnet=192.0.2.0/24"
    )
    set_security_status(dns_client.service.store, ZONE, "bogus")
    output = run_query(dns_client, ZONE, "SOA", host="resolver1.")
    assert "SERVFAIL" in output
    assert "DNSSEC Bogus" in output


@tool("nsupdate")
def test_a_signed_update_is_accepted(dns_client: Client):
    assert run_update(dns_client, 'update add kiro.contoso.example. 60 TXT "a b" "c"') == ""
    assert '"a b" "c"' in run_query(dns_client, f"kiro.{ZONE}", "TXT", "+short")
    assert (
        run_update(
            dns_client, "prereq yxrrset kiro.contoso.example. TXT\nupdate delete kiro.contoso.example. TXT"
        )
        == ""
    )
    assert "NXDOMAIN" in run_query(dns_client, f"kiro.{ZONE}", "TXT")


@tool("nsupdate")
@pytest.mark.parametrize(
    ("key", "secret", "message"),
    [
        (None, None, "update failed: REFUSED"),
        ("provisioner.", WRONG, "BADSIG"),
        ("provisioner-txt.", None, "update failed: REFUSED"),
    ],
)
def test_an_unauthorized_update_is_refused(dns_client: Client, key, secret, message):
    assert message in run_update(dns_client, "update add kiro.contoso.example. 60 A 192.0.2.1", key, secret)


@tool("nsupdate")
def test_a_name_outside_the_zone_is_refused(dns_client: Client):
    assert "NOTZONE" in run_update(dns_client, "update add kiro.fabrikam.example. 60 TXT a")
