"""The command line: parse, call, print, exit code. No decisions, and nothing heavy is imported to print help."""

from provisioner.cli.app import main

__all__ = ["main"]
