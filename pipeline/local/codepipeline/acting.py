"""As whom an action acts: the pipeline's role, the role that the action names, or CodeBuild's role of the project that it builds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.access.decide import Request
from pipeline.access.reference import context
from pipeline.local.codebuild import builds
from pipeline.local.iam import attached, authorize, sessions

if TYPE_CHECKING:
    from pipeline.local.world import World

Declaration = Mapping[str, Any]
SERVICE = "codepipeline.amazonaws.com"


def pipeline_session(world: World, pipeline: Declaration, execution_id: str) -> sessions.Session:
    # CodePipeline's page on its service role shows no condition, so it sends nothing that one could compare.
    return sessions.of_service(world, pipeline["roleArn"], SERVICE, execution_id)


def action_session(world: World, pipeline: Declaration, declaration: Declaration, execution_id: str) -> sessions.Session:
    """The pipeline's role takes on the one that the action names."""
    own = pipeline_session(world, pipeline, execution_id)
    role = declaration.get("roleArn")
    return sessions.of_role(world, own, role, execution_id) if role else own


def artifact_session(
    world: World, pipeline: Declaration, declaration: Declaration, configuration: Mapping[str, str], execution_id: str
) -> sessions.Session:
    """Who fetches and stores the action's artifacts: CodeBuild does both as the project's role (its user guide, service role)."""
    project = world.store.get(builds.PROJECT, configuration.get("ProjectName", ""))
    if project is None or declaration["actionTypeId"]["provider"] != "CodeBuild":
        return action_session(world, pipeline, declaration, execution_id)
    return builds.taken_on(world, project, execution_id)


def allowed(session: sessions.Session, region: str, *needed: tuple[str, str]) -> None:
    """What AWS asks for where the engine makes no request of its own."""
    asked = [Request(action=action, resource=resource, context=context(region, _said(resource))) for action, resource in needed]
    authorize.check(session, asked)


def _said(resource: str) -> Mapping[str, str]:
    """S3's own condition key: whose bucket it is."""
    prefix = "arn:aws:s3:::"
    owner = attached.bucket_owner(resource.removeprefix(prefix).split("/", 1)[0]) if resource.startswith(prefix) else None
    return {"s3:resourceaccount": owner} if owner else {}
