"""How this installation gets a missing library: with pip, pipx or uv.

The distribution is called kiro-provisioner: the name ``provisioner`` on the public index belongs to another project.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path


def install_command(*libraries: str) -> str:
    """The command that adds libraries to this installation.

    Args:
        libraries: their names on the index.
    """
    return command_for(libraries, Path(sys.prefix), sys.executable, has_pip=find_spec("pip") is not None)


def command_for(libraries: Iterable[str], prefix: Path, python: str, *, has_pip: bool) -> str:
    """The command that adds libraries to an environment. Pure.

    Args:
        libraries: their names on the index.
        prefix: the folder of the environment. pipx has its environments in ``pipx/venvs``, uv its tools in ``uv/tools``.
        python: the interpreter of the environment.
        has_pip: whether the environment has pip; those of uv have not.
    """
    if prefix.parts[-3:-1] == ("pipx", "venvs"):
        return shlex.join(["pipx", "inject", prefix.name, *libraries])
    if prefix.parts[-3:-1] == ("uv", "tools") or not has_pip:
        return shlex.join(["uv", "pip", "install", "--python", python, *libraries])
    return shlex.join([python, "-m", "pip", "install", *libraries])
