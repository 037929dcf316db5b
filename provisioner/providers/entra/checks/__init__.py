"""The Entra checks, by theme. A new check is one function here and its case files in the tests."""

from itertools import chain

from . import access, application, provisioning, redirects

CHECKS = tuple(chain(application.check, redirects.check, access.check, provisioning.check))
