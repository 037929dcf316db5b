"""Names of files act on no screen and on no shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.untrusted import shell_argument

HOSTILE = [
    "a;touch PWNED;#.yaml",
    "a\ntouch PWNED\n.yaml",
    "a$(touch PWNED).yaml",
    "a`touch PWNED`.yaml",
    "a' ;touch PWNED; '.yaml",
    'a" ;touch PWNED; ".yaml',
    "a\x1b]0;x\x07\\';touch PWNED;'.yaml",
    "-rf.yaml",
    "~/x.yaml",
    "a b*?[c].yaml",
    "!x.yaml",
    "ü 中 \u202e.yaml",
    "a\udcff.yaml",
    "",
]
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(codec="utf-8", exclude_characters="\0")))


@pytest.mark.parametrize("shell", [name for name in ("bash", "zsh", "ksh") if shutil.which(name)])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_posix_shell_takes_it_as_one_argument(shell, name, tmp_path):
    printed = shell_argument(name, windows=False)
    assert printed.isprintable()
    done = subprocess.run(
        [shell, "-c", f"printf '%s' {printed}"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    assert done.stdout == os.fsencode(f"./{name}" if name.startswith("-") else name)
    assert not [*tmp_path.iterdir()]


@given(name=NAMES)
def test_it_is_one_printable_line(name):
    for windows in (False, True):
        assert shell_argument(name, windows=windows).isprintable()


@given(name=NAMES)
def test_nothing_acts_in_cmd_and_powershell(name):
    printed = shell_argument(name, windows=True)
    inside = printed[1:-1] if printed.startswith('"') else printed
    assert not re.search(r'["$`%!\n\r\u201c-\u201f]', inside)
    assert printed.startswith('"') or re.fullmatch(r"[\w.:\\/+=-]+", printed)


def test_ordinary_names_stay():
    for name in ("entra.yaml", "tenants/contoso-1.yaml"):
        assert shell_argument(name, windows=False) == shell_argument(name, windows=True) == name
    assert shell_argument(r"C:\tenants\a.yaml", windows=True) == r"C:\tenants\a.yaml"
