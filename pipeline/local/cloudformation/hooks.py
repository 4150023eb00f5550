"""What the account's Guard hooks say about a stack before it is created or updated, told as events."""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from pipeline.checks import template_rules
from pipeline.local.cloudformation import template
from pipeline.local.cloudformation.resources.hook import KIND
from pipeline.local.cloudformation.stack import Stack, record_event
from pipeline.local.world import World

RULE = re.compile(r"^rule\s+(\w+)", re.MULTILINE)


def refusal(world: World, stack: Stack, action: str) -> str | None:
    """Why the operation (CREATE or UPDATE) on the stack's goal must not begin, or None."""
    failed = []
    for hook in world.store.all(KIND):
        properties = hook["properties"]
        if (hook["account"], hook["region"]) != (stack.account, stack.region) or not _asked(properties, stack.name, action):
            continue
        why = _failure(world, stack, properties)
        told = {
            "HookType": properties["Alias"],
            "HookStatus": "HOOK_COMPLETE_FAILED" if why else "HOOK_COMPLETE_SUCCEEDED",
            "HookStatusReason": f"Hook failed with message: {why}" if why else "Hook succeeded with message: Template passed validation",
            "HookInvocationPoint": "PRE_PROVISION",
            "HookFailureMode": properties["FailureMode"],
        }
        record_event(world, stack, logical=stack.name, resource=None, status=stack.status, reason="", more=told)
        if why and properties["FailureMode"] == "FAIL":
            failed.append(properties["Alias"])
    return f"The following hook(s) failed: [{', '.join(failed)}]" if failed else None


def _asked(properties: Mapping[str, Any], stack: str, action: str) -> bool:
    filters = properties.get("TargetFilters", {})
    names = properties.get("StackFilters", {}).get("StackNames", {})
    return (
        properties["HookStatus"] == "ENABLED"
        and action in filters.get("Actions", [action])
        and any(fnmatchcase(stack, pattern) for pattern in names.get("Include", ["*"]))
        and not any(fnmatchcase(stack, pattern) for pattern in names.get("Exclude", []))
    )


def _failure(world: World, stack: Stack, properties: Mapping[str, Any]) -> str | None:
    bucket, _, key = properties["RuleLocation"]["Uri"].removeprefix("s3://").partition("/")
    try:
        content = world.client("s3", account=stack.account, region=stack.region).get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        return f"{properties['RuleLocation']['Uri']}: {error.response['Error']['Message']}"
    broken = _broken(content, _asked_about(stack), stack.region)
    return f"Template failed validation, the following rule(s) failed: {', '.join(broken)}." if broken else None


def _asked_about(stack: Stack) -> dict[str, Any]:
    """The guide's input of a stack operation: the template as it was given, and the one before."""
    before = {"Previous": template.parse(stack.previous.body)} if stack.previous and stack.previous.body else {}
    return {
        "HookContext": {"StackId": stack.id, "TargetName": stack.name, "TargetType": "STACK"},
        **template.parse(stack.goal.body),
        **before,
    }


def _broken(rules: bytes, asked: Mapping[str, Any], region: str) -> list[str]:
    """The rules that fail. The validator has checks of its own, which no hook runs."""
    with tempfile.TemporaryDirectory(prefix="kotei-hook-") as folder:
        with zipfile.ZipFile(io.BytesIO(rules)) as archive:
            archive.extractall(folder)
        files = template_rules.rule_files(Path(folder))
        names = {name for file in files for name in RULE.findall(file.read_text())}
        findings = template_rules.validator(Path(folder))("template.json", json.dumps(asked, default=str), region)
    return sorted({finding.rule for finding in findings} & names)
