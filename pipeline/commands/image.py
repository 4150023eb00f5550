"""The proxy's image in the registry."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.common import DIFFERENT, DONE, AsJson, aws_target, document, tell
from pipeline.errors import PipelineError
from pipeline.paths import ROOT

app = typer.Typer(help="The proxy's image, and the base that it is built on.", no_args_is_help=True)


@app.command("pin")
def image_pin(
    tag: Annotated[str, typer.Argument(help="Another tag of the base (empty: the one that docker/Dockerfile names).")] = "",
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Write nothing; exit 4 when the tag's image is another one.")] = False,
    as_json: AsJson = False,
) -> int:
    """Look up the digest that the base image's tag has now, and write it into docker/Dockerfile."""
    from pipeline import image_base

    named = image_base.read((ROOT / image_base.DOCKERFILE).read_text())
    tell(f"asking {named.registry}")
    found = image_base.resolve(replace(named, tag=tag or named.tag))
    if found != named and not exit_code:
        image_base.pin(ROOT, found)
    if as_json:
        print(document({"base": str(found), "was": str(named), "changed": found != named}), end="")
    else:
        print(found)
    if found != named:
        tell(f"it was {named}" if exit_code else f"{image_base.DOCKERFILE}: it was {named}; see: git diff")
    return DIFFERENT if exit_code and found != named else DONE


@app.command("digest")
def image_digest(commit: Annotated[str, typer.Argument(help="The commit that the image was built from.")]) -> int:
    """Print the digest of the image of a commit."""
    from pipeline import image
    from pipeline.prepare import pipeline_aws

    project = configuration()
    print(image.digest(pipeline_aws(project, aws_target()), project, commit))
    return DONE


@app.command("scan")
def image_scan(digest: Annotated[str, typer.Argument(help="The image, as sha256:...")]) -> int:
    """Wait for the registry's scan and refuse an image with findings as bad as scan_fail_severity or worse."""
    from pipeline import image
    from pipeline.prepare import pipeline_aws

    project = configuration()
    counts = image.findings(pipeline_aws(project, aws_target()), project, digest)
    limit = project.pipeline.scan_fail_severity
    if severe := image.too_severe(counts, limit):
        words = ", ".join(f"{count} {severity}" for severity, count in severe.items())
        raise PipelineError(
            f"{project.repository_name}@{digest}: {words} (scan_fail_severity is {limit}); take a newer base image in docker/Dockerfile"
        )
    print(", ".join(f"{count} {severity}" for severity, count in sorted(counts.items())) or "no findings")
    return DONE
