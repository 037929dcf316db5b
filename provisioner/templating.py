"""The files that come with the product, and the Jinja environment that renders them.

The wheel has them below ``provisioner/_shipped``; a checkout has them next to the package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provisioner.core.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def shipped_folder(name: str) -> Path:
    """The path of a shipped folder: ``playbooks`` or ``templates``.

    Raises:
        UsageError: the installation is incomplete.
    """
    for folder in (_PACKAGE / "_shipped" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise UsageError(f"this installation lacks its {name}", hint="install provisioner again")


def render(template: str, **values: Any) -> str:
    """Render a shipped template. Values are escaped in HTML (``*.html.j2``) only.

    Args:
        template: its file name below ``templates``.
        values: the variables of the template; an undefined one is an error.
    """
    from jinja2 import FileSystemLoader, StrictUndefined  # noqa: PLC0415 - start-up time
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    environment = SandboxedEnvironment(
        loader=FileSystemLoader(shipped_folder("templates")),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
