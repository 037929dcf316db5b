"""Requests and responses are valid for the vendors' API descriptions; every other test here checks its own, too."""

from __future__ import annotations

import pytest

from provisioner.sandbox import Exchange
from tests.e2e.product import PLAYBOOK
from tests.graph_contract import ABSENT, CONTRACTS

pytestmark = pytest.mark.skipif(not CONTRACTS.is_dir(), reason=ABSENT)


def test_everything_the_product_sends_and_gets_is_valid(product, exchanges, contract):
    product.apply()
    product.apply()
    product.doctor()
    product("permissions", str(PLAYBOOK), "--sandbox")
    product("destroy", str(PLAYBOOK), "--sandbox")
    product.apply()
    assert len(exchanges) > 80
    assert {exchange.method for exchange in exchanges} == {"GET", "POST", "PATCH", "PUT", "DELETE"}
    assert contract.problems(exchanges) == []


@pytest.mark.parametrize("provider", ["okta"])
def test_everything_the_product_sends_to_okta_and_gets_is_valid(product, exchanges, okta_contract):
    product.apply()
    product.apply()
    product.doctor()
    product("sandbox", "break", "okta-redirect-uri-extra")
    product("sandbox", "break", "okta-scope-consent")
    product("sandbox", "break", "okta-push-error")
    product.doctor("--fix")
    product("permissions", product.playbook, "--sandbox")
    assert len(exchanges) > 80
    assert {exchange.method for exchange in exchanges} == {"GET", "POST", "PATCH", "PUT"}
    assert okta_contract.problems(exchanges) == []


def test_an_invalid_request_to_okta_is_detected(okta_contract):
    body = {"type": "RESOURCE_ACCESS", "name": "x", "priority": "first"}
    wrong = Exchange("POST", "/api/v1/authorizationServers/aus1/policies/00p1/rules", {}, body, 201, None)
    assert okta_contract.problems([wrong]) != []


def test_parts_of_batches_are_validated(applied, exchanges):
    applied.apply()
    assert sum(exchange.inner for exchange in exchanges) >= 5


def test_an_invalid_request_to_graph_is_detected(contract):
    body = {"value": [{"key": "BaseAdress", "value": "x"}]}
    misspelt = Exchange("PUT", "/v1.0/servicePrincipals/1/synchronization/secrets", {}, body, 204, None)
    assert contract.problems([misspelt]) != []
