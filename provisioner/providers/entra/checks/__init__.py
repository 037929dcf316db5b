"""The Entra checks, by theme. A new check is one function in a module here, and its case files in the tests."""

from itertools import chain

from . import access, application, mapping, provisioning, redirects

CHECKS = tuple(chain(application.check, redirects.check, access.check, mapping.check, provisioning.check))
