"""Golden files: complete outputs as files, so that a review shows every change of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"


def assert_golden(name: str, text: str) -> None:
    """Assert that a text equals its golden file.

    With UPDATE_GOLDEN=1, a different file is rewritten, and the test fails so that you review the change.
    """
    file = FOLDER / name
    expected = file.read_text(encoding="utf-8") if file.exists() else ""
    if os.environ.get("UPDATE_GOLDEN") and expected != text + "\n":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
        pytest.fail(f"{name} was rewritten: review the change, and run the test again")
    assert text + "\n" == expected
