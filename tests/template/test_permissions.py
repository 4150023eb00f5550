"""Least privilege: each role may do what its code path does, on its own resources and on no neighbour's, and every statement counts."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline import permissions_guide, permissions_optional
from pipeline.access.calls import FILE, neighbours
from pipeline.access.decide import Principal, Request, decide
from pipeline.paths import ROOT
from pipeline.review.statements import policy
from policy.not_needed import NEVER_DELETED
from tests.support.permissions import DEPLOYED, PROJECTS, ROLES, Which, every, used

# What takes in others' resources too, and why.
EVERYWHERE = {"cloudwatch:DescribeAlarms": "target tracking looks alarms up without naming one, which is compared with every alarm"}
# Modules of policy/ about what a resource's own policy says, and templates; no role has their statements.
OF_RESOURCES = {"alarm_topic", "artifacts", "bucket", "key", "repository", "stack_policy", "topic", "boundary", "statement"}
INLINE_CHARACTERS = 10_240


@pytest.mark.parametrize("which", every())
def test_a_role_may_do_what_its_code_path_does(which: Which) -> None:
    principal = ROLES[which].principal()
    refused = [one.request for one in used(which) if not decide(principal, one.request).allowed]
    assert [one for one in refused if one.action not in NEVER_DELETED] == []


@pytest.mark.parametrize("which", every())
def test_no_role_may_do_it_to_a_neighbours_resource(which: Which) -> None:
    """Another account's, also one of the project's own, another project's, another environment's."""
    role = ROLES[which]
    principal = role.principal()
    asked = [one for call in used(which) for one in neighbours(PROJECTS[which[0]], role, call.request)]
    assert [one for one in asked if decide(principal, one).allowed and one.action not in EVERYWHERE] == []


def allows() -> Iterator[Any]:
    """Every statement once: one that several roles have is missed when it is missed by one of them."""
    seen: dict[str, list[tuple[Which, int]]] = {}
    for which, role in ROLES.items():
        for number, statement in enumerate(role.statements):
            if statement["Effect"] == "Allow":
                seen.setdefault(json.dumps([which[0], statement], sort_keys=True), []).append((which, number))
    for places in seen.values():
        which, number = places[0]
        yield pytest.param(places, id=f"{'-'.join(which)}-{ROLES[which].statements[number]['Sid']}")


@pytest.mark.parametrize("places", list(allows()))
def test_without_a_statement_something_that_is_called_would_be_refused(places: list[tuple[Which, int]]) -> None:
    assert any(_misses(which, number) for which, number in places)


def _misses(which: Which, number: int) -> bool:
    role = ROLES[which]
    given = set(role.statements[number]["Action"])
    whole, without = role.principal(), role.principal(number)
    asked = (one.request for one in used(which) if one.request.action in given)
    return any(decide(whole, one).allowed and not decide(without, one).allowed for one in asked)


@pytest.mark.parametrize("which", every(of_cloudformation=False))
def test_a_role_has_no_action_that_nobody_calls(which: Which) -> None:
    called = {one.request.action for one in used(which)}
    given = {action for statement in ROLES[which].statements if statement["Effect"] == "Allow" for action in statement["Action"]}
    assert given - called == set()


def test_everything_is_turned_on() -> None:
    """Else a statement could hide that only some configuration has: whoever adds one turns it on in tests/support/everything.py too."""
    there = [role for (name, _), role in ROLES.items() if name == "everything"]
    assert _written() - {statement.get("Sid") for role in there for statement in role.statements} == set()
    called = tomllib.loads((ROOT / FILE).read_text(encoding="utf-8"))
    assert {name.rpartition("/")[2] for name in called} - {role.logical for role in there} == set()


def _written() -> set[str]:
    """Every Sid in policy/ that is for a role, by the text."""
    found: set[str] = set()
    for path in (ROOT / "policy").glob("*.py"):
        if path.stem not in OF_RESOURCES:
            found |= set(re.findall(r'(?:allow\(\s*|Sid=)"(\w+)"', path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("which", every())
def test_iam_takes_the_policies(which: Which) -> None:
    """Statement ids differ in one policy, and all inline policies of a role have 10,240 characters."""
    name, logical = which[1].rsplit("/", 1)
    (stack,) = [one for one in DEPLOYED[which[0]] if one.stack == name and logical in one.template["Resources"]]
    documents = [one["PolicyDocument"] for one in stack.template["Resources"][logical]["Properties"].get("Policies", [])]
    for document in documents:
        sids = [statement["Sid"] for statement in document["Statement"]]
        assert len(sids) == len(set(sids))
    assert sum(len(json.dumps(stack.value(one), separators=(",", ":"))) for one in documents) <= INLINE_CHARACTERS


KEPT = [
    ("staging", "ec2:ReleaseAddress", "arn:aws:ec2:ap-northeast-1:111122223333:elastic-ip/eipalloc-1", "KeepAddresses"),
    ("staging", "ec2:DisassociateAddress", "arn:aws:ec2:ap-northeast-1:111122223333:elastic-ip/eipalloc-1", "KeepAddresses"),
    ("shared", "ec2:ReleaseAddress", "arn:aws:ec2:ap-northeast-1:111122223333:elastic-ip/eipalloc-1", "KeepAddresses"),
    ("staging", "iam:PutRolePolicy", "arn:aws:iam::111122223333:role/kotei-staging-cloudformation", "KeepOwnRole"),
    ("staging", "iam:UpdateAssumeRolePolicy", "arn:aws:iam::111122223333:role/kotei-staging-cloudformation", "KeepOwnRole"),
    ("TaskRole", "s3:GetObject", "arn:aws:s3:::anything/else", "Nothing"),
]


@pytest.mark.parametrize(("which", "action", "resource", "sid"), KEPT)
def test_what_is_refused_stays_refused_whatever_else_is_attached(which: str, action: str, resource: str, sid: str) -> None:
    """And without the statement that refuses it, it would not."""
    role = next(
        one
        for (name, _), one in ROLES.items()
        if name == "sample" and (one.arn.endswith(f"-{which}-cloudformation") or one.logical == which)
    )
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}

    def allowed(statements: list[Any]) -> bool:
        document = {"Version": "2012-10-17", "Statement": [*statements, anything]}
        return decide(Principal(arn=role.arn, identity=policy(document)), Request(action=action, resource=resource)).allowed

    assert not allowed(list(role.statements))
    assert allowed([one for one in role.statements if one.get("Sid") != sid])


def test_the_guide_tells_every_statement_and_which_key_gives_it() -> None:
    """Also those that the sample's configuration does not turn on."""
    text = permissions_guide.files(PROJECTS["sample"])[permissions_guide.PATH]
    given = {(role.name, str(one["Sid"])) for which, role in ROLES.items() if which[0] == "everything" for one in role.statements}
    shown = {sid for _, sid in given if re.search(rf"\| (\*\*never\*\* )?{sid} \|", text)}
    # Of the drift's build only what needs a second key besides, which the guide says.
    assert {role for role, sid in given if sid not in shown} <= {"kotei-drift/Role"}
    roles_elsewhere = {"kotei-delivery", "kotei-read", "kotei-drift-build", "ShiftRole", "ScheduleRole", "ChatRole", "kotei-hooks-Role"}
    assert {name for name in roles_elsewhere if name not in text} == set()
    _, _, added = text.partition("## What keys of the configuration add")
    assert added.count("\n### ") == len(permissions_optional.KEYS)
    assert "It is set already" not in added
