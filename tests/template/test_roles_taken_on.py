"""Who may take on each role, on whose behalf, and to which service a role may be handed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pipeline.access.decide import Held, Principal, Request, decide
from pipeline.access.reference import PASS, context
from pipeline.review.statements import policy
from tests.support.permissions import ROLES, Which, every, used

STRANGER = "999999999999"
Given = dict[str, str]


def takes_on(trust: Mapping[str, Any], which: Which, who: str, given: Given) -> bool:
    """A role may take on whatever its own policies let it; whether it does is then up to the trust alone."""
    role = ROLES[which]
    anything = policy({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    asked = Request(action="sts:AssumeRole", resource=role.arn, context=context("ap-northeast-1", given))
    held = Held(policy=policy(trust), account=role.arn.split(":")[4], decides=True)
    return decide(Principal(arn=who, identity=anything), asked, held).allowed


def meant(statement: Mapping[str, Any]) -> list[tuple[str, Given]]:
    """Whom the statement is about, and what AWS says of the request then."""
    condition = {key: values for block in statement.get("Condition", {}).values() for key, values in block.items()}
    if "Service" in statement["Principal"]:
        said = {key.lower(): str(value).replace("*", "1") for key, value in condition.items()}
        return [(statement["Principal"]["Service"], said)]
    return [(arn, {}) for arn in condition["aws:PrincipalArn"]]


def statement_of(which: Which) -> Mapping[str, Any]:
    (statement,) = ROLES[which].trust["Statement"]
    found: Mapping[str, Any] = statement
    return found


@pytest.mark.parametrize("which", every())
def test_a_role_is_taken_on_by_whom_it_is_for(which: Which) -> None:
    asked = meant(statement_of(which))
    assert asked
    assert all(takes_on(ROLES[which].trust, which, who, given) for who, given in asked)


@pytest.mark.parametrize("which", every())
def test_a_role_is_taken_on_by_nobody_else(which: Which) -> None:
    account = ROLES[which].arn.split(":")[4]
    given = meant(statement_of(which))[0][1]
    strangers = [
        "lambda.amazonaws.com",
        "ec2.amazonaws.com",
        *(f"arn:aws:iam::{one}:role/admin" for one in (account, "111122223333", STRANGER)),
    ]
    assert [who for who in strangers if takes_on(ROLES[which].trust, which, who, given)] == []


def conditions() -> Iterator[Any]:
    for which in ROLES:
        for operator, block in statement_of(which).get("Condition", {}).items():
            for key in block:
                yield pytest.param(which, operator, key, id=f"{'-'.join(which)}-{key}")


@pytest.mark.parametrize(("which", "operator", "key"), list(conditions()))
def test_without_a_condition_a_stranger_takes_the_role_on(which: Which, operator: str, key: str) -> None:
    """The confused deputy: a resource of somebody else, or another of ours, that makes the service use this role."""
    statement = statement_of(which)
    who, given = meant(statement)[0]
    if key == "aws:PrincipalArn":
        who = f"{who.rpartition('/')[0]}/admin"
    else:
        account = ROLES[which].arn.split(":")[4]
        given = {**given, key.lower(): given[key.lower()].replace(account, STRANGER)}
    rest = {
        name: {one: values for one, values in block.items() if (name, one) != (operator, key)}
        for name, block in statement["Condition"].items()
    }
    assert not takes_on(ROLES[which].trust, which, who, given)
    assert takes_on({"Version": "2012-10-17", "Statement": [{**statement, "Condition": rest}]}, which, who, given)


def passes() -> Iterator[Any]:
    for which, role in ROLES.items():
        for number, statement in enumerate(role.statements):
            if statement["Effect"] == "Allow" and PASS in statement["Action"]:
                yield pytest.param(which, number, id=f"{'-'.join(which)}-{statement['Sid']}")


@pytest.mark.parametrize(("which", "number"), list(passes()))
def test_a_role_is_passed_to_its_service_only_and_no_other_role_is(which: Which, number: int) -> None:
    role = ROLES[which]
    statement = role.statements[number]
    principal = role.principal()
    account = role.arn.split(":")[4]
    handed = [one.request for one in used(which) if one.request.action == PASS]
    services = {str(one.context["iam:passedtoservice"]) for one in handed}
    assert services
    for one in handed:
        for service in ("lambda.amazonaws.com", "ec2.amazonaws.com", f"x.{one.context['iam:passedtoservice']}"):
            assert not decide(principal, replace(one, context={**one.context, "iam:passedtoservice": service})).allowed
        # Somebody's own, the administrators', and the role itself: whoever passes that gives all that it has.
        for other in (
            "role/admin",
            "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1",
            f"role/x-{one.resource.rpartition('/')[2]}",
        ):
            assert not decide(principal, replace(one, resource=f"arn:aws:iam::{account}:{other}")).allowed
    loose = {key: value for key, value in statement.items() if key != "Condition"}
    with_loose = Principal(arn=role.arn, identity=policy({"Version": "2012-10-17", "Statement": [loose]}))
    own = next(one for one in handed if decide(with_loose, one).allowed)
    assert decide(with_loose, replace(own, context={**own.context, "iam:passedtoservice": "lambda.amazonaws.com"})).allowed
