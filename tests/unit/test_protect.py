"""Termination protection: what is asked of CloudFormation, and what the verification says without it."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline import live, protect
from pipeline.errors import PipelineError
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


def test_what_is_not_deployed_cannot_be_protected(staging: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "describe", lambda *_: None)
    with pytest.raises(PipelineError, match="kotei-staging-addresses does not exist; deploy first: git push"):
        protect.turn_on(Recorded(protected=False), staging)
