"""Buildspecs under bash: phases, variables, failures, time limits, artifacts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.local.codebuild import builds, environment
from pipeline.local.codebuild.buildspec import BuildspecError, parse
from pipeline.local.iam.sessions import Session
from pipeline.local.store import Store
from pipeline.local.world import World

pytestmark = pytest.mark.local

Run = Callable[..., builds.Finished]
NOBODY = Session(role="", arn="", key_id="", secret="", token="")


@pytest.fixture
def run(engine: Any) -> Run:
    """Runs a buildspec to its end, with files as its source."""

    def ran(spec: str, *, files: dict[str, str] | None = None, outputs: tuple[str, ...] = (), **project: Any) -> builds.Finished:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as opened:
            for name, text in (files or {}).items():
                opened.writestr(name, text)
        document = {
            "name": "demo",
            "arn": "arn:aws:codebuild:ap-northeast-1:111122223333:project/demo",
            "serviceRole": "arn:aws:iam::111122223333:role/build",
            "source": {"type": "CODEPIPELINE", "buildspec": f"version: 0.2\n{spec}"},
            "environment": {"image": "x", "environmentVariables": [{"name": "COLOUR", "value": "red", "type": "PLAINTEXT"}]},
            **project,
        }
        override = [{"name": "SIZE", "value": "large", "type": "PLAINTEXT"}]
        build = builds.create(engine.world, document, initiator="test", overrides=override, source_version="abc")
        return builds.run(engine.world, document, build["id"], {"": archive.getvalue()}, outputs=outputs, interrupted=lambda: False)

    return ran


def phases(finished: builds.Finished) -> dict[str, str]:
    return {phase["phaseType"]: phase.get("phaseStatus", "") for phase in finished.document["phases"]}


def test_all_phases_share_one_shell_and_only_exported_variables_leave_it(run: Run) -> None:
    finished = run(
        """
env:
  variables: {COLOUR: blue, GREETING: hello}
  exported-variables: [SEEN, HIDDEN, WHERE]
phases:
  install:
    commands: ["cd inner", "export WHERE=$(basename $PWD)"]
  build:
    commands:
      - export SEEN="$GREETING $COLOUR $SIZE $CODEBUILD_RESOLVED_SOURCE_VERSION $(cat file)"
      - HIDDEN=no
""",
        files={"inner/file": "content"},
    )
    assert finished.document["buildStatus"] == "SUCCEEDED"
    # The project's value wins over the buildspec's, as in CodeBuild.
    assert finished.exported == {"SEEN": "hello red large abc content", "WHERE": "inner"}


@pytest.mark.parametrize(
    ("failing", "status", "ran"),
    [
        ("install", {"INSTALL": "FAILED"}, "finally"),
        ("pre_build", {"INSTALL": "SUCCEEDED", "PRE_BUILD": "FAILED"}, "finally"),
        ("build", {"BUILD": "FAILED", "POST_BUILD": "SUCCEEDED"}, "finally post 0"),
    ],
)
def test_a_failing_command_ends_its_phase_and_post_build_runs_only_after_build(
    run: Run, tmp_path: Path, failing: str, status: dict[str, str], ran: str
) -> None:
    trace = tmp_path / "trace"
    finished = run(f"""
phases:
  {failing}:
    commands: ["false", "echo -n never >> {trace}"]
    finally: ["echo -n finally >> {trace}"]
  post_build:
    commands: ['echo -n " post $CODEBUILD_BUILD_SUCCEEDING" >> {trace}']
""")
    assert finished.document["buildStatus"] == "FAILED"
    assert status.items() <= phases(finished).items()
    assert ("POST_BUILD" in phases(finished)) == (failing == "build")
    assert trace.read_text() == ran
    assert "Error while executing command: false. Reason: exit status 1" in builds.why(finished.document)


def test_exit_in_a_command_fails_the_build_and_post_build_still_runs(run: Run) -> None:
    finished = run("""
env: {exported-variables: [AFTER]}
phases:
  build: {commands: ["exit 3"]}
  post_build: {commands: ["export AFTER=$CODEBUILD_BUILD_SUCCEEDING"]}
""")
    assert (finished.document["buildStatus"], finished.exported) == ("FAILED", {"AFTER": "0"})
    assert phases(finished)["BUILD"] == "FAILED"


def test_a_build_that_takes_too_long_is_ended_with_everything_it_started(run: Run, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    finished = run(f'phases: {{build: {{commands: ["sleep 300 & echo $! > {pid}", "sleep 300"]}}}}', timeoutInMinutes=0.03)
    assert finished.document["buildStatus"] == "TIMED_OUT"
    state = Path(f"/proc/{pid.read_text().strip()}/stat")
    # Its parent is the computer's first process by now, which takes its time to bury it.
    assert not state.exists() or state.read_text().rpartition(") ")[2].startswith("Z")


def test_a_build_sees_nothing_of_the_person_at_the_keyboard(engine: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # moto looks for the profile when it is loaded, and the engine's process, unlike this one, never has one.
    engine.client("logs").describe_log_groups()
    monkeypatch.setenv("SECRET_OF_MINE", "x")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    finished = run("""
env: {exported-variables: [SEEN, KEY]}
phases:
  build: {commands: ['export SEEN="${SECRET_OF_MINE-none} ${AWS_PROFILE-none}" KEY="${AWS_ACCESS_KEY_ID:0:4}"', 'test "$HOME" != ~root']}
""")
    assert finished.exported == {"SEEN": "none none", "KEY": "ASIA"}


def test_make_is_given_a_virtualenv_without_a_space(tmp_path: Path) -> None:
    def given(name: str) -> str:
        world = World(
            home=tmp_path / name, root=tmp_path, endpoint="", account="111122223333", region="x", store=Store(tmp_path / "engine.sqlite")
        )
        folder = world.home / "builds" / "1"
        build = {"arn": "", "id": "a:1", "environment": {"image": "", "environmentVariables": []}, "buildNumber": 1}
        variables = environment.variables(
            world, {**build, "initiator": "", "resolvedSourceVersion": "", "sourceVersion": ""}, folder, {}, NOBODY
        )
        assert (folder / "src" / variables["VENV"]).resolve().parent == world.home / "venvs"
        return variables["VENV"]

    assert " " not in given("with a space")
    # A command that changes its folder needs the whole path, which every other folder can have.
    assert Path(given("without")).is_absolute()


def test_the_commits_own_code_is_what_python_imports(run: Run) -> None:
    spec = """
env: {exported-variables: [FROM]}
phases:
  build: {commands: ["cd elsewhere", "export FROM=$($VENV/bin/python -c 'import pipeline; print(pipeline.MARK)')"]}
"""
    root = Path(__file__).parents[2]
    locks = {name: (root / name).read_text() for name in ("requirements.lock", "requirements-run.lock")}
    finished = run(spec, files={"pipeline/__init__.py": "MARK = 'the commit'\n", "elsewhere/x": "", **locks})
    assert finished.exported == {"FROM": "the commit"}


def test_artifacts_are_what_the_buildspec_names(run: Run) -> None:
    spec = """
phases: {build: {commands: ["mkdir -p out/deep", "echo 1 > out/a", "echo 2 > out/deep/b", "echo 3 > c"]}}
artifacts:
  files: ["**/*"]
  base-directory: out
  secondary-artifacts: {Other: {files: [c]}}
"""
    made = run(spec, outputs=("Main", "Other")).artifacts
    names = {name: sorted(zipfile.ZipFile(io.BytesIO(content)).namelist()) for name, content in made.items()}
    assert names == {"Main": ["a", "deep/b"], "Other": ["c"]}
    assert "no matching artifact paths found for missing" in builds.why(
        run("phases: {build: {commands: [ls]}}\nartifacts: {files: [missing]}", outputs=("Main",)).document
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 0.1\nphases: {build: {commands: [ls]}}", "version: 0.1 is not supported"),
        ("version: 0.2\nphases: {biuld: {commands: [ls]}}", "phases.biuld: is not supported"),
        ("version: 0.2\nbatch: {}\nphases: {build: {commands: [ls]}}", "buildspec.batch: is not supported"),
        ("version: 0.2\nphases: {build: {commands: [{echo: x}]}}", r"phases.build.commands\[0\]: is not a string"),
        ("version: 0.2\nenv: {parameter-store: {A: b}}\nphases: {build: {commands: [ls]}}", "env.parameter-store: is not supported"),
        ("version: 0.2\nphases: {}", "phases: there is none"),
    ],
)
def test_a_buildspec_is_read_strictly(text: str, said: str) -> None:
    with pytest.raises(BuildspecError, match=said):
        parse(text)


def test_builds_and_their_logs_are_seen_through_the_api(engine: Any, run: Run) -> None:
    finished = run('phases: {build: {commands: ["echo the-mark"]}}')
    logs = finished.document["logs"]
    events = engine.client("logs").get_log_events(logGroupName=logs["groupName"], logStreamName=logs["streamName"])["events"]
    assert "the-mark" in [event["message"] for event in events]
