"""Name servers that disagree, lag, lie, refuse, drop, answer only by TCP; sizes of answers."""

from __future__ import annotations

import time

import dns.exception
import dns.flags
import dns.message
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
from tests.sandbox.dns_fixtures import NS1, NS2, NS3, ZONE, Client, rcode, values


def test_a_server_that_lags_shows_the_zone_as_it_was(dns_client: Client):
    store = dns_client.service.store
    configure(store, NS2, ServerOptions(lag_seconds=0.5))
    add_record(store, ZONE, "kiro", "TXT", txt("new"))
    assert values(dns_client.ask(f"kiro.{ZONE}", host=NS1)) == ['"new"']
    assert rcode(dns_client.ask(f"kiro.{ZONE}", host=NS2)) == "NXDOMAIN"
    serials = [dns_client.ask(ZONE, "SOA", host).answer[0][0].serial for host in (NS1, NS2)]
    assert serials[0] > serials[1]
    time.sleep(0.6)
    assert values(dns_client.ask(f"kiro.{ZONE}", host=NS2)) == ['"new"']


def test_a_server_that_is_stuck_stays_there(dns_client: Client):
    store = dns_client.service.store
    configure(store, NS3, ServerOptions(frozen_serial=serial(store, ZONE)))
    add_record(store, ZONE, "kiro", "TXT", txt("new"))
    assert rcode(dns_client.ask(f"kiro.{ZONE}", host=NS3)) == "NXDOMAIN"
    configure(store, NS3)
    assert values(dns_client.ask(f"kiro.{ZONE}", host=NS3)) == ['"new"']


def test_a_server_lies_alone(dns_client: Client):
    store = dns_client.service.store
    add_record(store, ZONE, "kiro", "TXT", txt("true"))
    lies = (Override(f"kiro.{ZONE}", "TXT", (txt("false"),)), Override(f"mail.{ZONE}", "A"))
    configure(store, NS2, ServerOptions(overrides=lies))
    assert values(dns_client.ask(f"kiro.{ZONE}", host=NS1)) == ['"true"']
    assert values(dns_client.ask(f"kiro.{ZONE}", host=NS2)) == ['"false"']
    assert rcode(dns_client.ask(f"mail.{ZONE}", "A", NS2)) == "NXDOMAIN"


@pytest.mark.parametrize(("mode", "said"), [("refuse", "REFUSED"), ("servfail", "SERVFAIL")])
def test_a_server_says_that_it_will_not(dns_client: Client, mode, said):
    configure(dns_client.service.store, NS1, {"mode": mode})
    assert rcode(dns_client.ask(ZONE, "SOA")) == said
    assert rcode(dns_client.ask(ZONE, "SOA", NS2)) == "NOERROR"


def test_a_lame_server_points_to_the_root(dns_client: Client):
    configure(dns_client.service.store, NS1, ServerOptions(mode="lame"))
    answer = dns_client.ask(ZONE, "SOA")
    assert not answer.flags & dns.flags.AA
    assert answer.answer == []
    assert answer.authority[0].name == dns.name.root


@pytest.mark.parametrize("tcp", [False, True])
def test_a_server_says_nothing(dns_client: Client, tcp):
    configure(dns_client.service.store, NS1, ServerOptions(mode="drop"))
    with pytest.raises((dns.exception.Timeout, EOFError)):
        dns_client.ask(ZONE, "SOA", tcp=tcp, timeout=0.3)


def test_a_server_answers_only_by_tcp(dns_client: Client):
    configure(dns_client.service.store, NS1, ServerOptions(mode="truncate"))
    short = dns_client.ask(ZONE, "SOA")
    assert short.flags & dns.flags.TC
    assert short.answer == []
    whole = dns_client.ask(ZONE, "SOA", tcp=True)
    assert whole.answer
    assert not whole.flags & dns.flags.TC


def test_a_server_answers_only_by_udp(dns_client: Client):
    configure(dns_client.service.store, NS1, ServerOptions(tcp=False))
    assert dns_client.ask(ZONE, "SOA").answer
    with pytest.raises((EOFError, ConnectionError)):
        dns_client.ask(ZONE, "SOA", tcp=True)


def test_a_server_takes_its_time(dns_client: Client):
    configure(dns_client.service.store, NS1, ServerOptions(latency_ms=200))
    begun = time.monotonic()
    dns_client.ask(ZONE, "SOA")
    assert time.monotonic() - begun >= 0.2


def test_slow_servers_do_not_hold_each_other_up(dns_client: Client):
    import asyncio

    import dns.asyncquery

    store = dns_client.service.store
    hosts = [f"ns{number}.zone{zone}.example." for zone in range(10) for number in range(1, 5)]
    for zone in range(10):
        add_zone(store, f"zone{zone}.example.", servers=hosts[zone * 4 : zone * 4 + 4])
    for host in hosts:
        configure(store, host, ServerOptions(latency_ms=100))
    dns_client.service.refresh()

    async def all_of_them() -> list[dns.message.Message]:
        query = dns.message.make_query
        return await asyncio.gather(
            *(
                dns.asyncquery.udp(query(host.partition(".")[2], "SOA"), address, port=port, timeout=5)
                for host in hosts
                for address, port in [dns_client.where(host)]
            )
        )

    begun = time.monotonic()
    answers = asyncio.run(all_of_them())
    assert {rcode(answer) for answer in answers} == {"NOERROR"}
    assert time.monotonic() - begun < 2  # 4 s one after the other


@pytest.mark.parametrize(
    ("payload", "own", "cut"),
    [(None, 1232, True), (700, 4096, True), (4096, 1232, True), (4096, 4096, False)],
)
def test_an_answer_is_cut_to_what_both_sides_take(dns_client: Client, payload, own, cut):
    store = dns_client.service.store
    configure(store, NS1, ServerOptions(max_udp_size=own))
    add_record(store, ZONE, "big", "TXT", *(txt(f"{number}" * 200) for number in range(8)))
    options = {"use_edns": False} if payload is None else {"payload": payload}
    answer = dns_client.ask(f"big.{ZONE}", **options)
    assert bool(answer.flags & dns.flags.TC) == cut
    assert len(answer.wire) <= min(payload or 512, own)
    assert len(dns_client.ask(f"big.{ZONE}", tcp=True).answer[0]) == 8


def test_servers_treat_edns_as_they_do_in_life(dns_client: Client):
    store = dns_client.service.store
    assert dns_client.ask(ZONE, "SOA", use_edns=0).edns == 0
    assert dns_client.ask(ZONE, "SOA").edns == -1
    assert dns_client.ask(ZONE, "SOA", use_edns=1).rcode() == dns.rcode.BADVERS
    configure(store, NS1, ServerOptions(edns="ignore"))
    assert dns_client.ask(ZONE, "SOA", use_edns=0).edns == -1
    configure(store, NS1, ServerOptions(edns="formerr"))
    assert rcode(dns_client.ask(ZONE, "SOA", use_edns=0)) == "FORMERR"
    assert dns_client.ask(ZONE, "SOA").answer
    configure(store, NS1, ServerOptions(edns="drop"))
    with pytest.raises(dns.exception.Timeout):
        dns_client.ask(ZONE, "SOA", use_edns=0, timeout=0.3)
    assert dns_client.ask(ZONE, "SOA").answer


def test_garbage_does_not_end_a_server(dns_client: Client):
    import random
    import socket

    dice = random.Random(4)
    good = dns.message.make_query(ZONE, "SOA").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.settimeout(5)
        plain.connect(dns_client.where(NS1))
        for _ in range(200):
            broken = bytearray(good)
            broken[dice.randrange(3, len(good))] = dice.randrange(256)
            plain.send(bytes(broken[: dice.randrange(len(good) + 1)]))
        plain.send(good[:12] + b"\xff\xff")
        while (answer := plain.recv(4096))[:2] and answer[3] & 0xF != dns.rcode.FORMERR:
            pass
    assert dns_client.ask(ZONE, "SOA").answer


def test_a_behaviour_is_changed_from_another_process(dns_client: Client, tmp_path):
    with Dns(tmp_path) as other:
        configure(other.store, NS1, {"mode": "refuse", "overrides": [{"name": ZONE, "type": "TXT"}]})
    assert rcode(dns_client.ask(ZONE, "SOA")) == "REFUSED"
    assert options_of(dns_client.service.store, NS1).overrides == (Override(ZONE, "TXT"),)


@pytest.mark.parametrize(
    "nonsense",
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
def test_a_behaviour_that_makes_no_sense_is_refused(dns_client: Client, nonsense):
    with pytest.raises(ValueError):
        configure(dns_client.service.store, NS1, nonsense)
    assert options_of(dns_client.service.store, NS1) == ServerOptions()


def test_an_unknown_server_cannot_be_steered(dns_client: Client):
    with pytest.raises(ValueError, match="there is no server"):
        configure(dns_client.service.store, "ns9.contoso.example", ServerOptions())
