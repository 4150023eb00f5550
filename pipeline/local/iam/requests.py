"""What a request needs: which IAM actions on which resources (Service Authorization Reference).

An operation that is not in the table, and that the reference does not call one without resources, is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.access.decide import Request
from pipeline.access.reference import ANY, PASS, context, without_resource
from pipeline.local.iam import attached


class UnknownRequestError(Exception):
    """Nobody has said yet what the operation needs."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A decoded request. `service` is the name that requests are signed for."""

    service: str
    operation: str
    params: Mapping[str, Any]
    account: str
    region: str

    def arn(self, service: str, rest: str, *, account: str | None = None) -> str:
        return f"arn:aws:{service}:{self.region}:{account or self.account}:{rest}"


Resource = Callable[[Asked], str | list[str]]
# Signing name -> prefix of its actions, where they differ.
PREFIXES = {"monitoring": "cloudwatch"}


def needs(asked: Asked) -> list[Request]:
    """Every action that the caller must be allowed, in the order in which AWS asks."""
    prefix = PREFIXES.get(asked.service, asked.service)
    resource = TABLE.get(asked.service, {}).get(asked.operation)
    if resource is None:
        if not without_resource(f"{prefix}:{asked.operation}"):
            raise UnknownRequestError(f"{asked.service}:{asked.operation}")
        return [_request(asked, f"{prefix}:{asked.operation}", ANY)]
    found = resource(asked)
    return [
        *(_request(asked, f"{prefix}:{asked.operation}", one, _said(asked)) for one in ([found] if isinstance(found, str) else found)),
        *(_request(asked, action, one, more) for action, one, more in _also(asked)),
    ]


def _request(asked: Asked, action: str, resource: str, more: Mapping[str, str | list[str]] | None = None) -> Request:
    return Request(action=action, resource=resource, context=context(asked.region, more))


def _stack(asked: Asked) -> str:
    """AWS compares a stack that is asked for by name with its ARN without the id, in whose place a `*` stands."""
    name = str(asked.params.get("StackName") or asked.params.get("StackId") or "")
    if name.startswith("arn:"):
        return name
    # A change set's own ARN names no stack; its actions know only stacks, and AWS compares the one that it belongs to.
    change_set = str(asked.params.get("ChangeSetName", ""))
    return asked.arn("cloudformation", f"stack/{name}/*") if name or not change_set else ANY


def _pipeline(asked: Asked) -> str:
    return asked.arn("codepipeline", str(asked.params.get("pipelineName") or asked.params.get("name")))


def _repository(asked: Asked) -> str:
    return asked.arn("ecr", f"repository/{asked.params['repositoryName']}", account=asked.params.get("registryId"))


def _in_cluster(kind: str, key: str) -> Resource:
    def arns(asked: Asked) -> list[str]:
        cluster = str(asked.params.get("cluster", "default")).rpartition("/")[2]
        return [one if one.startswith("arn:") else asked.arn("ecs", f"{kind}/{cluster}/{one}") for one in asked.params[key]]

    return arns


def _log_group(asked: Asked) -> str:
    return asked.arn("logs", f"log-group:{asked.params['logGroupName']}")


def _log_stream(asked: Asked) -> str:
    return asked.arn("logs", f"log-group:{asked.params['logGroupName']}:log-stream:{asked.params['logStreamName']}")


def _alarms(asked: Asked) -> str | list[str]:
    named = asked.params.get("AlarmNames")
    return [asked.arn("cloudwatch", f"alarm:{name}") for name in named] if named else ANY


def _object(asked: Asked) -> str:
    return f"arn:aws:s3:::{asked.params['Bucket']}/{asked.params['Key']}"


def _bucket(asked: Asked) -> str:
    return f"arn:aws:s3:::{asked.params['Bucket']}"


def _any(_asked: Asked) -> str:
    return ANY


def _group(asked: Asked) -> str:
    return asked.arn("ec2", f"security-group/{asked.params['GroupId']}")


STACK_OPERATIONS = (
    "CancelUpdateStack ContinueUpdateRollback CreateChangeSet CreateStack DeleteChangeSet DeleteStack DescribeChangeSet "
    "DescribeStackEvents DescribeStackResourceDrifts DescribeStackResources DescribeStacks DetectStackDrift DetectStackResourceDrift "
    "ExecuteChangeSet GetStackPolicy GetTemplate ListChangeSets ListStackResources RollbackStack SetStackPolicy UpdateStack "
    "UpdateTerminationProtection"
)
PIPELINE_OPERATIONS = (
    "GetPipeline GetPipelineExecution GetPipelineState ListActionExecutions ListPipelineExecutions RollbackStage StartPipelineExecution"
)
REPOSITORY_OPERATIONS = (
    "BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload DescribeImageReplicationStatus DescribeImageScanFindings "
    "DescribeImageSigningStatus DescribeImages DescribeRepositories GetDownloadUrlForLayer InitiateLayerUpload PutImage UploadLayerPart"
)

TABLE: Mapping[str, Mapping[str, Resource]] = {
    "cloudformation": dict.fromkeys(STACK_OPERATIONS.split(), _stack),
    "codepipeline": dict.fromkeys(PIPELINE_OPERATIONS.split(), _pipeline),
    "codebuild": {
        "StartBuild": lambda asked: asked.arn("codebuild", f"project/{asked.params['projectName']}"),
        "BatchGetBuilds": lambda asked: [asked.arn("codebuild", f"project/{one.partition(':')[0]}") for one in asked.params["ids"]],
    },
    "ec2": {"AuthorizeSecurityGroupIngress": _group, "RevokeSecurityGroupIngress": _group},
    "ecr": dict.fromkeys(REPOSITORY_OPERATIONS.split(), _repository),
    "ecs": {
        "DescribeServices": _in_cluster("service", "services"),
        "DescribeTasks": _in_cluster("task", "tasks"),
        # It knows container instances only, and Fargate has none.
        "ListTasks": _any,
    },
    "logs": {"CreateLogGroup": _log_group, "CreateLogStream": _log_stream, "PutLogEvents": _log_stream},
    "monitoring": {"DescribeAlarms": _alarms},
    "s3": {
        "GetObject": _object,
        "PutObject": _object,
        "ListBucket": _bucket,
        "GetBucketLocation": _bucket,
    },
    "sns": {"Publish": lambda asked: str(asked.params["TopicArn"])},
    # Everybody may ask who they are (STS API, GetCallerIdentity), and a trust policy decides beside the caller's own.
    "sts": {"AssumeRole": lambda asked: str(asked.params["RoleArn"])},
}


def _said(asked: Asked) -> Mapping[str, str | list[str]]:
    """Condition keys of the service, and the tags of what is asked for."""
    if asked.service == "ec2":
        tags = attached.group_tags(asked.account, asked.region, str(asked.params["GroupId"]))
        return {f"aws:resourcetag/{key.lower()}": value for key, value in tags.items()}
    owner = attached.bucket_owner(str(asked.params["Bucket"])) if asked.service == "s3" else None
    return {"s3:resourceaccount": owner} if owner else {}


def _also(asked: Asked) -> Iterator[tuple[str, str, Mapping[str, str | list[str]]]]:
    """What an operation needs beside the action of its own name."""
    role = asked.params.get("RoleARN")
    if asked.service == "cloudformation" and role:
        yield PASS, str(role), {"iam:passedtoservice": "cloudformation.amazonaws.com"}
    if (
        asked.service == "cloudformation"
        and asked.operation in ("CreateStack", "UpdateStack", "CreateChangeSet")
        and asked.params.get("Tags")
    ):
        yield "cloudformation:TagResource", _stack(asked), {}
    if asked.service == "s3" and asked.operation in ("GetObject", "PutObject"):
        if asked.params.get("ACL"):
            yield "s3:PutObjectAcl", _object(asked), _said(asked)
        if key := attached.bucket_key(str(asked.params["Bucket"])):
            action = "kms:Decrypt" if asked.operation == "GetObject" else "kms:GenerateDataKey"
            yield action, key, {"kms:viaservice": f"s3.{asked.region}.amazonaws.com", "kms:resourcealiases": attached.aliases(key)}
