"""provisioner init: write a playbook to start from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from provisioner.cli.files import refuse_overwriting
from provisioner.cli.options import DEFAULT_PROVIDER, ProviderName
from provisioner.core.errors import UsageError
from provisioner.core.untrusted import plain, shell_argument
from provisioner.file_writing import write_text

# Modules that load pydantic or Jinja are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--provider", type=ProviderName(), default=DEFAULT_PROVIDER, show_default=True)
@click.option("--name", help="Stable name; marks the remote objects. Default: kiro-PROVIDER.")
@click.option("--display-name", help="Name of the application. Default: Kiro-PROVIDER, such as Kiro-Entra.")
@click.option(
    "--group", "groups", multiple=True, default=["Kiro-Users"], show_default=True, help="A group to assign."
)
@click.option("--domain", help="The domain of your users' e-mail addresses, to be verified.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def init(
    file: Path | None,
    provider: str,
    name: str | None,
    display_name: str | None,
    groups: tuple[str, ...],
    domain: str | None,
    force: bool,
) -> None:
    """Write a commented playbook.

    Default of FILE: PROVIDER.yaml, such as entra.yaml.

    \b
    Examples:
      provisioner init
      provisioner init --provider okta
      provisioner init --domain example.com
      provisioner init contoso.yaml --name kiro-contoso --group "Kiro Developers"
    """
    from provisioner.templating import render, shipped_folder

    template = f"playbook-{provider}.yaml.j2"
    if not (shipped_folder("templates") / template).exists():
        raise UsageError(
            f"there is no template for playbooks of {provider}",
            hint=f"list their keys: provisioner schema --provider {provider}",
        )
    file = file or Path(f"{provider}.yaml")
    refuse_overwriting([file], force=force)
    text = render(
        template,
        file=shell_argument(file),
        name=name or f"kiro-{provider}",
        display_name=json.dumps(display_name or f"Kiro-{provider.title()}", ensure_ascii=False),
        groups=[json.dumps(group, ensure_ascii=False) for group in groups],
        domain=_normalize_domain(domain) if domain is not None else None,
    )
    write_text(file, text)
    click.echo(
        f"Wrote {plain(str(file))}.\n\nNext: provisioner apply {shell_argument(file)} --sandbox", err=True
    )


def _normalize_domain(name: str) -> str:
    """The domain as a playbook writes it.

    Raises:
        UsageError: it is not a domain name.
    """
    from provisioner.providers.dns.names import InvalidNameError, parse_domain

    try:
        return parse_domain(name).unicode
    except InvalidNameError as error:
        raise UsageError(f"--domain: {error}") from error
