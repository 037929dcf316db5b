"""Write the reference pages from the code, or check that they match the code.

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
from provisioner.core.diff import FieldChange
from provisioner.core.drift import Category
from provisioner.core.errors import ExitCode
from provisioner.core.plan import Action
from provisioner.playbook import json_schema
from provisioner.reports.building import drift_report
from provisioner.reports.entries import STATUSES
from provisioner.reports.formats import FORMATS, render
from provisioner.reports.models import ChangeReport, DriftReport, PlanReport, Target
from provisioner.reports.registry import REPORTS

FOLDER = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code. Change the code, then run: python docs/generate.py -->\n\n"


def commands() -> str:
    """The help of every command."""
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
            "A value can refer to a variable, a file or the keyring: `${VAR}`, `${VAR:-default}`, `${file:path}` (relative to "
            "the playbook), `${keyring:service/name}`. Write `$${` for a literal `${`.\n"
        ),
    ]
    for name in providers.PROVIDERS:
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
    """The documentation of every check."""
    parts = [
        "# Checks\n",
        (
            "`provisioner doctor` runs these checks. If a permission to read is missing, the check is skipped and the finding names "
            "the permission. A check that covers a row of Kiro's troubleshooting tables names the row. Checks whose id begins "
            "with dns run for playbooks with domains. Public copies of Kiro's Okta page are incomplete: they show two rows of "
            "its table.\n"
        ),
    ]
    for name in providers.check_prefixes():
        for check in providers.checks_of(name):
            row = f". Covers Kiro's row “{check.troubleshooting_row}”" if check.troubleshooting_row else ""
            parts.append(f"## {check.id}\n\n{check.title}. Severity: {check.severity.label}{row}.\n")
            parts.extend(f"**{heading}.** {text}\n" for heading, text in check.sections.items())
    return "\n".join(parts)


def domains() -> str:
    """The symptoms of a domain that stays Pending, their causes and fixes, and the checks that report them."""
    rows = "\n".join(
        f"| {_cell(check.sections['Symptom'])} | {_cell(check.sections['Why'])} | {_cell(check.sections['Fix'])} "
        f"| [{check.id}](checks.md#{check.id}) |"
        for check in providers.checks_of("dns")
    )
    return (
        "# When a domain stays Pending\n\n"
        "The checks of `provisioner doctor` for the domains of a playbook. Their evidence names each queried server and its "
        "response.\n\n| Symptom | Cause | Fix | Check |\n|---|---|---|---|\n"
        f"{rows}\n"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def exit_codes_and_formats() -> str:
    """The meaning of each exit code, and the formats of plan, drift and doctor, each with an example."""
    codes = "\n".join(f"| {code.value} | {code.meaning} |" for code in ExitCode)
    parts = [
        f"# Exit codes and formats\n\n## Exit codes\n\nThe same for every command.\n\n| Code | Meaning |\n|---|---|\n{codes}\n",
        (
            "## Formats\n\n`--format` selects the format of standard output. `--report FORMAT=FILE` also writes a file; `plan`, "
            "`drift`, `doctor` and `report merge` accept it several times. `text` is for people, `json` for programs: "
            "[its members](reports.md). `provisioner report merge` merges the JSON reports of several runs and writes any of "
            "these formats.\n\nThe other formats consist of entries: one for each difference, finding or error.\n\n"
            "| Status | Meaning |\n|---|---|"
        ),
        *(f"| {status} | {words.meaning} |" for status, words in STATUSES.items()),
        "\nEach example shows one redirect URI that the playbook does not list.\n",
    ]
    for name, write in FORMATS.items():
        about = sys.modules[write.__module__].__doc__ or ""
        parts.append(f"### {name}\n\n{_markdown(about)}\n")
        if name != "html":
            example = "\n".join(render(_example(), name).splitlines())
            parts.append(f"````{_HIGHLIGHTING.get(name, 'text')}\n{example}\n````\n")
    return "\n".join(parts)


_HIGHLIGHTING = {"gitlab": "json", "junit": "xml", "markdown": "markdown", "ndjson": "json", "sarif": "json"}


def _markdown(docstring: str) -> str:
    """A docstring as Markdown, with its literals and references as code."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", docstring.strip().replace("``", "`"))
    return "\n\n".join(
        part if part.startswith("- ") else " ".join(part.split()) for part in text.split("\n\n")
    )


def _example() -> DriftReport:
    uris = ["kiro://kiro.oauth/callback", "https://attacker.example/callback"]
    change = ChangeReport(
        address="entra-application/kiro-entra",
        action=Action.UPDATE,
        fields=(FieldChange(name="redirect_uris", before=uris, after=uris[:1]),),
        category=Category.SECURITY,
        line=15,
    )
    target = Target(
        playbook="playbooks/entra.yaml",
        name="kiro-entra",
        provider="entra",
        tenant="contoso.example",
        sandbox=False,
    )
    plan = PlanReport(target=target, in_sync=False, summary={}, changes=(change,), fingerprint="")
    return drift_report([plan], [])


def reports() -> str:
    """The JSON output of the commands."""
    parts = [
        "# JSON reports\n",
        (
            "The output of the commands with `--format json`. `schema` names the document and its version: a version may gain "
            "members; it never loses or changes one. `provisioner schema COMMAND` prints the JSON Schema.\n"
        ),
    ]
    documented: dict[str, str] = {}
    for name, model in REPORTS.items():
        documented[model.__name__] = f"[{name}](#{name})"
        parts.append(f"## {name}\n\n{_markdown(model.__doc__ or '')}\n")
        parts.append("| Member | Type | |\n|---|---|---|")
        parts.extend(_members(model.model_json_schema(by_alias=True), documented, name))
        parts.append("")
    return "\n".join(parts)


def _members(
    schema: dict[str, Any],
    documented: dict[str, str],
    report: str,
    prefix: str = "",
    root: dict[str, Any] | None = None,
) -> Iterator[str]:
    """Table rows of the members of a schema, and of the models below it that are not documented yet.

    Args:
        schema: of a model.
        documented: the place of each model in the page, by its name; gains the models of this schema.
        report: the report to which the schema belongs.
        prefix: the path of the schema in the report.
        root: the schema of the whole report.
    """
    root = root or schema
    for name, member in schema.get("properties", {}).items():
        model, kind = _model_and_kind(member, root)
        text = member.get("description") or model.get("description", "")
        title = model.get("title", "") if "properties" in model else ""
        if place := documented.get(title):
            yield f"| `{prefix}{name}` | {kind} | {text} Members: see {place}. |"
            continue
        yield f"| `{prefix}{name}` | {kind} | {text} |"
        if title:
            path = f"{prefix}{name}[]" if kind == "list" else f"{prefix}{name}"
            documented[title] = f"`{path}` of [{report}](#{report})"
            yield from _members(model, documented, report, f"{path}.", root)


def _model_and_kind(member: dict[str, Any], root: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The schema of the model or enum that a member refers to (empty if none), and the member's type in words."""
    branches = [branch for branch in member.get("anyOf", ()) if branch.get("type") != "null"]
    if len(branches) == 1:
        member = branches[0]
    reference = member.get("$ref") or member.get("items", {}).get("$ref")
    model = root["$defs"][reference.rpartition("/")[2]] if reference else {}
    if member.get("type") == "array":
        return model, "list"
    if "enum" in model:
        return model, _kind(model)
    if model:
        return model, "object"
    return {}, _kind(member) if member.keys() & {"enum", "const", "anyOf"} else str(member.get("type", "any"))


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
    outdated = []
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            outdated.append(name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    verb = "differ from the code; run: python docs/generate.py" if "--check" in arguments else "written"
    print("\n".join(f"{name} {verb}" for name in outdated) or "up to date")
    return 1 if outdated and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
