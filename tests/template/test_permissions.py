"""Least privilege: each role may do what its code path does, on its own resources and on no neighbour's, and every statement counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from pipeline.access.calls import Call, calls, neighbours
from pipeline.access.decide import Principal, Request, decide
from pipeline.access.principals import Deployed, Named, principals, stacks
from pipeline.paths import ROOT
from pipeline.review.statements import policy
from policy.not_needed import NEVER_DELETED
from stacks import project as projects
from stacks.project import Project

# What takes in others' resources too, and why.
EVERYWHERE = {"cloudwatch:DescribeAlarms": "target tracking looks alarms up without naming one, which is compared with every alarm"}


@cache
def sample() -> Project:
    return projects.load(ROOT)


@cache
def deployed() -> list[Deployed]:
    return stacks(sample())


ROLES = {role.name: role for role in principals(sample())}


@cache
def used(name: str) -> list[Call]:
    found = calls(sample(), deployed(), ROLES[name])
    return list({(one.request.action, one.request.resource): one for one in found}.values())


@pytest.mark.parametrize("name", ROLES)
def test_a_role_may_do_what_its_code_path_does(name: str) -> None:
    principal = ROLES[name].principal()
    refused = [one.request for one in used(name) if not decide(principal, one.request).allowed]
    assert [one for one in refused if one.action not in NEVER_DELETED] == []


@pytest.mark.parametrize("name", ROLES)
def test_no_role_may_do_it_to_a_neighbours_resource(name: str) -> None:
    """Another account's, another project's, another environment's."""
    role = ROLES[name]
    principal = role.principal()
    asked = [one for call in used(name) for one in neighbours(sample(), role, call.request)]
    assert [one for one in asked if decide(principal, one).allowed and one.action not in EVERYWHERE] == []


def allows() -> Iterator[Any]:
    """Every statement once: one that several roles have is missed when it is missed by one of them."""
    seen: dict[str, list[tuple[str, int]]] = {}
    for role in ROLES.values():
        for number, statement in enumerate(role.statements):
            if statement["Effect"] == "Allow":
                seen.setdefault(json.dumps(statement, sort_keys=True), []).append((role.name, number))
    for places in seen.values():
        name, number = places[0]
        yield pytest.param(places, id=f"{name}-{ROLES[name].statements[number]['Sid']}")


@pytest.mark.parametrize("places", list(allows()))
def test_without_a_statement_something_that_is_called_would_be_refused(places: list[tuple[str, int]]) -> None:
    assert any(_missed(ROLES[name], number) for name, number in places)


def _missed(role: Named, number: int) -> list[Request]:
    whole, without = role.principal(), role.principal(number)
    return [one.request for one in used(role.name) if decide(whole, one.request).allowed and not decide(without, one.request).allowed]


@pytest.mark.parametrize("name", [name for name in ROLES if not ROLES[name].arn.endswith("-cloudformation")])
def test_a_role_has_no_action_that_nobody_calls(name: str) -> None:
    called = {one.request.action for one in used(name)}
    given = {action for statement in ROLES[name].statements if statement["Effect"] == "Allow" for action in statement["Action"]}
    assert given - called == set()


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
    role = next(one for one in ROLES.values() if one.arn.endswith(f"-{which}-cloudformation") or one.logical == which)
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}

    def allowed(statements: list[Any]) -> bool:
        document = {"Version": "2012-10-17", "Statement": [*statements, anything]}
        return decide(Principal(arn=role.arn, identity=policy(document)), Request(action=action, resource=resource)).allowed

    assert not allowed(list(role.statements))
    assert allowed([one for one in role.statements if one.get("Sid") != sid])
