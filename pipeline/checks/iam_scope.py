"""What an identity is allowed has a name: no wildcard for actions, and `*` for resources only where AWS leaves no choice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pipeline.access.reference import without_resource
from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding
from pipeline.checks.iam_actions import statements
from policy.boundary_name import SUFFIX

IDENTITIES = ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
TRUST = "AssumeRolePolicyDocument"
# As the house rule wants it: a statement for any resource stands alone, and its Sid says so.
SAYS_SO = "AnyResource"
# Actions that know a resource, but not for what is asked here.
ANY_RESOURCE = {
    "cloudwatch:DescribeAlarms": "target tracking looks alarms up without naming one, which is compared with every alarm",
    "cloudwatch:GetMetricData": "it knows data sets only, and a metric of AWS is in none",
    "ecs:ListTasks": "it knows container instances only, and Fargate has none",
    "ecr:GetAuthorizationToken": "the token is for the registry",
    "logs:DescribeLogGroups": "it is asked for every group of the region",
}
# What only AWS can name: within one account, one region and one kind.
UNNAMED = re.compile(
    r"arn:aws:(ec2:[^:]+:\d{12}:(\*|[a-z-]+)/\*"
    r"|acm:[^:]+:\d{12}:certificate/\*"
    r"|(codeconnections|codestar-connections):[^:]+:\d{12}:connection/\*"
    r"|application-autoscaling:[^:]+:\d{12}:scalable-target/\*"
    # The stages of a pipeline.
    r"|codepipeline:[^:]+:\d{12}:[a-z0-9-]+/\*"
    r"|elasticloadbalancing:[^:]+:\d{12}:(loadbalancer/net|listener/net|targetgroup)/\*"
    r"|iam::\d{12}:role/aws-service-role/\*"
    r"|kms:[^:]+:\d{12}:key/\*"
    r"|signer:[^:]+:\d{12}:/signing-profiles/\*)"
)
# A boundary gives nothing: which secret a role reads is in the role.
LIMIT = re.compile(r"arn:aws:secretsmanager:[^:]+:\d{12}:secret:\*")
# Nothing before the last part is a pattern, and the last part begins with a name.
NAMED = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:(\d{12})?:([a-z][a-z-]*[/:])?+[^*?]{3,}.*", re.DOTALL)


def findings(document: Document) -> Iterator[Finding]:
    for name, resource in document.content.get("Resources", {}).items():
        limits = str(resource.get("Properties", {}).get("ManagedPolicyName", "")).endswith(SUFFIX)
        for where, statement in statements(resource.get("Properties", {}), name):
            if statement["Effect"] == "Allow":
                identity = resource["Type"] in IDENTITIES and TRUST not in where
                for message in (
                    *_conditions(statement),
                    *(_identity(statement, limits=limits) if identity else _trust(statement) if TRUST in where else ()),
                ):
                    yield Finding(path=document.path, where=where, rule="iam-scope", message=message)


def _identity(statement: dict[str, Any], *, limits: bool) -> Iterator[str]:
    actions = _list(statement.get("Action"))
    if missing := [element for element in ("Action", "Resource") if element not in statement]:
        yield f"no {' and no '.join(missing)}: what is left out is everything, or everything but what is named"
    for action in actions:
        if "*" in str(action) or "?" in str(action):
            yield f"{action!r} allows actions that do not exist yet: list the actions"
    for resource in _list(statement.get("Resource")):
        if resource == "*":
            excused = ANY_RESOURCE if str(statement.get("Sid", "")).startswith(SAYS_SO) else ()
            needless = [one for one in actions if not without_resource(str(one)) and one not in excused]
            if needless:
                yield f"Resource '*' for {', '.join(needless)}, which can be allowed for resources by name"
        elif isinstance(resource, str) and not any(one.fullmatch(resource) for one in (NAMED, UNNAMED, *([LIMIT] if limits else []))):
            yield f"Resource {resource!r} reaches more than one name can tell: name the resource"


def _trust(statement: dict[str, Any]) -> Iterator[str]:
    principal = statement.get("Principal", "*")
    if "*" in json.dumps(principal):
        yield f"Principal {json.dumps(principal)} lets anybody take on the role: name the service or the account"
    for action in _list(statement.get("Action", "NotAction")):
        if action != "sts:AssumeRole":
            yield f"{action!r}: a role is taken on with sts:AssumeRole and nothing else"


def _conditions(statement: dict[str, Any]) -> Iterator[str]:
    for operator, block in statement.get("Condition", {}).items():
        for key, values in block.items():
            if "*" in _list(values):
                yield f"{operator} {key} is true of everything: name what it may be"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
