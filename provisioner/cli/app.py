"""The top of the command line, and what becomes of every error."""

from __future__ import annotations

import logging
import sys
import textwrap
from collections.abc import Sequence

import click

from provisioner import __version__
from provisioner.cli.auditing import checks, doctor, permissions
from provisioner.cli.authoring import handoff, init, schema, validate
from provisioner.cli.changing import apply, destroy, plan
from provisioner.cli.exporting import diff, export
from provisioner.cli.failing import BugLog, report_bug, report_error
from provisioner.cli.pipelines import ci
from provisioner.cli.reporting import report
from provisioner.cli.sandbox import sandbox
from provisioner.cli.surveying import drift
from provisioner.cli.terminal import make_legible
from provisioner.core.errors import ExitCode, ProvisionerError

_EPILOG = "\b\nExit codes:\n" + "\n".join(
    textwrap.fill(code.meaning, 79, initial_indent=f"  {code.value}  ", subsequent_indent="     ")
    for code in ExitCode
)


class _InOrder(click.Group):
    """Commands are listed as they are added: the first ones first."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


@click.group(
    cls=_InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="provisioner")
def cli() -> None:
    """Connect Microsoft Entra ID or Okta to Kiro: one playbook, one command.

    \b
    First steps:
      provisioner init                        write a commented playbook
      provisioner apply entra.yaml --sandbox  rehearse it, nothing real is touched
      provisioner plan entra.yaml             what it would change in your tenant
      provisioner apply entra.yaml            do it
      provisioner doctor entra.yaml           audit it
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


def _told_in_a_line(logger: logging.Logger) -> None:
    if not logger.handlers:
        logger.addHandler(BugLog(logging.WARNING))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the command line without the program's name; the process's own when None.

    Returns:
        one of :class:`~provisioner.core.errors.ExitCode`.
    """
    make_legible()
    _told_in_a_line(logging.getLogger("provisioner"))
    try:
        result = cli.main(args=arguments, prog_name="provisioner", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("\nInterrupted. What was written stays; run the same command again to go on.", err=True)
        return ExitCode.ERROR
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except ProvisionerError as error:
        report_error(error)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone; there is nobody to tell
        return ExitCode.ERROR
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user
        report_bug(error)
        return ExitCode.ERROR
    return result if isinstance(result, int) else ExitCode.DONE
