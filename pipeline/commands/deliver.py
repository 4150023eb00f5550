"""What the pipeline cannot do itself: its own beginning, a deployment without it, and the end of an environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.asking import agree, typed
from pipeline.commands.common import DONE, EnvironmentName, ImageDigest, Owner, aws_target, report, tell
from pipeline.errors import PipelineError
from pipeline.paths import ROOT

if TYPE_CHECKING:
    from pipeline.apply import Owned
    from pipeline.aws import Aws, Target
    from pipeline.bootstrap import Step
    from pipeline.destroy import Destruction

app = typer.Typer()

RoleIn = Annotated[list[str], typer.Option(help="How to get into another account: the role to take there.", metavar="ACCOUNT=ROLE_ARN")]
ProfileIn = Annotated[list[str], typer.Option(help="The same with a profile of your AWS configuration.", metavar="ACCOUNT=NAME")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")]


@app.command()
def bootstrap(
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    role_in: RoleIn = [],  # noqa: B006 - typer reads the default and never changes it
    profile_in: ProfileIn = [],  # noqa: B006 - as above
) -> int:
    """Create the stacks that all environments share, in an empty account. Safe to repeat and to interrupt."""
    from pipeline import bootstrap as beginning
    from pipeline.aws import Aws
    from pipeline.commands.happening import shown

    project = configuration()
    target = _reaching(role_in, profile_in)
    own = project.pipeline.account

    def reach(account: str, region: str) -> Aws | None:
        return Aws(target=target, account=account, region=region) if account == own or account in target.reach else None

    found = beginning.steps(ROOT, project, reach)
    beginning.refuse_wrong_accounts(found)
    _tell_steps(found)
    for step in found:
        if step.aws is None:
            tell(f"the owner of account {step.account} runs, in a checkout of this repository:\n  {beginning.by_hand(step, ROOT, {})}")
    if dry_run:
        return DONE
    if any(step.changes for step in found) and not yes:
        agree("Create them?", "kotei bootstrap --yes")
    with shown() as (say, watch):

        def asked(_arn: str) -> None:
            say(
                f"the connection to {project.pipeline.repository.provider} waits for you, once: open {beginning.console(project)}, choose "
                f"{project.pipeline.project}, then Update pending connection. Waiting for it; Ctrl-C loses nothing"
            )

        beginning.deploy(found, project, say, watch, asked)
    branch = project.pipeline.repository.branch
    if not any(step.changes for step in found):
        print(f"every stack is as it should be; what deploys: git push origin {branch}, or kotei release")
        return DONE
    print(f"the pipeline {project.pipeline.project} waits for the first push: git push origin {branch}")
    return DONE


@app.command()
def apply(  # noqa: PLR0917 - typer reads arguments and options from one signature
    owner: Owner,
    yes: Annotated[str, typer.Option(help="Do not ask: the fingerprint of the plan that was looked at.", metavar="FINGERPRINT")] = "",
    image_digest: ImageDigest = "",
    anyway: Annotated[str, typer.Option(help="Deploy outside of the window, and keep this reason.", metavar="REASON")] = "",
    bring_in: Annotated[bool, typer.Option("--import", help="Only take back what AWS kept of stacks that are gone.")] = False,
    unstick: Annotated[bool, typer.Option("--unstick", help="Only get stacks out of states in which they cannot be updated.")] = False,
    dry_run: DryRun = False,
    role_in: RoleIn = [],  # noqa: B006 - as above
    profile_in: ProfileIn = [],  # noqa: B006 - as above
) -> int:
    """Deploy this checkout without the pipeline, through the same plan and gates. For when the pipeline cannot."""
    from pipeline.apply import owned, refuse_outside_window, refuse_while_deploying
    from pipeline.commands.happening import line, shown
    from pipeline.prepare import environment, pipeline_aws
    from pipeline.stages import SHARED

    project = configuration()
    env = None if owner == SHARED else environment(project, owner)
    target = _reaching(role_in, profile_in)
    mine = owned(ROOT, project, target, owner)
    mine.aws.refuse_another_account()
    refuse_while_deploying(pipeline_aws(project, target), project, owner)
    if bring_in:
        return _import(mine, yes, dry_run=dry_run)
    if unstick:
        return _unstick(mine, yes, dry_run=dry_run)
    if env and not anyway and not dry_run:
        refuse_outside_window(env, datetime.now(UTC))

    from pipeline import apply_import, gate
    from pipeline.apply import deploy, ready
    from pipeline.apply_checkout import unknown
    from pipeline.prepare import prepare

    ready(mine, tell, lambda event: tell(line(event)))
    apply_import.refuse_kept(mine.aws, mine.stacks, owner, mine.pins)
    prepared = prepare(ROOT, project, target, owner, image_digest or None)
    print(report(prepared.review, "text", public=False), end="")
    for sentence in unknown(ROOT, owner, project.pipeline.repository.branch):
        tell(sentence)
    gate.refuse_if_blocked(prepared)
    fingerprint = prepared.facts.fingerprint
    if dry_run:
        tell(f"fingerprint of this plan: {fingerprint}")
        return DONE
    if yes and yes != fingerprint:
        raise PipelineError(f"{owner}: this is not the plan with the fingerprint {yes}: its fingerprint is {fingerprint}. Look at it again")
    if prepared.facts.needs_approval and not yes:
        typed(owner, f"kotei apply {owner} --yes {fingerprint}")
    note = f"kotei apply {owner}" + (f", outside of the window: {anyway}" if anyway else "")
    with shown() as (say, watch):
        deploy(mine, prepared, say, watch, image_digest=image_digest or None, note=note)
    print(f"{owner} is deployed from this checkout. The pipeline knows nothing of it: push the same commit, or the next run takes it back")
    return DONE


def _import(mine: Owned, yes: str, *, dry_run: bool) -> int:
    from pipeline import apply_import
    from pipeline.commands.happening import shown

    kept = apply_import.find(mine.aws, mine.stacks, mine.pins)
    for one in kept:
        tell(f"{one.stack}: {one.told}")
    if not kept:
        print(f"{mine.owner}: AWS keeps nothing that its stacks do not hold")
        return DONE
    if dry_run:
        return DONE
    if yes != mine.owner:
        typed(mine.owner, f"kotei apply {mine.owner} --import --yes {mine.owner}")
    with shown() as (say, watch):
        apply_import.bring_in(mine.aws, mine.stacks, kept, say, watch)
    print(f"{mine.owner}: {len(kept)} resources are in their stacks again; deploy the rest: git push (or kotei apply {mine.owner})")
    return DONE


def _unstick(mine: Owned, yes: str, *, dry_run: bool) -> int:
    from pipeline import apply as applying
    from pipeline.commands.happening import shown

    found = applying.stuck(mine)
    for _, _, way in found:
        tell(str(way))
    if not found:
        print(f"{mine.owner}: no stack is stuck")
        return DONE
    if dry_run:
        return DONE
    if yes != mine.owner:
        typed(mine.owner, f"kotei apply {mine.owner} --unstick --yes {mine.owner}")
    with shown() as (say, watch):
        applying.unstick(mine, found, say, watch)
    print(f"{mine.owner}: go on with kotei apply {mine.owner}, or git push")
    return DONE


@app.command()
def destroy(
    environment: EnvironmentName,
    dry_run: DryRun = False,
    yes: Annotated[str, typer.Option(help="Do not ask: the name of the environment once more.", metavar="ENVIRONMENT")] = "",
    role_in: RoleIn = [],  # noqa: B006 - as above
    profile_in: ProfileIn = [],  # noqa: B006 - as above
) -> int:
    """Delete the stacks of an environment. Its addresses stay allocated; refuses while they are pinned."""
    from pipeline import destroy as ending
    from pipeline.apply import refuse_while_deploying
    from pipeline.commands.happening import shown
    from pipeline.prepare import environment as found_environment
    from pipeline.prepare import pipeline_aws

    project = configuration()
    env = found_environment(project, environment)
    ending.refuse_pinned(ROOT, env)
    target = _reaching(role_in, profile_in)
    found = ending.prepare(project, target, environment)
    found.aws.refuse_another_account()
    refuse_while_deploying(pipeline_aws(project, target), project, environment)
    if not found.stacks:
        print(f"{environment} has no stacks")
        return DONE
    _tell_destruction(found)
    if dry_run:
        return DONE
    if yes != environment:
        typed(environment, f"kotei destroy {environment} --yes {environment}")
    with shown() as (say, watch):
        ending.destroy(found, say, watch)
    print(ending.way_back(found))
    return DONE


def _reaching(role_in: Sequence[str], profile_in: Sequence[str]) -> Target:
    reach = {}
    for given in (*role_in, *profile_in):
        account, equals, way = given.partition("=")
        if not equals or not way or not account.isdigit():
            raise typer.BadParameter(f"{given!r} is not ACCOUNT=WAY")
        reach[account] = way
    return replace(aws_target(), reach=reach)


def _tell_steps(found: Sequence[Step]) -> None:
    from pipeline.apply_change_set import load

    for step in found:
        resources = len(load(step.wanted.files).document["Resources"])
        safe = ", termination protection" if step.wanted.protected else ""
        where = f"account {step.account}, {step.region}"
        print(f"{step.wanted.name}  ({where}; {resources} resources, stack policy{safe}): {step.told}")


def _tell_destruction(found: Destruction) -> None:
    from pipeline.destroy import way_back

    for stack in found.stacks:
        off = ["termination protection"] * stack.protected + [f"deletion protection of {one}" for one in stack.balancers]
        print(f"{stack.name} ({stack.status})" + (f"; turned off first: {', '.join(off)}" if off else ""))
        for name, kind, _ in stack.deleted:
            print(f"  deletes {name} ({kind})")
        for name, kind, physical in stack.kept:
            print(f"  AWS keeps {name} ({kind} {physical})")
    print(way_back(found))
