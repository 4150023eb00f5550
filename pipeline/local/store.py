"""What the engine itself must remember (stacks, executions, builds): JSON documents in SQLite, safe against kill -9."""

from __future__ import annotations

import json
import shlex
import sqlite3
import threading
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError

# Fields with an index.
ASKED_BY = ("pipelineExecutionId", "status")


class Store:
    """Documents by (kind, key), in order of first insertion. Every put is a committed transaction."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            _sound(self._db)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS document (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))")
            for field in ASKED_BY:
                self._db.execute(f"CREATE INDEX IF NOT EXISTS by_{field} ON document (kind, json_extract(body, '$.{field}'))")
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise PipelineError(
                f"{path} cannot be read or written ({error}); put a good copy back, "
                f"or start anew, without the addresses and deployments it holds: rm -r {shlex.quote(str(path.parent))}"
            ) from error

    def put(self, kind: str, key: str, document: dict[str, Any]) -> None:
        body = json.dumps(document, default=str)
        with self._lock:
            self._db.execute(
                "INSERT INTO document VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body", (kind, key, body)
            )

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        with self._lock:
            row = self._db.execute("SELECT body FROM document WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str) -> list[dict[str, Any]]:
        with self._lock:
            rows = self._db.execute("SELECT body FROM document WHERE kind = ? ORDER BY rowid", (kind,)).fetchall()
        return [json.loads(body) for (body,) in rows]

    def where(self, kind: str, field: str, value: str) -> list[dict[str, Any]]:
        """`field` is one of ASKED_BY: somebody always waits for one document, and an engine that has run for long holds thousands."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT body FROM document WHERE kind = ? AND json_extract(body, '$.{field}') = ? ORDER BY rowid",  # noqa: S608 - names of ours
                (kind, value),
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def delete(self, kind: str, key: str) -> None:
        with self._lock:
            self._db.execute("DELETE FROM document WHERE kind = ? AND key = ?", (kind, key))

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _sound(db: sqlite3.Connection) -> None:
    damage = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise sqlite3.DatabaseError(damage)
