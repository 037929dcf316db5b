"""sandbox: serve, seed, break, show, reset and steer the built-in tenant."""

from __future__ import annotations

import click


@click.group()
def sandbox() -> None:
    """The built-in Entra tenant and Kiro: nothing real is touched."""
