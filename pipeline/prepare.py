"""Brings together what a plan rests on: the stacks that are live, and the rendered files of this checkout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pipeline import catalog, deployed, kept_address, live
from pipeline.aws import Aws, Target
from pipeline.errors import PipelineError
from pipeline.exception_tables import EXCEPTIONS
from pipeline.live import Live
from pipeline.paths import NGINX_RENDERED, RENDERED
from pipeline.plan import Parts, fingerprint, needs_approval, parts
from pipeline.plan_effects import EFFECTS, effects
from pipeline.review import exceptions, sides
from pipeline.review.compare import compare
from pipeline.review.judge import judge
from pipeline.review.model import Finding, PlanFacts, Review, Side
from pipeline.stages import SHARED
from stacks import deployroles
from stacks.environment import Environment
from stacks.project import Project

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# The one parameter that no stack gives: the pipeline builds the image before it plans.
IMAGE = "ImageDigest"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """`parts` is what the fingerprint is of, and what the plan does. `changes`: whether a deployment would change anything, told or not.

    `frozen` says why nothing may be deployed now.
    """

    owner: str
    review: Review
    facts: PlanFacts
    parts: Parts
    changes: bool
    frozen: str = ""


@dataclass(frozen=True, kw_only=True)
class _Owner:
    """An environment or `shared`: where its stacks are, and what they are called in AWS."""

    name: str
    aws: Aws
    stacks: Mapping[str, str]
    approval: Literal["always", "risky", "never"]


def prepare(root: Path, project: Project, target: Target, owner: str, image_digest: str | None) -> Prepared:
    """`owner` is an environment, or `shared` for the pipeline and what it needs."""
    if image_digest is not None and not DIGEST.fullmatch(image_digest):
        raise PipelineError(f"{image_digest!r} is not an image digest (sha256: and 64 hexadecimal digits); see: kotei image digest COMMIT")
    given = {IMAGE: image_digest} if image_digest else {}
    mine = _owner(project, target, owner)
    found = {stack: live.read(mine.aws, owner, stack, name) for stack, name in mine.stacks.items()}
    files = owned_files(root, owner)
    after = _after(files, mine, given, found)
    before = Side(stacks={stack: one.stack for stack, one in found.items() if one})
    serves = "service" in before.stacks
    ran = _what_ran(root, project, target, owner) if serves else None
    before = _with_files(before, after, owner, ran)
    rests_on = parts(files, given, {mine.stacks[stack]: one for stack, one in found.items()})
    frozen = "" if owner == SHARED else freeze_of(environment(project, owner), datetime.now(UTC))
    told = (*_unread(mine, found), *(_unknown_sites(owner) if serves and ran is None else ()), *_untimely(frozen))
    accepted = exceptions.parse(files.get(EXCEPTIONS.as_posix()))
    today = date.today()  # noqa: DTZ011 - an exception expires where it is read
    judged = judge(compare(owner, before, after), accepted, today)
    kept = tuple(kept_address.findings(mine.aws, owner, after.stacks.get("addresses"), before.stacks.get("addresses"), after.pinned))
    worst = "blocked" if any(finding.verdict == "blocked" for finding in kept) else judged.verdict
    judged = replace(judged, verdict=worst, findings=(*kept, *judged.findings, *told))
    facts = PlanFacts(fingerprint=fingerprint(rests_on), needs_approval=needs_approval(judged.verdict, mine.approval))
    review = Review(base="what is live", head="this checkout", owners=(judged,), plan=facts)
    stacks = any(stack.action != "none" for stack in judged.stacks)
    changes = stacks or (before.nginx, before.pinned) != (after.nginx, after.pinned)
    return Prepared(owner=owner, review=review, facts=facts, parts={**rests_on, EFFECTS: effects(judged)}, changes=changes, frozen=frozen)


def _owner(project: Project, target: Target, owner: str) -> _Owner:
    aws, stacks = owner_stacks(project, target, owner)
    return _Owner(name=owner, aws=aws, stacks=stacks, approval="risky" if owner == SHARED else environment(project, owner).approval)


def owner_stacks(project: Project, target: Target, owner: str) -> tuple[Aws, dict[str, str]]:
    """How their account is read, and their names in AWS. Also the stacks that are not wanted any more: they may still be there."""
    if owner == SHARED:
        return pipeline_aws(project, target), {spec.name: project.stack_name(spec.name) for spec in catalog.SHARED_STACKS}
    env = environment(project, owner)
    return environment_aws(env, target), {spec.name: env.stack_name(spec.name) for spec in catalog.ENVIRONMENT_STACKS}


def environment(project: Project, name: str) -> Environment:
    for env in project.environments:
        if env.name == name:
            return env
    names = [env.name for env in project.environments]
    near = "".join(f" (did you mean {one}?)" for one in get_close_matches(name, [*names, SHARED], n=1))
    raise PipelineError(f"there is no environment {name!r}{near}; pipeline/pipeline.toml names: {', '.join(names)}")


def environment_aws(env: Environment, target: Target) -> Aws:
    role = None if env.account == env.pipeline_account else deployroles.read_role(env.project, env.account)
    return Aws(target=target, account=env.pipeline_account if role else env.account, region=env.region, role=role)


def pipeline_aws(project: Project, target: Target) -> Aws:
    return Aws(target=target, account=project.pipeline.account, region=project.pipeline.region)


def owned_files(root: Path, owner: str) -> dict[str, str]:
    """Everything that a plan of the owner is made from, by path. nginx files are in the image, so they are part of what is approved."""
    folders = (RENDERED / owner, NGINX_RENDERED / owner)
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*") if path.is_file())
    if not paths:
        raise PipelineError(f"{RENDERED / owner}: nothing is rendered; run: kotei render")
    others = [root / sides.pinned_file(owner), root / EXCEPTIONS]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in (*paths, *others) if path.is_file()}


def _after(files: Mapping[str, str], mine: _Owner, given: Mapping[str, str], found: Mapping[str, Live | None]) -> Side:
    """Without an image the one that is deployed stays."""
    side = sides.sides(files).get(mine.name, Side())
    stacks = {}
    for stack, one in side.stacks.items():
        then = found.get(stack)
        kept = {IMAGE: then.stack.parameters[IMAGE]} if then and IMAGE in then.stack.parameters else {}
        known = {name: value for name, value in {**kept, **given}.items() if name in (one.template.get("Parameters") or {})}
        stacks[stack] = replace(one, name=mine.stacks.get(stack, ""), parameters=known)
    return replace(side, stacks=stacks)


def _what_ran(root: Path, project: Project, target: Target, owner: str) -> Mapping[str, str | None] | None:
    paths = (f"{NGINX_RENDERED}/{owner}/nginx.conf", sides.pinned_file(owner))
    return deployed.files(root, pipeline_aws(project, target), project, owner, paths)


def _with_files(before: Side, after: Side, owner: str, ran: Mapping[str, str | None] | None) -> Side:
    """What AWS does not keep. Where it is not known, it is taken as it will be, so that nothing is said about it."""
    if ran is None:
        return replace(before, nginx=after.nginx if "service" in before.stacks else None, pinned=after.pinned)
    pinned = sides.pins(owner, ran.get(sides.pinned_file(owner)))
    return replace(before, nginx=ran.get(f"{NGINX_RENDERED}/{owner}/nginx.conf"), pinned=pinned)


def freeze_of(env: Environment, now: datetime) -> str:
    """Why nothing may be deployed now; empty where it may."""
    held = [freeze for freeze in env.freeze if freeze.holds(now)]
    if not held:
        return ""
    last = max(held, key=lambda freeze: freeze.ends)
    return f"nothing is deployed to {env.name} until {last.ends.isoformat(sep=' ', timespec='minutes')}: {last.reason}"


def _untimely(frozen: str) -> Iterator[Finding]:
    if frozen:
        yield Finding(rule="frozen", topic="pipeline", verdict="safe", text=frozen, mend="its gate refuses until then")


def _unread(mine: _Owner, found: Mapping[str, Live | None]) -> Iterator[Finding]:
    calls = sorted({call for one in found.values() if one for call in one.unread})
    if calls:
        role = mine.aws.role
        yield Finding(
            rule="not-read",
            topic="permissions",
            verdict="safe",
            text=f"{role or 'this role'} may not call {', '.join(calls)}, so this plan says nothing about what only they tell",
            mend=f"deploy {RENDERED}/accounts/{role.split(':')[4]}/deployroles.yaml anew" if role else "its policy is in policy/build.py",
        )


def _unknown_sites(owner: str) -> Iterator[Finding]:
    yield Finding(
        rule="sites-unknown",
        topic="sites",
        verdict="safe",
        text=f"which nginx.conf {owner} runs is not known here, so this plan says nothing about sites, paths and limits",
        mend="kotei review COMMIT, with the commit that runs (kotei status)",
    )
