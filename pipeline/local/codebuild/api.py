"""CodeBuild's operations."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

from pipeline.local import remote
from pipeline.local.codebuild import builds, checkout, process, webhook
from pipeline.local.codepipeline import records
from pipeline.local.protocol import AwsError, Call, Operation

if TYPE_CHECKING:
    from pipeline.local.world import World


def create_project(world: World, call: Call) -> dict[str, Any]:
    name = call.params["name"]
    with world.changed:
        if world.store.get(builds.PROJECT, name):
            raise AwsError(
                "ResourceAlreadyExistsException", f"Project already exists: arn:aws:codebuild:{call.region}:{call.account}:project/{name}"
            )
        project = {
            "timeoutInMinutes": builds.DEFAULT_TIMEOUT_MINUTES,
            **call.params,
            "arn": f"arn:aws:codebuild:{call.region}:{call.account}:project/{name}",
            "created": records.now(world),
            "lastModified": records.now(world),
        }
        world.store.put(builds.PROJECT, name, project)
    return {"project": project}


def _project(world: World, name: str) -> records.Document:
    found = world.store.get(builds.PROJECT, name)
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Project cannot be found: {name}")
    return found


def update_project(world: World, call: Call) -> dict[str, Any]:
    with world.changed:
        project = _project(world, call.params["name"]) | call.params | {"lastModified": records.now(world)}
        world.store.put(builds.PROJECT, project["name"], project)
    return {"project": project}


def delete_project(world: World, call: Call) -> dict[str, Any]:
    world.store.delete(builds.PROJECT, call.params["name"])
    return {}


def batch_get_projects(world: World, call: Call) -> dict[str, Any]:
    found = {name: world.store.get(builds.PROJECT, name.rpartition("/")[2]) for name in call.params["names"]}
    return {
        "projects": [project for project in found.values() if project],
        "projectsNotFound": [name for name, project in found.items() if not project],
    }


def list_projects(world: World, call: Call) -> dict[str, Any]:  # noqa: ARG001 - every operation takes the call
    return {"projects": [project["name"] for project in world.store.all(builds.PROJECT)]}


def start_build(world: World, call: Call) -> dict[str, Any]:
    project = _project(world, call.params["projectName"])
    unknown = sorted(set(call.params) - {"projectName", "environmentVariablesOverride", "sourceVersion", "buildspecOverride"})
    if unknown:
        raise AwsError("InvalidInputException", f"StartBuild: {', '.join(unknown)} is not supported by the local engine")
    clone, version, commit = _source(world, project, call.params.get("sourceVersion", ""))
    if "buildspecOverride" in call.params:
        project = project | {"source": project["source"] | {"buildspec": call.params["buildspecOverride"]}}
    build = builds.create(
        world,
        project,
        initiator="local",
        overrides=call.params.get("environmentVariablesOverride", []),
        source_version=version,
        commit=commit,
    )
    threading.Thread(
        target=builds.run,
        args=(world, project, build["id"], {}),
        kwargs={"interrupted": world.closing.is_set, "clone": clone},
        name=build["id"],
        daemon=True,
    ).start()
    return {"build": build}


def _source(world: World, project: records.Document, version: str) -> tuple[builds.Clone | None, str, str]:
    """How the source is fetched, the version that is asked for, and its commit. The local remote stands for any Git host."""
    source = project["source"]
    if source["type"] == "NO_SOURCE":
        return None, version, ""
    if source["type"] not in webhook.HOSTS or "webhook" in project:
        raise AwsError(
            "InvalidInputException",
            f"a build of {project['name']} (source type {source['type']}) can only be started by its pipeline or a push",
        )
    if refusal := webhook.connection_refusal(world, source):
        raise AwsError("InvalidInputException", refusal)
    version = version or project.get("sourceVersion", "") or "HEAD"
    found = remote.commit(world.home, version)
    if found is None:
        raise AwsError("InvalidInputException", f"{version!r} is no branch or commit of the local remote; push first")
    return functools.partial(checkout.clone, world, source, found.id), version, found.id


def batch_get_builds(world: World, call: Call) -> dict[str, Any]:
    found = {build_id: world.store.get(builds.BUILD, build_id) for build_id in call.params["ids"]}
    return {
        "builds": [build for build in found.values() if build],
        "buildsNotFound": [build_id for build_id, build in found.items() if not build],
    }


def list_builds_for_project(world: World, call: Call) -> dict[str, Any]:
    _project(world, call.params["projectName"])
    ids = [build["id"] for build in world.store.all(builds.BUILD) if build["projectName"] == call.params["projectName"]]
    return {"ids": ids if call.params.get("sortOrder") == "ASCENDING" else ids[::-1]}


def stop_build(world: World, call: Call) -> dict[str, Any]:
    with world.changed:
        build = world.store.get(builds.BUILD, call.params["id"])
        if build is None:
            raise AwsError("ResourceNotFoundException", f"Build cannot be found: {call.params['id']}")
        if not build["buildComplete"]:
            build["buildStatus"] = "STOPPED"
            records.put(world, builds.BUILD, build["id"], build)
    return {"build": build}


def forget_interrupted(world: World) -> None:
    """Builds that a killed engine left behind: their processes are gone."""
    for build in world.store.all(builds.BUILD):
        if not build["buildComplete"]:
            process.end_left_behind(builds.folder(world, build["id"]))
            build.update(buildStatus="STOPPED", buildComplete=True, currentPhase="COMPLETED", endTime=records.now(world))
            world.store.put(builds.BUILD, build["id"], build)


def list_curated_environment_images(_world: World, _call: Call) -> dict[str, Any]:
    """Those of ARM: the others are refused in the configuration."""
    images: list[dict[str, Any]] = [
        {"name": name, "description": "ARM, Amazon Linux 2023", "versions": []}
        for name in ("aws/codebuild/amazonlinux-aarch64-standard:2.0", "aws/codebuild/amazonlinux-aarch64-standard:3.0")
    ]
    return {"platforms": [{"platform": "AMAZON_LINUX_2", "languages": [{"language": "BASE", "images": images}]}]}


OPERATIONS: dict[str, Operation] = {
    "ListCuratedEnvironmentImages": list_curated_environment_images,
    "CreateProject": create_project,
    "UpdateProject": update_project,
    "DeleteProject": delete_project,
    "BatchGetProjects": batch_get_projects,
    "ListProjects": list_projects,
    "StartBuild": start_build,
    "BatchGetBuilds": batch_get_builds,
    "ListBuildsForProject": list_builds_for_project,
    "StopBuild": stop_build,
    **webhook.OPERATIONS,
}
