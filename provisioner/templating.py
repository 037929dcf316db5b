"""The files that come with the product, and the one Jinja environment that fills them in.

The wheel has them below ``provisioner/_shipped``; a checkout has them beside the package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provisioner.core.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """Where a shipped folder (``playbooks`` or ``templates``) is.

    Raises:
        UsageError: this installation is not complete.
    """
    for candidate in (_PACKAGE / "_shipped" / folder, _PACKAGE.parent / folder):
        if candidate.is_dir():
            return candidate
    raise UsageError(f"this installation lacks its {folder}", hint="install provisioner again")


def render(template: str, **values: Any) -> str:
    """Fill in a shipped template. Values are escaped where it is HTML (``*.html.j2``), and put in as they are elsewhere.

    Args:
        template: its file name below ``templates``.
        values: what it may use; a name it uses and is not given is an error.
    """
    from jinja2 import FileSystemLoader, StrictUndefined  # noqa: PLC0415 - start-up time
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    environment = SandboxedEnvironment(
        loader=FileSystemLoader(shipped("templates")),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
