"""Where the sandbox keeps its documents: one SQLite file that outlives the process.

Every write is committed at once, so a killed process leaves the last finished write behind and nothing half
done. Several processes may use one file (``sandbox serve`` in one terminal, ``sandbox break`` in another).

A document remembers what it looked like before its last change and when that was. A reader on a *lagging
replica* sees the older form for as long as the lag lasts: that is how eventual consistency is played.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

Document = dict[str, Any]

_SCHEMA = """
create table if not exists document (
  seq integer primary key autoincrement,
  kind text not null,
  id text not null,
  body text,
  previous text,
  changed real not null,
  unique (kind, id)
);
"""

_SEALED = frozenset({"appConnection", "clientSecret", "signingKey", "synchronizationSecrets", "tsigKey"})
"""Kinds that hold what a person typed in as a secret: not kept in clear."""
_SEAL_MARK = "sealed:"

_ASCII = re.compile(r"[\x00-\x7f]+")
_LAST = "\U0010ffff"  # sorts after every key that begins alike
_UPSERT = """
insert into document (kind, id, body, changed) values (?,?,?,?)
on conflict (kind, id) do update set
  previous = case when ? - changed < ? then previous else body end,
  body = excluded.body,
  changed = excluded.changed
"""

_lagging: ContextVar[bool] = ContextVar("lagging", default=False)


class Store:
    """JSON documents by kind and id, in the order in which they were created."""

    def __init__(self, path: Path, *, lag: float = 0.0) -> None:
        """Open (or create) the file.

        Args:
            path: the SQLite file; its folder is created, readable by its owner only.
            lag: seconds for which a lagging replica shows a document as it was before its last change.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self.lag = lag
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        path.chmod(0o600)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")  # a killed process loses nothing; only a power cut could
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; the store cannot be used any more."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, alone: other threads and processes wait. May be nested; the outermost commits.

        Never call another server while one is open.
        """
        with self._lock:
            if self._depth == 0:
                self._db.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("rollback")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("commit")

    @contextmanager
    def lagging_replica(self) -> Iterator[None]:
        """Reads inside this block see documents as they were before changes younger than the lag."""
        token = _lagging.set(True)
        try:
            yield
        finally:
            _lagging.reset(token)

    def get(self, kind: str, key: str) -> Document | None:
        """The document, or None when there is none (or none yet, on a lagging replica)."""
        with self._lock:
            row = self._db.execute(
                "select body, previous, changed from document where kind=? and id=?", (kind, key)
            ).fetchone()
        return self._visible(row) if row else None

    def all(self, kind: str) -> list[Document]:
        """Every document of a kind, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "select body, previous, changed from document where kind=? order by seq", (kind,)
            ).fetchall()
        return [document for row in rows if (document := self._visible(row)) is not None]

    def page(self, kind: str, prefix: str, limit: int, after: str = "") -> list[Document]:
        """Documents whose keys begin alike, by key; no more of them are read than are returned.

        Args:
            kind: their kind.
            prefix: how their keys begin.
            limit: how many at most.
            after: a key; what is returned comes after it.
        """
        with self._lock:
            rows = self._db.execute(
                "select body, previous, changed from document"
                " where kind=? and id>=? and id<? and id>? order by id limit ?",
                (kind, prefix, prefix + _LAST, after, limit),
            ).fetchall()
        return [document for row in rows if (document := self._visible(row)) is not None]

    def under(self, kind: str, prefix: str) -> list[Document]:
        """Every document whose key begins so, by key."""
        return self.page(kind, prefix, -1)

    def containing(self, kind: str, text: str) -> list[Document]:
        """Documents of a kind in whose JSON a text may occur anywhere, whatever its case; not for sealed kinds.

        The caller looks closer: this only spares it from reading all of them. Only the longest run of ASCII is looked for,
        since SQLite knows the case of nothing else.
        """
        run = max(_ASCII.findall(text), key=len, default="")
        with self._lock:
            rows = self._db.execute(
                "select body, previous, changed from document"
                " where kind=? and instr(lower(body), lower(?)) > 0 order by seq",
                (kind, json.dumps(run)[1:-1]),
            ).fetchall()
        return [document for row in rows if (document := self._visible(row)) is not None]

    def keys(self, kind: str, prefix: str = "") -> list[str]:
        """The keys that begin so, in order, without reading the documents."""
        with self._lock:
            rows = self._db.execute(
                "select id from document where kind=? and id>=? and id<? and body is not null order by id",
                (kind, prefix, prefix + _LAST),
            ).fetchall()
        return [row[0] for row in rows]

    def put(self, kind: str, key: str, body: Document) -> None:
        """Create or replace a document."""
        self._write(kind, key, self._text(kind, body))

    def put_many(self, kind: str, bodies: Iterable[tuple[str, Document]]) -> None:
        """Create or replace many documents of a kind, given with their keys, in one transaction."""
        now = time.time()
        rows = ((kind, key, self._text(kind, body), now) for key, body in bodies)
        with self.transaction():
            self._db.executemany(_UPSERT, ((*row, now, self.lag) for row in rows))

    def delete_many(self, kind: str, keys: Iterable[str]) -> None:
        """Remove many documents of a kind in one transaction."""
        with self.transaction():
            if self.lag:
                for key in keys:
                    self._write(kind, key, None)
            else:
                self._db.executemany(
                    "delete from document where kind=? and id=?", ((kind, key) for key in keys)
                )

    def delete(self, kind: str, key: str) -> None:
        """Remove a document; a lagging replica still shows it for a while."""
        self._write(kind, key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            self._db.execute("delete from document")

    def settle(self) -> None:
        """Bring every replica in step: what was written so far counts as old."""
        with self.transaction():
            self._db.execute("update document set previous = body")

    def setting(self, name: str, default: Any = None) -> Any:
        """A value the sandbox keeps about itself."""
        row = self.get("setting", name)
        return default if row is None else row["value"]

    def set(self, name: str, value: Any) -> None:
        """Keep a value the sandbox has about itself."""
        self.put("setting", name, {"value": value})

    def _visible(self, row: tuple[str | None, str | None, float]) -> Document | None:
        body, previous, changed = row
        text = previous if _lagging.get() and time.time() - changed < self.lag else body
        if text is None:
            return None
        document: Document = json.loads(self._unseal(text) if text.startswith(_SEAL_MARK) else text)
        return document

    def _text(self, kind: str, body: Document) -> str:
        text = json.dumps(body)
        return self._seal(text) if kind in _SEALED else text

    def _seal(self, text: str) -> str:
        return f"{_SEAL_MARK}{self._cipher().encrypt(text.encode()).decode()}"

    def _unseal(self, text: str) -> str:
        return str(self._cipher().decrypt(text.removeprefix(_SEAL_MARK).encode()).decode())

    def _cipher(self) -> Any:
        """The key lies beside the file: this keeps a secret from being found, not from whoever owns both."""
        from cryptography.fernet import Fernet  # noqa: PLC0415 (start-up time)

        key = self.path.with_suffix(".key")
        if not key.exists():
            key.touch(mode=0o600)
            key.write_bytes(Fernet.generate_key())
        return Fernet(key.read_bytes())

    def _write(self, kind: str, key: str, body: str | None) -> None:
        now = time.time()
        with self.transaction():
            row = self._db.execute(
                "select body, previous, changed from document where kind=? and id=?", (kind, key)
            ).fetchone()
            if row is None:
                if body is not None:
                    self._db.execute(
                        "insert into document (kind, id, body, changed) values (?,?,?,?)",
                        (kind, key, body, now),
                    )
                return
            previous = row[1] if now - row[2] < self.lag else row[0]
            if body is None and self.lag == 0:
                self._db.execute("delete from document where kind=? and id=?", (kind, key))
            else:
                self._db.execute(
                    "update document set body=?, previous=?, changed=? where kind=? and id=?",
                    (body, previous, now, kind, key),
                )
