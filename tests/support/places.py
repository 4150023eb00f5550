"""A project with four environments in two accounts and two regions, as a checkout of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline import render
from pipeline.paths import ROOT
from stacks.project import ENVIRONMENTS_FOLDER, PIPELINE_FILE, Project, load

HOME, OTHER = "111122223333", "444455556666"
NEAR, FAR = "ap-northeast-1", "us-west-2"
# What the checks and the engine read beside the configuration; everything else of a checkout is generated from it.
READ = ("policy", "buildspec", ".cfnlintrc.yaml")

PIPELINE = f"""
project = "kotei"
account = "{HOME}"
region = "{NEAR}"
environments = ["test", "far-test", "live", "far-live"]
approvers_email = "proxy-approvers@example.com"

[repository]
name = "example-org/kotei"
"""

# name: account, region, what is written before and after what all have
ENVIRONMENTS: dict[str, tuple[str, str, str, str]] = {
    # The pipeline's own account and region.
    "test": (HOME, NEAR, 'approval = "never"', ""),
    # Its own account, another region: images are pulled across.
    "far-test": (HOME, FAR, f'approval = "risky"\npipeline_region = "{NEAR}"', ""),
    # Another account, the pipeline's region.
    "live": (OTHER, NEAR, 'approval = "always"\ndeploy_window = { cron = "* * 9-17 ? * MON-FRI" }', ""),
    # Another account and region: images are copied there.
    "far-live": (
        OTHER,
        FAR,
        f'approval = "always"\npipeline_region = "{NEAR}"\nreplicate_image = true',
        '[[ports]]\nport = 5432\norigin = "db.example.net:5432"',
    ),
}

ENVIRONMENT = """
name = "{name}"
project = "kotei"
account = "{account}"
region = "{region}"
pipeline_account = "{home}"
{before}

[network.create]
cidr = "10.20.0.0/16"

[network.create.zones]
a = "10.20.0.0/24"
c = "10.20.1.0/24"

[[access.allow]]
cidr = "203.0.113.0/28"
note = "Example Bank"

[certificate]
arn = "arn:aws:acm:{region}:{account}:certificate/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"

[service]
cpu = 256
memory = 512
min_tasks = 2
max_tasks = 4
on_demand_base = 2
spot_percent = 0
drain_seconds = 60
log_days = 14

[[sites]]
host = "{name}.example.com"
origin = "https://origin.example.net"

{after}
"""


def write(root: Path) -> Project:
    """The configuration and everything that is rendered from it."""
    for name in READ:
        (root / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "docker", root / "docker", ignore=shutil.ignore_patterns("rendered"))
    configure(root)
    project = load(root)
    render.write(root, render.files(project))
    return project


def configure(root: Path, pipeline: str = PIPELINE, changes: Mapping[str, Mapping[str, str]] = MappingProxyType({})) -> None:
    """The configuration alone. `changes`: environment -> a line of what all have, and what stands there instead."""
    (root / PIPELINE_FILE).parent.mkdir()
    (root / PIPELINE_FILE).write_text(pipeline)
    (root / ENVIRONMENTS_FOLDER).mkdir(parents=True)
    for name, (account, region, before, after) in ENVIRONMENTS.items():
        text = ENVIRONMENT.format(name=name, account=account, region=region, home=HOME, before=before, after=after)
        for line, other in changes.get(name, {}).items():
            text = text.replace(line, other)
        (root / ENVIRONMENTS_FOLDER / f"{name}.toml").write_text(text)
