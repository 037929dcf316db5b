"""The Entra checks, by theme."""

from provisioner.core.check import Catalogue

CHECKS = Catalogue()
