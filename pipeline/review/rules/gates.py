"""What stands between a push and a deployment, told in words: one sentence for each guard that goes, and for each that comes."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.review.pipeline_stages import Delivery, Deployment

MODES = {
    "SUPERSEDED": "a newer run overtakes one that waits, so what somebody approves may no longer be what is deployed",
    "PARALLEL": "runs deploy at the same time and in any order, and no stage can be rolled back",
}


def removed(before: Delivery, after: Delivery) -> Iterator[str]:
    for owner, old in before.deployments.items():
        if owner in after.deployments:
            yield from _lost(old, after.deployments[owner])
            for other in sorted(old.follows - after.deployments[owner].follows):
                if other in after.deployments:
                    yield f"{called(owner)} is deployed before {called(other)}, so nothing is tried there first"
    yield from _builds(before, after, "no longer runs")
    was, becomes = (str(one.properties.get("ExecutionMode", "SUPERSEDED")) for one in (before, after))
    if was == "QUEUED" and becomes != was:
        yield f"runs of the pipeline no longer wait for each other: {MODES.get(becomes, becomes)}"


def added(before: Delivery, after: Delivery) -> Iterator[str]:
    for owner, new in after.deployments.items():
        if owner in before.deployments:
            yield from _won(before.deployments[owner], new)
    yield from _builds(after, before, "now runs")
    was, becomes = (str(one.properties.get("ExecutionMode", "SUPERSEDED")) for one in (before, after))
    if becomes == "QUEUED" and becomes != was:
        yield "runs of the pipeline now wait for each other"


def _lost(old: Deployment, new: Deployment) -> Iterator[str]:
    name = called(old.owner)
    yield from _approval_lost(name, old, new)
    if old.planned and not new.planned:
        yield f"{name} is deployed without a plan that anybody could read first"
    if old.gated and not new.gated:
        yield f"{name} is deployed without planning again first, so what runs may not be what was planned or approved"
    elif old.expects and not new.expects:
        yield f"the gate of {name} no longer compares with the plan (EXPECT), so what runs may not be what was approved"
    if old.window and old.window != new.window:
        yield f"{name} is deployed {f'in another window: {new.window}' if new.window else 'at any time'} (it was only in: {old.window})"
    if old.rolls_back and not new.rolls_back:
        yield f"a deployment of {name} that fails stays as it is: the pipeline no longer rolls it back"
    if old.verified and not new.verified:
        yield f"nothing verifies {name} after its deployment any more, so a fault goes on to what follows"
    elif old.verify_undoes and not new.verify_undoes and new.rolls_back:
        yield f"what fails its verification in {name} stays as it is: that is no longer part of the stage that is rolled back"


def _approval_lost(name: str, old: Deployment, new: Deployment) -> Iterator[str]:
    if old.approved and not new.approved:
        yield f"{name} is deployed without anybody's approval"
    elif old.approved and new.approved_if and old.approved_if != new.approved_if:
        before = f"it was asked where {old.approved_if}" if old.approved_if else "it was always asked"
        yield f"the approval of {name} is skipped unless {new.approved_if} ({before})"
    if new.gated and old.knows_run and not new.knows_run:
        yield f"the gate of {name} no longer looks for the approval of its run (EXECUTION), so a skipped approval goes unnoticed"


def _won(old: Deployment, new: Deployment) -> Iterator[str]:
    name = called(new.owner)
    if new.approved and not old.approved:
        yield f"{name} now waits for a person's approval" + (f" where {new.approved_if}" if new.approved_if else "")
    elif old.approved and old.approved_if and not new.approved_if:
        yield f"{name} now always waits for a person's approval"
    if new.planned and not old.planned:
        yield f"{name} is now planned before it is deployed"
    if new.expects and not old.expects:
        yield f"{name} is now planned again before it is deployed, and refused where that differs from the plan"
    if new.window and not old.window:
        yield f"{name} is now deployed only in a window: {new.window}"
    if new.rolls_back and not old.rolls_back:
        yield f"a deployment of {name} that fails is now rolled back"
    if new.verified and not old.verified:
        yield f"{name} is now verified after its deployment"
    if new.verify_undoes and not old.verify_undoes:
        yield f"what fails its verification in {name} is now rolled back"


def _builds(more: Delivery, less: Delivery, words: str) -> Iterator[str]:
    """Projects that guard a deployment of one side only."""
    found: dict[str, list[str]] = {}
    for owner, one in more.deployments.items():
        if owner in less.deployments:
            for project in sorted(one.builds - less.deployments[owner].builds):
                found.setdefault(project, []).append(called(owner))
    for project, owners in found.items():
        yield f"{project} {words} before {', '.join(owners)} {'is' if len(owners) == 1 else 'are'} deployed"


def called(owner: str) -> str:
    return "the pipeline itself" if owner == "shared" else owner
