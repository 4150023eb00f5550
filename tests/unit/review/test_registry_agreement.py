"""What the comparison predicts for each property is what the registry says, or stands in the table of overrides with its reason.

The schemas are read here as plain JSON, without pipeline/registry_schema.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from pipeline.catalog import SHARED_STACKS
from pipeline.paths import RENDERED, ROOT
from pipeline.review.compare import compare
from pipeline.review.model import Change, Property, Side, Stack
from pipeline.review.updates import OVERRIDES
from pipeline.template_text import document
from stacks import deployroles
from stacks.project import PipelineConfig, Project
from tests.template.conftest import PIPELINE_ACCOUNT, VARIANTS, documents, environment
from tests.template.conftest import document as plain
from tests.unit.review.edits import base_files

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
Schema = dict[str, Any]
ONE, TWO = {"Some": "one"}, {"Some": "two"}


@cache
def types() -> tuple[str, ...]:
    """Of every rendered file, the base of the recorded cases, and every kind of environment, with all that can be switched on."""
    templates = [document(path.read_text(encoding="utf-8")) for path in sorted((ROOT / RENDERED).rglob("*.yaml"))]
    templates += [document(text) for path, text in base_files().items() if path.endswith(".yaml")]
    kinds = [environment(**changes) for changes in VARIANTS.values()]
    templates += [template for env in kinds for template in documents(env).values()]
    values = {
        "project": "kotei",
        "account": PIPELINE_ACCOUNT,
        "region": "ap-northeast-1",
        "repository": {"name": "example-org/kotei"},
        "environments": ["staging", "production"],
    }
    here, there = environment(), environment(name="production", **VARIANTS["another-account"])
    project = Project(pipeline=PipelineConfig.model_validate(values), environments=(here, there))
    templates += [plain(spec.build(project)) for spec in SHARED_STACKS if spec.wanted(project)]
    templates += [plain(deployroles.STACK.build(other)) for other in deployroles.accounts(project)]
    return tuple(sorted({resource["Type"] for template in templates for resource in template["Resources"].values()}))


@cache
def schema(type_name: str) -> Schema:
    index = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())
    found: Schema = json.loads((SCHEMAS / "resources" / f"{index[type_name]}.json").read_text())
    return found


def paths(found: Schema, section: str) -> Iterator[list[str]]:
    """A star stands for the items of a list."""
    for pointer in found.get(section) or []:
        yield [part for part in pointer.removeprefix("/properties/").split("/") if part != "*"]


def said_by_registry(type_name: str, prop: str) -> str:
    found = schema(type_name)
    if any(path == [prop] for path in paths(found, "createOnlyProperties")):
        return "replacement"
    if any(path == [prop] for path in paths(found, "conditionalCreateOnlyProperties")):
        return "conditional replacement"
    return "in place"


def changed(type_name: str, before: Any, after: Any) -> Change:
    def side(properties: Any) -> Side:
        template = {"Resources": {"One": {"Type": type_name, "Properties": properties}}}
        return Side(stacks={"a": Stack(stack="a", path="a.yaml", template=template)})

    [change] = compare("test", side(before), side(after)).changes
    return change


def predicted(type_name: str, prop: str) -> Property:
    """Only this property changes, among others that stay, and nothing in it of which the registry speaks."""
    others = {other: "same" for other in schema(type_name)["properties"] if other != prop}
    [found] = changed(type_name, {**others, prop: ONE}, {**others, prop: TWO}).properties
    return found


TOP_LEVEL = [(type_name, prop) for type_name in types() for prop in sorted(schema(type_name)["properties"])]
# Below a property that changes in place itself: DnsOptions.PrivateDnsPreference of an endpoint.
BELOW = [
    (type_name, path)
    for type_name in types()
    for path in paths(schema(type_name), "createOnlyProperties")
    if len(path) > 1 and said_by_registry(type_name, path[0]) == "in place"
]


@pytest.mark.parametrize(("type_name", "prop"), TOP_LEVEL)
def test_a_property_is_updated_as_the_registry_says(type_name: str, prop: str) -> None:
    override = OVERRIDES.get(type_name, {}).get(prop)
    found = predicted(type_name, prop)
    assert found.update == (override.update if override else said_by_registry(type_name, prop))
    read_only = any(path == [prop] for path in paths(schema(type_name), "readOnlyProperties"))
    write_only = any(path == [prop] for path in paths(schema(type_name), "writeOnlyProperties"))
    assert found.access == ("read-only" if read_only else "write-only" if write_only else "")


@pytest.mark.parametrize(("type_name", "path"), BELOW, ids=lambda value: value if isinstance(value, str) else ".".join(value))
def test_what_is_create_only_inside_a_property_replaces_and_what_is_beside_it_does_not(type_name: str, path: list[str]) -> None:
    def nested(value: str) -> Any:
        inner: Any = {path[-1]: value, "Beside": "same"}
        for part in reversed(path[:-1]):
            inner = {part: inner}
        return inner

    assert changed(type_name, nested("one"), nested("two")).update == "replacement"
    beside = json.loads(json.dumps(nested("one")).replace('"same"', '"other"'))
    assert changed(type_name, nested("one"), beside).update == "in place"


@pytest.mark.parametrize("type_name", types())
def test_the_whole_change_is_as_bad_as_its_worst_property(type_name: str) -> None:
    everything = schema(type_name)["properties"]
    updates = {predicted(type_name, prop).update for prop in everything}
    change = changed(type_name, dict.fromkeys(everything, ONE), dict.fromkeys(everything, TWO))
    order = ("replacement", "conditional replacement", "some interruption", "in place")
    assert change.update == next(update for update in order if update in updates)


@pytest.mark.parametrize("type_name", types())
def test_a_property_that_comes_or_goes_is_a_change_as_well(type_name: str) -> None:
    for prop in schema(type_name)["properties"]:
        update = predicted(type_name, prop).update
        assert changed(type_name, {"Other": 1}, {"Other": 1, prop: TWO}).update == update
        assert changed(type_name, {"Other": 1, prop: ONE}, {"Other": 1}).update == update


OVERRIDDEN = [(type_name, prop) for type_name, table in OVERRIDES.items() for prop in table]


@pytest.mark.parametrize(("type_name", "prop"), OVERRIDDEN)
def test_an_override_has_a_reason_and_says_what_the_registry_does_not(type_name: str, prop: str) -> None:
    override = OVERRIDES[type_name][prop]
    assert type_name in types(), "nothing here makes this type"
    assert prop in schema(type_name)["properties"]
    assert override.update != said_by_registry(type_name, prop)
    assert override.why


def test_interruptions_of_which_descriptions_speak_are_in_the_table() -> None:
    """But for those that the same sentence denies for what we use: a TLS listener."""
    words = "may require *some interruptions*"
    spoken = {
        (kind, prop) for kind in types() for prop, found in schema(kind)["properties"].items() if words in found.get("description", "")
    }
    assert spoken == {(kind, prop) for kind, prop in OVERRIDDEN if OVERRIDES[kind][prop].update == "some interruption"}


def test_there_are_types_and_properties_to_look_at() -> None:
    assert len(types()) > 35
    assert len(TOP_LEVEL) > 400
    assert BELOW
