"""The whole configuration: the pipeline's TOML file and every environment, in the order in which they are deployed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from stacks.environment import Environment, Model


class Repository(Model):
    """`name` is owner/repository as the Git host spells it (case matters to CodeConnections)."""

    provider: str = "GitHub"
    name: str
    branch: str = "main"
    ignore_paths: tuple[str, ...] = ("**/*.md",)


class PipelineConfig(Model):
    """pipeline/pipeline.toml. `environments` in the order of deployment."""

    project: str
    account: str
    region: str
    repository: Repository
    environments: tuple[str, ...]
    approvers_email: str | None = None
    approval_timeout_minutes: int = 10080
    build_image: str = "aws/codebuild/amazonlinux-aarch64-standard:3.0"
    scan_fail_severity: str = "CRITICAL"
    keep_images: int = 50


class Project(Model):
    pipeline: PipelineConfig
    environments: tuple[Environment, ...]

    def stack_name(self, stack: str) -> str:
        """The name of a shared stack in AWS."""
        return f"{self.pipeline.project}-{stack}"

    @property
    def repository_name(self) -> str:
        """The ECR repository that holds the proxy's images."""
        return f"{self.pipeline.project}/proxy"


def load(root: Path) -> Project:
    """Raises ConfigError."""
    pipeline = PipelineConfig.model_validate(read(root / "pipeline/pipeline.toml"))
    environments = [Environment.model_validate(read(root / f"stacks/environments/{name}.toml")) for name in pipeline.environments]
    return Project(pipeline=pipeline, environments=tuple(environments))


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
