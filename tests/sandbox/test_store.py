"""The store: many documents at once, secrets, search."""

from __future__ import annotations

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
    assert [document["id"] for document in first] == [0, 1, 2, 3]
    assert [document["id"] for document in store.page("thing", "a:", 4, after="a:007")] == [8, 9]
    assert len(store.under("thing", "a:")) == 10
    assert store.keys("thing", "b:") == ["b:000"]
    store.delete_many("thing", store.keys("thing", "a:"))
    assert [document["id"] for document in store.all("thing")] == [99]


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


def test_secret_kinds_are_encrypted_in_bulk_too(store):
    store.put_many("appConnection", [("a", {"token": "canary-4711"})])
    assert store.get("appConnection", "a") == {"token": "canary-4711"}
    assert b"canary-4711" not in store.path.read_bytes()


def test_finding_by_text(store):
    store.put_many("thing", [("a", {"login": 'Ann"Ä'}), ("b", {"login": "bob"})])
    for text in ('ANN"Ä', 'ann"ä', 'nn"', "Ä"):
        assert {"login": 'Ann"Ä'} in store.containing("thing", text), text
    assert store.containing("thing", 'ANN"Ä') == [{"login": 'Ann"Ä'}]
    assert store.containing("thing", "carol") == []


def test_a_page_of_many_documents_reads_no_more_than_it_returns(store, monkeypatch):
    store.put_many("thing", ((f"a:{number:06}", {"id": number}) for number in range(10_000)))
    rows = []
    visible = store._visible
    monkeypatch.setattr(store, "_visible", lambda row: rows.append(row) or visible(row))
    assert len(store.page("thing", "a:", 501, after="a:005000")) == 501
    assert len(rows) == 501
