"""The CodeBuild action: one build of a project on the action's input artifacts."""

from __future__ import annotations

import json

from pipeline.local.codebuild import builds
from pipeline.local.codepipeline import acting
from pipeline.local.codepipeline.action import AbandonedError, Action, ActionFailedError, Result, known_keys

KEYS = frozenset({"ProjectName", "PrimarySource", "EnvironmentVariables", "BatchEnabled"})


def codebuild(action: Action) -> Result:
    known_keys(action, KEYS, frozenset({"ProjectName"}))
    configuration = action.configuration
    if configuration.get("BatchEnabled", "false") != "false":
        raise ActionFailedError("BatchEnabled is not supported by the local engine", code="ConfigurationError")
    project = action.world.store.get(builds.PROJECT, configuration["ProjectName"])
    if project is None:
        raise ActionFailedError(f"CodeBuild has no project {configuration['ProjectName']}", code="ConfigurationError")
    acting.allowed(action.role, action.region, *((f"codebuild:{name}", project["arn"]) for name in ("StartBuild", "BatchGetBuilds")))
    names = [artifact["name"] for artifact in action.declaration["inputArtifacts"]]
    primary = configuration.get("PrimarySource", names[0])
    if primary not in names:
        raise ActionFailedError(f"PrimarySource {primary} is not an input artifact of the action", code="ConfigurationError")
    build = builds.create(
        action.world,
        project,
        initiator=f"codepipeline/{action.pipeline['name']}",
        overrides=json.loads(configuration.get("EnvironmentVariables", "[]")),
        source_version=_revision(action),
    )
    action.note(externalExecutionId=build["id"])
    inputs = {"": action.inputs[primary]} | {name: action.inputs[name] for name in names if name != primary}
    finished = builds.run(action.world, project, build["id"], inputs, outputs=action.output_names, interrupted=lambda: _gone(action))
    if finished.document["buildStatus"] != "SUCCEEDED":
        raise ActionFailedError(builds.why(finished.document), code="JobFailed", summary=finished.document["buildStatus"])
    return Result(artifacts=finished.artifacts, variables=finished.exported, external_id=build["id"])


def _revision(action: Action) -> str:
    sources = action.execution()["sources"].values()
    return next((source["revisionId"] for source in sources), "")


def _gone(action: Action) -> bool:
    try:
        action.check()
    except AbandonedError:
        return True
    return False
