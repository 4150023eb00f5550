"""Rendered resources against the service's own model, read from botocore's files: no call, no credentials, no boto3.

CloudFormation's schemas leave most words free (a trigger's event, a build's environment type); the services do not. A property and the
member of the API's input that it becomes have the same name but for the case of letters. What has no such member is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding

# Resource type -> service and the shape that its properties become.
INPUTS = {
    "AWS::CodeBuild::Project": ("codebuild", "CreateProjectInput"),
    "AWS::CodeConnections::Connection": ("codeconnections", "CreateConnectionInput"),
    "AWS::CodePipeline::Pipeline": ("codepipeline", "PipelineDeclaration"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "PutMetricAlarmInput"),
    "AWS::CertificateManager::Certificate": ("acm", "RequestCertificateRequest"),
    "AWS::EC2::FlowLog": ("ec2", "CreateFlowLogsRequest"),
    "AWS::ECR::Repository": ("ecr", "CreateRepositoryRequest"),
    "AWS::ECS::Cluster": ("ecs", "CreateClusterRequest"),
    "AWS::ECS::Service": ("ecs", "CreateServiceRequest"),
    "AWS::ECS::TaskDefinition": ("ecs", "RegisterTaskDefinitionRequest"),
    "AWS::ElasticLoadBalancingV2::Listener": ("elbv2", "CreateListenerInput"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("elbv2", "CreateLoadBalancerInput"),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("elbv2", "CreateTargetGroupInput"),
    "AWS::Logs::LogGroup": ("logs", "CreateLogGroupRequest"),
    "AWS::Logs::MetricFilter": ("logs", "PutMetricFilterRequest"),
    "AWS::Logs::QueryDefinition": ("logs", "PutQueryDefinitionRequest"),
    "AWS::KMS::Key": ("kms", "CreateKeyRequest"),
}
NUMBERS = ("integer", "long", "float", "double")


def findings(document: Document) -> Iterator[Finding]:
    for type_, (service, shape) in INPUTS.items():
        for logical_id, properties in document.resources(type_):
            for where, message in violations(service, shape, properties):
                yield Finding(path=document.path, where=f"{logical_id}{where}", rule="service-model", message=f"{message} ({service} API)")


def violations(service: str, shape: str, value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    model = _shapes(service)[shape]
    kind = model["type"]
    if _intrinsic(value):
        return
    if isinstance(value, list | dict):
        if kind == "list" and isinstance(value, list):
            yield from _sizes(model, len(value), where, "entries")
        for key, member, inner in _members(model, value):
            yield from violations(service, member, inner, f"{where}.{key}")
    elif kind == "string" and isinstance(value, str):
        yield from _word(model, value, where)
    elif kind in NUMBERS and isinstance(value, int | float):
        yield from _sizes(model, value, where, "")


def _members(model: dict[str, Any], value: list[Any] | dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Name, shape and value of everything one level down that the model knows."""
    if model["type"] == "list" and isinstance(value, list):
        yield from ((str(number), model["member"]["shape"], inner) for number, inner in enumerate(value))
    elif model["type"] == "map" and isinstance(value, dict):
        yield from ((key, model["value"]["shape"], inner) for key, inner in value.items())
    elif model["type"] == "structure" and isinstance(value, dict):
        shapes = {name.lower(): member["shape"] for name, member in model["members"].items()}
        yield from ((key, shapes[key.lower()], inner) for key, inner in value.items() if key.lower() in shapes)


def _intrinsic(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and all(key == "Ref" or key.startswith("Fn::") for key in value)


def _word(model: dict[str, Any], value: str, where: str) -> Iterator[tuple[str, str]]:
    if "enum" in model and value not in model["enum"]:
        yield where, f"{value!r} is none of {', '.join(sorted(model['enum']))}"
    if "pattern" in model and (wanted := _pattern(model["pattern"])) and not wanted.fullmatch(value):
        yield where, f"{value!r} does not match {model['pattern']}"
    yield from _sizes(model, len(value), where, "characters")


def _sizes(model: dict[str, Any], size: float, where: str, unit: str) -> Iterator[tuple[str, str]]:
    low, high = model.get("min"), model.get("max")
    if low is not None and size < low:
        yield where, f"{size} {unit}".rstrip() + f" is less than {low}"
    if high is not None and size > high:
        yield where, f"{size} {unit}".rstrip() + f" is more than {high}"


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    # The models' patterns are Java's. What Python cannot read (\\p{L} and the like) is not judged.
    try:
        return re.compile(text, re.DOTALL)
    except re.error:
        return None


@cache
def _shapes(service: str) -> dict[str, Any]:
    from botocore.loaders import Loader

    shapes: dict[str, Any] = Loader().load_service_model(service, "service-2")["shapes"]
    return shapes
