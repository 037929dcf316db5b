"""The Okta checks, by theme. A new check is one function here and its case files in the tests."""

from itertools import chain

from . import application, authorization, people, policies, provisioning, redirects

CHECKS = tuple(
    chain(
        application.check,
        redirects.check,
        authorization.check,
        policies.check,
        people.check,
        provisioning.check,
    )
)
