"""The command line: exit codes, what goes to stdout and to stderr, and sentences instead of tracebacks."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from pipeline import aws, cli, image
from pipeline.commands import generate
from pipeline.commands.listing import GROUPS
from pipeline.errors import PipelineError
from pipeline.git import git
from pipeline.paths import ROOT


@pytest.fixture(autouse=True)
def nothing_to_talk_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials, no engine, no home, and no question to the metadata service of the machine."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("KOTEI_HOME", str(tmp_path))
    aws.target.cache_clear()


def test_every_command_is_listed_once_and_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    listed = [name for names in GROUPS.values() for name in names]
    assert sorted(listed) == sorted(get_command(cli.app).commands)
    for command in listed:
        assert cli.main([command, "--help"]) == 0
        assert "Usage: kotei" in capsys.readouterr().out


def test_nothing_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "Usage: kotei" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["plan"], ["plan", "staging", "--nonsense"], ["verify", "staging", "--seconds", "x"], ["bootstrap", "--role-in", "x"]],
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().out == ""


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    assert "$defs" in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "arguments",
    [
        *(["plan", "staging"], ["status"], ["approve", "staging"], ["addresses", "staging"], ["image", "digest", "abc"]),
        *(["bootstrap"], ["apply", "staging"], ["destroy", "staging"]),
    ],
)
def test_without_any_aws_the_error_says_both_ways_out(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "make up" in err
    assert "aws login" in err


@pytest.mark.parametrize("command", ["plan", "approve", "reject", "addresses", "verify", "apply", "destroy"])
def test_an_unknown_environment_is_named_with_those_that_exist(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "nowhere"]) == 1
    err = capsys.readouterr().err
    assert "'nowhere'" in err
    assert "staging, production" in err


@pytest.mark.parametrize(
    ("arguments", "code", "meant"),
    [
        (["stauts"], 2, "Did you mean 'status'?"),
        (["drift", "revret", "staging"], 2, "Did you mean 'revert'?"),
        (["drift", "stagin"], 1, "(did you mean staging?)"),
        (["logs", "prodution"], 1, "(did you mean production?)"),
        (["open", "logz"], 2, "a page (pipeline, approval,"),
    ],
)
def test_what_was_nearly_meant_is_named(arguments: list[str], code: int, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == code
    assert meant in capsys.readouterr().err


@pytest.mark.parametrize(("line", "expected"), [("kotei plan ", "staging\nproduction\nshared"), ("kotei rollback p", "production")])
def test_a_shell_completes_the_names_of_environments(line: str, expected: str) -> None:
    words = {"_KOTEI_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline"], cwd=ROOT, env={**os.environ, **words}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected


def test_an_image_is_found_by_what_people_call_its_commit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(image, "digest", lambda _aws, _project, commit: f"the image of {commit}")
    for named in ("HEAD", "0000.attestations"):
        assert cli.main(["image", "digest", named]) == 0
    whole = git(ROOT, "rev-parse", "HEAD").stdout.decode()
    assert capsys.readouterr().out == f"the image of {whole}the image of 0000.attestations\n"


@pytest.mark.parametrize(("number", "code"), [(errno.EROFS, 1), (errno.ENOSPC, 1), (errno.EIO, 3)])
def test_where_nobody_may_write_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, code: int
) -> None:
    def refuse() -> Any:
        raise OSError(number, os.strerror(number), "stacks/rendered")

    monkeypatch.setattr(generate, "configuration", refuse)
    assert cli.main(["render"]) == code
    err = capsys.readouterr().err
    assert ("Traceback" in err) == (code == 3)
    assert code == 3 or err.startswith(f"stacks/rendered: {os.strerror(number)}; ")


def test_a_repository_of_another_user_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho \"fatal: detected dubious ownership in repository at 'x'\" >&2\nexit 128\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(PipelineError, match=r"belongs to another user.*safe\.directory"):
        git(ROOT, "rev-parse", "HEAD")


def test_nobody_at_the_endpoint_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(aws, "CONFIG", aws.CONFIG.merge(aws.Config(retries={"max_attempts": 0})))
    assert cli.main(["status"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("talking to http://127.0.0.1:9 (AWS_ENDPOINT_URL)\n")
    assert "nobody answers" in err
    assert "Traceback" not in err


def test_a_profile_that_does_not_exist_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert cli.main(["status"]) == 1
    assert "nobody" in capsys.readouterr().err


def test_credentials_mean_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    assert aws.target(ROOT).endpoint is None


def test_an_engine_that_is_gone_is_not_talked_to(tmp_path: Path) -> None:
    (tmp_path / "endpoint").write_text("http://127.0.0.1:9\n")
    with pytest.raises(PipelineError, match="make up"):
        aws.target(ROOT)


def test_a_bug_is_3_with_its_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(generate, "configuration", broken)
    assert cli.main(["render"]) == 3
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(generate, "configuration", interrupted)
    assert cli.main(["render"]) == 130


@pytest.mark.parametrize("arguments", [["plan", "staging", "--image-digest", "latest"], ["image", "scan", "latest"]])
def test_what_is_not_a_digest_is_refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert cli.main(arguments) == 1
    assert "'latest' is not an image digest" in capsys.readouterr().err


def test_the_module_runs_and_help_imports_neither_boto3_nor_pydantic() -> None:
    heavy = "{'boto3', 'pydantic', 'troposphere', 'moto'}"
    code = f"import sys; from pipeline.cli import main; main(['--help']); print({heavy} & sys.modules.keys())"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert answer.splitlines()[-1] == "set()"
    usage = subprocess.run([sys.executable, "-m", "pipeline", "--help"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert "kotei" in usage.stdout
