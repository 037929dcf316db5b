"""ci: pipelines that plan on a pull request, apply what was approved, and look for drift every night."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import click

from provisioner.cli.files import write_file
from provisioner.core.errors import UsageError

if TYPE_CHECKING:
    from provisioner.playbook.source import Path_, Source
    from provisioner.settings import Variables

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415

_FILES: Final[Mapping[str, Mapping[str, str]]] = {
    "github": {
        ".github/workflows/provisioner-plan.yml": "ci/github-plan.yml.j2",
        ".github/workflows/provisioner-apply.yml": "ci/github-apply.yml.j2",
        ".github/workflows/provisioner-drift.yml": "ci/github-drift.yml.j2",
    },
    "gitlab": {".gitlab-ci.provisioner.yml": "ci/gitlab.yml.j2"},
    "azure": {"azure-pipelines.provisioner.yml": "ci/azure.yml.j2"},
    "kubernetes": {"provisioner-drift.yaml": "ci/kubernetes.yaml.j2"},
}
"""What is written for each system: files, with the templates that they are made from."""

_FIRST_STEPS: Final[Mapping[str, str]] = {
    "github": "in the repository's settings, make the environments provisioner-read and provisioner-apply, the latter "
    "with required reviewers; then set there",
    "gitlab": "include .gitlab-ci.provisioner.yml in .gitlab-ci.yml, make a pipeline schedule, protect the environment "
    "provisioner-apply; then set as CI/CD variables, with PROVISIONER_TOKEN for the note and the issue",
    "azure": "make a pipeline of azure-pipelines.provisioner.yml, the environment provisioner-apply with an approval "
    "and an exclusive lock, and the variable group provisioner; then set in that",
    "kubernetes": "put your image into provisioner-drift.yaml, and run the commands at its top; set in the "
    "secret provisioner",
}

_SAFE_NAME = re.compile(r"(?!-)[\w.@/-]+")
"""Characters of a file name that mean nothing to YAML, to a shell, or in any of the systems' expressions."""
_FIELD = r"[0-9*/,-]+"
_SCHEDULE = re.compile(rf"{_FIELD}( {_FIELD}){{4}}")


@dataclass(frozen=True)
class _Cloud:
    """What signing in by workload identity federation depends on.

    Source: Microsoft Entra, "Workload identity federation", audiences by cloud; azure/login, ``environment``.
    """

    audience: str
    authority: str
    azure_login: str = ""


_GLOBAL = _Cloud("api://AzureADTokenExchange", "https://login.microsoftonline.com")
_US = _Cloud("api://AzureADTokenExchangeUSGov", "https://login.microsoftonline.us", "azureusgovernment")
_CHINA = _Cloud("api://AzureADTokenExchangeChina", "https://login.chinacloudapi.cn", "azurechinacloud")
_CLOUDS: Final = {"global": _GLOBAL, "usgov": _US, "usgov-dod": _US, "china": _CHINA}


@dataclass(frozen=True)
class _Needs:
    """What playbooks need of the pipeline that runs them.

    Attributes:
        providers: whose tenants they are about.
        clouds: Microsoft clouds.
        tenants: Entra tenants, as they are written.
        variables: environment variables that are no secrets.
        secrets: those that are.
        elsewhere: references to files and keyrings, which a pipeline has not.
    """

    providers: frozenset[str] = frozenset()
    clouds: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()

    def __or__(self, other: _Needs) -> _Needs:
        return _Needs(*(mine | theirs for mine, theirs in zip(self._sets(), other._sets(), strict=True)))

    @property
    def entra(self) -> bool:
        return "entra" in self.providers

    @property
    def cloud(self) -> _Cloud:
        """The one Microsoft cloud to sign in to.

        Raises:
            UsageError: there are several, or it is none.
        """
        if unknown := self.clouds - set(_CLOUDS):
            raise UsageError(
                f"connection.cloud: there is no cloud {min(unknown)!r}",
                hint=f"expected one of: {', '.join(_CLOUDS)}",
            )
        clouds = {_CLOUDS[name] for name in self.clouds or ("global",)}
        if len(clouds) > 1:
            raise UsageError(
                f"the playbooks are about several Microsoft clouds: {', '.join(sorted(self.clouds))}",
                hint="a pipeline signs in to one; keep those of each cloud in a repository of their own",
            )
        return clouds.pop()

    def _sets(self) -> tuple[frozenset[str], ...]:
        return (self.providers, self.clouds, self.tenants, self.variables, self.secrets, self.elsewhere)


def _schedule(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not _SCHEDULE.fullmatch(value):
        raise click.BadParameter('expected five fields of digits and * / , - such as "17 3 * * *"')
    return value


@click.group()
def ci() -> None:
    """Pipelines for GitHub, GitLab, Azure DevOps and Kubernetes."""


@ci.command("init")
@click.argument("system", type=click.Choice(tuple(_FILES)))
@click.argument("playbooks", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--dir",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Root of the repository. Default: here.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@click.option(
    "--shards",
    type=click.IntRange(1, 200),
    default=1,
    show_default=True,
    help="Machines among which drift divides the playbooks.",
)
@click.option(
    "--schedule",
    callback=_schedule,
    default="17 3 * * *",
    show_default=True,
    metavar="CRON",
    help="When to look for drift, in UTC.",
)
def init(
    system: str, playbooks: tuple[Path, ...], root: Path, force: bool, shards: int, schedule: str
) -> None:
    """Write pipelines for plan, apply and drift.

    Plan on a pull request, apply after approval of that plan, drift every night.

    They sign in without a stored secret where that can be: to Entra by workload identity federation, to Okta with a
    service app's private key. Without PLAYBOOKS: every playbook in ./playbooks, or here. Kubernetes gets drift only.

    \b
    Examples:
      provisioner ci init github
      provisioner ci init gitlab playbooks/entra.yaml --schedule "30 4 * * 1-5"
      provisioner ci init kubernetes --shards 8
    """
    from provisioner.cli.session import found

    files = found(playbooks)
    names = tuple(_name(file, root) for file in files)
    needs = _Needs()
    for file in files:
        needs |= _needs(file)
    rendered = _rendered(system, names, needs, shards=shards, schedule=schedule)
    _write({root / name: text for name, text in rendered.items()}, force=force)
    for doubt in _doubts(needs):
        click.echo(f"note: {doubt}", err=True)
    click.echo(f"\nNext: {_next(system, needs)}", err=True)


def _next(system: str, needs: _Needs) -> str:
    """What a person has to do before the pipelines run."""
    install = () if system == "kubernetes" else ("PROVISIONER_PACKAGE",)
    sign_in = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID") if needs.entra and system != "azure" else ()
    plain = f"\n  variables: {', '.join((*install, *sign_in, *sorted(needs.variables)))}"
    secret = f"\n  secrets: {', '.join(sorted(needs.secrets))}" if needs.secrets else ""
    return f"{_FIRST_STEPS[system]}{plain}{secret}"


def _doubts(needs: _Needs) -> Iterator[str]:
    """What may keep the pipelines from running."""
    if len(needs.tenants) > 1:
        yield (
            f"the playbooks name {len(needs.tenants)} Entra tenants, and a run signs in to one; if the application that "
            "signs in is not in all of them, keep the playbooks of each tenant in a repository of their own"
        )
    for reference in sorted(needs.elsewhere):
        yield f"a playbook refers to ${{{reference}}}, which a pipeline has not; refer to a variable instead"


# -- the playbooks ---------------------------------------------------------------------------------------


def _name(file: Path, root: Path) -> str:
    """A playbook as the pipeline calls it: from the root of the repository.

    Raises:
        UsageError: it is outside, or its name could mean something else in a pipeline.
    """
    name = Path(os.path.relpath(file.absolute(), root.absolute())).as_posix()
    if name.startswith("../"):
        raise UsageError(
            f"{file} is outside {root}", hint="run this at the root of the repository, or give --dir"
        )
    if not _SAFE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be named in a pipeline",
            hint="rename the file: letters, digits and . _ - @ are allowed",
        )
    return name


def _needs(file: Path) -> _Needs:
    """What one playbook needs, by the references in it; no value is looked at.

    Raises:
        UsageError: it cannot be read.
        PlaybookError: it is no playbook.
    """
    from provisioner import providers
    from provisioner.playbook.source import parsed, substituted

    source = substituted(parsed(file), _nothing())
    provider = source.tree.get("provider")
    if provider not in providers.NAMES:
        raise source.error(
            f"provider: expected {' or '.join(providers.NAMES)}",
            ("provider",),
            hint=f"check it: provisioner validate {file}",
        )
    connection = source.tree.get("connection")
    given = connection if isinstance(connection, dict) else {}
    tenant = given.get("tenant", source.references.get(("connection", "tenant")))
    entra = provider == "entra"
    return _Needs(
        providers=frozenset({provider}),
        clouds=frozenset({str(given.get("cloud", "global"))} if entra else ()),
        tenants=frozenset({str(tenant)} if entra else ()),
        **_sorted_out(source, providers.provider_module(provider).playbook_model()),
    )


def _nothing() -> Variables:
    """Variables of which only the names matter."""
    from provisioner.settings import Variables

    class Names(Variables):
        def file(self, name: str, base: Path) -> str:  # noqa: ARG002
            return ""

        def keyring(self, name: str) -> str:  # noqa: ARG002
            return ""

    return Names(environment={})


def _sorted_out(source: Source, model: Any) -> dict[str, frozenset[str]]:
    """The references of a playbook: ``variables``, ``secrets`` and ``elsewhere``."""
    variables, secrets, elsewhere = set(), set(), set()
    for path, names in source.references.items():
        for name in names:
            if ":" in name:
                elsewhere.add(name)
            elif _is_secret(model, path):
                secrets.add(name)
            else:
                variables.add(name)
    return {
        "variables": frozenset(variables - secrets),
        "secrets": frozenset(secrets),
        "elsewhere": frozenset(elsewhere),
    }


def _is_secret(annotation: Any, path: Path_) -> bool:
    """Whether the value at a path of a model is kept in a secret type."""
    from pydantic import BaseModel, SecretStr

    types = tuple(_types(annotation))
    if not path:
        return SecretStr in types
    for type_ in types:
        field = type_.model_fields.get(str(path[0])) if issubclass(type_, BaseModel) else None
        if field is not None:
            return _is_secret(field.annotation, path[1:])
    return _is_secret(annotation, path[1:])  # an element of a list, or of a mapping


def _types(annotation: Any) -> Iterator[type]:
    """The classes in an annotation: ``str`` and ``SecretStr`` in ``Mapping[str, SecretStr] | None``."""
    if arguments := get_args(annotation):
        for argument in arguments:
            yield from _types(argument)
    elif isinstance(annotation, type):
        yield annotation


# -- the files -------------------------------------------------------------------------------------------


def _rendered(
    system: str, names: tuple[str, ...], needs: _Needs, *, shards: int, schedule: str
) -> dict[str, str]:
    """The files for a system: text by name."""
    from provisioner import __version__
    from provisioner.templating import render

    return {
        name: render(
            template,
            playbooks=names,
            entra=needs.entra,
            cloud=needs.cloud,
            variables=sorted(needs.variables),
            secrets=sorted(needs.secrets),
            shards=shards,
            schedule=schedule,
            version=__version__,
        )
        for name, template in _FILES[system].items()
    }


def _write(files: Mapping[Path, str], *, force: bool) -> None:
    """Write all files or, where one is there that is not to be overwritten, none.

    Raises:
        UsageError: one is there, or cannot be written.
    """
    there = [path for path in files if path.exists()]
    if there and not force:
        raise UsageError(
            f"{', '.join(map(str, there))}: there already; nothing was written",
            hint="compare, then add --force to overwrite",
        )
    for path, text in files.items():
        write_file(path, text)
        click.echo(f"Wrote {path}.", err=True)
