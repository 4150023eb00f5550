"""Drift as the local CloudFormation tells it, for every committed template and for what is changed behind its back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.local

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def staging(kotei: Callable[..., int], cloud: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    assert kotei("bootstrap", "--yes") == 0, capsys.readouterr().err
    assert kotei("apply", "staging", "--dry-run", "--image-digest", DIGEST) == 0
    fingerprint = capsys.readouterr().err.strip().rpartition(" ")[2]
    assert kotei("apply", "staging", "--image-digest", DIGEST, "--yes", fingerprint) == 0, capsys.readouterr().err
    return cloud


def detected(cloud: Any, stack: str) -> dict[str, dict[str, Any]]:
    asked = cloud.cfn.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    assert cloud.cfn.describe_stack_drift_detection_status(StackDriftDetectionId=asked)["DetectionStatus"] == "DETECTION_COMPLETE"
    rows = cloud.cfn.describe_stack_resource_drifts(StackName=stack)["StackResourceDrifts"]
    return {row["LogicalResourceId"]: row for row in rows}


def drifted(cloud: Any, stack: str) -> dict[str, list[dict[str, str]]]:
    rows = detected(cloud, stack)
    return {name: row["PropertyDifferences"] for name, row in rows.items() if row["StackResourceDriftStatus"] != "IN_SYNC"}


def test_nothing_has_drifted_right_after_a_deployment(staging: Any) -> None:
    stacks = [stack["StackName"] for stack in staging.cfn.describe_stacks()["Stacks"]]
    assert {name: found for name in stacks if (found := drifted(staging, name))} == {}
    assert {staging.stack(name)["DriftInformation"]["StackDriftStatus"] for name in stacks} == {"IN_SYNC"}
