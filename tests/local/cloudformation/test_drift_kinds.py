"""Every kind of drift that somebody makes by hand: told, put back, adopted, accepted, each to its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import paths
from pipeline.commands import drift as commands
from pipeline.drift import find
from tests.support.drifted import KINDS

pytestmark = pytest.mark.local

Kotei = Callable[..., int]
PLACES = sorted({kind.place for kind in KINDS})


@pytest.fixture(scope="module")
def changed() -> set[str]:
    """Where it is written that somebody has changed everything."""
    return set()


@pytest.fixture
def staging(standing: tuple[Any, Kotei], changed: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Drifted in every kind. A test that puts it back says so, for the next one."""
    cloud, _ = standing
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.world.endpoint)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for kind in () if changed else KINDS:
        kind.change(cloud)
    changed.add("everything")
    capsys.readouterr()
    return cloud


@pytest.fixture
def kotei(standing: tuple[Any, Kotei]) -> Kotei:
    return standing[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the tree, to be changed."""
    listed = (
        subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=paths.ROOT, capture_output=True, check=True
        )
        .stdout.decode()
        .split("\0")
    )
    for name in filter(None, listed):
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (paths.ROOT / name).is_file():
            shutil.copyfile(paths.ROOT / name, target)
    return tmp_path / "checkout"


def in_checkout(checkout: Path, *arguments: str, code: int = 0) -> str:
    """The commands of the copy, against the same cloud."""
    given = {**os.environ, "PYTHONPATH": str(checkout)}
    ran = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments], cwd=checkout, env=given, capture_output=True, text=True, check=False
    )
    assert ran.returncode == code, f"{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    return ran.stdout


def told(kotei: Kotei, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    kotei("drift", *arguments)
    return capsys.readouterr().out


@pytest.mark.usefixtures("staging")
def test_each_is_told_with_its_ways_and_put_back(kotei: Kotei, changed: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = told(kotei, capsys, "staging")
    drifts = {one["place"]: one for one in json.loads(told(kotei, capsys, "staging", "--json"))["drifts"]}
    assert sorted(drifts) == PLACES
    for kind in KINDS:
        assert kind.differs in [one["name"] for one in drifts[kind.place]["properties"]]
    cannot = {place: sorted(one["cannot"]) for place, one in drifts.items()}
    assert cannot == {place: sorted({way for kind in KINDS if kind.place == place for way in kind.cannot}) for place in PLACES}
    for place in PLACES:
        (part,) = re.findall(rf"^{place} \(.*?(?=^\S)", f"{text}end", re.DOTALL | re.MULTILINE)
        for way in ("revert", "adopt", "accept"):
            offered = f"{way:<6}   kotei drift {way} staging {place}" in part
            assert offered == (way not in drifts[place]["cannot"])
            assert offered != (f"no {way}" in part)
    assert 'live           {"MinimumHealthyPercent": 50}\n    deployed       {"MinimumHealthyPercent": 100}' in text
    assert kotei("drift", "revert", "staging", "EipA") == 1
    assert "a revert touches no fixed address" in capsys.readouterr().err
    assert kotei("drift", "revert", "staging") == 0
    changed.clear()
    assert "addresses/EipA stays" in capsys.readouterr().err
    by_hand = re.findall(r"by hand  (.*)", told(kotei, capsys, "staging", "--exit-code"))
    assert len(by_hand) == 1
    run_by_hand(by_hand[0])
    assert kotei("drift", "staging", "--exit-code") == 0


def run_by_hand(command: str) -> None:
    given = {**os.environ, "AWS_ACCESS_KEY_ID": "111122223333", "AWS_SECRET_ACCESS_KEY": "none", "AWS_PAGER": ""}
    given["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{given['PATH']}"
    ran = subprocess.run(command, shell=True, env=given, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.usefixtures("staging")
def test_each_is_accepted_for_its_time(
    kotei: Kotei, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "ROOT", checkout)
    last = date.today() + timedelta(days=3)  # noqa: DTZ011 - an exception expires where it is read
    words = ("--owner", "platform team", "--reason", "incident 7", "--expires", last.isoformat())
    assert kotei("drift", "accept", "staging", *PLACES, *words) == 0
    assert kotei("drift", "staging", "--exit-code") == 0
    assert told(kotei, capsys, "staging").count(f"accepted by platform team until {last}: incident 7") == len(PLACES)
    assert kotei("drift", "revert", "staging") == 1

    class Later(date):
        @classmethod
        def today(cls) -> date:
            return last + timedelta(days=1)

    monkeypatch.setattr(find, "date", Later)
    assert kotei("drift", "staging", "--exit-code") == 4
    assert {one["accepted"] for one in json.loads(told(kotei, capsys, "staging", "--json"))["drifts"]} == {""}


def test_each_is_adopted_by_what_is_printed(
    staging: Any, kotei: Kotei, changed: set[str], checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Applied as it stands: keys into the configuration, code before the end of the stack's build()."""
    advice = told(kotei, capsys, "adopt", "staging")
    for kind in KINDS:
        assert f": {kind.key} (" in advice or kind.key in ("", "access.allow")
    apply(checkout, advice)
    in_checkout(checkout, "render")
    git = {one["place"]: one["properties"] for one in json.loads(in_checkout(checkout, "drift", "staging", "--json"))["drifts"]}
    assert {one["stands"] for some in git.values() for one in some if one["name"] != "TaskDefinition"} == {"as live"}
    in_checkout(checkout, "apply", "staging")
    assert "none in" in in_checkout(checkout, "drift", "staging", "--exit-code")
    assert kotei("apply", "staging") == 0
    changed.clear()
    assert kotei("drift", "staging", "--exit-code") == 0
    assert staging.stack("kotei-staging-service")["StackStatus"] == "UPDATE_COMPLETE"


def apply(checkout: Path, advice: str) -> None:
    for part in re.split(r"^(?=# )", advice, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        if head.endswith("made from the configuration and the image"):
            continue
        if code := re.match(r"# (\S+\.py), build\(\), before its `return t`", head):
            file = checkout / code[1]
            text = file.read_text()
            assert text.count("    return t\n") == 1
            file.write_text(text.replace("    return t\n", f"{textwrap.indent(body, '    ')}    return t\n"))
        else:
            configure(checkout, head, body)


def configure(checkout: Path, head: str, body: str) -> None:
    match = re.match(r"# (\S+\.toml): (.*)", head)
    assert match, head
    file, what = checkout / match[1], match[2]
    text = file.read_text()
    if what == "add":
        changed = text.replace("[[access.allow]]", f"{body}\n[[access.allow]]", 1)
    elif entry := re.match(r'remove the entry \[\[access.allow\]\] with cidr = ("\S+")', what):
        changed = re.sub(rf"\[\[access\.allow\]\]\ncidr = {entry[1]}\n(\w.*\n)*", "", text)
    elif entry := re.match(r'in the entry \[\[access.allow\]\] with cidr = ("\S+") write (note = .*)', what):
        changed = re.sub(rf"(cidr = {entry[1]}\n)note = .*", rf"\1{entry[2]}", text)
    else:
        name = body.partition(" ")[0]
        section = what.partition(".")[0]
        changed = re.sub(rf"(\[{section}\]\n(?:(?!\[).*\n)*?){name} = .*\n", rf"\1{body}", text)
    assert changed != text, head
    file.write_text(changed)
