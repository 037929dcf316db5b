"""Regular expressions take a time that grows linearly with the text, whatever the text is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ATTACK = Path(__file__).with_name("pattern_attack.py")


def attack(*patterns: str) -> dict[str, list[str]]:
    done = subprocess.run([sys.executable, ATTACK, *patterns], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_every_pattern_of_the_product_is_linear():
    result = attack()
    assert result["slow"] == []
    assert len(result["patterns"]) > 40
    assert any("@" in pattern for pattern in result["patterns"])


@pytest.mark.parametrize(
    "pattern",
    [
        r"[^\s@]+@(?=[^\s@]+\.)",
        r"\s*Trace ID: ([\w-]+).*",
        r'<([^>]+)>\s*;\s*rel="next"',
        r"(a+)+$",
        r"(-admin)+$",
        r"(a|aa)+b",
        r'"((?:[^"\\]|\\.)*)"',
    ],
)
def test_the_attack_finds_patterns_that_backtrack(pattern):
    assert attack(pattern)["slow"] == [pattern]
