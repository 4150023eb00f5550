"""Reading what a caller asks for: template, parameters, tags, capabilities; refusals as AWS words them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlparse

from pipeline.local.cloudformation import stack_policy, template
from pipeline.local.cloudformation.stack import Goal, Stack
from pipeline.local.protocol import AwsError, Call
from pipeline.local.world import World

NAMED = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
}


def known_only(call: Call, allowed: str) -> None:
    """A parameter that this engine would ignore is refused, unless it is empty."""
    if extra := sorted(name for name, value in call.params.items() if value not in (None, False, [], "") and name not in allowed.split()):
        raise AwsError("ValidationError", f"the local CloudFormation does not know {call.operation}'s parameter(s) {', '.join(extra)}")


def body(world: World, call: Call, former: str | None = None) -> str:
    """The template's text: given, in a bucket, or the one in use."""
    if call.params.get("UsePreviousTemplate") and former:
        return former
    if text := call.params.get("TemplateBody"):
        if len(text.encode()) > template.BODY_LIMIT:
            raise template.invalid(
                f"1 validation error detected: Value at 'templateBody' failed to satisfy constraint: at most {template.BODY_LIMIT} bytes"
            )
        return str(text)
    if url := call.params.get("TemplateURL"):
        return _fetch(world, call, url)
    raise template.invalid("Either Template URL or Template Body must be specified.")


def _fetch(world: World, call: Call, url: str) -> str:
    """Path style (endpoint/bucket/key) and virtual-hosted style (bucket.s3.region.amazonaws.com/key)."""
    parts = urlparse(url)
    host, path = parts.netloc, unquote(parts.path).lstrip("/")
    bucket, key = (host.split(".s3", 1)[0], path) if ".s3" in host else path.split("/", 1)
    answer = world.client("s3", account=call.account, region=call.region).get_object(Bucket=bucket, Key=key)
    text: str = answer["Body"].read().decode()
    return text


def goal(world: World, call: Call, former: Stack | None = None) -> tuple[Goal, Mapping[str, Any]]:
    """What the caller wants the stack to be, and the parsed template. Omitted tags stay as they were."""
    text = body(world, call, former.goal.body if former else None)
    document = template.parse(text)
    check_capabilities(document, call.params.get("Capabilities") or [])
    given = {}
    for parameter in call.params.get("Parameters") or []:
        key = parameter["ParameterKey"]
        if parameter.get("UsePreviousValue"):
            if former is None or key not in former.goal.parameters:
                raise template.invalid(
                    f"Invalid input for parameter key {key}. "
                    "Cannot specify usePreviousValue as true for a parameter key not in the previous template"
                )
            given[key] = former.goal.parameters[key]
        else:
            given[key] = parameter.get("ParameterValue", "")
    tags = {tag["Key"]: tag["Value"] for tag in call.params["Tags"]} if call.params.get("Tags") else (former.goal.tags if former else {})
    return Goal(body=text, parameters=template.parameters(document, given), tags=tags), document


def check_capabilities(document: Mapping[str, Any], given: list[str]) -> None:
    resources = document["Resources"].values()
    named = any(NAMED.get(one["Type"], "") in (one.get("Properties") or {}) for one in resources if one["Type"] in NAMED)
    iam = any(one["Type"].startswith("AWS::IAM::") for one in resources)
    if named and "CAPABILITY_NAMED_IAM" not in given:
        raise AwsError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
    if iam and not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(given):
        raise AwsError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")


def policy(call: Call, key: str) -> str:
    text = call.params.get(key) or ""
    if text:
        stack_policy.check(text)
    return str(text)


def failure_mode(call: Call) -> str:
    if call.params.get("OnFailure") and call.params.get("DisableRollback"):
        raise template.invalid("You can specify either DisableRollback or OnFailure, but not both.")
    if call.params.get("DisableRollback"):
        return "DO_NOTHING"
    return str(call.params.get("OnFailure") or call.params.get("OnStackFailure") or "ROLLBACK")


def take_options(stack: Stack, call: Call) -> None:
    stack.capabilities = call.params.get("Capabilities") or []
    stack.role = call.params.get("RoleARN") or stack.role
    stack.retain_except_on_create = bool(call.params.get("RetainExceptOnCreate"))
