"""The architecture, as far as imports show it: policy <- stacks <- pipeline, and each outer library in one place."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT: dict[str, set[str]] = {"policy": set(), "stacks": {"policy"}, "pipeline": {"policy", "stacks"}}
# Folders end in `/`.
ONLY_IN = {
    "boto3": ("pipeline/aws.py", "pipeline/local/"),
    # service_models.py reads the service models that botocore ships as files; it calls nothing.
    "botocore": ("pipeline/aws.py", "pipeline/local/", "pipeline/checks/service_models.py"),
    "moto": ("pipeline/local/",),
}
# What a description of the desired state has no business with: the network, other programs, the environment of the process.
NOT_IN_STATE = {"subprocess", "os", "socket", "urllib.request", "requests"}
LOCAL_ENGINE = "pipeline/local/"
# The command line starts the engine; nginx_translate.py needs its two rules for addresses and ports. Nothing else outside of it
# knows that there is an engine.
MAY_KNOW_THE_ENGINE = ("pipeline/cli.py", "pipeline/nginx_translate.py")
FILES = sorted(path.relative_to(ROOT).as_posix() for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def imports(file: str) -> Iterator[str]:
    """Absolute names of what a file imports, wherever in it the import stands. `from a import b` may mean the module a.b."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(file: str, places: tuple[str, ...]) -> bool:
    return any(file == place or (place.endswith("/") and file.startswith(place)) for place in places)


@pytest.mark.parametrize("file", FILES)
def test_imports_point_one_way(file: str) -> None:
    package = file.partition("/")[0]
    forbidden = {*MAY_IMPORT, "tests"} - MAY_IMPORT[package] - {package}
    assert [name for name in imports(file) if name.partition(".")[0] in forbidden] == []


@pytest.mark.parametrize("file", FILES)
def test_libraries_stay_in_their_place(file: str) -> None:
    found = [name for name in imports(file) if (library := name.partition(".")[0]) in ONLY_IN and not is_in(file, ONLY_IN[library])]
    assert found == []


@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith("pipeline/")])
def test_the_desired_state_is_made_of_pure_functions(file: str) -> None:
    assert [name for name in imports(file) if any(name == bad or name.startswith(f"{bad}.") for bad in NOT_IN_STATE)] == []


@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith(LOCAL_ENGINE)])
def test_nothing_decides_by_being_local(file: str) -> None:
    """The endpoint alone tells the local engine from AWS."""
    if not is_in(file, MAY_KNOW_THE_ENGINE):
        assert [name for name in imports(file) if name == "pipeline.local" or name.startswith("pipeline.local.")] == []
    decisions = [node.test for node in ast.walk(tree(file)) if isinstance(node, (ast.If, ast.IfExp, ast.While))]
    names = {name for test in decisions for node in ast.walk(test) if (name := name_of(node))}
    assert {name for name in names if {"local", "moto"} & set(name.lower().split("_"))} == set()


def name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def test_docker_is_the_library_not_our_folder() -> None:
    assert list((ROOT / "docker").rglob("*.py")) == []
    assert hasattr(importlib.import_module("docker"), "from_env")


def test_there_is_something_to_look_at() -> None:
    assert {file.partition("/")[0] for file in FILES} == set(MAY_IMPORT)
