"""Findings about content that was judged before, kept on disk by everything that the judgement depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline import whole_file
from pipeline.checks.finding import Finding


def kept(folder: Path, depends_on: Sequence[str], judge: Callable[[], list[Finding]]) -> list[Finding]:
    name = hashlib.sha256(json.dumps(list(depends_on)).encode()).hexdigest()
    file = folder / f"{name}.json"
    if file.is_file():
        return [Finding(**fields) for fields in json.loads(file.read_text())]
    findings = judge()
    whole_file.write(file, json.dumps([asdict(finding) for finding in findings]))
    return findings
