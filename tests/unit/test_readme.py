"""What the README claims: commands exist, and the cost table is what `kotei cost` computes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from pipeline import cost
from pipeline.cli import app
from stacks import project

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.ja.md")


@pytest.mark.parametrize("readme", READMES)
def test_cost_table_is_computed(readme: str) -> None:
    text = (ROOT / readme).read_text()
    for env in project.load(ROOT).environments:
        for line in cost.monthly(env):
            assert f"| {line.dollars:.2f} |" in text, (readme, env.name, line)
        assert f"**{cost.total(cost.monthly(env)):.2f}**" in text


@pytest.mark.parametrize("readme", READMES)
def test_every_named_command_exists(readme: str) -> None:
    group = get_command(app)
    names = set(re.findall(r"`kotei ([a-z]+(?: (?:up|down|status|logs|env|coverage|pr)\b)?)", (ROOT / readme).read_text()))
    assert names
    for name in names:
        command = group
        for word in name.split():
            assert word in command.commands, f"{readme} names `kotei {name}`, which does not exist"
            command = command.commands[word]


@pytest.mark.parametrize("readme", READMES)
def test_every_named_make_target_exists(readme: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", (ROOT / readme).read_text())) <= targets


def test_both_languages_say_the_same() -> None:
    english, japanese = ((ROOT / name).read_text() for name in READMES)
    assert len(re.findall(r"^## ", english, re.MULTILINE)) == len(re.findall(r"^## ", japanese, re.MULTILINE))
    assert len(re.findall(r"^\|", english, re.MULTILINE)) == len(re.findall(r"^\|", japanese, re.MULTILINE))
