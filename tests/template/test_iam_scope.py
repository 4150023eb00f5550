"""A `*` in any statement of any role is found: there is none that could widen unseen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.access.principals import Deployed
from pipeline.checks import iam_scope
from pipeline.checks.documents import Document
from pipeline.checks.iam_actions import statements
from tests.support.permissions import DEPLOYED

Statement = dict[str, Any]
# The sample's stacks, and those of a project with everything turned on.
STACKS = {f"{name}/{one.region}/{one.stack}": one for name, deployed in DEPLOYED.items() for one in deployed}
PLACES = [
    (name, where, statement)
    for name, stack in STACKS.items()
    for logical, resource in stack.template["Resources"].items()
    if resource["Type"] in iam_scope.IDENTITIES
    for where, statement in statements(resource["Properties"], logical)
    if statement["Effect"] == "Allow"
]


def found(stack: Deployed, where: str, change: Callable[[Statement], Any]) -> list[str]:
    template = copy.deepcopy(dict(stack.template))
    for logical, resource in template["Resources"].items():
        for place, statement in statements(resource["Properties"], logical):
            if place == where:
                change(statement)
    document = Document(path=stack.stack, text="", region=stack.region, content=template)
    return [f"{one.where}: {one.message}" for one in iam_scope.findings(document)]


def _widened(action: str) -> dict[str, Callable[[Statement], Any]]:
    service, _, name = action.partition(":")
    return {
        "every action": lambda s: s.update(Action="*"),
        "every action of a service": lambda s: s["Action"].append(f"{service}:*"),
        "some actions of a service": lambda s: s["Action"].append(f"{service}:{name[:4]}*"),
        "whatever is not named": lambda s: s.update(NotAction=s.pop("Action")),
    }


def ways(where: str, statement: Statement) -> dict[str, Callable[[Statement], Any]]:
    result = _widened(statement["Action"][0])
    if iam_scope.TRUST in where:
        return result | {
            "anybody": lambda s: s.update(Principal={"AWS": "*"}),
            "anybody at all": lambda s: s.update(Principal="*"),
        }
    result["whatever resource is not named"] = lambda s: s.update(NotResource=s.pop("Resource"))
    if statement["Resource"] != ["*"]:
        result |= {
            "every resource": lambda s: s["Resource"].append("*"),
            "every resource of a kind in every account": lambda s: s["Resource"].append("arn:aws:*:*:*:*"),
            "every bucket": lambda s: s["Resource"].append("arn:aws:s3:::*"),
            "every role": lambda s: s["Resource"].append("arn:aws:iam::111122223333:role/*"),
        }
    return result


@pytest.mark.parametrize(
    ("name", "where", "way"),
    [pytest.param(name, where, way, id=f"{where}-{way}") for name, where, statement in PLACES for way in ways(where, statement)],
)
def test_a_wildcard_is_found_wherever_it_is_put(name: str, where: str, way: str) -> None:
    statement = next(one for stack, place, one in PLACES if (stack, place) == (name, where))
    assert any(one.startswith(f"{where}: ") for one in found(STACKS[name], where, ways(where, statement)[way]))


@pytest.mark.parametrize("name", STACKS)
def test_none_is_there(name: str) -> None:
    assert found(STACKS[name], "", lambda _: None) == []


def test_a_condition_that_is_true_of_everything_is_found() -> None:
    name, where, _ = next(place for place in PLACES if "Condition" in place[2] and iam_scope.TRUST in place[1])
    widened = found(STACKS[name], where, lambda s: s.update(Condition={"ArnLike": {"aws:SourceArn": ["*"]}}))
    assert any("is true of everything" in one for one in widened)
