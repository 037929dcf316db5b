"""What the store does for many documents at once."""

from __future__ import annotations

import time

import pytest

from provisioner.sandbox.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "x.db")
    yield store
    store.close()


def test_pages_by_key(store):
    store.put_many("thing", ((f"a:{number:03}", {"id": number}) for number in range(10)))
    store.put("thing", "b:000", {"id": 99})
    first = store.page("thing", "a:", 4)
    assert [each["id"] for each in first] == [0, 1, 2, 3]
    assert [each["id"] for each in store.page("thing", "a:", 4, after="a:007")] == [8, 9]
    assert len(store.under("thing", "a:")) == 10
    assert store.keys("thing", "b:") == ["b:000"]
    store.delete_many("thing", store.keys("thing", "a:"))
    assert [each["id"] for each in store.all("thing")] == [99]


def test_writing_many_is_like_writing_each(store):
    store.lag = 60
    store.put_many("thing", [("a", {"v": 1})])
    with store.lagging_replica():
        assert store.get("thing", "a") is None
    store.settle()
    store.put_many("thing", [("a", {"v": 2})])
    store.put_many("thing", [("a", {"v": 3})])
    with store.lagging_replica():
        assert store.get("thing", "a") == {"v": 1}
        assert store.under("thing", "a") == [{"v": 1}]
    assert store.get("thing", "a") == {"v": 3}
    store.delete_many("thing", ["a"])
    assert store.get("thing", "a") is None
    assert store.keys("thing") == []
    with store.lagging_replica():
        assert store.get("thing", "a") == {"v": 1}


def test_what_is_sealed_stays_sealed_in_bulk(store):
    store.put_many("appConnection", [("a", {"token": "canary-4711"})])
    assert store.get("appConnection", "a") == {"token": "canary-4711"}
    assert b"canary-4711" not in store.path.read_bytes()


def test_finding_by_text(store):
    store.put_many("thing", [("a", {"login": 'Ann"Ä'}), ("b", {"login": "bob"})])
    for text in ('ANN"Ä', 'ann"ä', 'nn"', "Ä"):
        assert {"login": 'Ann"Ä'} in store.containing("thing", text), text
    assert store.containing("thing", 'ANN"Ä') == [{"login": 'Ann"Ä'}]
    assert store.containing("thing", "nobody") == []


def test_a_hundred_thousand_documents(store):
    began = time.monotonic()
    store.put_many("thing", ((f"a:{number:06}", {"id": number}) for number in range(100_000)))
    assert len(store.page("thing", "a:", 501, after="a:050000")) == 501
    assert time.monotonic() - began < 30
