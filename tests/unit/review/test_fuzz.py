"""Whatever the two sides hold: never a traceback, the same answer every time, and no address lost without being blocked."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import render
from pipeline.review.compare import compare
from pipeline.review.differences import differences
from pipeline.review.judge import judge
from pipeline.review.model import VERDICTS, Comparison, OwnerReview, Side, Stack
from pipeline.review.review import review
from pipeline.review.rules import RULES
from stacks.environment import Environment
from stacks.project import PipelineConfig, Project
from tests.support.sites_strategy import environments as with_sites
from tests.template.conftest import ADOPTED, BASE, EXISTING, PIPELINE_ACCOUNT, VARIANTS, environment
from tests.unit.review.edits import edited

TODAY = date(2026, 11, 22)
EIP = "AWS::EC2::EIP"
Path = tuple[Any, ...]

SCALARS = st.sampled_from(
    (None, True, False, 0, -1, 65_536, 1e300, "", "*", "0.0.0.0/0", "10.0.0.0/99", "a.b", "${", "${}", "\ud800", "1", "{", "[[]")
)
NAMES = st.sampled_from(("EipA", "Vpc", "SubnetA", "LoadBalancer", "TargetGroup", "Nobody", "AWS::Region", "AddressA.x", ""))
FUNCTIONS = (
    st.builds(lambda name: {"Ref": name}, NAMES)
    | st.builds(lambda name: {"Fn::GetAtt": [name, "Arn"]}, NAMES)
    | st.builds(lambda name: {"Fn::Sub": f"a${{{name}}}b${{!{name}}}"}, NAMES)
    | st.sampled_from(
        (
            {"Ref": 1},
            {"Fn::GetAtt": []},
            {"Fn::GetAtt": "A"},
            {"Fn::Sub": [1]},
            {"Fn::Sub": ["${X}", {"X": {"Ref": "Vpc"}}]},
            {"Fn::If": ["A"]},
        )
    )
)
ODD = st.recursive(
    SCALARS | FUNCTIONS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("Key", "Id", "Statement", "Rules", "x", "symbol", "Fn::Join")), inner, max_size=3)
    ),
    max_leaves=5,
)
TYPES = (
    "AWS::EC2::EIP",
    "AWS::EC2::Subnet",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::IAM::Role",
    "AWS::S3::Bucket",
    "Custom::Thing",
    "",
    7,
)
WAYS = ("drop", "put", "put", "copy", "move", "rename", "type")


class Sides(dict[str, Side]):
    """Shown without what is as in the base, since a failure prints what was drawn."""

    def __repr__(self) -> str:
        templates = {f"{owner}/{name}": stack for owner, side in self.items() for name, stack in side.stacks.items()}
        known = {f"{owner}/{name}": stack for owner, side in base().items() for name, stack in side.stacks.items()}
        gone, come = sorted(known.keys() - templates.keys()), {name: templates[name].path for name in templates.keys() - known.keys()}
        other = [one.path for name, stack in templates.items() for one in differences(vars(known.get(name, stack)), vars(stack))]
        nginx = [owner for owner, side in self.items() if side.nginx != base()[owner].nginx]
        return f"Sides(without {gone}, with {come}, other {other}, other nginx {nginx})"


@cache
def base() -> Sides:
    return Sides(edited(None, ()))


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in entries:
        yield (*path, step)
        yield from places(inner, (*path, step))


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


@st.composite
def mutations(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """A copy of the template in which one place is another."""
    document = copy.deepcopy(document)
    all_places = list(places(document))
    if not all_places:
        return {"Resources": draw(ODD)}
    path = draw(st.sampled_from(all_places))
    way = draw(st.sampled_from(WAYS))
    if draw(st.booleans()):
        # Most places are deep down.
        path = path[: draw(st.integers(1, len(path)))]
    parent = at(document, path[:-1])
    if way == "drop":
        del parent[path[-1]]
    elif way == "put":
        parent[path[-1]] = draw(ODD)
    elif way in ("copy", "move") and isinstance(parent, dict):
        parent[draw(st.sampled_from(("Twin", "EipA", "Properties", "Type", path[-1])))] = (
            parent.pop(path[-1]) if way == "move" else copy.deepcopy(parent[path[-1]])
        )
    elif way == "copy":
        parent.insert(draw(st.integers(0, len(parent))), copy.deepcopy(parent[path[-1]]))
    elif way == "type":
        resources = document.get("Resources")
        if isinstance(resources, dict) and resources and isinstance(one := resources[draw(st.sampled_from(sorted(resources)))], dict):
            one["Type"] = draw(st.sampled_from(TYPES))
    else:
        parent[path[-1]] = copy.deepcopy(at(document, draw(st.sampled_from(all_places))))
    return document


@st.composite
def other_stacks(draw: st.DrawFn, stack: Stack) -> Stack:
    """What stands beside the template."""
    policy = copy.deepcopy(dict(stack.policy or {}))
    found = [path for path in places(policy) if path]
    if found:
        path = draw(st.sampled_from(found))
        at(policy, path[:-1])[path[-1]] = draw(ODD)
    return replace(
        stack,
        policy=draw(st.sampled_from((None, policy, {}))),
        tags=draw(st.dictionaries(st.sampled_from(("Project", "Name", "Team")), st.sampled_from(("a", "b", "")), max_size=2)),
    )


@st.composite
def changed(draw: st.DrawFn, sides: Sides, *, most: int = 4) -> Sides:
    sides = Sides(sides)
    for _ in range(draw(st.integers(0, most))):
        owner = draw(st.sampled_from(sorted(sides)))
        side, stacks = sides[owner], dict(sides[owner].stacks)
        if not stacks:
            continue
        name = draw(st.sampled_from(sorted(stacks)))
        what = draw(st.sampled_from(("template",) * 8 + ("beside", "gone", "new", "nginx")))
        if what == "template":
            stacks[name] = replace(stacks[name], template=draw(mutations(dict(stacks[name].template))))
        elif what == "beside":
            stacks[name] = draw(other_stacks(stacks[name]))
        elif what == "gone":
            del stacks[name]
        elif what == "new":
            stacks["new"] = replace(stacks[name], stack="new")
        elif side.nginx is not None:
            lines = side.nginx.splitlines(keepends=True)
            start = draw(st.integers(0, len(lines)))
            lines[start : start + draw(st.integers(0, 3))] = draw(
                st.lists(st.sampled_from(("}\n", "{\n", "server {\n", "a b;\n", '"\n')), max_size=2)
            )
            side = replace(side, nginx=draw(st.sampled_from((None, "".join(lines), "".join(lines)))))
        sides[owner] = replace(side, stacks=stacks)
    return sides


@st.composite
def live(draw: st.DrawFn, sides: Sides) -> Sides:
    """What only AWS tells, of some stacks."""

    def known(stack: Stack) -> Stack:
        parameters = stack.template.get("Parameters")
        names = [name for name in parameters if isinstance(name, str)] if isinstance(parameters, dict) else []
        resources = stack.template.get("Resources")
        return replace(
            stack,
            name=f"kotei-{stack.stack}",
            status=draw(st.sampled_from(("CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "ROLLBACK_COMPLETE", "NEW_STATUS"))),
            parameters={name: draw(st.sampled_from(("a", "eipalloc-1", ""))) for name in names},
            outputs=draw(
                st.dictionaries(st.sampled_from(("AddressA", "VpcId", "SubnetA")), st.sampled_from(("a", "eipalloc-1")), max_size=2)
            ),
            drifted=tuple(list(resources)[:2]) if isinstance(resources, dict) else ("Gone",),
        )

    return Sides(
        (owner, replace(side, stacks={name: known(stack) if draw(st.booleans()) else stack for name, stack in side.stacks.items()}))
        for owner, side in sides.items()
    )


def comparison(before: Sides, after: Sides, owner: str) -> Comparison:
    return compare(owner, before.get(owner, Side()), after.get(owner, Side()))


def judged(before: Sides, after: Sides, owner: str) -> OwnerReview:
    return judge(comparison(before, after, owner), (), TODAY)


def shuffled(value: Any, seed: int) -> Any:
    """The same with its keys in another order; lists as they are."""
    if isinstance(value, list):
        return [shuffled(item, seed) for item in value]
    if not isinstance(value, Mapping):
        return value
    keys = list(value)
    random.Random(seed).shuffle(keys)
    return {key: shuffled(value[key], seed) for key in keys}


def in_another_order(sides: Sides, seed: int) -> Sides:
    def stack(one: Stack) -> Stack:
        return replace(
            one, **{field: shuffled(getattr(one, field), seed) for field in ("template", "tags", "policy", "parameters", "outputs")}
        )

    return Sides(
        (owner, replace(side, stacks=shuffled({name: stack(one) for name, one in side.stacks.items()}, seed)))
        for owner, side in sides.items()
    )


def addresses(side: Side) -> set[tuple[str, str]]:
    """Every Elastic IP that a template of the side holds: here, without the engine's readers."""
    found = set()
    for name, stack in side.stacks.items():
        resources = stack.template.get("Resources")
        for logical_id, resource in resources.items() if isinstance(resources, dict) else ():
            if isinstance(resource, dict) and resource.get("Type") == EIP:
                found.add((name, logical_id))
    return found


def assert_sound(before: Sides, after: Sides, owner: str) -> None:
    found = judged(before, after, owner)
    rank = [VERDICTS.index(one.verdict) for one in found.findings]
    assert rank == sorted(rank, reverse=True)
    assert VERDICTS.index(found.verdict) >= max(rank, default=0)
    for one in found.findings:
        assert one.text.strip()
        assert one.rule in {rule.name for rule in RULES}
    for stack in found.stacks:
        assert all(VERDICTS.index(found.verdict_of(change)) <= VERDICTS.index(found.verdict) for change in stack.changes)
    if addresses(before.get(owner, Side())) - addresses(after.get(owner, Side())):
        assert found.verdict == "blocked"


SLOW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
OWNERS = st.sampled_from(("production", "production", "shared"))


@SLOW
@given(data=st.data(), owner=OWNERS)
def test_any_two_sides_are_judged(data: st.DataObject, owner: str) -> None:
    before = data.draw(changed(base(), most=2))
    assert_sound(before, data.draw(changed(before)), owner)


@SLOW
@given(data=st.data(), owner=OWNERS)
def test_any_two_sides_are_judged_of_which_one_is_live(data: st.DataObject, owner: str) -> None:
    before = data.draw(live(data.draw(changed(base(), most=2))))
    assert_sound(before, data.draw(changed(base())), owner)


@SLOW
@given(data=st.data(), owner=OWNERS, seed=st.integers(0, 9))
def test_the_same_sides_are_judged_the_same_in_whatever_order_they_are_written(data: st.DataObject, owner: str, seed: int) -> None:
    before = data.draw(changed(base(), most=2))
    after = data.draw(changed(before))
    first = judged(before, after, owner)
    assert judged(copy.deepcopy(before), copy.deepcopy(after), owner) == first
    assert judged(in_another_order(before, seed), in_another_order(after, seed + 1), owner) == first


@SLOW
@given(data=st.data(), owner=OWNERS, seed=st.integers(0, 9))
def test_nothing_differs_between_a_side_and_itself(data: st.DataObject, owner: str, seed: int) -> None:
    side = data.draw(changed(base()))
    found = judged(side, in_another_order(side, seed), owner)
    assert found.findings == ()
    assert found.empty


@pytest.mark.parametrize("stack", ["addresses", "loadbalancer"])
@settings(SLOW, max_examples=40)
@given(data=st.data())
def test_an_address_that_goes_is_blocked_whatever_else_changes(stack: str, data: st.DataObject) -> None:
    before = data.draw(changed(Sides(production=base()["production"]), most=1))
    held = {"Resources": {"Fixed": {"Type": EIP, "Properties": data.draw(ODD)}, "Other": {"Type": EIP}}}
    one = Stack(stack=stack, path=f"{stack}.yaml", template=held)
    before["production"] = replace(before["production"], stacks={**before["production"].stacks, stack: one})
    after = data.draw(changed(before, most=2))
    rest = data.draw(st.sampled_from(({}, {"Fixed": {"Type": "AWS::EC2::VPC"}}, {"Renamed": {"Type": EIP}}, {"Other": {"Type": EIP}})))
    after["production"] = replace(
        after["production"], stacks={**after["production"].stacks, stack: replace(one, template={"Resources": rest})}
    )
    assert judged(before, after, "production").verdict == "blocked"


def project(*environments: Environment) -> Project:
    values = {
        "project": "kotei",
        "account": PIPELINE_ACCOUNT,
        "region": "ap-northeast-1",
        "repository": {"name": "example-org/kotei"},
        "environments": [env.name for env in environments],
    }
    return Project(pipeline=PipelineConfig.model_validate(values), environments=environments)


@st.composite
def environments(draw: st.DrawFn) -> Environment:
    """One of every kind, with other clients and sizes, or with any sites."""
    if draw(st.booleans()):
        return draw(with_sites()).model_copy(update={"name": "staging"})
    kind = dict(VARIANTS[draw(st.sampled_from([name for name in VARIANTS if name != "another-account"]))])
    if "access" not in kind:
        cidrs = draw(st.lists(st.sampled_from(("203.0.113.0/28", "198.51.100.0/24", "192.0.2.7/32")), min_size=1, unique=True))
        kind["access"] = {"allow": [{"cidr": cidr, "note": "a partner"} for cidr in cidrs]}
    if "addresses" not in kind and draw(st.booleans()):
        kind |= {
            "network": {"existing": EXISTING},
            "addresses": {"adopt": draw(st.sampled_from((ADOPTED, dict(zip(ADOPTED, reversed(ADOPTED.values()), strict=True)))))},
        }
    sizes = {
        "log_days": draw(st.sampled_from((14, 90))),
        "max_tasks": draw(st.integers(4, 6)),
        "drain_seconds": draw(st.sampled_from((30, 60))),
    }
    kind["service"] = {**BASE["service"], **kind.get("service", {}), **sizes}
    return environment(**kind)


ALLOCATION = re.compile(r"eipalloc-[0-9a-f]+")


def allocations(files: Mapping[str, str]) -> set[str]:
    """What holds an address: the resources by their ids, and allocations that are named."""
    found = set()
    for path, text in files.items():
        if path.endswith(".yaml"):
            found |= set(ALLOCATION.findall(text))
            found |= {f"{path} {name}" for name in re.findall(rf"^  (\w+):\n(?:    .*\n)*?    Type: {EIP}$", text, flags=re.MULTILINE)}
    return found


@settings(SLOW, max_examples=12)
@given(first=environments(), second=environments())
def test_any_two_environments_can_be_compared(first: Environment, second: Environment) -> None:
    before, after = render.files(project(first)), render.files(project(second))
    found = review(before, after, (), TODAY, base="first", head="second")
    ranks = [VERDICTS.index(owner.verdict) for owner in found.owners]
    assert ranks == sorted(ranks, reverse=True)
    assert VERDICTS.index(found.verdict) == max(ranks, default=0)
    assert all(VERDICTS.index(one.verdict) <= VERDICTS.index(owner.verdict) for owner in found.owners for one in owner.findings)
    if allocations(before) - allocations(after):
        assert found.verdict == "blocked"
    assert review(dict(reversed(before.items())), after, (), TODAY, base="first", head="second") == found
    assert review(before, before, (), TODAY, base="first", head="first").empty
