"""Pushing to the emulated ECR. The layers stay on this computer; the registry holds the manifest."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence

from pipeline.errors import PipelineError
from pipeline.local.image.build import MANIFEST_TYPE
from pipeline.local.world import make_client

REFERENCE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+):(?P<tag>[\w][\w.-]{0,127})"
)


def push(manifests: Sequence[bytes], reference: str) -> None:
    """The last one gets the tag."""
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise PipelineError(
            f"push {reference}: is not a tag in an ECR registry (<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>)"
        )
    client = make_client(os.environ["AWS_ENDPOINT_URL"], "ecr", os.environ["AWS_ACCESS_KEY_ID"], found["region"])
    try:
        for number, manifest in enumerate(manifests, start=1):
            client.put_image(
                registryId=found["account"],
                repositoryName=found["repository"],
                imageManifest=manifest.decode(),
                imageManifestMediaType=json.loads(manifest).get("mediaType", MANIFEST_TYPE),
                **({"imageTag": found["tag"]} if number == len(manifests) else {}),
            )
    except client.exceptions.ClientError as error:
        raise PipelineError(f"push {reference}: {error}") from error
