"""`make scan`: other people's scanners over every rendered template; writes docs/scanners.md, and fails on what has no reason."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.scan import judge, programs, templates

SCANNERS = ("checkov", "parliament")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.scan", description=__doc__)
    arguments.add_argument("programs", type=Path, help="the folder of the scanners' programs")
    folder = arguments.parse_args().programs
    with tempfile.TemporaryDirectory() as checkout, tempfile.TemporaryDirectory() as work:
        found = templates.templates(Path(checkout))
        findings = programs.scan(folder, Path(work), found)
    record = {"versions": _versions(folder), "scanned": templates.seen(found), "findings": [asdict(finding) for finding in findings]}
    known = judge.reasons()
    judge.RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    judge.TABLE.write_text(judge.table(findings, known, record["versions"], record["scanned"]), encoding="utf-8")
    left = list(judge.problems(findings, known))
    print("\n".join(left) or f"{len(findings)} findings, each with its reason: {judge.TABLE.name}", file=sys.stderr)  # noqa: T201 - a command
    return 1 if left else 0


def _versions(folder: Path) -> dict[str, str]:
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    told = subprocess.run([str(folder / "python"), "-c", code, *SCANNERS], capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(SCANNERS, told, strict=True))


if __name__ == "__main__":
    sys.exit(main())
