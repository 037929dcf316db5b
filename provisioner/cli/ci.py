"""provisioner ci: pipelines that plan pull requests, apply approved plans and detect drift every night."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from provisioner.cli.files import find_playbooks, refuse_overwriting
from provisioner.core.errors import UsageError
from provisioner.core.untrusted import plain
from provisioner.file_writing import write_text

if TYPE_CHECKING:
    from provisioner.playbook.requirements import Requirements
    from provisioner.providers.base.playbook_models import FederatedSignIn

# Modules that load pydantic or Jinja are imported inside the functions: --help must be quick.
# ruff: noqa: PLC0415

_TEMPLATES: Final[Mapping[str, Mapping[str, str]]] = {
    "github": {
        ".github/workflows/provisioner-plan.yml": "ci/github-plan.yml.j2",
        ".github/workflows/provisioner-apply.yml": "ci/github-apply.yml.j2",
        ".github/workflows/provisioner-drift.yml": "ci/github-drift.yml.j2",
    },
    "gitlab": {".gitlab-ci.provisioner.yml": "ci/gitlab.yml.j2"},
    "azure": {"azure-pipelines.provisioner.yml": "ci/azure.yml.j2"},
    "kubernetes": {"provisioner-drift.yaml": "ci/kubernetes.yaml.j2"},
}
"""The files of each system, with their templates."""

_FIRST_STEPS: Final[Mapping[str, str]] = {
    "github": "in the settings of the repository, create the environments provisioner-read and provisioner-apply, the "
    "latter with required reviewers; then set there",
    "gitlab": "include .gitlab-ci.provisioner.yml in .gitlab-ci.yml, create a pipeline schedule, protect the environment "
    "provisioner-apply; then set as CI/CD variables, with PROVISIONER_TOKEN for the note and the issue",
    "azure": "create a pipeline from azure-pipelines.provisioner.yml, the environment provisioner-apply with an approval "
    "and an exclusive lock, and the variable group provisioner; then set in the group",
    "kubernetes": "put your image into provisioner-drift.yaml, and run the commands at its top; set in the "
    "secret provisioner",
}

_REQUIREMENTS: Final = (
    "provisioner-requirements.txt, which pins kiro-provisioner and what it needs by version and hash; write it with "
    "uv pip compile --generate-hashes, or pip-compile --generate-hashes"
)

_SAFE_NAME = re.compile(r"(?!-)[\w.@/-]+")
"""File names without characters that mean something to YAML, to a shell, or in an expression of one of the systems."""
_CRON_FIELD = r"[0-9*/,-]+"
_SCHEDULE = re.compile(rf"{_CRON_FIELD}( {_CRON_FIELD}){{4}}")


def _check_schedule(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not _SCHEDULE.fullmatch(value):
        raise click.BadParameter('expected five fields of digits and * / , - such as "17 3 * * *"')
    return value


@click.group()
def ci() -> None:
    """Write pipelines for GitHub, GitLab, Azure and Kubernetes."""


@ci.command("init")
@click.argument("system", type=click.Choice(tuple(_TEMPLATES)))
@click.argument("playbooks", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--dir",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Root of the repository. Default: the current folder.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.option(
    "--shards",
    type=click.IntRange(1, 200),
    default=1,
    show_default=True,
    help="Number of machines that share the playbooks when they detect drift.",
)
@click.option(
    "--schedule",
    callback=_check_schedule,
    default="17 3 * * *",
    show_default=True,
    metavar="CRON",
    help="When to detect drift, in UTC.",
)
def init(
    system: str, playbooks: tuple[Path, ...], root: Path, force: bool, shards: int, schedule: str
) -> None:
    """Write pipelines for plan, apply and drift.

    They plan every pull request, apply the plan once it is approved, and detect drift every night.

    If possible they sign in without a stored secret: to Entra by workload identity federation, to Okta with a service app's
    private key. Default of PLAYBOOKS: every playbook in ./playbooks, or in the current folder. Kubernetes gets drift only.

    \b
    Examples:
      provisioner ci init github
      provisioner ci init gitlab playbooks/entra.yaml --schedule "30 4 * * 1-5"
      provisioner ci init kubernetes --shards 8
    """
    from provisioner import __version__
    from provisioner.playbook.requirements import Requirements, requirements
    from provisioner.templating import render

    files = find_playbooks(playbooks)
    names = tuple(_name_in_repository(file, root) for file in files)
    needed = Requirements()
    for file in files:
        needed |= requirements(file)
    values = {
        "playbooks": names,
        "federation": _federated_sign_in(needed),
        "variables": sorted(needed.variables),
        "secrets": sorted(needed.secrets),
        "shards": shards,
        "schedule": schedule,
        "version": __version__,
    }
    texts = {root / name: render(template, **values) for name, template in _TEMPLATES[system].items()}
    refuse_overwriting(texts, force=force)
    for path, text in texts.items():
        write_text(path, text, within=root)
        click.echo(f"Wrote {plain(str(path))}.", err=True)
    for warning in _warnings(needed):
        click.echo(f"note: {plain(warning)}", err=True)
    click.echo(f"\nNext: {_next_steps(system, needed)}", err=True)


def _name_in_repository(file: Path, root: Path) -> str:
    """The path of a playbook from the root of the repository.

    Raises:
        UsageError: the file is outside, or its name could mean something else in a pipeline.
    """
    name = Path(os.path.relpath(file.absolute(), root.absolute())).as_posix()
    if name.startswith("../"):
        raise UsageError(
            f"{file} is outside {root}", hint="run this at the root of the repository, or add --dir"
        )
    if not _SAFE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be used in a pipeline",
            hint="rename the file: letters, digits and . _ - @ are allowed",
        )
    return name


def _federated_sign_in(needed: Requirements) -> FederatedSignIn | None:
    """How the pipelines sign in by workload identity federation; None if no provider does.

    Raises:
        UsageError: the playbooks need several clouds.
    """
    if len(needed.sign_ins) > 1:
        raise UsageError(
            f"the playbooks are about several Microsoft clouds: {', '.join(sorted(needed.clouds))}",
            hint="a pipeline signs in to one cloud; keep the playbooks of each cloud in their own repository",
        )
    return next(iter(needed.sign_ins), None)


def _warnings(needed: Requirements) -> Iterator[str]:
    """What may keep the pipelines from running."""
    if len(needed.tenants) > 1:
        yield (
            f"the playbooks name {len(needed.tenants)} tenants, and a pipeline signs in to one; if the application that "
            "signs in is not in all of them, keep the playbooks of each tenant in their own repository"
        )
    for reference in sorted(needed.local):
        yield f"a playbook refers to ${{{reference}}}, which a pipeline does not have; refer to a variable instead"


def _next_steps(system: str, needed: Requirements) -> str:
    """What the admin does before the pipelines can run."""
    sign_in = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID") if needed.sign_ins and system != "azure" else ()
    variables = f"\n  variables: {', '.join((*sign_in, *sorted(needed.variables)))}"
    secrets = f"\n  secrets: {', '.join(sorted(needed.secrets))}" if needed.secrets else ""
    return f"{_FIRST_STEPS[system]}{variables}{secrets}\n  file: {_REQUIREMENTS}"
