"""Playbooks: read from YAML, checked without contacting anything, and written."""

from .loading import LoadedPlaybook, load
from .schema import json_schema

__all__ = ["LoadedPlaybook", "json_schema", "load"]
