"""The Dockerfile, as far as it can be read without a container engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.paths import NGINX_RENDERED, RENDERED, ROOT

DOCKERFILE = ROOT / "docker/Dockerfile"
ENVIRONMENTS = sorted(path.parent.name for path in (ROOT / NGINX_RENDERED).glob("*/nginx.conf"))


def instructions() -> list[tuple[str, str]]:
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_hadolint_is_content() -> None:
    run = subprocess.run([Path(sys.executable).with_name("hadolint"), DOCKERFILE], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_every_environment_is_tried_while_the_image_is_built() -> None:
    tried = [rest for word, rest in instructions() if word == "RUN"]
    wanted = [f"nginx -t -q -c /etc/nginx/kotei/{name}/nginx.conf" for name in ENVIRONMENTS]
    assert sorted(tried) == wanted, "docker/Dockerfile has one RUN nginx -t for each folder in docker/nginx/rendered"


def test_image_is_what_the_task_definition_relies_on() -> None:
    found = dict(instructions())
    assert found["STOPSIGNAL"] == "SIGQUIT"
    assert found["USER"] == "101"
    assert found["ENTRYPOINT"] == "[]"
    assert "CMD" not in found
    assert found["COPY"] == f"{NGINX_RENDERED}/ /etc/nginx/kotei/"
    assert found["ARG"].startswith("BASE=public.ecr.aws/nginx/nginx-unprivileged:")


def test_only_rendered_configuration_can_get_into_the_image() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines == ["*", f"!{NGINX_RENDERED}/"]


def test_docker_is_not_a_package() -> None:
    # It would hide the package `docker`, which moto imports.
    assert not list(Path(ROOT / "docker").rglob("__init__.py"))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nginx_ends_before_ecs_kills_it(name: str) -> None:
    template = yaml.safe_load((ROOT / RENDERED / name / "service.yaml").read_text())
    tasks = [resource for resource in template["Resources"].values() if resource["Type"] == "AWS::ECS::TaskDefinition"]
    (container,) = tasks[0]["Properties"]["ContainerDefinitions"]
    text = (ROOT / NGINX_RENDERED / name / "nginx.conf").read_text()
    shutdown = int(text.partition("worker_shutdown_timeout ")[2].partition("s;")[0])
    assert shutdown < container["StopTimeout"]
