"""A workflow's steps as its runner sees them: what to run, with which environment."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{ *([^}]*?) *\}\}")


@dataclass(frozen=True)
class Step:
    """A ``run:`` step.

    Attributes:
        script: for bash.
        env: the workflow's, the job's and its own; expressions are as they are written.
    """

    name: str
    id: str
    script: str
    env: Mapping[str, str]


def run_steps(workflow: Mapping[str, Any], job: str) -> tuple[Step, ...]:
    """The ``run:`` steps of a job, in order; those that use an action are left out."""
    chosen = workflow["jobs"][job]
    around = {**workflow.get("env", {}), **chosen.get("env", {})}
    return tuple(
        Step(
            name=step.get("name", ""),
            id=step.get("id", ""),
            script=step["run"],
            env={name: str(value) for name, value in {**around, **step.get("env", {})}.items()},
        )
        for step in chosen["steps"]
        if "run" in step
    )


def filled(text: str, context: Mapping[str, str]) -> str:
    """A text with its expressions replaced; variables and secrets that are not set are empty.

    Raises:
        KeyError: the context lacks a name of an expression.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return context.get(name, "") if name.startswith(("vars.", "secrets.")) else context[name]

    return _EXPRESSION.sub(value, text)


@dataclass
class Ran:
    """The result of a job."""

    code: int = 0
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


def run_job(
    file: Path,
    job: str,
    *,
    folder: Path,
    environment: Mapping[str, str],
    context: Mapping[str, str],
    without: Collection[str] = ("Install provisioner",),
) -> Ran:
    """Run a job's ``run:`` steps as GitHub's runner would, until one fails.

    Args:
        file: the workflow.
        job: its key.
        folder: the checkout.
        environment: what the runner has; nothing else is passed on.
        context: values of expressions, such as ``github.token``; outputs of steps are added.
        without: names of steps to leave out.
    """
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    ran, known = Ran(), dict(context)
    output, summary = folder / ".output", folder / ".summary"
    summary.unlink(missing_ok=True)
    for step in run_steps(workflow, job):
        if step.name in without:
            continue
        output.write_text("")
        env = {name: filled(value, known) for name, value in step.env.items()}
        files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.script],
            cwd=folder,
            env={**environment, **files, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        ran.log += done.stdout
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        known |= {f"steps.{step.id}.outputs.{name}": value for name, value in outputs.items()}
        ran.outputs |= outputs
        ran.code = done.returncode
        if ran.code:
            break
    ran.summary = summary.read_text(encoding="utf-8") if summary.exists() else ""
    return ran
