"""The rules between an environment's place and the pipeline's: accounts are free, regions are where CodePipeline is."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.config_problems import Problem

# CodePipeline is not offered there, so it keeps no artifacts there either: "The region ... specified in 'pipeline.artifactStores' is not
# a valid AWS Region" (aws/aws-cdk#15650; the regions are those of botocore's endpoints).
WITHOUT_CODEPIPELINE = frozenset({"ap-east-2", "ap-southeast-7", "ca-west-1", "mx-central-1"})


def pipeline_reaches_region(region: str) -> Iterator[Problem]:
    if region in WITHOUT_CODEPIPELINE:
        yield Problem(("region",), f"'{region}' has no CodePipeline, which must keep its artifacts there; choose another region")


def pipelines_region_is_named(region: str, pipeline_region: str | None, wanted: str) -> Iterator[Problem]:
    if (pipeline_region or region) == wanted:
        return
    if pipeline_region is None:
        text = f"is missing: this environment is in '{region}' and the pipeline in '{wanted}'; write pipeline_region = \"{wanted}\""
    else:
        text = f"'{pipeline_region}' is not the region of pipeline/pipeline.toml, '{wanted}'"
    yield Problem(("pipeline_region",), text)


def only_another_region_gets_copies(region: str, replicate_image: bool, wanted: str) -> Iterator[Problem]:  # noqa: FBT001 - a key of the configuration
    if replicate_image and region == wanted:
        yield Problem(("replicate_image",), "the image is in this region already; remove the key")
