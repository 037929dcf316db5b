"""JSON documents of the sandbox in one SQLite file.

Every write is committed at once: a killed process loses nothing that was finished and leaves nothing half done. Several
processes may use one file (``sandbox serve`` in one terminal, ``sandbox break`` in another).

A document keeps its previous form and the time of its last change. A reader on a *lagging replica* sees the previous form
until the lag is over. This emulates eventual consistency.
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

_SECRET_KINDS = frozenset(
    {"appConnection", "clientSecret", "signingKey", "synchronizationSecrets", "tsigKey"}
)
"""Kinds that hold secrets; they are stored encrypted."""
_ENCRYPTED = "sealed:"

_ASCII = re.compile(r"[\x00-\x7f]+")
_LAST = "\U0010ffff"  # prefix + this sorts after every key with the prefix
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
            lag: seconds for which a lagging replica shows the previous form of a changed document.
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
        """Close the file. The store cannot be used afterwards."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """An exclusive transaction: other threads and processes wait. It may be nested; the outermost one commits.

        Call no other server while it is open.
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
        """Reads in this block do not see changes that are younger than the lag."""
        token = _lagging.set(True)
        try:
            yield
        finally:
            _lagging.reset(token)

    def get(self, kind: str, key: str) -> Document | None:
        """The document; None when it does not exist (on a lagging replica: not yet)."""
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
        """Documents with a key prefix, in the order of their keys; reads no more than it returns.

        Args:
            kind: their kind.
            prefix: start of their keys.
            limit: maximum number; -1 for all.
            after: returns only keys after this one.
        """
        with self._lock:
            rows = self._db.execute(
                "select body, previous, changed from document"
                " where kind=? and id>=? and id<? and id>? order by id limit ?",
                (kind, prefix, prefix + _LAST, after, limit),
            ).fetchall()
        return [document for row in rows if (document := self._visible(row)) is not None]

    def under(self, kind: str, prefix: str) -> list[Document]:
        """Every document with a key prefix, in the order of their keys."""
        return self.page(kind, prefix, -1)

    def containing(self, kind: str, text: str) -> list[Document]:
        """Documents of a kind that may contain a text, whatever its case; not for secret kinds.

        This is a prefilter: the caller checks each document. It searches the JSON for the longest ASCII run of the text,
        because SQLite's ``lower`` knows only ASCII.
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
        """Keys with a prefix, sorted; reads no documents."""
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
        """Delete many documents of a kind in one transaction."""
        with self.transaction():
            if self.lag:
                for key in keys:
                    self._write(kind, key, None)
            else:
                self._db.executemany(
                    "delete from document where kind=? and id=?", ((kind, key) for key in keys)
                )

    def delete(self, kind: str, key: str) -> None:
        """Delete a document; a lagging replica shows it until the lag is over."""
        self._write(kind, key, None)

    def is_empty(self) -> bool:
        """Whether it has no document at all."""
        with self._lock:
            return self._db.execute("select 1 from document limit 1").fetchone() is None

    def settle(self) -> None:
        """End the lag of every change so far: all replicas agree."""
        with self.transaction():
            self._db.execute("update document set previous = body")

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting, or a value that the sandbox stores about itself."""
        row = self.get("setting", name)
        return default if row is None else row["value"]

    def set(self, name: str, value: Any) -> None:
        """Store a setting."""
        self.put("setting", name, {"value": value})

    def _visible(self, row: tuple[str | None, str | None, float]) -> Document | None:
        body, previous, changed = row
        text = previous if _lagging.get() and time.time() - changed < self.lag else body
        if text is None:
            return None
        document: Document = json.loads(self._decrypt(text) if text.startswith(_ENCRYPTED) else text)
        return document

    def _text(self, kind: str, body: Document) -> str:
        text = json.dumps(body)
        return self._encrypt(text) if kind in _SECRET_KINDS else text

    def _encrypt(self, text: str) -> str:
        return f"{_ENCRYPTED}{self._cipher().encrypt(text.encode()).decode()}"

    def _decrypt(self, text: str) -> str:
        return str(self._cipher().decrypt(text.removeprefix(_ENCRYPTED).encode()).decode())

    def _cipher(self) -> Any:
        """The cipher for secret kinds.

        The key is in a file beside the store: secrets do not show up in a search, but a user who can read both files can
        read them.
        """
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
