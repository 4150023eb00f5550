"""IAM's decision, case by case as AWS documents it (docs.aws.amazon.com/IAM/latest/UserGuide, the page of each case beside it)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pipeline.access.decide import Decision, Held, Principal, Request, decide
from pipeline.access.operators import UnknownOperatorError
from pipeline.review.statements import Policy, policy

HERE, THERE = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{HERE}:role/plan"
OBJECT = "arn:aws:s3:::bucket/plans/staging/a.json"


def statement(effect: str = "Allow", action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def written(*statements: Mapping[str, Any]) -> Policy:
    return policy({"Version": "2012-10-17", "Statement": list(statements)})


def ask(
    *statements: Mapping[str, Any],
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    context: Mapping[str, str | Sequence[str]] | None = None,
    held: Held | None = None,
    boundary: Policy | None = None,
    arn: str = ROLE,
) -> Decision:
    principal = Principal(arn=arn, identity=written(*statements), boundary=boundary)
    return decide(principal, Request(action=action, resource=resource, context=context or {}), held)


def test_nothing_is_allowed_by_default() -> None:  # reference_policies_evaluation-logic
    assert ask() == Decision(allowed=False, why="because no identity-based policy allows the s3:GetObject action")


def test_a_denial_wins_over_every_allow() -> None:  # reference_policies_evaluation-logic
    denied = ask(statement(), statement("Deny", resource="arn:aws:s3:::bucket/plans/*"))
    assert denied == Decision(allowed=False, why="with an explicit deny in an identity-based policy")


@pytest.mark.parametrize(
    ("element", "allowed"),
    [
        ({"Action": "s3:*"}, True),  # reference_policies_elements_action
        ({"Action": "S3:getobject"}, True),  # reference_policies_elements_action: not case sensitive
        ({"Action": "s3:Get*"}, True),
        ({"Action": "s3:GetObjec?"}, True),
        ({"Action": "s3:GetObject?"}, False),
        ({"Action": ["s3:PutObject", "s3:GetObjectVersion"]}, False),
        ({"NotAction": "iam:*"}, True),  # reference_policies_elements_notaction
        ({"NotAction": ["iam:*", "s3:GetObject"]}, False),
        ({"Resource": "arn:aws:s3:::bucket/*"}, True),  # reference_policies_elements_resource
        ({"Resource": "arn:aws:s3:::bucket/plans/*.json"}, True),
        ({"Resource": "arn:aws:s3:::bucket/plans/*/?.json"}, True),
        ({"Resource": "arn:aws:s3:::BUCKET/*"}, False),
        ({"Resource": "arn:aws:s3:::bucket"}, False),
        ({"NotResource": "arn:aws:s3:::bucket/plans/*"}, False),  # reference_policies_elements_notresource
        ({"NotResource": "arn:aws:s3:::other/*"}, True),
    ],
)
def test_actions_and_resources_by_pattern(element: Mapping[str, Any], *, allowed: bool) -> None:
    one = statement()
    for key in element:
        one.pop(key.removeprefix("Not"), None)
    assert ask({**one, **element}).allowed is allowed


CONDITIONS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    # reference_policies_elements_condition_operators
    ({"StringEquals": {"k": "a"}}, {"k": "a"}, True),
    ({"StringEquals": {"k": "a"}}, {"k": "A"}, False),
    ({"StringEquals": {"K": ["a", "b"]}}, {"k": "b"}, True),
    ({"StringEquals": {"k": "a*"}}, {"k": "ab"}, False),
    ({"StringEquals": {"k": "a"}}, {}, False),
    ({"StringNotEquals": {"k": "a"}}, {}, True),
    ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False),
    ({"StringEqualsIgnoreCase": {"k": "a"}}, {"k": "A"}, True),
    ({"StringLike": {"k": "a*c"}}, {"k": "abc"}, True),
    ({"StringNotLike": {"k": "a*c"}}, {"k": "abc"}, False),
    ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
    ({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False),
    ({"Null": {"k": "true"}}, {}, True),
    ({"Null": {"k": "false"}}, {}, False),
    ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:securetransport": "true"}, False),
    ({"Bool": {"aws:SecureTransport": True}}, {"aws:securetransport": "true"}, True),
    ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"s3:max-keys": "9"}, True),
    ({"NumericLessThan": {"s3:max-keys": "10"}}, {"s3:max-keys": "10"}, False),
    ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, {"aws:currenttime": "2026-06-01T00:00:00Z"}, True),
    ({"DateLessThan": {"aws:EpochTime": "1000"}}, {"aws:epochtime": "2026-06-01T00:00:00Z"}, False),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {"aws:sourceip": "203.0.113.7"}, True),
    ({"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}}, {"aws:sourceip": "2001:db8::1"}, False),
    # Arn operators compare the six parts one by one: a wildcard does not reach over a colon.
    ({"ArnLike": {"k": "arn:aws:s3:::*"}}, {"k": "arn:aws:s3:::b/x:y"}, True),
    ({"ArnLike": {"k": "arn:aws:*:111122223333:role/a"}}, {"k": "arn:aws:iam::111122223333:role/a"}, False),
    ({"ArnEquals": {"k": "arn:aws:iam::111122223333:role/p-*"}}, {"k": "arn:aws:iam::111122223333:role/p-1"}, True),
    ({"StringLike": {"k": "arn:aws:*role/a"}}, {"k": "arn:aws:iam::111122223333:role/a"}, True),
    # reference_policies_condition-single-vs-multi-valued-context-keys
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, {"aws:tagkeys": ["a"]}, True),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, {"aws:tagkeys": ["a", "c"]}, False),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, {}, True),
    ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, {"aws:tagkeys": ["c", "a"]}, True),
    ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, {}, False),
    ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a"]}}, {"aws:tagkeys": ["a", "c"]}, True),
    ({"ForAllValues:StringNotEquals": {"aws:TagKeys": ["a"]}}, {"aws:tagkeys": ["a", "c"]}, False),
    # reference_policies_multi-value-conditions: every operator and key must hold.
    ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a", "l": "b"}, True),
    ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a"}, False),
    ({"StringEquals": {"k": "a"}, "Bool": {"m": "true"}}, {"k": "a", "m": "false"}, False),
]


@pytest.mark.parametrize(("condition", "context", "allowed"), CONDITIONS)
def test_conditions(condition: dict[str, Any], context: dict[str, Any], *, allowed: bool) -> None:
    assert ask(statement(Condition=condition), context=context).allowed is allowed


def test_an_unknown_operator_is_not_guessed() -> None:
    with pytest.raises(UnknownOperatorError, match="stringresembles"):
        ask(statement(Condition={"StringResembles": {"k": "a"}}), context={"k": "a"})


@pytest.mark.parametrize(
    ("resource", "context", "allowed"),
    [
        # reference_policies_variables
        ("arn:aws:s3:::bucket/plans/${env:name}/*", {"env:name": "staging"}, True),
        ("arn:aws:s3:::bucket/plans/${env:name}/*", {"env:name": "*"}, False),
        ("arn:aws:s3:::bucket/plans/${env:name}/*", {}, False),
        ("arn:aws:s3:::bucket/plans/${env:name, 'staging'}/*", {}, True),
        ("arn:aws:s3:::bucket/plans/${*}/*", {}, False),
    ],
)
def test_policy_variables(resource: str, context: dict[str, str], *, allowed: bool) -> None:
    assert ask(statement(resource=resource), context=context).allowed is allowed


def test_a_boundary_only_limits() -> None:  # access_policies_boundaries
    boundary = written(statement(action=["s3:*"]))
    assert ask(statement(), boundary=boundary).allowed
    assert not ask(boundary=boundary).allowed
    assert ask(statement(action="iam:*"), action="iam:CreateRole", boundary=boundary).why == (
        "because no permissions boundary allows the iam:CreateRole action"
    )
    assert ask(statement(), boundary=written(statement(), statement("Deny"))).why == "with an explicit deny in a permissions boundary"


def bucket(principal: Any, account: str = HERE, effect: str = "Allow", **more: Any) -> Held:
    return Held(policy=written(statement(effect, Principal=principal, **more)), account=account)


@pytest.mark.parametrize(
    ("own", "held", "allowed"),
    [
        # reference_policies_evaluation-logic_policy-eval-basics-single-account / -cross-account
        (False, bucket({"AWS": ROLE}), True),
        (True, bucket({"AWS": f"arn:aws:iam::{HERE}:role/another"}), True),
        (False, bucket({"AWS": f"arn:aws:iam::{HERE}:root"}), False),
        (False, bucket({"AWS": HERE}), False),
        (False, bucket({"AWS": "*"}), True),
        (True, bucket("*", effect="Deny"), False),
        (True, bucket({"AWS": ROLE}, THERE), True),
        (True, bucket({"AWS": f"arn:aws:iam::{HERE}:root"}, THERE), True),
        (False, bucket({"AWS": ROLE}, THERE), False),
        (True, bucket({"AWS": f"arn:aws:iam::{THERE}:root"}, THERE), False),
        (True, bucket({"AWS": HERE}, THERE, Condition={"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{HERE}:role/p*"}}), True),
        (True, bucket({"AWS": HERE}, THERE, Condition={"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{HERE}:role/x*"}}), False),
    ],
)
def test_resources_with_a_policy_of_their_own(*, own: bool, held: Held, allowed: bool) -> None:
    assert ask(*([statement()] if own else []), held=held).allowed is allowed


SESSION = f"arn:aws:sts::{HERE}:assumed-role/plan/run"
IN, OUT, NEVER = statement(action="s3:*"), statement(action="sns:*"), statement("Deny")


@pytest.mark.parametrize(
    ("own", "limit", "held", "allowed"),
    [
        # access_policies_boundaries: with an identity's own policies the effective permissions are the intersection.
        ([IN], [IN], None, True),
        ([IN], [OUT], None, False),
        ([OUT], [IN], None, False),
        ([IN], [], None, False),
        # A denial of either wins.
        ([IN, NEVER], [IN], None, False),
        ([IN], [IN, NEVER], None, False),
        # Resource-based policies that grant to a role's ARN are limited by an implicit denial in a boundary ...
        ([], [IN], bucket({"AWS": ROLE}), True),
        ([], [OUT], bucket({"AWS": ROLE}), False),
        ([IN], [OUT], bucket({"AWS": HERE}), False),
        # ... and by none where they grant to the session, or to everybody
        # (reference_policies_evaluation-logic_policy-eval-denyallow, IAM role session and IAM role).
        ([], [OUT], bucket({"AWS": SESSION}), True),
        ([], [OUT], bucket({"AWS": f"{SESSION}-2"}), False),
        ([], [OUT], bucket("*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}}), True),
        # An explicit one limits all of them.
        ([], [IN, NEVER], bucket({"AWS": SESSION}), False),
        ([], [IN, NEVER], bucket("*"), False),
        ([NEVER], [IN], bucket({"AWS": SESSION}), False),
        # In another account nothing is granted without the role's own policies (reference_policies_evaluation-logic-cross-account).
        ([IN], [IN], bucket({"AWS": SESSION}, THERE), True),
        ([IN], [OUT], bucket({"AWS": SESSION}, THERE), False),
        ([], [IN], bucket({"AWS": SESSION}, THERE), False),
    ],
)
def test_a_boundary_beside_the_policies_of_role_and_resource(own: list[Any], limit: list[Any], held: Held | None, *, allowed: bool) -> None:
    principal = Principal(arn=ROLE, session=SESSION, identity=written(*own), boundary=written(*limit))
    assert decide(principal, Request(action="s3:GetObject", resource=OBJECT), held).allowed is allowed


@pytest.mark.parametrize(("limit", "allowed"), [(None, True), (written(IN), False)])
def test_a_denial_for_all_but_some_refuses_whoever_has_a_boundary(limit: Policy | None, *, allowed: bool) -> None:
    """Whomever NotPrincipal names (access_policies_boundaries, Important)."""
    held = Held(policy=written({**statement("Deny"), "NotPrincipal": {"AWS": [ROLE, f"arn:aws:iam::{HERE}:root"]}}), account=HERE)
    assert ask(statement(), held=held, boundary=limit).allowed is allowed


def test_a_key_decides_itself() -> None:  # kms developer guide, key-policy-default: without the account in it, IAM policies do nothing
    use = statement(action="kms:Decrypt")
    key = f"arn:aws:kms:x:{HERE}:key/1"

    def asked(principal: Any, *own: Mapping[str, Any]) -> bool:
        held = Held(policy=written(statement(action="kms:*", Principal=principal)), account=HERE, decides=True)
        return ask(*own, action="kms:Decrypt", resource=key, held=held).allowed

    assert asked({"AWS": f"arn:aws:iam::{HERE}:root"}, use)
    assert not asked({"AWS": f"arn:aws:iam::{HERE}:root"})
    assert not asked({"AWS": f"arn:aws:iam::{HERE}:role/another"}, use)
    assert asked({"AWS": ROLE})


def trust(principal: Any, **condition: Any) -> Held:
    more = {"Condition": condition} if condition else {}
    return Held(policy=written({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}), account=HERE, decides=True)


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ({"aws:sourceaccount": HERE, "aws:sourcearn": f"arn:aws:codebuild:x:{HERE}:project/kotei-plan"}, True),
        ({"aws:sourceaccount": HERE, "aws:sourcearn": f"arn:aws:codebuild:x:{HERE}:project/kotei-image"}, False),
        ({"aws:sourceaccount": THERE, "aws:sourcearn": f"arn:aws:codebuild:x:{THERE}:project/kotei-plan"}, False),
        ({}, False),
    ],
)
def test_a_service_takes_on_a_role_on_behalf_of_what_it_names_only(source: dict[str, str], *, allowed: bool) -> None:  # confused-deputy
    conditions = {
        "StringEquals": {"aws:SourceAccount": HERE},
        "ArnLike": {"aws:SourceArn": f"arn:aws:codebuild:x:{HERE}:project/kotei-plan"},
    }
    held = trust({"Service": "codebuild.amazonaws.com"}, **conditions)
    asked = Request(action="sts:AssumeRole", resource=ROLE, context=source)
    assert decide(Principal(arn="codebuild.amazonaws.com"), asked, held).allowed is allowed
    assert not decide(Principal(arn="ec2.amazonaws.com"), asked, held).allowed
