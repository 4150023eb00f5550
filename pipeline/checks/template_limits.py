"""What AWS counts: sizes of templates and stack policies, and roles that should not be shared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
# CodePipeline and `kotei bootstrap` hand a template over by S3: up to this much (aws-cloudformation/cloudformation-coverage-roadmap#1023).
TEMPLATE_BYTES = 512_000
RESOURCES, PARAMETERS, OUTPUTS = 500, 200, 200
STACK_POLICY_BYTES = 16_384
# https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
STAGES, ACTIONS = 50, 500


def findings(document: Document, root: Path) -> Iterator[Finding]:
    for rule, message in [*_sizes(document, root), *_shared_roles(document)]:
        yield Finding(path=document.path, rule=rule, message=message)


def _sizes(document: Document, root: Path) -> Iterator[tuple[str, str]]:
    size = len(document.text.encode())
    if size > TEMPLATE_BYTES:
        yield "template-size", f"has {size} bytes: AWS takes {TEMPLATE_BYTES}; split the stack"
    for section, most in (("Resources", RESOURCES), ("Parameters", PARAMETERS), ("Outputs", OUTPUTS)):
        if len(document.content.get(section) or {}) > most:
            yield "template-size", f"has {len(document.content[section])} {section}: AWS takes {most}"
    for _, pipeline in document.resources("AWS::CodePipeline::Pipeline"):
        stages = pipeline["Stages"]
        for found, what, most in ((len(stages), "stages", STAGES), (sum(len(one["Actions"]) for one in stages), "actions", ACTIONS)):
            if found > most:
                yield "pipeline-size", f"has {found} {what}: AWS takes {most}; fewer environments, or a second pipeline with the others"
    configuration = (root / document.path).with_suffix(".json")
    if not configuration.is_file():
        yield "template-configuration", f"{configuration.name} is missing beside it; run: kotei render"
        return
    try:
        policy = json.dumps(json.loads(configuration.read_text()).get("StackPolicy", {}))
    except ValueError as error:
        yield "template-configuration", f"{configuration.name} beside it is not JSON: {error}; run: kotei render"
        return
    if len(policy.encode()) > STACK_POLICY_BYTES:
        yield "stack-policy-size", f"the stack policy has {len(policy.encode())} bytes: AWS takes {STACK_POLICY_BYTES}"


def _shared_roles(document: Document) -> Iterator[tuple[str, str]]:
    users = [(logical_id, project.get("ServiceRole")) for logical_id, project in document.resources("AWS::CodeBuild::Project")]
    users += [(logical_id, pipeline.get("RoleArn")) for logical_id, pipeline in document.resources("AWS::CodePipeline::Pipeline")]
    for number, (logical_id, role) in enumerate(users):
        for other, other_role in users[:number]:
            if role == other_role:
                yield (
                    "build-role-shared",
                    f"{other} and {logical_id} have the same role: each needs other permissions, so give each its own",
                )
