"""That the product speaks as the vendors describe it; every other test here checks its own exchanges too."""

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


def test_a_request_okta_would_not_understand_is_noticed(okta_contract):
    body = {"type": "RESOURCE_ACCESS", "name": "x", "priority": "first"}
    wrong = Exchange("POST", "/api/v1/authorizationServers/aus1/policies/00p1/rules", {}, body, 201, None)
    assert okta_contract.problems([wrong]) != []


def test_parts_of_batches_are_looked_at_too(applied, exchanges):
    applied.apply()
    assert sum(exchange.inner for exchange in exchanges) >= 5


def test_a_request_graph_would_not_understand_is_noticed(contract):
    body = {"value": [{"key": "BaseAdress", "value": "x"}]}
    misspelt = Exchange("PUT", "/v1.0/servicePrincipals/1/synchronization/secrets", {}, body, 204, None)
    assert contract.problems([misspelt]) != []
