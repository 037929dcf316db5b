"""The Okta checks, by theme. A new check is one function here and its case files in the tests."""

from . import application, assignments, authorization, policies, provisioning, redirects

CHECKS = (
    *application.check,
    *redirects.check,
    *authorization.check,
    *policies.check,
    *assignments.check,
    *provisioning.check,
)
