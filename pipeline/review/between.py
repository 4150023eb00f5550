"""The offline review of a checkout: two of its commits, or a commit and the work tree. Reads Git and the rendered files, nothing else."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from pipeline.exception_tables import EXCEPTIONS
from pipeline.review import exceptions, sides
from pipeline.review.model import Review
from pipeline.review.review import review

COMMIT = re.compile(r"[0-9a-f]{40}")
SHORT = 12


def between(root: Path, base: str, head: str, today: date) -> Review:
    """An empty base is where this branch left the main branch, an empty head the work tree.

    What is accepted stands on the head's side, so that a change that accepts a finding shows it as accepted.
    """
    base = base or sides.default_base(root)
    accepted = exceptions.parse(sides.text(root, head, EXCEPTIONS.as_posix()))
    before, after = sides.files(root, base), sides.files(root, head)
    return review(before, after, accepted, today, base=_named(base), head=_named(head))


def _named(revision: str) -> str:
    if revision == sides.WORK_TREE:
        return "the work tree"
    return f"commit {revision[:SHORT]}" if COMMIT.fullmatch(revision) else revision
