"""From an empty account to a pipeline that waits for the first push: which stacks, in which order, and what is there already.

Shared stacks that are there stay as they are, because the pipeline updates them itself; what it needs in other accounts and regions it
cannot update, so that is brought up to date here. No image is needed before: the
registry is deployed here, and the pipeline's Image stage puts the first image into it before an environment is planned.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import apply_import, catalog, codepipeline, live, stuck
from pipeline.apply_change_set import Say, Wanted, bring, explain, failure, load, protect, settle
from pipeline.apply_import import Kept
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from pipeline.paths import RENDERED
from pipeline.stack_events import Watch, follow, last
from pipeline.stages import SHARED
from pipeline.template_upload import BODY_LIMIT
from stacks import connection
from stacks.project import Project

LONGEST_WAIT = 5.0
# A change set that waits in front of nothing is nothing.
NONE = ("", "REVIEW_IN_PROGRESS")
# How an account and region are called; None where nobody said how to get there.
Reach = Callable[[str, str], Aws | None]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One stack. `aws` None: nobody said how to get into its account. `status` is what it is now, empty where there is none.

    `stale`: it is not what is rendered, and the pipeline will not update it. `kept` is what AWS kept of one that is gone.
    """

    account: str
    region: str
    wanted: Wanted
    aws: Aws | None
    status: str
    stale: bool = False
    kept: tuple[Kept, ...] = ()

    @property
    def told(self) -> str:
        if self.aws is None:
            return "left to the owner of that account"
        if self.status in stuck.UNBORN:
            return f"create again, after deleting what failed ({self.status})"
        if self.status in stuck.MENDED:
            return f"mend it ({self.status}), then bring it up to date"
        if self.stale:
            return "update"
        if self.kept:
            return f"create, and take back what AWS kept: {'; '.join(one.told for one in self.kept)}"
        return "create" if self.status in NONE else f"is there ({self.status})"

    @property
    def changes(self) -> bool:
        return self.aws is not None and (self.stale or self.status in (*NONE, *stuck.UNBORN, *stuck.MENDED))


def steps(root: Path, project: Project, reach: Reach) -> tuple[Step, ...]:
    """In the order of deployment. Reads only."""
    config = project.pipeline
    shared = [
        _step(
            reach,
            config.account,
            config.region,
            Wanted(
                owner=SHARED,
                name=project.stack_name(spec.name),
                files=root / RENDERED / SHARED / spec.name,
                parameters={},
                protected=spec.protected,
            ),
        )
        for spec in catalog.SHARED_STACKS
        if spec.wanted(project)
    ]
    # What the pipeline needs elsewhere comes before it: it begins to work as soon as it is there.
    place = next(index for index, step in enumerate(shared) if step.wanted.name == project.stack_name(codepipeline.STACK.name))
    return (*shared[:place], *_elsewhere(root, project, reach), *shared[place:])


def _elsewhere(root: Path, project: Project, reach: Reach) -> list[Step]:
    return [
        _step(
            reach,
            other.account,
            other.region,
            Wanted(
                owner=other.folder.relative_to(RENDERED).as_posix(),
                name=other.name,
                files=root / other.folder / other.spec.name,
                parameters={},
                protected=other.spec.protected,
            ),
        )
        for other in catalog.outside(project)
    ]


def _step(reach: Reach, account: str, region: str, wanted: Wanted) -> Step:
    aws = reach(account, region)
    found = live.describe(aws, wanted.name) if aws else None
    status = found["StackStatus"] if found else ""
    stale = aws is not None and _is_stale(aws, wanted, status)
    kept = apply_import.find(aws, {wanted.name: wanted}) if aws and status in NONE else ()
    return Step(account=account, region=region, wanted=wanted, aws=aws, status=status, stale=stale, kept=kept)


def _is_stale(aws: Aws, wanted: Wanted, status: str) -> bool:
    """A shared stack only where a killed run had taken back what was kept, and nothing else."""
    ours = wanted.owner != SHARED or status.startswith("IMPORT_")
    return ours and status in stuck.HEALTHY and live.template(aws, wanted.name) != load(wanted.files).document


def by_hand(step: Step, root: Path, known: Mapping[str, str]) -> str:
    """What the owner of another account runs, in a checkout."""
    wanted = step.wanted
    given = {**known, **wanted.parameters}
    pairs = [f"{name}={given.get(name, '...')}" for name in load(wanted.files).document.get("Parameters") or {}]
    parameters = f" --parameter-overrides {' '.join(pairs)}" if pairs else ""
    template = wanted.files.with_suffix(".yaml")
    bucket = " --s3-bucket YOUR_BUCKET" if template.stat().st_size > BODY_LIMIT else ""
    return (
        f"aws cloudformation deploy --region {step.region} --stack-name {wanted.name} "
        f"--template-file {template.relative_to(root).as_posix()}{bucket} --capabilities CAPABILITY_NAMED_IAM{parameters}"
    )


def refuse_wrong_accounts(found: Sequence[Step]) -> None:
    for aws in {step.account: step.aws for step in found if step.aws}.values():
        aws.refuse_another_account()


def deploy(found: Sequence[Step], project: Project, say: Say, watch: Watch, asked: Callable[[str], None]) -> dict[str, str]:
    """Every stack that can be reached; returns all outputs. `asked` gets the ARN of a connection that a person has to confirm."""
    known: dict[str, str] = {}
    for step in found:
        if step.aws is None:
            say(f"stack {step.wanted.name} in account {step.account}: {step.told}")
            continue
        wanted = replace(step.wanted, parameters={**known, **step.wanted.parameters})
        known |= _brought(step.aws, wanted, say, watch)
        if wanted.name == project.stack_name(connection.STACK.name):
            confirm(step.aws, known["ConnectionArn"], say, asked)
    return known


def _brought(aws: Aws, wanted: Wanted, say: Say, watch: Watch) -> dict[str, str]:
    stack = settle(aws, wanted.name, say, watch)
    if stack is not None and stack["StackStatus"] in (*stuck.UNBORN, *stuck.MENDED):
        stack = _mended(aws, wanted, stack, say, watch)
    status = stack["StackStatus"] if stack else ""
    if status in NONE and (kept := apply_import.find(aws, {wanted.name: wanted})):
        apply_import.bring_in(aws, {wanted.name: wanted}, kept, say, watch)
    elif stack is not None and status in stuck.HEALTHY and not _is_stale(aws, wanted, status):
        # A run that was killed after the creation goes on with the protection.
        return live.outputs(stack) if _is_protected(aws, wanted, stack) else protect(aws, wanted, load(wanted.files), say)
    return bring(aws, wanted, say, watch, note="kotei bootstrap")


def _is_protected(aws: Aws, wanted: Wanted, stack: Mapping[str, Any]) -> bool:
    return bool(live.policy(aws, wanted.name)) and (bool(stack.get("EnableTerminationProtection")) or not wanted.protected)


def _mended(aws: Aws, wanted: Wanted, stack: Mapping[str, Any], say: Say, watch: Watch) -> dict[str, Any] | None:
    """What is safe, and a person agreed to; None where the stack is gone then."""
    way = explain(aws, stack, wanted.owner)
    if way is None or way.safe is None:
        raise PipelineError(str(way))
    say(f"stack {wanted.name} is {stack['StackStatus']}: {way.safe.operation.replace('_', ' ')}")
    before = last(aws, stack["StackId"])
    aws.call("cloudformation", way.safe.operation, **way.safe.parameters)
    after, events = follow(aws, stack["StackId"], before, watch)
    if after["StackStatus"] == "DELETE_COMPLETE":
        return None
    if after["StackStatus"] not in stuck.HEALTHY:
        raise PipelineError(failure(aws, wanted.owner, after, events))
    return after


def console(project: Project) -> str:
    """Where a person confirms the connection."""
    region = project.pipeline.region
    return f"https://{region}.console.aws.amazon.com/codesuite/settings/connections?region={region}"


def confirm(aws: Aws, arn: str, say: Say, asked: Callable[[str], None]) -> None:
    """Until a person has confirmed the connection. Interrupted, nothing is lost: the next run comes here again.

    A connection in ERROR is tried again by AWS itself, so it is waited for, too.
    """
    wait, told = 0.1, ""
    while (status := _status(aws, arn)) != "AVAILABLE":
        if not told:
            asked(arn)
        elif status != told:
            say(f"the connection is {status}")
        told = status
        time.sleep(wait)
        wait = min(wait * 1.5, LONGEST_WAIT)
    if told:
        say("the connection is confirmed")


def _status(aws: Aws, arn: str) -> str:
    found: str = aws.call("codeconnections", "get_connection", ConnectionArn=arn)["Connection"]["ConnectionStatus"]
    return found
