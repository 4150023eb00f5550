"""What is scanned: every rendered template of this repository, and of the project with four environments in four places."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline import render
from pipeline.paths import RENDERED, ROOT
from stacks.project import load
from tests.support import places

# What an attribute looks like that only AWS knows: scanners judge policies by the form of their ARNs.
ARNS = {
    "AWS::CodeBuild::Project": "arn:aws:codebuild:us-east-1:111122223333:project/name",
    "AWS::KMS::Key": "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:111122223333:log-group:name:*",
    "AWS::S3::Bucket": "arn:aws:s3:::name",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:111122223333:name",
    "ConnectionArn": "arn:aws:codeconnections:us-east-1:111122223333:connection/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
}
NAMES = re.compile(r"\$\{([^}]+)\}")


def templates(folder: Path) -> dict[str, str]:
    """Path -> text; `folder` becomes the checkout of the example."""
    places.write(folder)
    found = {"sample": render.files(load(ROOT)), "places": render.files(places.load(folder))}
    prefix = f"{RENDERED}/"
    return {
        f"{project}/{path.removeprefix(prefix)}": text
        for project, files in found.items()
        for path, text in files.items()
        if path.startswith(prefix) and path.endswith(".yaml")
    }


def seen(found: Mapping[str, str]) -> dict[str, str]:
    """Path -> a digest of which resources a template has. What a resource says changes every day, and the scan takes minutes."""
    return {path: hashlib.sha256(_resources(text).encode()).hexdigest()[:12] for path, text in sorted(found.items())}


def _resources(text: str) -> str:
    return "\n".join(f"{name} {one['Type']}" for name, one in sorted(yaml.safe_load(text)["Resources"].items()))


def policies(text: str) -> Iterator[tuple[str, str, str]]:
    """(logical id, name, document) of each policy that a role or a managed policy holds."""
    resources = yaml.safe_load(text)["Resources"]
    types = {name: one["Type"] for name, one in resources.items()}
    for logical_id, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            for policy in properties.get("Policies", []):
                yield logical_id, policy["PolicyName"], json.dumps(_plain(policy["PolicyDocument"], types))
        elif resource["Type"] == "AWS::IAM::ManagedPolicy":
            yield logical_id, "managed", json.dumps(_plain(properties["PolicyDocument"], types))


def _plain(value: Any, types: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_plain(one, types) for one in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": str(name)}:
            return _arn(name, types)
        case {"Fn::GetAtt": [name, _]}:
            return _arn(name, types)
        case {"Fn::Sub": str(text)}:
            return NAMES.sub(lambda found: _arn(found[1].partition(".")[0], types), text)
    return {key: _plain(one, types) for key, one in value.items()}


def _arn(name: str, types: Mapping[str, str]) -> str:
    return ARNS.get(types.get(name, name), name)
