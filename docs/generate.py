"""Write the reference pages from the code, or check that they are as the code says.

python docs/generate.py            write docs/reference
python docs/generate.py --check    exit 1 and name the pages that differ
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import BaseModel

from provisioner import providers
from provisioner.cli.app import cli
from provisioner.core.errors import ExitCode
from provisioner.playbook import json_schema
from provisioner.reports.drift import drift_report
from provisioner.reports.entries import MEANINGS
from provisioner.reports.formats import FORMATS, rendered
from provisioner.reports.models import ChangeReport, DriftReport, FieldReport, PlanReport, Target
from provisioner.reports.registry import REPORTS

FOLDER = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code. Change the code, then run: python docs/generate.py -->\n\n"


def commands() -> str:
    """Every command's help."""
    parts = ["# Commands\n"]
    for path, command in _commands(cli, ("provisioner",)):
        context = click.Context(command, info_name=" ".join(path), terminal_width=100, max_content_width=100)
        parts.append(f"## {' '.join(path)}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def _commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _commands(inner, (*path, name))


def playbook() -> str:
    """Every key of a playbook."""
    parts = [
        "# Playbook keys\n",
        "Unknown keys are errors. A key that is absent is not managed; an empty list means none.\n",
        (
            "Scalars may refer to values: `${VAR}`, `${VAR:-default}`, `${file:path}` (relative to the playbook), "
            "`${keyring:service/name}`. `$${` is a plain `${`.\n"
        ),
    ]
    for name in providers.NAMES:
        parts.append(f"## provider: {name}\n")
        parts.append("| Key | Type | Default | |\n|---|---|---|---|")
        parts.extend(_rows(providers.provider_module(name).playbook_model(), ""))
        parts.append("")
    return "\n".join(parts)


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    properties = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        inner = _inner(field.annotation)
        default = (
            "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        )
        kind = "mapping" if inner and "array" not in json.dumps(properties[name]) else _kind(properties[name])
        text = (field.description or (inner.__doc__ if inner else "") or "").replace("|", "\\|")
        yield f"| `{key}` | {kind} | {default} | {' '.join(text.split())} |"
        if inner:
            yield from _rows(inner, f"{key}[]." if kind.startswith("list") else f"{key}.")


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_inner, get_args(annotation))), None)


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        return " or ".join(
            dict.fromkeys(_kind(part) for part in schema["anyOf"] if part.get("type") != "null")
        )
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "mapping")).replace("object", "mapping")


def _default(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "see below"
    if value is None:
        return "absent"
    return f"`{json.dumps(value)}`"


def checks() -> str:
    """Every check's page."""
    parts = [
        "# Checks\n",
        (
            "`provisioner doctor` runs these. A check whose data may not be read is skipped, and the missing permission "
            "named. The row of the vendor's troubleshooting table that a check covers is given where there is one. "
            "Those whose id begins with dns are run for playbooks with domains. Public copies of the vendor's Okta page are cut short: two rows of "
            "its table are known.\n"
        ),
    ]
    for name in providers.CHECK_PREFIXES:
        for check in providers.checks_of(name):
            row = f", covers the vendor's row “{check.vendor_row}”" if check.vendor_row else ""
            parts.append(f"## {check.id}\n\n{check.title}. Severity: {check.severity.label}{row}.\n")
            parts.extend(f"**{heading}.** {text}\n" for heading, text in check.sections.items())
    return "\n".join(parts)


def domains() -> str:
    """What people see of a domain that stays Pending, what doctor calls it, and what to do."""
    rows = "\n".join(
        f"| {_cell(check.sections['Symptom'])} | {_cell(check.sections['Why'])} | {_cell(check.sections['Fix'])} "
        f"| [{check.id}](checks.md#{check.id}) |"
        for check in providers.checks_of("dns")
    )
    return (
        "# When a domain stays Pending\n\n"
        "What `provisioner doctor` says of the domains of a playbook. Evidence names each server that was asked, and what it "
        "answered.\n\n| What you see | What is behind it | What to do | What doctor calls it |\n|---|---|---|---|\n"
        f"{rows}\n"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def exit_codes_and_formats() -> str:
    """What each exit status means, and in which formats plan, drift and doctor tell what they found, with an example."""
    codes = "\n".join(f"| {code.value} | {code.meaning} |" for code in ExitCode)
    parts = [
        f"# Exit codes and formats\n\n## Exit codes\n\nThe same for every command.\n\n| Code | Meaning |\n|---|---|\n{codes}\n",
        (
            "## Formats\n\n`--format` chooses one for standard output; `--report FORMAT=FILE` writes files, any number of them in "
            "one run of `drift`, `doctor` or `report merge`. `text` is for people, and `json` for programs: "
            "[its members](reports.md). `provisioner report merge` puts JSON files of several runs together, in any of "
            "these formats.\n\nThe others are made of items, one for each deviation and finding.\n\n| Status | Meaning |\n|---|---|"
        ),
        *(f"| {status} | {meaning} |" for status, meaning in MEANINGS.items()),
        "\nThe examples tell of one redirect URI that nobody asked for.\n",
    ]
    for name, write in FORMATS.items():
        about = sys.modules[write.__module__].__doc__ or ""
        parts.append(f"### {name}\n\n{_markdown(about)}\n")
        if name != "html":
            example = "\n".join(rendered(_example(), name).splitlines())
            parts.append(f"````{_HIGHLIGHTING.get(name, 'text')}\n{example}\n````\n")
    return "\n".join(parts)


_HIGHLIGHTING = {"gitlab": "json", "junit": "xml", "markdown": "markdown", "ndjson": "json", "sarif": "json"}


def _markdown(docstring: str) -> str:
    """A docstring as Markdown: literals and references in its notation."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", docstring.strip().replace("``", "`"))
    return "\n\n".join(
        part if part.startswith("- ") else " ".join(part.split()) for part in text.split("\n\n")
    )


def _example() -> DriftReport:
    uris = ["kiro://kiro.oauth/callback", "https://attacker.example/callback"]
    deviation = ChangeReport(
        address="entra-application/kiro-entra",
        action="update",
        fields=(FieldReport(name="redirect_uris", before=uris, after=uris[:1]),),
        category="security",
        line=15,
    )
    about = Target(
        playbook="playbooks/entra.yaml",
        name="kiro-entra",
        provider="entra",
        tenant="contoso.example",
        sandbox=False,
    )
    plan = PlanReport(target=about, in_sync=False, summary={}, changes=(deviation,), fingerprint="")
    return drift_report([plan], [])


def reports() -> str:
    """The JSON that commands print."""
    parts = [
        "# JSON reports\n",
        (
            "What the commands print with `--format json`. `schema` names the shape and its version: members may be added "
            "to a version, never changed or removed. `provisioner schema COMMAND` prints the JSON Schema.\n"
        ),
    ]
    for name, model in REPORTS.items():
        parts.append(f"## {name}\n\n{' '.join((model.__doc__ or '').split())}\n")
        parts.append("| Member | Type | |\n|---|---|---|")
        parts.extend(_members(model.model_json_schema(by_alias=True)))
        parts.append("")
    return "\n".join(parts)


def _members(schema: dict[str, Any], prefix: str = "", root: dict[str, Any] | None = None) -> Iterator[str]:
    root = root or schema
    for name, member in schema.get("properties", {}).items():
        target, kind = _referred(member, root)
        yield f"| `{prefix}{name}` | {kind} | {member.get('description') or target.get('description', '')} |"
        if target:
            yield from _members(target, f"{prefix}{name}[]." if kind == "list" else f"{prefix}{name}.", root)


def _referred(member: dict[str, Any], root: dict[str, Any]) -> tuple[dict[str, Any], str]:
    items = member.get("items", {})
    reference = member.get("$ref") or items.get("$ref")
    target = root["$defs"][reference.rpartition("/")[2]] if reference else {}
    if member.get("type") == "array":
        return target, "list"
    if "enum" in member or "const" in member or "anyOf" in member:
        return target, _kind(member)
    return target, "object" if target else str(member.get("type", "any"))


PAGES = {
    "commands.md": lambda: NOTE + commands(),
    "playbook.md": lambda: NOTE + playbook(),
    "checks.md": lambda: NOTE + checks(),
    "domains.md": lambda: NOTE + domains(),
    "exit-codes-and-formats.md": lambda: NOTE + exit_codes_and_formats(),
    "reports.md": lambda: NOTE + reports(),
    "playbook.schema.json": lambda: json.dumps(json_schema(), indent=2) + "\n",
}


def main(arguments: list[str]) -> int:
    """Write or check."""
    differing = []
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            differing.append(name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    verb = "differ from the code; run: python docs/generate.py" if "--check" in arguments else "written"
    print("\n".join(f"{name} {verb}" for name in differing) or "up to date")
    return 1 if differing and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
