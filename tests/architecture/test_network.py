"""Tests can connect to this machine only."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from pytest_socket import SocketConnectBlockedError

DOCUMENTATION_ADDRESS = "192.0.2.1"
"""An address for documentation (RFC 5737), which no machine has."""


def test_a_connection_to_another_machine_is_blocked():
    with (
        pytest.warns(match=DOCUMENTATION_ADDRESS),
        pytest.raises(SocketConnectBlockedError, match=DOCUMENTATION_ADDRESS),
    ):
        socket.create_connection((DOCUMENTATION_ADDRESS, 443), timeout=60)


def test_an_asynchronous_connection_to_another_machine_is_blocked():
    with (
        pytest.warns(match=DOCUMENTATION_ADDRESS),
        pytest.raises(SocketConnectBlockedError, match=DOCUMENTATION_ADDRESS),
    ):
        asyncio.run(asyncio.wait_for(asyncio.open_connection(DOCUMENTATION_ADDRESS, 443), timeout=60))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_connection_to_this_machine_is_allowed(host):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            server.accept()[0].close()

        thread = threading.Thread(target=accept)
        thread.start()
        with socket.create_connection((host, server.getsockname()[1]), timeout=120) as connection:
            assert connection.recv(1) == b""
        thread.join()
