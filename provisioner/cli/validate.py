"""provisioner validate: check playbooks without contacting anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import output_options, playbooks_argument
from provisioner.core.untrusted import plain

if TYPE_CHECKING:
    from provisioner.cli.output import Output

# Modules that load pydantic are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@playbooks_argument
@click.option("--sandbox", is_flag=True, help="Take variables that are not set from the sandbox.")
@output_options
def validate(playbooks: tuple[Path, ...], sandbox: bool, output: Output) -> None:
    """Check playbooks without contacting anything.

    Every error is printed with its file and line. Several playbooks must not describe the same integration, and must not
    share a SCIM endpoint or token. PLAYBOOK is a file, a folder or a glob pattern. Default: every playbook in ./playbooks,
    or in the current folder.
    """
    from provisioner.cli.files import find_playbooks
    from provisioner.cli.session import open_workspace

    files = find_playbooks(playbooks)
    with open_workspace(output, sandbox=sandbox, files=files) as workspace:
        for file in files:
            deferred = workspace.session(file).loaded.deferred
            unset = [f"{key} waits for {variable}" for key, variable in deferred.items()]
            click.echo(f"{plain(str(file))}: valid{'; ' + '; '.join(unset) if unset else ''}")
