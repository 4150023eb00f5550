"""Termination protection: what is asked of CloudFormation, and what the verification says without it."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline import protect
from pipeline.paths import ROOT
from stacks import project


class Recorded:
    """Answers DescribeStacks, remembers the rest."""

    def __init__(self, *, protected: bool) -> None:
        self.protected = protected
        self.changed: list[dict[str, Any]] = []

    def call(self, _service: str, operation: str, **params: Any) -> dict[str, Any]:
        if operation == "describe_stacks":
            return {"Stacks": [{"StackName": params["StackName"], "EnableTerminationProtection": self.protected}]}
        self.changed.append({"operation": operation, **params})
        return {}


@pytest.fixture
def staging() -> Any:
    return project.load(ROOT).environments[0]


def test_only_the_stack_of_the_addresses_is_protected(staging: Any) -> None:
    aws = Recorded(protected=False)
    assert protect.turn_on(aws, staging) == ["kotei-staging-addresses"]
    assert aws.changed == [
        {"operation": "update_termination_protection", "StackName": "kotei-staging-addresses", "EnableTerminationProtection": True}
    ]


def test_what_is_protected_is_left_alone(staging: Any) -> None:
    aws = Recorded(protected=True)
    assert protect.turn_on(aws, staging) == []
    assert aws.changed == []
