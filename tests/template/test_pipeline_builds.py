"""The builds: where they run, what they run, and that the pipeline gives every variable that a buildspec reads."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import builds, codepipeline, drift_project, review_project
from pipeline.paths import BUILDSPECS, ROOT
from stacks.project import Project

# Set by CodeBuild, by the build itself, or by whoever runs the buildspec elsewhere.
GIVEN_BY_OTHERS = {"PATH", "PWD", "VENV", "IMAGE_DIGEST"}


def resources(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(codepipeline.build(project).to_json())["Resources"]
    return found


def buildspec(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / BUILDSPECS / f"{name}.yml").read_text(encoding="utf-8"))
    return document


def commands(name: str) -> list[str]:
    return [command for phase in buildspec(name)["phases"].values() for command in phase["commands"]]


@pytest.fixture(params=builds.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_there_is_a_project_for_each_buildspec() -> None:
    assert {path.stem for path in (ROOT / BUILDSPECS).glob("*.yml")} == {*builds.NAMES, drift_project.NAME, review_project.NAME}


def test_builds_run_on_arm_with_a_role_and_a_log_of_their_own(project: Project, name: str) -> None:
    found = resources(project)
    properties = found[f"{name.capitalize()}Project"]["Properties"]
    assert properties["Environment"]["Type"] == "ARM_CONTAINER"
    assert properties["ServiceRole"] == {"Fn::GetAtt": [f"{name.capitalize()}Role", "Arn"]}
    assert properties["LogsConfig"]["CloudWatchLogs"]["GroupName"] == {"Ref": f"{name.capitalize()}Logs"}
    assert found[f"{name.capitalize()}Logs"]["Properties"]["RetentionInDays"] > 0
    assert properties["Source"]["BuildSpec"] == f"buildspec/{name}.yml"


def test_only_the_image_build_is_privileged(project: Project) -> None:
    found = resources(project)
    privileged = {name for name in builds.NAMES if found[f"{name.capitalize()}Project"]["Properties"]["Environment"]["PrivilegedMode"]}
    assert privileged == {"image"}


def test_every_variable_of_a_buildspec_is_given(project: Project, name: str) -> None:
    found = resources(project)
    own = found[f"{name.capitalize()}Project"]["Properties"]["Environment"].get("EnvironmentVariables", [])
    given = {item["Name"] for item in own} | GIVEN_BY_OTHERS
    for stage in found["Pipeline"]["Properties"]["Stages"]:
        for action in stage["Actions"]:
            if action["Configuration"].get("ProjectName", "").endswith(f"-{name}"):
                given |= {item["name"] for item in json.loads(action["Configuration"]["EnvironmentVariables"])}
    # What has a default may be missing: ${NAME:-default}.
    optional = {variable for command in commands(name) for variable in re.findall(r"\$\{([A-Z_]+):-", command)}
    used = {variable for command in commands(name) for variable in re.findall(r"\$\{?([A-Z_]+)", command)} - optional
    set_before = {name for command in commands(name) for name in re.findall(r"^([A-Z_]+)=", command)}
    assert used <= given | set_before


def test_commands_are_single_lines_and_stop_at_the_first_failure(name: str) -> None:
    document = buildspec(name)
    assert document["env"]["shell"] == "bash"
    # post_build runs after a failed build too, so nothing that counts may be there.
    assert set(document["phases"]) == {"install", "build"}
    for command in commands(name):
        assert "\n" not in command
        assert not re.match(r"export \w+=\"?\$\(", command), f"{command}: export hides a failure of the command in it"


def test_exported_variables_are_those_that_the_pipeline_reads(project: Project) -> None:
    document = json.dumps(resources(project)["Pipeline"])
    read = {variable for _, variable in re.findall(r"#\{(Image|\w+Plan)\.([A-Z_]+)\}", document)}
    exported = {variable for name in builds.NAMES for variable in buildspec(name)["env"].get("exported-variables", [])}
    # The verdict is for people who look at a run.
    assert exported - read == {"VERDICT"}
    assert read - exported == set()


# docker/buildx, util/imagetools/printers.go: every format that begins with {{.Manifest prints the report in some versions.
DIGEST = "sha256:" + "0123456789abcdef" * 4
REPORT = f"Name:      public.ecr.aws/nginx/x:1\nMediaType: application/vnd.oci.image.index.v1+json\nDigest:    {DIGEST}\n"
REPORT += f"           \nManifests: \n  Name:      public.ecr.aws/nginx/x:1@sha256:{'f' * 64}\n"


@pytest.mark.parametrize(("answer", "found"), [(f"{DIGEST}\n", DIGEST), (REPORT, DIGEST), ("", None)])
def test_the_bases_digest_is_found_in_what_every_buildx_prints(tmp_path: Path, answer: str, found: str | None) -> None:
    run = _base_digest(tmp_path, answer, BASE="public.ecr.aws/nginx/x:1")
    assert (run.stdout or None) == found
    assert (run.returncode == 0) == (found is not None)


def test_a_pinned_base_is_taken_as_it_is(tmp_path: Path) -> None:
    assert _base_digest(tmp_path, f"sha256:{'f' * 64}", BASE=f"public.ecr.aws/nginx/x:1@{DIGEST}").stdout == DIGEST


def _base_digest(tmp_path: Path, answer: str, **given: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "docker").write_text(f"#!/bin/sh\ncat <<'E'\n{answer}E\n")
    (tmp_path / "docker").chmod(0o755)
    (command,) = [command for command in commands("image") if command.startswith("BASE_DIGEST=")]
    return subprocess.run(
        ["bash", "-c", f'{command} && printf %s "$BASE_DIGEST"'],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "BASE_FROM": "public.ecr.aws/nginx/x:1", **given},
        capture_output=True,
        text=True,
        check=False,
    )
