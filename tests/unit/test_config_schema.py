"""The JSON Schema for editors says the same as the models, as far as a schema can."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cfnlint.data.schemas.extensions.aws_ecs_taskdefinition as task_definition
import pytest
from cfnlint.helpers import load_resource
from jsonschema import Draft202012Validator, ValidationError

from pipeline import schema
from stacks.fargate import SIZES

ROOT = Path(__file__).parents[2]
FILES = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("stacks/environments/*.toml"), ROOT / "pipeline/pipeline.toml"))
SCHEMA = json.loads(schema.text())
SITE = {"host": "api.example.com", "origin": "https://origin.example.net"}


def content(file: str) -> dict[str, Any]:
    # Editors show a TOML date to the schema as text.
    table: dict[str, Any] = json.loads(json.dumps(tomllib.loads((ROOT / file).read_text(encoding="utf-8")), default=str))
    return table


def test_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", FILES)
def test_takes_the_projects_files(file: str) -> None:
    Draft202012Validator(SCHEMA).validate(content(file))


@pytest.mark.parametrize("file", FILES)
def test_the_files_name_the_schema(file: str) -> None:
    first = (ROOT / file).read_text(encoding="utf-8").partition("\n")[0]
    named = (ROOT / file).parent / first.removeprefix("#:schema ")
    assert named.resolve() == ROOT / next(iter(schema.files()))


def test_a_site_needs_no_more() -> None:
    """So that what is refused below is refused for what is added to it."""
    environment = next(file for file in FILES if file.startswith("stacks/"))
    Draft202012Validator(SCHEMA).validate({**content(environment), "sites": [SITE]})


@pytest.mark.parametrize(
    "edit",
    [
        {"account": "1234"},
        {"aproval": "never"},
        {"approval": "maybe"},
        {"service": {"cpu": "256"}},
        {"sites": [{**SITE, "methods": ["TRACE"]}]},
        {"sites": [{**SITE, "paths": [{"path": "/a", "answer": {"status": 199}}]}]},
        {"origins": [{"url": "https://origin.example.net", "protocol": "h2"}]},
        {"origins": [{"url": "https://origin.example.net", "client_certificate": "demo/origin"}]},
        {"ports": [{"port": 0, "origin": "db.example.net:5432"}]},
    ],
)
def test_refuses(edit: dict[str, Any]) -> None:
    environment = next(file for file in FILES if file.startswith("stacks/"))
    with pytest.raises(ValidationError):
        Draft202012Validator(SCHEMA).validate({**content(environment), **edit})


def test_every_key_is_explained() -> None:
    def unexplained() -> Iterator[str]:
        for model, definition in SCHEMA["$defs"].items():
            for key, value in definition["properties"].items():
                # A table that is said to be what its own description says is explained by that.
                target = SCHEMA["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
                if not (value.get("description") or target.get("description")):
                    yield f"{model}.{key}"

    assert list(unexplained()) == []


def test_fargate_sizes_are_those_of_cfn_lint() -> None:
    rules = Draft202012Validator(load_resource(task_definition, "fargate_cpu_memory.json"))
    mebibytes = range(256, 131_073, 256)
    for cpu, sizes in SIZES.items():
        task = {"RequiresCompatibilities": ["FARGATE"], "Cpu": str(cpu)}
        assert [size for size in mebibytes if rules.is_valid({**task, "Memory": size})] == list(sizes), cpu
