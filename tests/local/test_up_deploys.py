"""What `kotei local up` does about HEAD when the remote holds it already: run it, follow its run, or leave it alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.local import remote, up
from pipeline.local.remote import Commit
from stacks.project import load

HEAD, OTHER = "a" * 40, "b" * 40
START, FOLLOW = "/_kotei/start", "/_kotei/follow"

pytestmark = pytest.mark.local


@dataclass(frozen=True, kw_only=True)
class Known(up.Local):
    """An engine that has these runs, newest first."""

    known: tuple[dict[str, Any], ...]

    def runs(self) -> list[dict[str, Any]]:
        return list(self.known)

    def asked(self) -> list[dict[str, str]]:
        return []


def run(commit: str, status: str) -> dict[str, Any]:
    return {"pipelineExecutionId": "x", "status": status, "sourceRevisions": [{"revisionId": commit}] if commit else []}


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([], [START]),
        ([run(OTHER, "InProgress")], [START]),
        ([run(OTHER, "Succeeded")], [START]),
        ([run(HEAD, "Failed"), run(HEAD, "Succeeded")], [START]),
        ([run(HEAD, "InProgress")], [FOLLOW]),
        ([run("", "InProgress")], [FOLLOW]),
        ([run(HEAD, "Succeeded"), run(OTHER, "InProgress")], [FOLLOW]),
        ([run(HEAD, "Succeeded")], []),
    ],
)
def test_head_gets_a_run_unless_it_has_one(
    runs: list[dict[str, Any]], told: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    held = Commit(id=HEAD, message="", author="", email="", date="")
    monkeypatch.setattr(remote, "commit", lambda *_: held)
    monkeypatch.setattr(up, "_told", lambda _home, path, _body, _say: asked.append(path))
    root = Path(__file__).parents[2]
    local = Known(home=tmp_path, root=root, project=load(root), endpoint="", known=tuple(runs))
    up._deploy(local, HEAD, "main", lambda _: None, fresh=False)
    assert asked == told
