"""Options of name servers: lagging and stale zones, overrides, RCODEs, dropped queries, TCP, EDNS and response sizes."""

from __future__ import annotations

import random
import socket
import time

import dns.flags
import dns.message
import dns.rcode
import pytest

from provisioner.sandbox.dns import (
    Dns,
    Override,
    ServerOptions,
    add_record,
    add_zone,
    configure,
    options_of,
    serial,
    txt,
)
from tests.sandbox.dns_fixtures import NS1, NS2, NS3, SECONDS, ZONE, Client, rcode, values

LAG_SECONDS = 3600


def test_a_lagging_server_has_an_earlier_version_of_the_zone(dns_client: Client, monkeypatch):
    store = dns_client.service.store
    configure(store, NS2, ServerOptions(lag_seconds=LAG_SECONDS))
    add_record(store, ZONE, "kiro", "TXT", txt("new"))
    assert values(dns_client.query(f"kiro.{ZONE}", host=NS1)) == ['"new"']
    assert rcode(dns_client.query(f"kiro.{ZONE}", host=NS2)) == "NXDOMAIN"
    serials = [dns_client.query(ZONE, "SOA", host).answer[0][0].serial for host in (NS1, NS2)]
    assert serials[0] > serials[1]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + LAG_SECONDS + 1)
    assert values(dns_client.query(f"kiro.{ZONE}", host=NS2)) == ['"new"']


def test_a_server_with_a_frozen_serial_keeps_its_version(dns_client: Client):
    store = dns_client.service.store
    configure(store, NS3, ServerOptions(frozen_serial=serial(store, ZONE)))
    add_record(store, ZONE, "kiro", "TXT", txt("new"))
    assert rcode(dns_client.query(f"kiro.{ZONE}", host=NS3)) == "NXDOMAIN"
    configure(store, NS3)
    assert values(dns_client.query(f"kiro.{ZONE}", host=NS3)) == ['"new"']


def test_overrides_apply_to_one_server(dns_client: Client):
    store = dns_client.service.store
    add_record(store, ZONE, "kiro", "TXT", txt("true"))
    overrides = (Override(f"kiro.{ZONE}", "TXT", (txt("false"),)), Override(f"mail.{ZONE}", "A"))
    configure(store, NS2, ServerOptions(overrides=overrides))
    assert values(dns_client.query(f"kiro.{ZONE}", host=NS1)) == ['"true"']
    assert values(dns_client.query(f"kiro.{ZONE}", host=NS2)) == ['"false"']
    assert rcode(dns_client.query(f"mail.{ZONE}", "A", NS2)) == "NXDOMAIN"


@pytest.mark.parametrize(("mode", "expected"), [("refuse", "REFUSED"), ("servfail", "SERVFAIL")])
def test_a_server_responds_with_an_error(dns_client: Client, mode, expected):
    configure(dns_client.service.store, NS1, {"mode": mode})
    assert rcode(dns_client.query(ZONE, "SOA")) == expected
    assert rcode(dns_client.query(ZONE, "SOA", NS2)) == "NOERROR"


def test_a_lame_server_refers_to_the_root(dns_client: Client):
    configure(dns_client.service.store, NS1, ServerOptions(mode="lame"))
    response = dns_client.query(ZONE, "SOA")
    assert not response.flags & dns.flags.AA
    assert response.answer == []
    assert response.authority[0].name == dns.name.root


@pytest.mark.parametrize("tcp", [False, True])
def test_a_server_drops_queries(dns_client: Client, tcp):
    configure(dns_client.service.store, NS1, ServerOptions(mode="drop"))
    dns_client.assert_dropped(dns.message.make_query(ZONE, "SOA"), tcp=tcp)


def test_a_server_responds_over_tcp_only(dns_client: Client):
    configure(dns_client.service.store, NS1, ServerOptions(mode="truncate"))
    truncated = dns_client.query(ZONE, "SOA")
    assert truncated.flags & dns.flags.TC
    assert truncated.answer == []
    complete = dns_client.query(ZONE, "SOA", tcp=True)
    assert complete.answer
    assert not complete.flags & dns.flags.TC


def test_a_server_responds_over_udp_only(dns_client: Client):
    configure(dns_client.service.store, NS1, ServerOptions(tcp=False))
    assert dns_client.query(ZONE, "SOA").answer
    dns_client.assert_dropped(dns.message.make_query(ZONE, "SOA"), tcp=True)


def test_a_slow_server_does_not_delay_the_others(dns_client: Client):
    """40 servers respond while an earlier query waits for its server."""
    store = dns_client.service.store
    hosts = [f"ns{number}.zone{zone}.example." for zone in range(10) for number in range(1, 5)]
    for zone in range(10):
        add_zone(store, f"zone{zone}.example.", servers=hosts[zone * 4 : zone * 4 + 4])
    dns_client.service.refresh()
    configure(store, NS1, ServerOptions(latency_ms=SECONDS * 500))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waiting:
        waiting.setblocking(False)
        waiting.sendto(dns.message.make_query(ZONE, "SOA").to_wire(), dns_client.address(NS1))
        for host in hosts:
            assert rcode(dns_client.query(host.partition(".")[2], "SOA", host)) == "NOERROR"
        with pytest.raises(BlockingIOError):
            waiting.recv(4096)


def test_a_slow_server_responds_after_its_latency(dns_client: Client):
    configure(dns_client.service.store, NS1, ServerOptions(latency_ms=200))
    start = time.monotonic()
    assert dns_client.query(ZONE, "SOA").answer
    assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize(
    ("payload", "max_udp_size", "truncated"),
    [(None, 1232, True), (700, 4096, True), (4096, 1232, True), (4096, 4096, False)],
)
def test_a_udp_response_is_truncated_to_what_both_sides_accept(
    dns_client: Client, payload, max_udp_size, truncated
):
    store = dns_client.service.store
    configure(store, NS1, ServerOptions(max_udp_size=max_udp_size))
    add_record(store, ZONE, "big", "TXT", *(txt(f"{number}" * 200) for number in range(8)))
    options = {"use_edns": False} if payload is None else {"payload": payload}
    response = dns_client.query(f"big.{ZONE}", **options)
    assert bool(response.flags & dns.flags.TC) == truncated
    assert len(response.wire) <= min(payload or 512, max_udp_size)
    assert len(dns_client.query(f"big.{ZONE}", tcp=True).answer[0]) == 8


def test_edns_support(dns_client: Client):
    store = dns_client.service.store
    assert dns_client.query(ZONE, "SOA", use_edns=0).edns == 0
    assert dns_client.query(ZONE, "SOA").edns == -1
    assert dns_client.query(ZONE, "SOA", use_edns=1).rcode() == dns.rcode.BADVERS
    configure(store, NS1, ServerOptions(edns="ignore"))
    assert dns_client.query(ZONE, "SOA", use_edns=0).edns == -1
    configure(store, NS1, ServerOptions(edns="formerr"))
    assert rcode(dns_client.query(ZONE, "SOA", use_edns=0)) == "FORMERR"
    assert dns_client.query(ZONE, "SOA").answer
    configure(store, NS1, ServerOptions(edns="drop"))
    dns_client.assert_dropped(dns.message.make_query(ZONE, "SOA", use_edns=0))
    assert dns_client.query(ZONE, "SOA").answer


def test_malformed_messages_do_not_stop_a_server(dns_client: Client):
    dice = random.Random(4)
    query = dns.message.make_query(ZONE, "SOA").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(SECONDS)
        client.connect(dns_client.address(NS1))
        for _ in range(200):
            malformed = bytearray(query)
            malformed[dice.randrange(3, len(query))] = dice.randrange(256)
            client.send(bytes(malformed[: dice.randrange(len(query) + 1)]))
        client.send(query[:12] + b"\xff\xff")
        while (response := client.recv(4096))[:2] and response[3] & 0xF != dns.rcode.FORMERR:
            pass
    assert dns_client.query(ZONE, "SOA").answer


def test_another_process_changes_options(dns_client: Client, tmp_path):
    with Dns(tmp_path) as other:
        configure(other.store, NS1, {"mode": "refuse", "overrides": [{"name": ZONE, "type": "TXT"}]})
    assert rcode(dns_client.query(ZONE, "SOA")) == "REFUSED"
    assert options_of(dns_client.service.store, NS1).overrides == (Override(ZONE, "TXT"),)


@pytest.mark.parametrize(
    "invalid",
    [
        {"mode": "explode"},
        {"edns": "maybe"},
        {"latency_ms": -1},
        {"max_udp_size": 100},
        {"speed": 1},
        {"overrides": [{"name": "a"}]},
        {"overrides": [{"name": "a", "type": "A", "data": ["x"]}]},
    ],
)
def test_invalid_options_are_refused(dns_client: Client, invalid):
    with pytest.raises(ValueError):
        configure(dns_client.service.store, NS1, invalid)
    assert options_of(dns_client.service.store, NS1) == ServerOptions()


def test_an_unknown_server_has_no_options(dns_client: Client):
    with pytest.raises(ValueError, match="there is no server"):
        configure(dns_client.service.store, "ns9.contoso.example", ServerOptions())
