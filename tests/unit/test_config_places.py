"""Where an environment may be, and what its file says when that is not where the pipeline is."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.environment import ConfigError
from stacks.project import load
from tests.support import places
from tests.support.places import NEAR


@pytest.fixture
def root(tmp_path: Path) -> Path:
    places.configure(tmp_path)
    return tmp_path


def problems(root: Path, name: str, old: str, new: str) -> list[str]:
    file = root / "stacks/environments" / f"{name}.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError) as refused:
        load(root)
    return [problem.removeprefix(f"stacks/environments/{name}.toml: ") for problem in refused.value.problems]


def test_four_places_are_fine(root: Path) -> None:
    assert {(env.account, env.region, env.image_region) for env in load(root).environments} == {
        (places.HOME, NEAR, NEAR),
        (places.HOME, places.FAR, NEAR),
        (places.OTHER, NEAR, NEAR),
        (places.OTHER, places.FAR, places.FAR),
    }


def test_another_region_names_the_pipelines(root: Path) -> None:
    missing = f"this environment is in 'us-west-2' and the pipeline in '{NEAR}'; write pipeline_region = \"{NEAR}\""
    assert problems(root, "far-test", f'pipeline_region = "{NEAR}"\n', "") == [f"pipeline_region: is missing: {missing}"]


@pytest.mark.parametrize("name", ["test", "far-test"])
def test_the_pipelines_region_is_the_pipelines(root: Path, name: str) -> None:
    wrong = f"pipeline_region: 'eu-west-1' is not the region of pipeline/pipeline.toml, '{NEAR}'"
    old = f'pipeline_region = "{NEAR}"\n' if name == "far-test" else 'approval = "never"\n'
    assert problems(root, name, old, f'pipeline_region = "eu-west-1"\n{old if name == "test" else ""}') == [wrong]


def test_no_copy_where_the_image_is(root: Path) -> None:
    found = problems(root, "test", 'approval = "never"\n', 'approval = "never"\nreplicate_image = true\n')
    assert found == ["replicate_image: the image is in this region already; remove the key"]


def test_a_region_has_codepipeline(root: Path) -> None:
    found = problems(root, "far-test", "us-west-2", "ca-west-1")
    assert found == ["region: 'ca-west-1' has no CodePipeline, which must keep its artifacts there; choose another region"]
