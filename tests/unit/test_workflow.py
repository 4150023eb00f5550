"""The GitHub workflow: what it may do, and what its scripts do: run as GitHub's runner does, with a `gh` that keeps comments in a file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.checks import shell
from pipeline.paths import ROOT, WORKFLOWS
from stacks import project

FILE = ROOT / WORKFLOWS / "review.yml"
WORKFLOW: dict[Any, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
STEPS = [(name, step) for name, job in JOBS.items() for step in job["steps"]]
# YAML 1.1 reads the key `on` as true.
ON = WORKFLOW[True]
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
MARKER = "<!-- kotei review -->"
TOKEN = "a-token-of-the-job"  # pragma: allowlist secret
GH = """
import json, os, pathlib, sys
assert os.environ["GH_TOKEN"] == os.environ["FAKE_TOKEN"]
COMMENTS = "repos/example-org/kotei/issues/7/comments"
store = pathlib.Path(os.environ["FAKE_COMMENTS"])
comments = json.loads(store.read_text())
match sys.argv[1:]:
    case ["api", "--paginate", address, "--jq", ours]:
        assert (address, ours) == (COMMENTS, os.environ["FAKE_OURS"])
        for one in comments:
            if one["user"]["login"] == "github-actions[bot]" and one["body"].startswith("<!-- kotei review -->"):
                print(one["id"])
    case ["api", "--silent", "--method", "POST", address, "--field", body]:
        assert address == COMMENTS
        text = pathlib.Path(body.removeprefix("body=@")).read_text()
        comments.append({"id": 100 + len(comments), "user": {"login": "github-actions[bot]"}, "body": text})
    case ["api", "--silent", "--method", "PATCH", address, "--field", body]:
        where, _, number = address.rpartition("/")
        assert where == "repos/example-org/kotei/issues/comments"
        (one,) = [one for one in comments if str(one["id"]) == number]
        one["body"] = pathlib.Path(body.removeprefix("body=@")).read_text()
    case _:
        sys.exit(f"gh {sys.argv[1:]}")
store.write_text(json.dumps(comments))
"""
OURS = '.[] | select(.user.login == "github-actions[bot]" and (.body | startswith("<!-- kotei review -->"))) | .id'


def test_it_may_read_in_one_job_and_comment_in_the_other() -> None:
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in JOBS.items()} == {
        "review": {"contents": "read"},
        "comment": {"pull-requests": "write"},
    }


def test_no_code_of_the_pull_request_runs_where_it_may_write() -> None:
    scripts = "\n".join(step["run"] for step in JOBS["comment"]["steps"])
    assert not re.search(r"\b(git|make|kotei)\b(?! review -->)", scripts)


def test_it_runs_for_pull_requests_to_the_branch_that_is_deployed() -> None:
    """Never pull_request_target, whose token may write while a fork's code runs."""
    branch = project.load(ROOT).pipeline.repository.branch
    assert {"pull_request": {"branches": [branch]}} == ON, f"pipeline.toml names {branch}: name it in {WORKFLOWS}/review.yml too"


def test_it_runs_on_arm_ends_and_gives_way_to_a_newer_push() -> None:
    assert {job["runs-on"] for job in JOBS.values()} == {"ubuntu-24.04-arm"}
    assert all(job["timeout-minutes"] <= 15 for job in JOBS.values())
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is True
    assert "github.event.pull_request.number" in WORKFLOW["concurrency"]["group"]


def test_nobody_elses_action_runs() -> None:
    assert [step for _, step in STEPS if "uses" in step] == []


def test_what_a_stranger_writes_reaches_no_script_as_code() -> None:
    for _, step in STEPS:
        assert "${{" not in step["run"]
    assert "secrets." not in FILE.read_text(encoding="utf-8")


def test_only_the_steps_that_need_the_token_have_it() -> None:
    holders = [(job, step["name"]) for job, step in STEPS if "github.token" in str(step.get("env"))]
    assert holders == [("review", JOBS["review"]["steps"][0]["name"]), ("comment", JOBS["comment"]["steps"][0]["name"])]


def test_its_scripts_are_checked(tmp_path: Path) -> None:
    broken = FILE.read_text(encoding="utf-8").replace("run: make setup", "run: cd /tmp")
    (tmp_path / WORKFLOWS).mkdir(parents=True)
    (tmp_path / WORKFLOWS / "review.yml").write_text(broken, encoding="utf-8")
    found = shell.findings(tmp_path)
    assert {(one.path, one.where, one.rule) for one in found} == {(".github/workflows/review.yml", "jobs.review.steps[1]", "SC2164")}
    (tmp_path / WORKFLOWS / "review.yml").write_text("jobs: []\n", encoding="utf-8")
    assert [one.message for one in shell.findings(tmp_path)] == ["is not a workflow"]


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed; gh has its own")
def test_the_filter_finds_our_comment_among_others() -> None:
    comments = [
        {"id": 1, "user": {"login": "ada"}, "body": f"{MARKER} I quote"},
        {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "of another workflow"},
        {"id": 3, "user": {"login": "github-actions[bot]"}, "body": f"{MARKER}\nours"},
    ]
    assert OURS in JOBS["comment"]["steps"][0]["run"]
    assert subprocess.run(["jq", OURS], input=json.dumps(comments), capture_output=True, text=True, check=True).stdout == "3\n"


@dataclass
class Host:
    """GitHub, as far as the workflow sees it: a repository with a pull request, comments, and a runner."""

    folder: Path
    runs: int = 0

    @property
    def repository(self) -> Path:
        return self.folder / "host/example-org/kotei"

    def git(self, *arguments: str, where: Path | None = None) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        command = ["git", *identity, "-C", str(where or self.folder / "work"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def propose(self, *edits: tuple[str, str, str]) -> str:
        """A pull request of a branch that left main before its last commit."""
        self.git("checkout", "--quiet", "--detach", "main~1")
        for path, old, new in edits:
            file = self.folder / "work" / path
            text = file.read_text(encoding="utf-8")
            assert old in text
            file.write_text(text.replace(old, new, 1), encoding="utf-8")
        self.git("commit", "--quiet", "--all", "--no-verify", "--message=A change")
        self.git("push", "--quiet", "--force", "origin", "HEAD:refs/pull/7/head")
        return self.git("rev-parse", "HEAD")

    def run(self, head: str) -> Run:
        self.runs += 1
        return Run(host=self, place=self.folder / f"run-{self.runs}", head=head)

    def said(self) -> list[tuple[int, str]]:
        kept = json.loads((self.folder / "comments.json").read_text(encoding="utf-8"))
        return [(one["id"], one["body"]) for one in kept]


@dataclass(kw_only=True)
class Run:
    """One run of the workflow. `summary` is what GitHub shows, `status` the exit status of the first job."""

    host: Host
    place: Path
    head: str
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    status: int = 0

    def __post_init__(self) -> None:
        self.place.mkdir()
        self.status = self.job("review")
        self.summary = self.read("summary")
        if self.wanted():
            assert self.job("comment") == 0, self.read("comment-0.log")

    def read(self, name: str) -> str:
        return (self.place / name).read_text(encoding="utf-8") if (self.place / name).exists() else ""

    def context(self, owner: str = "example-org/kotei") -> Mapping[str, str]:
        return {
            "github.token": TOKEN,
            "github.repository": "example-org/kotei",
            "github.event.pull_request.base.ref": "main",
            "github.event.pull_request.head.sha": self.head,
            "github.event.pull_request.head.repo.full_name": owner,
            "github.event.pull_request.number": "7",
            "steps.review.outputs.comment": self.outputs.get("comment", ""),
            "needs.review.outputs.comment": self.outputs.get("comment", ""),
        }

    def wanted(self, owner: str = "example-org/kotei") -> bool:
        """The second job's condition, which has only these operators."""
        (condition,) = EXPRESSION.findall(JOBS["comment"]["if"])
        terms = [term.strip() for term in condition.split("&&")]
        return all(self._holds(term, self.context(owner)) for term in terms)

    def _holds(self, term: str, context: Mapping[str, str]) -> bool:
        if term == "!cancelled()":
            return True
        left, operator, right = term.split(" ")
        values = [context[side] if side != "''" else "" for side in (left, right)]
        return (values[0] == values[1]) == {"==": True, "!=": False}[operator]

    def job(self, name: str) -> int:
        work = self.place / name
        work.mkdir()
        for number, step in enumerate(JOBS[name]["steps"]):
            if step["run"] == "make setup":
                (work / ".venv").symlink_to(sys.prefix)
                continue
            script = self.place / f"{name}-{number}.sh"
            script.write_text(step["run"], encoding="utf-8")
            given = {key: EXPRESSION.sub(lambda found: self.context()[found[1]], value) for key, value in step.get("env", {}).items()}
            # As the runner does it for `shell: bash`.
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
            ran = subprocess.run(
                command, cwd=work, env=self.environment(work) | given, capture_output=True, text=True, check=False, timeout=120
            )
            (self.place / f"{name}-{number}.log").write_text(ran.stdout + ran.stderr, encoding="utf-8")
            self.outputs |= _outputs(self.read("output"))
            if ran.returncode:
                return ran.returncode
        return 0

    def environment(self, work: Path) -> dict[str, str]:
        programs = self.host.folder / "bin"
        return {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.place),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(work),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GITHUB_SERVER_URL": (self.host.folder / "host").as_uri(),
            "GITHUB_REPOSITORY": "example-org/kotei",
            "GITHUB_OUTPUT": str(self.place / "output"),
            "GITHUB_STEP_SUMMARY": str(self.place / "summary"),
            "RUNNER_TEMP": str(self.place),
            "FAKE_COMMENTS": str(self.host.folder / "comments.json"),
            "FAKE_OURS": OURS,
            "FAKE_TOKEN": TOKEN,
        }


def _outputs(text: str) -> dict[str, str]:
    """What GitHub's runner reads from the file: name<<end, lines, end."""
    return {found[1]: found[3] for found in re.finditer(r"^(\w+)<<(\w+)\n(.*?)\n\2$", text, re.MULTILINE | re.DOTALL)}


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """What is here at GitHub, where main has got one more commit since the pull request left it."""
    made = Host(folder=tmp_path_factory.mktemp("github"))
    made.repository.parent.mkdir(parents=True)
    made.git("clone", "--quiet", "--bare", str(ROOT), str(made.repository), where=ROOT)
    made.git("clone", "--quiet", str(made.repository), str(made.folder / "work"), where=ROOT)
    made.git("checkout", "--quiet", "-B", "main")
    template = made.folder / "work" / OTHERS
    template.write_text(template.read_text(encoding="utf-8").replace("RetentionInDays: 90", "RetentionInDays: 60"), encoding="utf-8")
    made.git("commit", "--quiet", "--all", "--no-verify", "--message=Of others")
    made.git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/main")
    program = made.folder / "bin/gh"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{GH}", encoding="utf-8")
    program.chmod(0o755)
    return made


@pytest.fixture
def host(github: Host) -> Host:
    """With one comment of somebody else."""
    quoted = {"id": 1, "user": {"login": "ada"}, "body": f"{MARKER} I quote"}
    (github.folder / "comments.json").write_text(json.dumps([quoted]), encoding="utf-8")
    return github


# What others merged; what this pull request does.
OTHERS = "stacks/rendered/shared/review.yaml"
HARMLESS = ("README.md", "# kotei", "# Kotei")
LOSES_AN_ADDRESS = ("stacks/rendered/staging/addresses.yaml", "  EipA:\n", "  EipZ:\n")
NAMES_THE_ACCOUNT = (OTHERS, "project/kotei-review", "project/kotei-other")
BREAKS_THE_REVIEW = ("pipeline/review/between.py", "def between(", "def beyond(")
STALE = ("stacks/environments/staging.toml", "log_days = 14", "log_days = 30")


def test_a_comment_is_written_once_and_then_anew_and_what_is_blocked_fails_after_it(host: Host) -> None:
    quoted = (1, f"{MARKER} I quote")
    first = host.run(host.propose(HARMLESS))
    assert first.status == 0, first.read("review-2.log")
    assert first.summary.startswith(MARKER)
    assert [one for one, _ in host.said()] == [1, 101]
    body = host.said()[1][1].strip()
    assert body == first.summary.strip() == first.outputs["comment"].strip()
    # The branch that it is for has got more since; that is not what this pull request does.
    assert "RetentionInDays" not in body

    second = host.run(host.propose(LOSES_AN_ADDRESS, NAMES_THE_ACCOUNT))
    assert second.status == 5, second.read("review-2.log")
    for told in (second.summary, second.outputs["comment"]):
        assert "blocked" in told
        assert "EipA" in told
        assert "project/kotei-other" in told
        assert project.load(ROOT).pipeline.account not in told
    assert host.said() == [quoted, (101, second.outputs["comment"].strip() + "\n")]

    # A fork's token could not write.
    assert second.wanted()
    assert not second.wanted(owner="mallory/kotei")
    # The pull request's code ran in this folder.
    assert TOKEN not in "".join(path.read_text(errors="replace") for path in (second.place / "review/.git").rglob("*") if path.is_file())


def test_stale_generated_files_fail_and_the_summary_says_so(host: Host) -> None:
    run = host.run(host.propose(STALE))
    assert run.status == 1, run.read("review-2.log")
    assert "is stale" in run.read("review-2.log")
    assert "run `kotei render`, commit, push" in run.summary


def test_a_review_that_breaks_leaves_no_empty_comment(host: Host) -> None:
    before = host.said()
    run = host.run(host.propose(BREAKS_THE_REVIEW))
    assert run.status not in (0, 5)
    assert not run.wanted()
    assert host.said() == before
