"""What other people's scanners said when they last ran, and the reasons for what stays. `make scan` runs them; this does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.scan import judge, templates
from tests.scan.judge import Finding, Reason

FINDING = Finding(scanner="parliament", id="RESOURCE_STAR", where="sample/shared/pipeline.yaml PlanRole", what="ecs:ListTasks")
REASON = Reason(scanner="parliament", id="RESOURCE_STAR", where="*.yaml PlanRole", what="ecs:ListTasks", reason="Fargate")


@pytest.fixture(scope="module")
def record() -> Any:
    return json.loads(judge.RECORD.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def findings(record: Any) -> list[Finding]:
    return [Finding(**one) for one in record["findings"]]


def test_the_scan_saw_the_resources_of_today(record: Any, tmp_path: Path) -> None:
    assert record["scanned"] == templates.seen(templates.templates(tmp_path)), "run: make scan"


def test_every_finding_has_its_reason_and_every_reason_its_finding(findings: list[Finding]) -> None:
    assert findings
    assert list(judge.problems(findings, judge.reasons())) == []


def test_the_table_is_what_the_reasons_say(record: Any, findings: list[Finding]) -> None:
    wanted = judge.table(findings, judge.reasons(), record["versions"], record["scanned"])
    assert judge.TABLE.read_text(encoding="utf-8") == wanted, "run: make scan"


def test_the_scanners_are_those_of_the_lock(record: Any) -> None:
    lock = (judge.ROOT / "requirements-scan.lock").read_text(encoding="utf-8")
    for name, version in record["versions"].items():
        assert f"{name}=={version} " in lock, "run: make scan"


@pytest.mark.parametrize("changed", [{"id": "UNKNOWN_ACTION"}, {"where": "sample/shared/pipeline.yaml Other"}, {"what": "ecs:RunTask"}])
def test_a_reason_is_for_what_it_names_and_nothing_else(changed: dict[str, str]) -> None:
    assert list(judge.problems([FINDING], [REASON])) == []
    without, unused = judge.problems([replace(FINDING, **changed)], [REASON])
    assert "mend it" in without
    assert "remove it" in unused


def test_policies_are_judged_with_the_form_that_their_arns_will_have() -> None:
    template = """
Resources:
  Bucket: {Type: 'AWS::S3::Bucket'}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: read
          PolicyDocument: {Statement: [{Resource: [{'Fn::GetAtt': [Bucket, Arn]}, {'Fn::Sub': '${Bucket.Arn}/*'}, {Ref: ConnectionArn}]}]}
"""
    ((logical_id, name, document),) = templates.policies(template)
    assert (logical_id, name) == ("Role", "read")
    assert json.loads(document)["Statement"][0]["Resource"] == ["arn:aws:s3:::name", "arn:aws:s3:::name/*", templates.ARNS["ConnectionArn"]]
