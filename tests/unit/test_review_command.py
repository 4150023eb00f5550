"""`kotei review`: two commits, or a commit and the work tree, in a clone that has Git and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline import cli
from pipeline.commands import change
from pipeline.paths import ROOT

BASE = Path(__file__).parent / "review" / "base"
TEMPLATE = "stacks/rendered/production/{}.yaml"
ACCEPTED = """
[[review]]
rule = "removed"
stack = "production/monitoring"
resource = "Dashboard"
owner = "platform team"
reason = "nobody looks at it"
expires = 2999-01-31
"""


class Clone:
    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
        done = subprocess.run(["git", *who, "-C", str(self.root), *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", "x")
        return self.git("rev-parse", "HEAD")

    def edit(self, stack: str, change: Callable[[dict[str, dict[str, dict[str, object]]]], object]) -> None:
        file = self.root / TEMPLATE.format(stack)
        template = yaml.safe_load(file.read_text())
        change(template)
        file.write_text(yaml.safe_dump(template))


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """On the main branch; everything is committed."""
    shutil.copytree(BASE, tmp_path, dirs_exist_ok=True)
    found = Clone(tmp_path)
    found.git("init", "-q")
    found.commit()
    monkeypatch.setattr(change, "ROOT", tmp_path)
    return found


def dashboard_goes(template: dict[str, dict[str, dict[str, object]]]) -> None:
    del template["Resources"]["Dashboard"]


def address_goes(template: dict[str, dict[str, dict[str, object]]]) -> None:
    del template["Resources"]["EipA"], template["Outputs"]["AddressA"], template["Outputs"]["PublicIpA"]


def test_nothing_changes(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["review", "--exit-code", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["empty"], document["verdict"], document["kind"], document["head"]) == (True, "safe", "review", "the work tree")
    assert document["base"] == f"commit {clone.git('rev-parse', 'HEAD')[:12]}"


def test_the_work_tree_is_compared_with_where_the_branch_began(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.git("checkout", "-qb", "change")
    clone.edit("monitoring", dashboard_goes)
    clone.commit()
    clone.edit("monitoring", lambda template: template["Resources"].pop("Topic"))
    assert cli.main(["review", "--json"]) == 0
    findings = [one for owner in json.loads(capsys.readouterr().out)["owners"] for one in owner["findings"]]
    assert {one["resource"] for one in findings if one["rule"] == "removed"} == {"Dashboard", "Topic"}


def test_two_commits_are_compared(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    first = clone.git("rev-parse", "HEAD")
    clone.edit("monitoring", dashboard_goes)
    second = clone.commit()
    clone.edit("addresses", address_goes)
    assert cli.main(["review", first, second, "--exit-code", "--format", "line"]) == 4
    assert "1 removed" in capsys.readouterr().out
    assert cli.main(["review", second, first]) == 0


def test_what_loses_an_address_is_blocked_whatever_else_is_asked(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.edit("addresses", address_goes)
    for arguments in ([], ["--exit-code"], ["--json"], ["--format", "markdown", "--public"]):
        assert cli.main(["review", *arguments]) == 5
        assert "blocked" in capsys.readouterr().out


def test_an_exception_counts_where_the_change_is(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    base = clone.git("rev-parse", "HEAD")
    clone.edit("monitoring", dashboard_goes)
    (clone.root / "policy").mkdir()
    (clone.root / "policy/exceptions.toml").write_text(ACCEPTED)

    def finding(*arguments: str) -> dict[str, str]:
        cli.main(["review", "--json", *arguments])
        owners = json.loads(capsys.readouterr().out)["owners"]
        (found,) = [one for owner in owners for one in owner["findings"] if one["rule"] == "removed"]
        return dict(found)

    assert (finding()["verdict"], "platform team" in finding()["accepted"]) == ("safe", True)
    head = clone.commit()
    (clone.root / "policy/exceptions.toml").unlink()
    assert (finding(base)["verdict"], finding(base, head)["verdict"]) == ("risky", "safe")


def test_a_wrong_exception_is_refused(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    (clone.root / "policy").mkdir()
    (clone.root / "policy/exceptions.toml").write_text(ACCEPTED.replace('"removed"', '"address-lost"'))
    assert cli.main(["review"]) == 1
    assert "address-lost can never be accepted" in capsys.readouterr().err


def test_account_ids_are_hidden_from_readers_outside(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.edit("certificate", lambda template: template["Resources"]["Certificate"]["Properties"].update(DomainName="111122223333.example"))  # type: ignore[attr-defined]  # a template is nested deeper than its type says
    cli.main(["review", "--json"])
    assert "111122223333.example" in capsys.readouterr().out
    cli.main(["review", "--json", "--public"])
    assert "111122223333.example" not in capsys.readouterr().out


def test_no_such_commit_is_said(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["review", "no-such-commit"]) == 1
    assert "'no-such-commit' is no commit of this repository" in capsys.readouterr().err
    assert clone.git("status", "--porcelain") == ""


@pytest.mark.parametrize("arguments", [["--format", "xml"], ["a", "b", "c"]])
def test_wrong_usage(clone: Clone, arguments: list[str]) -> None:
    assert clone.root.is_dir()
    assert cli.main(["review", *arguments]) == 2


def test_neither_a_configuration_nor_credentials_nor_slow_libraries_are_needed(clone: Clone) -> None:
    """The clone has no TOML at all. In a process of its own, since this one has imported everything.

    Typer imports pydantic by itself, whatever the command.
    """
    clone.edit("monitoring", dashboard_goes)
    script = (
        "import sys\nfrom pathlib import Path\nfrom pipeline import cli\nfrom pipeline.commands import change\n"
        f"change.ROOT = Path({str(clone.root)!r})\n"
        "code = cli.main(['review', '--exit-code', '--format', 'line'])\n"
        "slow = {name.partition('.')[0] for name in sys.modules} & {'boto3', 'botocore', 'troposphere', 'awacs', 'moto'}\n"
        "print(code, sorted(slow))\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    answer = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT, env={**environment, "HOME": "/nonexistent"}
    )
    assert answer.stdout.splitlines()[-1] == "4 []", answer.stdout
