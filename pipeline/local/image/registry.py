"""Pushing to the emulated ECR. The layers stay on this computer; the registry holds the manifest."""

from __future__ import annotations

import os
import re

from pipeline.errors import PipelineError
from pipeline.local.image.build import MANIFEST_TYPE, Image
from pipeline.local.world import make_client

REFERENCE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+):(?P<tag>[\w][\w.-]{0,127})"
)


def push(image: Image, reference: str) -> None:
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise PipelineError(
            f"push {reference}: is not a tag in an ECR registry (<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>)"
        )
    client = make_client(os.environ["AWS_ENDPOINT_URL"], "ecr", os.environ["AWS_ACCESS_KEY_ID"], found["region"])
    try:
        client.put_image(
            registryId=found["account"],
            repositoryName=found["repository"],
            imageManifest=image.manifest.decode(),
            imageManifestMediaType=MANIFEST_TYPE,
            imageTag=found["tag"],
        )
    except client.exceptions.ClientError as error:
        raise PipelineError(f"push {reference}: {error}") from error
