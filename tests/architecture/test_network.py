"""Tests reach this machine and nothing else."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from pytest_socket import SocketConnectBlockedError

ELSEWHERE = "192.0.2.1"
"""An address for documentation (RFC 5737): nobody is there, and nobody would answer."""


def test_a_connection_to_another_machine_is_refused_before_it_is_tried():
    with pytest.warns(match=ELSEWHERE), pytest.raises(SocketConnectBlockedError, match=ELSEWHERE):
        socket.create_connection((ELSEWHERE, 443), timeout=1)


def test_an_asynchronous_one_is_refused_too():
    with pytest.warns(match=ELSEWHERE), pytest.raises(SocketConnectBlockedError, match=ELSEWHERE):
        asyncio.run(asyncio.wait_for(asyncio.open_connection(ELSEWHERE, 443), timeout=1))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_on_this_machine_can_be_reached(host):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            server.accept()[0].close()

        answering = threading.Thread(target=answer)
        answering.start()
        with socket.create_connection((host, server.getsockname()[1]), timeout=5) as connection:
            assert connection.recv(1) == b""
        answering.join()
