"""The proxy's image in the registry."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from typing import Annotated

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.common import DIFFERENT, DONE, AsJson, aws_target, document, tell
from pipeline.commands.listing import Listed
from pipeline.errors import PipelineError
from pipeline.paths import ROOT

app = typer.Typer(cls=Listed, help="The proxy's image, and the base that it is built on.", no_args_is_help=True, rich_markup_mode=None)


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
    print(image.digest(pipeline_aws(project, aws_target()), project, _full(commit)))
    return DONE


@app.command("attested")
def image_attested(
    commit: Annotated[str, typer.Argument(help="The commit that the image was built from.")], as_json: AsJson = False
) -> int:
    """List the statements about the image of a commit, and refuse where its SBOM or its provenance is missing."""
    from pipeline import image_attestations
    from pipeline.prepare import pipeline_aws

    project = configuration()
    found = image_attestations.of_commit(pipeline_aws(project, aws_target()), project, _full(commit))
    print(document(list(found)) if as_json else "".join(f"{kind}\n" for kind in found), end="")
    return DONE


@app.command("scan")
def image_scan(
    digest: Annotated[str, typer.Argument(help="The image, as sha256:...")],
    as_json: AsJson = False,
) -> int:
    """Wait for the registry's scan, and signature, and refuse an image with a finding as bad as scan_fail_severity that nobody accepted."""
    from pipeline import image, image_gate
    from pipeline.checks import accepted
    from pipeline.exception_tables import EXCEPTIONS
    from pipeline.prepare import pipeline_aws

    project = configuration()
    aws = pipeline_aws(project, aws_target())
    if project.pipeline.supply.signing:
        image.wait_until_signed(aws, project, digest)
    image.wait_until_copied(aws, project, digest)
    found = image.scan(aws, project, digest)
    limit = project.pipeline.scan_fail_severity
    today = date.today()  # noqa: DTZ011 - an exception expires where it is read
    verdict = image_gate.judge(found, limit, accepted.vulnerabilities(ROOT), today)
    for finding in verdict.accepted:
        tell(f"accepted: {image_gate.describe(finding)}")
    for exception in verdict.unused:
        tell(f"{EXCEPTIONS}: nothing needs the exception for {exception.finding} in {exception.package} any more: remove it")
    if as_json:
        print(document({**asdict(found), "stops": [asdict(one) for one in verdict.stops], "unlisted": verdict.unlisted}), end="")
    else:
        print(", ".join(f"{count} {severity}" for severity, count in sorted(found.counts.items())) or "no findings")
    if not verdict.passes:
        lines = [image_gate.describe(finding) for finding in verdict.stops]
        lines += [f"{count} {severity} that the registry does not list" for severity, count in verdict.unlisted.items()]
        raise PipelineError(
            f"{project.repository_name}@{digest}: is not deployed (scan_fail_severity is {limit}):\n"
            + "".join(f"  {line}\n" for line in lines)
            + f"take a newer base image (kotei image pin), or accept a finding for a time in {EXCEPTIONS}"
        )
    return DONE


def _full(commit: str) -> str:
    """Images are called by whole commits, people call them HEAD. A build has no repository, and gives the whole one."""
    from pipeline.git import git

    found = git(ROOT, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    return found.stdout.decode().strip() or commit
