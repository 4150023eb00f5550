"""Where a checkout stands that is deployed without the pipeline: what Git, and so the next run, knows nothing of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.git import git
from pipeline.paths import RENDERED

NAMED = 3


def unknown(root: Path, owner: str, branch: str) -> Iterator[str]:
    """In sentences; none where the files of this owner are those of a commit that was pushed to the branch."""
    folder = (RENDERED / owner).as_posix()
    # -z: names as they are.
    status = git(root, "status", "--porcelain", "-z", "--", folder)
    if status.returncode:
        yield f"{root} is no Git repository, so nobody can say which commit this is"
        return
    if changed := sorted({one[3:] for one in status.stdout.decode().split("\0") if one[3:]}):
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        yield f"not committed: {', '.join(changed[:NAMED])}{more}; commit and push, or the next run of the pipeline takes that back"
    remote = f"origin/{branch}"
    if git(root, "diff", "--quiet", "HEAD", remote, "--", folder).returncode:
        yield f"{folder} of this commit is not what {remote} has; push it there, or the next run of the pipeline takes that back"
