"""Connect an enterprise identity provider to Kiro: one playbook, one command."""

__version__ = "0.1.0"
