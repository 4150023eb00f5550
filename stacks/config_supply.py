"""What the proxy's image is made from, and what is kept to prove it."""

from __future__ import annotations

from typing import Annotated

from stacks.config_problems import Model
from stacks.config_values import Pattern

ImageName = Annotated[
    str,
    Pattern(
        r"([a-z0-9.-]+(:[0-9]+)?/)?[a-z0-9._/-]+(:[\w.-]+@sha256:[0-9a-f]{64}|:[\w.-]+|@sha256:[0-9a-f]{64})",
        "the name of an image with a tag or a digest, like 'docker/buildkit-syft-scanner:1'",
    ),
]


class Supply(Model):
    """Where the proxy's image comes from, and what proves it."""

    pull_through_cache: bool = False
    """The base image is pulled through a copy in the project's own registry, so that builds go on while public.ecr.aws is not there."""
    signing: bool = False
    """AWS Signer signs each image that is pushed, and an image without a signature is not deployed.

    A registry has one signing configuration: turn it on only where nothing else in the account and region signs images."""
    attestations: bool = False
    """Each image gets a list of what is in it (SBOM, SPDX) and a record of how it was built (SLSA provenance), beside it in the registry.

    The two programs that make them are images of Docker Hub, which lets an address pull 100 times in six hours; name copies of your own."""
    builder: ImageName = "moby/buildkit:buildx-stable-1"
    """The image of BuildKit that builds with attestations: the Docker engine of CodeBuild cannot."""
    sbom_generator: ImageName = "docker/buildkit-syft-scanner:1"
    """The image that lists what is in another image."""
