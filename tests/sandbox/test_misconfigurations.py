"""What holds for the misconfigurations of every vendor and of the DNS."""

from __future__ import annotations

import re

from provisioner.sandbox import control

SENTENCE = re.compile(r"[A-Z][^.]+(\.[a-z][^.]*)*\.")


def test_every_description_is_one_short_sentence() -> None:
    descriptions = control.misconfigurations()
    assert len(descriptions) > 100
    unclear = {
        name: text for name, text in descriptions.items() if not SENTENCE.fullmatch(text) or len(text) >= 120
    }
    assert unclear == {}
