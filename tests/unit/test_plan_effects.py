"""Two pushes behind an approval: what the second may still do once the first has been deployed, and what it may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from pipeline.plan import Parts, fingerprint
from pipeline.plan_effects import EFFECTS, effects, uncovered
from pipeline.review.compare import compare
from pipeline.review.judge import judge
from pipeline.review.model import Finding, OwnerReview, Side, Stack

TODAY = date(2030, 1, 1)


GROUP = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "Others"}}


def side(**entries: str) -> Side:
    """A security group with these clients."""
    rules = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": cidr, "Description": note} for note, cidr in entries.items()]
    group = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "Clients", "SecurityGroupIngress": rules}}
    return Side(stacks={"security": Stack(stack="security", path="security.yaml", template={"Resources": {"Group": group}})})


def plan(before: Side, after: Side, **findings: Finding) -> OwnerReview:
    judged = judge(compare("test", before, after), (), TODAY)
    return replace(judged, findings=(*judged.findings, *findings.values()))


def parts(review: OwnerReview, *, stacks: str = "first", files: str = "1") -> Parts:
    return {"files": {"security.yaml": files}, "inputs": {}, "stacks": {"demo-test-security": stacks}, EFFECTS: effects(review)}


OLD = side(bank="203.0.113.0/28")
FIRST = side(bank="203.0.113.0/28", shop="198.51.100.0/24")
SECOND = side(bank="203.0.113.0/28", shop="198.51.100.0/24", tester="192.0.2.0/24")
UNDONE = side(bank="203.0.113.0/28", tester="192.0.2.0/24")


def left(approved: Parts, now: OwnerReview, **more: Any) -> list[str]:
    return list(uncovered(approved, parts(now, stacks="second", **more), expected=fingerprint(approved)))


def test_what_the_run_before_has_done_meanwhile_needs_no_second_approval() -> None:
    approved = parts(plan(OLD, SECOND))
    assert {"modify security/Group", "security/Group: SecurityGroupIngress[192.0.2.0/24]"} <= approved[EFFECTS].keys()
    assert left(approved, plan(FIRST, SECOND)) == []
    assert left(approved, plan(SECOND, SECOND)) == []


def test_what_the_run_before_did_is_not_undone_without_a_word() -> None:
    """The second plan was made against the state before the first deployment, so it did not say that it takes that away."""
    said = left(parts(plan(OLD, UNDONE)), plan(FIRST, UNDONE))
    assert "security/Group: SecurityGroupIngress[198.51.100.0/24]" in said
    assert any("198.51.100.0/24" in one and one.endswith("]") and ": " in one and "SecurityGroupIngress" not in one for one in said), said


NOTHING = Side(stacks={})


def test_the_rest_of_a_first_deployment_that_was_approved_whole_needs_no_second_approval() -> None:
    """Two first deployments: the second was planned as everything anew, and the first has made nearly all of it."""
    approved = parts(plan(NOTHING, SECOND))
    assert approved[EFFECTS]["stack security"] == "create"
    now = plan(OLD, SECOND)
    assert effects(now)["stack security"] == "update"
    assert left(approved, replace(now, findings=())) == []
    # What would have asked a person does, and what the first made and the second has not is not taken away without a word.
    risk = Finding(rule="address-lost", topic="addresses", verdict="risky", stack="security", resource="Group", text="clients are cut off")
    assert left(approved, replace(now, findings=(risk,))) == ["security/Group: clients are cut off [address-lost]"]
    gone = replace(FIRST.stacks["security"], template={"Resources": {**FIRST.stacks["security"].template["Resources"], "Other": GROUP}})
    assert left(approved, replace(plan(Side(stacks={"security": gone}), SECOND), findings=())) == ["remove security/Other"]
    assert left(parts(plan(NOTHING, UNDONE)), replace(plan(FIRST, UNDONE), findings=())) == [
        "security/Group: SecurityGroupIngress[198.51.100.0/24]"
    ]
    assert left(approved, replace(now, findings=()), files="2") == ["security.yaml is another file"]


def test_another_value_at_the_same_place_is_not_what_was_approved() -> None:
    elsewhere = side(bank="203.0.113.0/28", tester="192.0.2.0/24")
    elsewhere.stacks["security"].template["Resources"]["Group"]["Properties"]["SecurityGroupIngress"][1]["ToPort"] = 444
    assert "security/Group: SecurityGroupIngress[192.0.2.0/24]" in left(parts(plan(OLD, UNDONE)), plan(OLD, elsewhere))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": "something else"}, ["something else [stack-state]"]),
        ({"rule": "other"}, ["the stack is stuck [other]"]),
        ({"verdict": "blocked"}, ["the stack is stuck [stack-state]"]),
        ({"stack": "service"}, ["service: the stack is stuck [stack-state]"]),
        ({"mend": "wait"}, []),
    ],
)
def test_findings_are_the_same_by_rule_place_text_and_verdict(change: dict[str, Any], said: list[str]) -> None:
    found = Finding(rule="stack-state", topic="resources", verdict="risky", text="the stack is stuck")
    approved = parts(plan(OLD, SECOND, one=found))
    assert left(approved, plan(OLD, SECOND, one=replace(found, **change))) == said
    assert left(approved, plan(OLD, SECOND)) == []


def test_other_files_are_another_plan_even_where_they_do_the_same() -> None:
    assert left(parts(plan(OLD, SECOND)), plan(OLD, SECOND), files="2") == ["security.yaml is another file"]


def test_a_plan_that_is_not_the_one_of_the_fingerprint_covers_nothing() -> None:
    approved, now = parts(plan(OLD, SECOND)), parts(plan(FIRST, SECOND), stacks="second")
    unknown = ["what the approved plan would do is not known"]
    assert list(uncovered(approved, now, expected="e" * 64)) == unknown
    assert list(uncovered({}, now, expected=fingerprint({}))) == unknown


def test_what_a_plan_does_moves_no_fingerprint() -> None:
    """Its words may count days."""
    assert fingerprint(parts(plan(OLD, SECOND))) == fingerprint(parts(plan(FIRST, SECOND)))
