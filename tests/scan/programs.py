"""checkov over templates and parliament over policies, as programs of a virtual environment of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.scan.judge import Finding
from tests.scan.templates import policies


def scan(programs: Path, folder: Path, templates: Mapping[str, str]) -> list[Finding]:
    """`programs` is the environment's folder of programs; `folder` is empty."""
    for path, text in templates.items():
        file = folder / "templates" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return sorted({*_checkov(programs, folder / "templates"), *_parliament(programs, folder / "policies", templates)})


def _checkov(programs: Path, folder: Path) -> Iterator[Finding]:
    options = ["--framework", "cloudformation", "--output", "json", "--quiet", "--compact", "--skip-download", "--soft-fail"]
    report = json.loads(_run([str(programs / "checkov"), "--directory", str(folder), *options]))
    if report["summary"]["parsing_errors"]:
        raise RuntimeError(f"checkov cannot read {report['results'].get('parsing_errors')}")
    for found in report["results"]["failed_checks"]:
        where = f"{found['file_path'].lstrip('/')} {found['resource'].rpartition('.')[2]}"
        yield Finding(scanner="checkov", id=found["check_id"], where=where, what=found["check_name"])


def _parliament(programs: Path, folder: Path, templates: Mapping[str, str]) -> Iterator[Finding]:
    folder.mkdir()
    places = {}
    for path, text in templates.items():
        for logical_id, name, document in policies(text):
            file = folder / f"{len(places):04}.json"
            file.write_text(document, encoding="utf-8")
            places[str(file)] = f"{path} {logical_id}"
            if not name:
                raise RuntimeError(f"{path}: {logical_id} has a policy without a name")
    lines = _run([str(programs / "parliament"), "--directory", str(folder), "--include_policy_extension", "json", "--json"])
    for line in lines.splitlines():
        found = json.loads(line)
        for what in _details(found["detail"]):
            yield Finding(scanner="parliament", id=found["issue"], where=places[found["location"]["filepath"]], what=what)


def _details(detail: Any) -> Iterator[str]:
    """A finding about several actions is one about each, or a reason for one would hide the next."""
    for one in detail if isinstance(detail, list) else [detail]:
        yield f"{one['action']} needs {one['required_format']}" if isinstance(one, dict) and "action" in one else str(one)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # parliament ends with 1 when it finds something.
    if done.returncode not in (0, 1) or not done.stdout:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
