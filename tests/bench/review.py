"""`python -m tests.bench.review`: CPU and memory of `kotei review` on the largest plausible change, beside `cdk diff --template`.

Ten environments, every stack of each changed. Both get the same templates: ours in two commits, cdk's as a cloud assembly and the former
templates; cdk compares one stack a call, so its calls are added up. `cdk` is found on PATH or given (`npm install aws-cdk`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from pipeline.paths import NGINX_RENDERED, RENDERED, ROOT
from tests.bench import os_facts

ENVIRONMENTS = 10
ROUNDS = 5
# cdk takes two seconds a stack: the stacks of one environment, once a round, and told for all.
CDK_ENVIRONMENTS = 1
RECORDED = ROOT / "tests" / "unit" / "review" / "base"
# A line of each template that changes; with the first, the load balancer and what refers to it are replaced.
EDITS = (
    ("Scheme: internet-facing", "Scheme: internal"),
    ("10.30.1.0/24", "10.30.9.0/24"),
    ("RetentionInDays: 90", "RetentionInDays: 30"),
    ("203.0.113.0/28", "203.0.113.0/27"),
    ("MinCapacity: 3", "MinCapacity: 2"),
    ("Threshold: 10", "Threshold: 20"),
    ("Value: kotei-production-a", "Value: kotei-production-first"),
    ("*.example.com", "*.example.org"),
    ("proxy_read_timeout 60s", "proxy_read_timeout 30s"),
)


@dataclass(frozen=True, kw_only=True)
class Used:
    cpu_seconds: float
    megabytes: float


def run(command: list[str], folder: Path, environment: Mapping[str, str], wanted: tuple[int, ...]) -> Used:
    """CPU of the command and all that it starts, and the memory of the largest process among them."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in wanted:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}\n{output.read().decode()}")
    return Used(cpu_seconds=usage.ru_utime + usage.ru_stime, megabytes=usage.ru_maxrss / 1024)


def environments(before: Path, after: Path) -> Iterator[tuple[str, Path, Path]]:
    """Each file of the recorded environment, ten times, written to both folders: (environment, old file, new file)."""
    for number in range(ENVIRONMENTS):
        name = f"environment{number}"
        for source in sorted((RECORDED / RENDERED / "production").iterdir()):
            yield name, *_written(source.read_text(), name, RENDERED / name / source.name, before, after)
        for source in sorted((RECORDED / NGINX_RENDERED / "production").iterdir()):
            yield name, *_written(source.read_text(), name, NGINX_RENDERED / name / source.name, before, after)


def _written(text: str, name: str, path: Path, before: Path, after: Path) -> tuple[Path, Path]:
    old = text.replace("/production/", f"/{name}/").replace("kotei production", f"kotei {name}")
    new = old
    for found, replacement in EDITS:
        new = new.replace(found, replacement)
    for folder, content in ((before, old), (after, new)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return before / path, after / path


def checkout(folder: Path) -> Path:
    """A clone of this project with ten environments in its last commit, and all of them changed in its work tree."""
    clone = folder / "clone"
    git = ["git", "-C", str(clone), "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    for rendered in (RENDERED, NGINX_RENDERED):
        shutil.rmtree(clone / rendered)
    list(environments(clone, folder / "after"))
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--no-verify", "--message", "Ten environments"], check=True)
    shutil.copytree(folder / "after", clone, dirs_exist_ok=True)
    return clone


def assembly(folder: Path) -> list[tuple[str, Path]]:
    """A cloud assembly of the changed templates; the stacks of the environments that are measured, with their former templates."""
    made = folder / "assembly"
    made.mkdir()
    artifacts: dict[str, Any] = {}
    stacks = []
    for name, old, new in environments(folder / "before", folder / "after"):
        if new.suffix != ".yaml":
            continue
        stack = f"{name}-{new.stem}"
        former = old.with_suffix(".former.json")
        former.write_text(json.dumps(yaml.safe_load(old.read_text()), default=str))
        (made / f"{stack}.template.json").write_text(json.dumps(yaml.safe_load(new.read_text()), default=str))
        artifacts[stack] = {
            "type": "aws:cloudformation:stack",
            "environment": "aws://111122223333/ap-northeast-1",
            "properties": {"templateFile": f"{stack}.template.json", "stackName": stack},
        }
        if name in [f"environment{number}" for number in range(CDK_ENVIRONMENTS)]:
            stacks.append((stack, former))
    (made / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": artifacts}))
    return stacks


def ours(clone: Path) -> Callable[[], Used]:
    command = [sys.executable, "-m", "pipeline", "review", "HEAD", "--format", "line"]
    return lambda: run(command, clone, {"PYTHONPATH": str(clone)}, wanted=(0, 5))


def theirs(cdk: str, folder: Path) -> Callable[[], Used]:
    stacks = assembly(folder)
    home = folder / "home"
    home.mkdir()
    # Never used: nothing here is in AWS. Without any it would look for some.
    environment = {"HOME": str(home), "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "CI": "true"}

    def measure() -> Used:
        used = [
            run(
                [cdk, "diff", "--app", "assembly", "--no-notices", "--template", str(former), stack],
                folder,
                environment,
                wanted=(0,),
            )
            for stack, former in stacks
        ]
        scale = ENVIRONMENTS / CDK_ENVIRONMENTS
        return Used(cpu_seconds=sum(one.cpu_seconds for one in used) * scale, megabytes=max(one.megabytes for one in used))

    return measure


def table(found: Mapping[str, list[Used]], versions: Mapping[str, str]) -> str:
    first = next(iter(found.values()))
    lines = ["| | CPU, s | against ours | memory, MiB | version |", "|---|---:|---:|---:|---|"]
    for name, used in found.items():
        # The median of what each round says by itself: rounds of a busy machine differ more than programs within one.
        ratio = statistics.median(theirs.cpu_seconds / mine.cpu_seconds for theirs, mine in zip(used, first, strict=True))
        cpu = statistics.median(one.cpu_seconds for one in used)
        lines.append(f"| {name} | {cpu:.2f} | {ratio:.1f} | {max(one.megabytes for one in used):.0f} | {versions[name]} |")
    return "\n".join(lines)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.review", description=__doc__)
    arguments.add_argument("--cdk", default=shutil.which("cdk"), help="the program (default: the one on PATH)")
    arguments.add_argument("--into", type=Path, help="write the page to this file, too")
    chosen = arguments.parse_args()
    if not chosen.cdk:
        print("cdk is not on PATH; run: npm install aws-cdk, and give --cdk node_modules/.bin/cdk", file=sys.stderr)  # noqa: T201 # a program for the command line
        return 1
    cdk = str(Path(chosen.cdk).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subjects = {"kotei review": ours(checkout(folder)), "cdk diff --template": theirs(cdk, folder)}
        rounds = [{subject: measure() for subject, measure in subjects.items()} for _ in range(ROUNDS)]
    found = {subject: [one[subject] for one in rounds] for subject in subjects}
    said = subprocess.run([cdk, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
    versions = {"kotei review": f"Python {sys.version.split()[0]}, cfn-lint {version('cfn-lint')}", "cdk diff --template": said}
    page = PAGE.format(
        table=table(found, versions),
        day=datetime.now(UTC).date(),
        machine=", ".join(os_facts.machine()[name] for name in ("processor", "kernel")),
        environments=ENVIRONMENTS,
        rounds=ROUNDS,
    )
    if chosen.into:
        chosen.into.write_text(page)
    print(page)  # noqa: T201 # the table is the result
    return 0


PAGE = """# A review of {environments} environments

Every stack of {environments} environments changed at once, and their nginx configurations. `kotei review` compares all of it in one call,
nginx included. `cdk diff --template` compares one stack a call, without what lies in other stacks, so its number is the sum of the calls.
Medians of {rounds} alternating rounds, ratios within each round.

{table}

{day}, {machine}. Made by `python -m tests.bench.review --cdk node_modules/.bin/cdk --into docs/bench/review.md`,
after `npm install aws-cdk`.
"""


if __name__ == "__main__":
    sys.exit(main())
