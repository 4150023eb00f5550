"""The proxy's image in the registry."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.common import DONE, aws_target
from pipeline.errors import PipelineError

app = typer.Typer(help="The proxy's image in the registry. Reads only.", no_args_is_help=True)


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
