"""A stub of an organization."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.okta.stub_server import StubServer, running_stub_server


@pytest.fixture
def server() -> Iterator[StubServer]:
    with running_stub_server() as stub:
        yield stub
