"""What the pipeline itself needs, and this computer."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pipeline import live
from pipeline.aws import RefusedError
from pipeline.doctor.model import Shared, Told, broken, ok, unknown, warning
from pipeline.git import git

# A signature is refused that is five minutes off (IAM user guide, signing requests).
REFUSED_SKEW, LARGE_SKEW = 300, 60
OLDEST_GIT = (2, 31)


def connection(shared: Shared) -> Iterator[Told]:
    """codeconnections:GetConnection."""
    stack = live.describe(shared.aws, shared.project.stack_name("connection"))
    if stack is None:
        yield broken("there is no connection to the Git host", "kotei bootstrap")
        return
    arn = live.outputs(stack)["ConnectionArn"]
    state = shared.aws.call("codeconnections", "get_connection", ConnectionArn=arn)["Connection"]["ConnectionStatus"]
    if state == "AVAILABLE":
        yield ok("the connection to the Git host is AVAILABLE")
    else:
        yield broken(
            f"the connection to the Git host is {state}: no push starts the pipeline", "kotei open connection, and update it there"
        )


def build_image(shared: Shared) -> Iterator[Told]:
    """codebuild:ListCuratedEnvironmentImages."""
    wanted = shared.project.pipeline.build_image
    platforms = shared.aws.call("codebuild", "list_curated_environment_images")["platforms"]
    there = {image["name"] for platform in platforms for language in platform["languages"] for image in language["images"]}
    if wanted in there:
        yield ok(f"CodeBuild offers {wanted}")
    else:
        newest = max((name for name in there if name.rpartition(":")[0] == wanted.rpartition(":")[0]), default="")
        yield broken(f"CodeBuild does not offer {wanted}", f"build_image in pipeline/pipeline.toml{f': {newest}' if newest else ''}")


def pipeline(shared: Shared) -> Iterator[Told]:
    """codepipeline:GetPipelineState: whether a stage lets nothing in."""
    try:
        state = shared.aws.call("codepipeline", "get_pipeline_state", name=shared.project.pipeline.project)
    except RefusedError as refused:
        if refused.code != "PipelineNotFoundException":
            raise
        yield broken("there is no pipeline", "kotei bootstrap")
        return
    closed = [stage["stageName"] for stage in state["stageStates"] if not stage.get("inboundTransitionState", {}).get("enabled", True)]
    name = shared.project.pipeline.project
    for stage in closed:
        mend = f"aws codepipeline enable-stage-transition --pipeline-name {name} --stage-name {stage} --transition-type Inbound"
        yield warning(f"nothing goes into stage {stage}: its transition is disabled", mend)
    if not closed:
        yield ok("every stage lets runs in")


def clock(shared: Shared) -> Iterator[Told]:
    """sts:GetCallerIdentity, for the time that AWS has."""
    headers = shared.aws.call("sts", "get_caller_identity")["ResponseMetadata"].get("HTTPHeaders", {})
    if "date" not in headers:
        yield unknown("AWS does not say what time it is")
        return
    skew = abs((datetime.now(UTC) - parsedate_to_datetime(headers["date"])).total_seconds())
    told = f"this computer's clock is {skew:.0f} s off"
    if skew >= REFUSED_SKEW:
        yield broken(f"{told}: AWS refuses signatures that are five minutes off", "timedatectl set-ntp true")
    else:
        yield warning(told, "timedatectl set-ntp true") if skew >= LARGE_SKEW else ok(told)


def tools(shared: Shared) -> Iterator[Told]:
    """git, Python and the commit hook, on this computer."""
    yield ok(f"Python {'.'.join(map(str, sys.version_info[:3]))}")
    if shutil.which("git") is None:
        yield broken("git is not installed")
        return
    version = git(shared.root, "--version").stdout.decode().split()[2]
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    yield ok(f"git {version}") if numbers >= OLDEST_GIT else warning(f"git {version} is older than 2.31")
    found = git(shared.root, "rev-parse", "--git-path", "hooks/pre-commit")
    if found.returncode:
        yield warning("this is no git checkout", "git clone")
    elif not (shared.root / found.stdout.decode().strip()).exists():
        yield warning("the commit hook is not installed: what is generated can be forgotten", "make hooks")
    else:
        yield ok("the commit hook is installed")
