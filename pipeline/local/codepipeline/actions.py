"""The one table of what this engine can do. What is not in it fails by name, never silently."""

from __future__ import annotations

from pipeline.local.codepipeline import approval, build, deploy, source
from pipeline.local.codepipeline.action import Handler

HANDLERS: dict[tuple[str, str], Handler] = {
    ("Source", "CodeStarSourceConnection"): source.checkout,
    ("Build", "CodeBuild"): build.codebuild,
    ("Test", "CodeBuild"): build.codebuild,
    ("Deploy", "CloudFormation"): deploy.cloudformation,
    ("Approval", "Manual"): approval.manual,
}
