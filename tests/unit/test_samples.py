"""The sample environments as they are, and with everything in them switched on that is commented out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stacks import project
from stacks.project import Project

ROOT = Path(__file__).resolve().parents[2]
SWITCHED_OFF = re.compile(r"^#(?=[a-z_\[])", re.MULTILINE)


def with_all_examples(folder: Path) -> Project:
    for file in (ROOT / "stacks/environments").glob("*.toml"):
        target = folder / "stacks/environments" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(SWITCHED_OFF.sub("", file.read_text()))
    (folder / "pipeline").mkdir()
    (folder / "pipeline/pipeline.toml").write_text((ROOT / "pipeline/pipeline.toml").read_text())
    return project.load(folder)


def test_examples_are_valid_when_switched_on(tmp_path: Path) -> None:
    environments = with_all_examples(tmp_path).environments
    for env in environments:
        site = env.sites[0]
        assert site.maintenance
        assert site.methods
        assert site.cache
        assert {rule.path for rule in site.paths} >= {"/v1/", "/robots.txt"}
        assert [port.port for port in env.ports] == [5432, 8883]
        assert env.origins[0].client_certificate
        assert env.addresses.keep
    assert any(env.freeze and env.verify.probe for env in environments)


@pytest.mark.parametrize("file", sorted((ROOT / "stacks/environments").glob("*.toml")), ids=lambda file: file.stem)
def test_examples_are_switched_off(file: Path) -> None:
    assert len(SWITCHED_OFF.findall(file.read_text())) > len(("methods", "allow", "cache"))
