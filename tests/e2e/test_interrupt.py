"""Ctrl-C in the middle leaves a tenant that the next apply finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from provisioner.sandbox import Exchange
from tests.e2e.product import PLAYBOOK
from tests.sandboxes import Sandbox


@pytest.mark.parametrize("after", ["instantiate", "synchronization/jobs", "/start"])
def test_interrupted_after_a_write(product, after):
    state = str(product.state)
    victims: list[subprocess.Popen] = []

    def interrupt(exchange: Exchange) -> None:
        if exchange.method == "POST" and exchange.path.endswith(after):
            victims[0].send_signal(signal.SIGINT)

    with Sandbox(product.home, recorder=interrupt).start(shared=True):
        command = [sys.executable, "-m", "provisioner", "apply", str(PLAYBOOK), "--sandbox"]
        victims.append(
            subprocess.Popen(
                command,
                env={**os.environ, "PROVISIONER_STATE_DIR": state},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # whoever runs the tests in the background may have it ignored
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )
        )
        _, told = victims[0].communicate(timeout=600)
        assert victims[0].returncode == 1
        assert "Interrupted" in told
        assert "Written so far" in told
        assert "Traceback" not in told
        finished = product.apply()
        assert finished.code == 0, finished.err
        assert product.apply().json["requests"]["write"] == 0
        assert product.doctor().code == 0
