"""The Dockerfile, as far as it can be read without a container engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.local.image.dockerfile import Instruction, parse
from pipeline.paths import NGINX_RENDERED, RENDERED, ROOT

DOCKERFILE = ROOT / "docker/Dockerfile"
ENVIRONMENTS = sorted(path.parent.name for path in (ROOT / NGINX_RENDERED).glob("*/nginx.conf"))
TRIED, IMAGE = parse(DOCKERFILE.read_text(), {})


def container_of(environment: str) -> dict[str, Any]:
    """The proxy's container, as the task definition runs it."""
    template = yaml.safe_load((ROOT / RENDERED / environment / "service.yaml").read_text())
    (task,) = [resource for resource in template["Resources"].values() if resource["Type"] == "AWS::ECS::TaskDefinition"]
    (container,) = [container for container in task["Properties"]["ContainerDefinitions"] if container["Name"] == "proxy"]
    found: dict[str, Any] = container
    return found


def named(name: str, instructions: list[Instruction]) -> list[Instruction]:
    return [instruction for instruction in instructions if instruction.name == name]


def test_hadolint_is_content() -> None:
    run = subprocess.run([Path(sys.executable).with_name("hadolint"), DOCKERFILE], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_every_environment_is_tried_while_the_image_is_built() -> None:
    tried = [run.text for run in named("RUN", TRIED.instructions) if run.words[0] == "nginx"]
    wanted = [f"nginx -t -q -c /etc/nginx/kotei/{name}/nginx.conf" for name in ENVIRONMENTS]
    assert sorted(tried) == wanted, "docker/Dockerfile has one RUN nginx -t for each folder in docker/nginx/rendered"


def test_nginx_is_tried_as_the_user_that_will_run_it() -> None:
    users = [instruction.text for instruction in TRIED.instructions if instruction.name == "USER"]
    after = [instruction.words[0] for instruction in TRIED.instructions[TRIED.instructions.index(named("USER", TRIED.instructions)[-1]) :]]
    assert users[-1] == container_of(ENVIRONMENTS[0])["User"]
    assert after == [users[-1], *("nginx" for _ in ENVIRONMENTS)]


def test_image_is_one_layer_of_what_was_tried() -> None:
    assert [copy.text for copy in named("COPY", IMAGE.instructions)] == ["--from=tried /image/ /"]
    assert named("RUN", IMAGE.instructions) == []
    assert TRIED.base == IMAGE.base


def test_image_is_what_the_task_definition_relies_on() -> None:
    found = {instruction.name: instruction.words for instruction in IMAGE.instructions}
    assert found["STOPSIGNAL"] == ("SIGQUIT",)
    assert found["USER"] == (container_of(ENVIRONMENTS[0])["User"],)
    assert found["ENTRYPOINT"] == ()
    assert "CMD" not in found
    assert found["VOLUME"] == ("/run/kotei",)
    assert IMAGE.base.startswith("public.ecr.aws/nginx/nginx-unprivileged:")
    # The slim images have no njs, which the configuration loads.
    assert not IMAGE.base.endswith("-slim")


def test_nothing_depends_on_the_platform() -> None:
    for word in ("platform", "TARGET", "BUILDPLATFORM", "arm64", "amd64"):
        assert not [line for line in DOCKERFILE.read_text().splitlines() if word in line and not line.startswith("#")]


def test_only_what_is_copied_can_get_into_the_build() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    copied = [copy.words[0] for copy in named("COPY", TRIED.instructions)]
    assert lines == ["*", *(f"!{path}" for path in copied)]


def test_docker_is_not_a_package() -> None:
    # It would hide the package `docker`, which moto imports.
    assert not list(Path(ROOT / "docker").rglob("__init__.py"))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nginx_ends_before_ecs_kills_it(name: str) -> None:
    text = (ROOT / NGINX_RENDERED / name / "nginx.conf").read_text()
    shutdown = int(text.partition("worker_shutdown_timeout ")[2].partition("s;")[0])
    assert shutdown < container_of(name)["StopTimeout"]
