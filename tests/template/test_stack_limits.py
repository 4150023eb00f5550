"""What CloudFormation and the services say about sizes and spelling."""

from __future__ import annotations

import json
import re
from typing import Any

from stacks import deployroles
from stacks.project import Project

TEMPLATE_BYTES = 51_200
DESCRIPTION_BYTES = 1024
# Inline policies of one role together, without white space.
ROLE_POLICY_CHARACTERS = 10_240


def role_policies(document: dict[str, Any]) -> dict[str, int]:
    return {
        name: sum(len(json.dumps(p["PolicyDocument"], separators=(",", ":"))) for p in r["Properties"].get("Policies", []))
        for name, r in document["Resources"].items()
        if r["Type"] == "AWS::IAM::Role"
    }


def test_templates_fit_into_a_request(built: dict[str, dict[str, Any]]) -> None:
    for stack, document in built.items():
        assert len(json.dumps(document, indent=1)) < TEMPLATE_BYTES, stack
        assert 0 < len(document["Description"].encode()) <= DESCRIPTION_BYTES, stack


def test_logical_ids_are_pascal_case(built: dict[str, dict[str, Any]]) -> None:
    for document in built.values():
        for section in ("Parameters", "Resources", "Outputs"):
            for name in document.get(section, {}):
                assert re.fullmatch(r"([A-Z][a-z]*)+([A-Z]|[1-9][0-9]*)?", name), name


def test_inline_policies_fit_into_a_role(built: dict[str, dict[str, Any]], project: Project) -> None:
    others = [json.loads(deployroles.STACK.build(account).to_json()) for account in deployroles.accounts(project)]
    for document in (*built.values(), *others):
        for name, characters in role_policies(document).items():
            assert characters <= ROLE_POLICY_CHARACTERS, name


def test_every_role_says_on_whose_behalf(built: dict[str, dict[str, Any]]) -> None:
    for document in built.values():
        for name, resource in document["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role":
                (statement,) = resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
                # What AWS documents no conditions for may not send what they compare.
                unsure = "IfExists" if name == "ShiftRole" else ""
                assert {"aws:SourceAccount"} == set(statement["Condition"][f"StringEquals{unsure}"]), name
                assert {"aws:SourceArn"} == set(statement["Condition"][f"ArnLike{unsure}"]), name
