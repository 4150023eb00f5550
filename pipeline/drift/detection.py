"""Asks CloudFormation what drifted: every stack at the same time, since a detection takes a minute or more."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pipeline import live
from pipeline.aws import Aws, RefusedError
from pipeline.drift.model import Row
from pipeline.errors import PipelineError

FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
# CloudFormation ends a detection of its own accord; this only ends the waiting for one of which nothing is heard.
LONGEST_DETECTION = 1800
AT_ONCE = 6
# Of these the detection says nothing.
NOT_READ = ("NOT_CHECKED", "UNKNOWN", "UNSUPPORTED")


@dataclass(frozen=True, kw_only=True)
class Detected:
    """A stack. `failure` is why nothing, or not all, is known; `busy`: it is being changed, so the next look will know."""

    rows: tuple[Row, ...] = ()
    failure: str = ""
    busy: bool = False


def detect(aws: Aws, stacks: Mapping[str, str], done: Callable[[str], None]) -> dict[str, Detected]:
    """`stacks` is name of the file -> name in AWS."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = {stack: pool.submit(_one, aws, name) for stack, name in stacks.items()}
        found = {}
        for stack, future in waiting.items():
            found[stack] = future.result()
            done(stack)
    return found


def _one(aws: Aws, name: str) -> Detected:
    try:
        asked = aws.call("cloudformation", "detect_stack_drift", StackName=name)["StackDriftDetectionId"]
    except RefusedError as refused:
        # A stack that is being changed, or was never finished.
        if refused.code == "ValidationError":
            return Detected(failure=refused.detail, busy="_IN_PROGRESS" in refused.detail)
        raise
    status = _finished(aws, name, asked)
    failed = status["DetectionStatus"] == "DETECTION_FAILED"
    reason = status.get("DetectionStatusReason", "CloudFormation says no reason") if failed else ""
    return Detected(rows=tuple(_rows(aws, name)), failure=reason)


def _finished(aws: Aws, name: str, asked: str) -> dict[str, Any]:
    deadline, wait = time.monotonic() + LONGEST_DETECTION, FIRST_WAIT
    while True:
        status = aws.call("cloudformation", "describe_stack_drift_detection_status", StackDriftDetectionId=asked)
        if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return status
        if time.monotonic() > deadline:
            raise PipelineError(f"stack {name}: the drift detection {asked} has not ended; run this command again")
        time.sleep(wait)
        wait = min(wait * 1.5, LONGEST_WAIT)


def _rows(aws: Aws, name: str) -> Iterator[Row]:
    for one in live.resource_drifts(aws, name):
        yield Row(
            logical_id=one["LogicalResourceId"],
            physical_id=one.get("PhysicalResourceId", ""),
            type=one["ResourceType"],
            status=one["StackResourceDriftStatus"],
            expected=json.loads(one.get("ExpectedProperties") or "{}"),
            actual=json.loads(one.get("ActualProperties") or "{}"),
            differing=tuple(dict.fromkeys(_top(found["PropertyPath"]) for found in one.get("PropertyDifferences", []))),
        )


def _top(pointer: str) -> str:
    return pointer.removeprefix("/").split("/")[0].replace("~1", "/").replace("~0", "~")
