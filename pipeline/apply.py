"""The break-glass path: what the pipeline's deploy stage does for one owner, from this computer, when the pipeline cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline import catalog, deployment_window, kept_address, live
from pipeline.apply_change_set import Say, Wanted, bring, explain, failure, refuse_stuck, settle
from pipeline.aws import Aws, RefusedError, Target
from pipeline.errors import PipelineError
from pipeline.paths import RENDERED
from pipeline.prepare import IMAGE, Prepared, environment, freeze_of, pipeline_aws
from pipeline.review import sides
from pipeline.review.model import StackReview
from pipeline.stack_events import Watch, follow, last
from pipeline.stages import SHARED, deploy_stage
from pipeline.stuck import HEALTHY, Stuck
from stacks import cloudformation_role, roles
from stacks.environment import Environment
from stacks.project import Project


@dataclass(frozen=True, kw_only=True)
class Owned:
    """The stacks of an environment or of `shared`, by the name of their file, in the order of deployment, as the files want them.

    `pins` are the allocations that partners were told, by the logical id that has them.
    """

    owner: str
    aws: Aws
    stacks: dict[str, Wanted]
    pins: dict[str, str]


def owned(root: Path, project: Project, target: Target, owner: str) -> Owned:
    """CloudFormation acts as the role that it acts as in the pipeline, so this can do no more than the pipeline can."""
    if owner == SHARED:
        aws, role = pipeline_aws(project, target), roles.shared_arn(project)
        named = {spec.name: (project.stack_name(spec.name), spec.protected) for spec in catalog.SHARED_STACKS if spec.wanted(project)}
    else:
        env = environment(project, owner)
        aws, role = Aws(target=target, account=env.account, region=env.region), cloudformation_role.arn(env)
        named = {spec.name: (env.stack_name(spec.name), spec.protected) for spec in catalog.ENVIRONMENT_STACKS if spec.wanted(env)}
    stacks = {
        stack: Wanted(owner=owner, name=name, files=root / RENDERED / owner / stack, parameters={}, role=role, protected=protected)
        for stack, (name, protected) in named.items()
    }
    pins = sides.pins(owner, sides.text(root, sides.WORK_TREE, sides.pinned_file(owner)))
    return Owned(owner=owner, aws=aws, stacks=stacks, pins=kept_address.allocations(pins))


def deploy(mine: Owned, prepared: Prepared, say: Say, watch: Watch, *, image_digest: str | None, note: str) -> None:
    """Stack after stack; each gets the outputs of those before it, as in the pipeline."""
    reviews = {one.stack: one for owner in prepared.review.owners for one in owner.stacks}
    known = {IMAGE: image_digest} if image_digest else _running_image(mine)
    for stack, wanted in mine.stacks.items():
        ready = replace(wanted, parameters=dict(known), listed=listed(reviews.get(stack)))
        known |= bring(mine.aws, ready, say, watch, note)
    for stack, review in reviews.items():
        if review.action == "remove":
            mend = f"aws cloudformation delete-stack --stack-name {review.name}"
            say(f"stack {review.name} ({stack}) is wanted no more and stays; delete it: {mend}")


def _running_image(mine: Owned) -> dict[str, str]:
    """Without an image the one that is deployed stays."""
    if "service" not in mine.stacks:
        return {}
    found = live.describe(mine.aws, mine.stacks["service"].name)
    given = {one["ParameterKey"]: one["ParameterValue"] for one in (found or {}).get("Parameters", [])}
    if IMAGE not in given:
        raise PipelineError(
            f"{mine.owner} has no image yet; give the one that it shall run: kotei apply {mine.owner} --image-digest "
            "$(kotei image digest COMMIT)"
        )
    return {IMAGE: given[IMAGE]}


def listed(review: StackReview | None) -> frozenset[str]:
    """The logical ids that the plan says go, or are made anew."""
    changes = review.changes if review else ()
    return frozenset(change.old_id for change in changes if change.action == "remove" or change.replaces or change.renamed_from)


def refuse_while_deploying(aws: Aws, project: Project, owner: str) -> None:
    """Two that change the same stacks at once would each undo half of the other."""
    if run := deploying(aws, project, owner):
        name = project.pipeline.project
        raise PipelineError(
            f"{owner}: the pipeline deploys it now, in run {run}; wait for its end (kotei status), or stop it: "
            f"aws codepipeline stop-pipeline-execution --pipeline-name {name} --pipeline-execution-id {run}"
        )


def deploying(aws: Aws, project: Project, owner: str) -> str:
    """The run whose deploy stage is under way; empty where none is, or there is no pipeline."""
    wanted = deploy_stage(owner)
    try:
        state = aws.call("codepipeline", "get_pipeline_state", name=project.pipeline.project)
    except RefusedError as refused:
        if refused.code == "PipelineNotFoundException":
            return ""
        raise
    for stage in state["stageStates"]:
        latest: dict[str, str] = stage.get("latestExecution", {})
        if stage["stageName"] == wanted and latest.get("status") in ("InProgress", "Stopping"):
            return latest["pipelineExecutionId"]
    return ""


def refuse_outside_window(env: Environment, now: datetime) -> None:
    """As the pipeline's deploy stage does."""
    if frozen := freeze_of(env, now):
        raise PipelineError(f"{frozen}; wait for it, or give a reason that will be kept with the change set: --anyway REASON")
    window = env.deploy_window
    if window and not deployment_window.matches(window.cron, now.astimezone(deployment_window.zone(window.timezone))):
        raise PipelineError(
            f"{env.name} is deployed only in its window ({window.cron}, {window.timezone}), and now is outside of it; wait for it, or give "
            "a reason that will be kept with the change set: --anyway REASON"
        )


def ready(mine: Owned, say: Say, watch: Watch) -> None:
    """No plan is made against a stack that moves, or that cannot be updated."""
    for wanted in mine.stacks.values():
        if found := settle(mine.aws, wanted.name, say, watch):
            refuse_stuck(mine.aws, wanted, found)


def stuck(mine: Owned) -> list[tuple[str, dict[str, Any], Stuck]]:
    """The stacks that cannot be updated as they are, and why."""
    found = []
    for wanted in mine.stacks.values():
        stack = live.describe(mine.aws, wanted.name)
        if stack is not None and stack["StackStatus"] not in HEALTHY and (way := explain(mine.aws, stack, mine.owner)):
            found.append((wanted.name, stack, way))
    return found


def unstick(mine: Owned, found: Sequence[tuple[str, dict[str, Any], Stuck]], say: Say, watch: Watch) -> None:
    """Does what is safe. What was created last goes first, as others may be used by it."""
    for name, stack, way in reversed(found):
        if way.safe is None:
            say(f"{way}")
            continue
        before = last(mine.aws, stack["StackId"])
        mine.aws.call("cloudformation", way.safe.operation, **way.safe.parameters)
        after, events = follow(mine.aws, stack["StackId"], before, watch)
        if after["StackStatus"] not in ("DELETE_COMPLETE", *HEALTHY):
            raise PipelineError(failure(mine.aws, mine.owner, after, events))
        say(f"stack {name}: {after['StackStatus']}")
