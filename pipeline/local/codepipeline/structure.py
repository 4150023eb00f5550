"""What a pipeline declaration must be before it is taken: CodePipeline's own rules, and what this engine cannot do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.local.codepipeline import artifacts
from pipeline.local.protocol import AwsError

Declaration = Mapping[str, Any]


def check(declaration: Declaration, home: str, located: Callable[[str], str | None]) -> None:
    """`home` is the pipeline's region; `located` tells the region of a bucket."""
    rules = (
        _engine(declaration),
        _shape(declaration),
        _stores(declaration, home, located),
        _artifacts(declaration),
        _conditions(declaration),
    )
    problem = next(itertools.chain(*rules), None)
    if problem:
        raise AwsError("InvalidStructureException", f"pipeline {declaration['name']}: {problem}")


def _engine(declaration: Declaration) -> Iterator[str]:
    if declaration.get("pipelineType") != "V2":
        yield "the local engine walks pipelines of type V2 only"
    if declaration.get("executionMode", "SUPERSEDED") != "QUEUED":
        yield f"execution mode {declaration.get('executionMode', 'SUPERSEDED')} is not supported by the local engine; QUEUED is"


def _shape(declaration: Declaration) -> Iterator[str]:
    stages = declaration["stages"]
    if len(stages) < 2:  # noqa: PLR2004 - CodePipeline's own minimum
        yield "a pipeline has at least two stages"
    yield from (f"stage {name} is there twice" for name in _twice(stage["name"] for stage in stages))
    for number, stage in enumerate(stages):
        names = [action["name"] for action in stage["actions"]]
        yield from (f"stage {stage['name']}: action {name} is there twice" for name in _twice(names))
        for action in stage["actions"]:
            source = action["actionTypeId"]["category"] == "Source"
            if source != (number == 0):
                yield f"stage {stage['name']}, action {action['name']}: source actions, and only those, are in the first stage"
    yield from (
        f"namespace {name} is there twice" for name in _twice(action["namespace"] for action in _all(declaration) if "namespace" in action)
    )


def _stores(declaration: Declaration, home: str, located: Callable[[str], str | None]) -> Iterator[str]:
    if ("artifactStore" in declaration) == ("artifactStores" in declaration):
        yield "it has either artifactStore or artifactStores"
        return
    buckets = artifacts.buckets(declaration, home)
    for region, bucket in buckets.items():
        # AWS's own words (awslabs/aws-deployment-framework#95).
        choose = f"Choose a valid artifact bucket in '{region}', or create a new artifact bucket to use in your pipeline."
        if (where := located(bucket)) is None:
            yield f"An error occurred while validating the artifact bucket '{bucket}': No bucket with the name {bucket} was found. {choose}"
        elif where != region:
            yield f"An error occurred while validating the artifact bucket '{bucket}': it is in '{where}'. {choose}"
    for region in sorted({home, *(action.get("region", home) for action in _all(declaration))} - buckets.keys()):
        yield f"it has no artifact store in {region}, where actions of it run"


def _artifacts(declaration: Declaration) -> Iterator[str]:
    made: set[str] = set()
    for stage in declaration["stages"]:
        for action in sorted(stage["actions"], key=lambda action: int(action.get("runOrder", 1))):
            for artifact in action.get("inputArtifacts", ()):
                if artifact["name"] not in made:
                    yield f"stage {stage['name']}, action {action['name']}: input artifact {artifact['name']} is made by no earlier action"
            for artifact in action.get("outputArtifacts", ()):
                if artifact["name"] in made:
                    yield f"stage {stage['name']}, action {action['name']}: output artifact {artifact['name']} is made twice"
                made.add(artifact["name"])


RESULTS = {"beforeEntry": ("FAIL", "SKIP"), "onSuccess": ("FAIL", "ROLLBACK"), "onFailure": ("ROLLBACK",)}
# With the result SKIP CodePipeline takes only these two.
SKIPPING_RULES = ("VariableCheck", "LambdaInvoke")


def _conditions(declaration: Declaration) -> Iterator[str]:
    for stage in declaration["stages"]:
        for kind, allowed in RESULTS.items():
            conditions = stage.get(kind, {}).get("conditions", ())
            if len(conditions) > 1:
                yield f"stage {stage['name']}: {kind} takes one condition"
            for condition in conditions:
                result = condition.get("result", allowed[0])
                if result not in allowed:
                    yield f"stage {stage['name']}: {kind} cannot have the result {result}; it can have {', '.join(allowed)}"
                for rule in condition.get("rules", ()):
                    if result == "SKIP" and rule["ruleTypeId"]["provider"] not in SKIPPING_RULES:
                        yield f"stage {stage['name']}: rule {rule['name']} cannot be used with the result SKIP"


def _all(declaration: Declaration) -> Iterator[Declaration]:
    return (action for stage in declaration["stages"] for action in stage["actions"])


def _twice(names: Any) -> list[str]:
    listed = list(names)
    return sorted({name for name in listed if listed.count(name) > 1})
