"""Brings together what a plan rests on: the rendered files of this checkout and the stacks that are live."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline import catalog, live
from pipeline.aws import Aws, Target
from pipeline.errors import PipelineError
from pipeline.live import Live
from pipeline.paths import NGINX_RENDERED, RENDERED
from pipeline.plan import Desired, Plan, compare, fingerprint, needs_approval
from pipeline.stages import SHARED
from pipeline.template_text import document
from stacks import deployroles
from stacks.environment import Environment
from stacks.project import Project

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    plan: Plan
    fingerprint: str
    needs_approval: bool


def prepare(root: Path, project: Project, target: Target, owner: str, image_digest: str | None) -> Prepared:
    """`owner` is an environment, or `shared` for the pipeline and what it needs."""
    if image_digest is not None and not DIGEST.fullmatch(image_digest):
        raise PipelineError(f"{image_digest!r} is not an image digest (sha256: and 64 hexadecimal digits); see: kotei image digest COMMIT")
    given = {"ImageDigest": image_digest} if image_digest else {}
    if owner == SHARED:
        aws = pipeline_aws(project, target)
        names = {spec.name: project.stack_name(spec.name) for spec in catalog.SHARED_STACKS}
        approval: Literal["always", "risky", "never"] = "risky"
    else:
        env = environment(project, owner)
        aws = environment_aws(env, target)
        names = {spec.name: env.stack_name(spec.name) for spec in catalog.ENVIRONMENT_STACKS if spec.wanted(env)}
        approval = env.approval
    found = {stack: live.read(aws, stack, name) for stack, name in names.items()}
    files = rendered_files(root, owner)
    desired = tuple(_desired(files, owner, stack, name, _known(given, found)) for stack, name in names.items())
    plan = compare(owner, desired, found)
    return Prepared(plan=plan, fingerprint=fingerprint(files, given, found), needs_approval=needs_approval(plan, approval))


def environment(project: Project, name: str) -> Environment:
    for env in project.environments:
        if env.name == name:
            return env
    names = ", ".join(env.name for env in project.environments)
    raise PipelineError(f"there is no environment {name!r}; pipeline/pipeline.toml names: {names}")


def environment_aws(env: Environment, target: Target) -> Aws:
    role = None if env.account == env.pipeline_account else deployroles.read_role(env.project, env.account)
    return Aws(target=target, account=env.pipeline_account if role else env.account, region=env.region, role=role)


def pipeline_aws(project: Project, target: Target) -> Aws:
    return Aws(target=target, account=project.pipeline.account, region=project.pipeline.region)


def rendered_files(root: Path, owner: str) -> dict[str, str]:
    """Everything generated for the owner, by path. The image carries the nginx files, so they are part of what is approved."""
    folders = (RENDERED / owner, NGINX_RENDERED / owner)
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*") if path.is_file())
    if not paths:
        raise PipelineError(f"{RENDERED / owner}: nothing is rendered; run: kotei render")
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def _desired(files: Mapping[str, str], owner: str, stack: str, name: str, known: Mapping[str, str]) -> Desired:
    path = f"{RENDERED}/{owner}/{stack}.yaml"
    if path not in files:
        raise PipelineError(f"{path} is not there; run: kotei render")
    template = document(files[path])
    parameters = {parameter: known[parameter] for parameter in template.get("Parameters", {}) if parameter in known}
    return Desired(stack=stack, name=name, template=json.loads(json.dumps(template, default=str)), inputs=parameters)


def _known(given: Mapping[str, str], found: Mapping[str, Live | None]) -> dict[str, str]:
    """Outputs as they are now. A stack that is still to be deployed may change them; that shows in the resources that it changes."""
    outputs = {key: value for stack in found.values() if stack is not None for key, value in stack.outputs.items()}
    return {**outputs, **given}
