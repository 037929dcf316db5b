"""The program ``provisioner``: its commands, and the exit code of every error."""

from __future__ import annotations

import logging
import sys
import textwrap
from collections.abc import Sequence
from contextlib import suppress

import click

from provisioner import __version__
from provisioner.cli.apply import apply
from provisioner.cli.checks import checks
from provisioner.cli.ci import ci
from provisioner.cli.destroy import destroy
from provisioner.cli.diff import diff
from provisioner.cli.doctor import doctor
from provisioner.cli.drift import drift
from provisioner.cli.errors import BugLog, report_bug, report_error, report_usage_error
from provisioner.cli.export import export
from provisioner.cli.handoff import handoff
from provisioner.cli.init import init
from provisioner.cli.interruption import termination_as_interrupt
from provisioner.cli.permissions import permissions
from provisioner.cli.plan import plan
from provisioner.cli.report import report
from provisioner.cli.sandbox import sandbox
from provisioner.cli.schema import schema
from provisioner.cli.terminal import guarded_output
from provisioner.cli.validate import validate
from provisioner.core.errors import ExitCode, ProvisionerError
from provisioner.file_reading import remembered_inputs
from provisioner.file_writing import is_no_space, writing_error
from provisioner.settings import remember_secrets

_EPILOG = "\b\nExit codes:\n" + "\n".join(
    textwrap.fill(code.meaning, 79, initial_indent=f"  {code.value}  ", subsequent_indent="     ")
    for code in ExitCode
)


class _OrderedGroup(click.Group):
    """Lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


@click.group(
    cls=_OrderedGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="provisioner")
def cli() -> None:
    """Connect Microsoft Entra ID or Okta to Kiro: one playbook, one command.

    \b
    First steps:
      provisioner init                        write a commented playbook
      provisioner apply entra.yaml --sandbox  rehearse it; nothing real is touched
      provisioner plan entra.yaml             show what it would change
      provisioner apply entra.yaml            apply it
      provisioner doctor entra.yaml           audit the tenant
    """


for _command in (
    init,
    validate,
    schema,
    plan,
    apply,
    destroy,
    doctor,
    drift,
    handoff,
    permissions,
    export,
    diff,
    checks,
    report,
    ci,
    sandbox,
):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the command line without the program's name; None for the process's own.

    Returns:
        one of :class:`~provisioner.core.errors.ExitCode`.
    """
    with guarded_output():
        remember_secrets()
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    logger = logging.getLogger("provisioner")
    if not logger.handlers:
        logger.addHandler(BugLog(logging.WARNING))
    try:
        with termination_as_interrupt(), remembered_inputs():
            result = cli.main(args=arguments, prog_name="provisioner", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("\nInterrupted. What was written stays. Run the same command again to continue.", err=True)
        return ExitCode.ERROR
    except click.ClickException as error:
        report_usage_error(error)
        return ExitCode.USAGE
    except ProvisionerError as error:
        report_error(error)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader of the output has exited; Python would print an error on exit
        return ExitCode.ERROR
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user
        if isinstance(error, OSError) and is_no_space(error):
            _report_no_space(error)
        else:
            report_bug(error)
        return ExitCode.ERROR
    return result if isinstance(result, int) else ExitCode.DONE


def _report_no_space(error: OSError) -> None:
    """Report that the output, or a temporary file, could not be written."""
    with suppress(OSError):  # standard error may be what is full
        report_error(writing_error(error, error.filename or "the output"))
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.close()  # Python would print an error on exit, about what could not be flushed
