"""An organization that answers as it is told to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.okta.loopback import Loopback, serving


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving() as loopback:
        yield loopback
