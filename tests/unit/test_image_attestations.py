"""What is attested of an image: that it is about this image, and that nothing is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline import image_attestations
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from stacks.project import PipelineConfig, Project

IMAGE, OTHER, STATEMENTS = (f"sha256:{digit * 64}" for digit in "123")
SBOM, PROVENANCE = "https://spdx.dev/Document", "https://slsa.dev/provenance/v1"


@pytest.fixture
def project() -> Project:
    config = {"project": "demo", "account": "111122223333", "region": "ap-northeast-1", "environments": ["test"]}
    pipeline = PipelineConfig.model_validate({**config, "repository": {"name": "example-org/demo"}})
    return Project.model_construct(pipeline=pipeline, environments=())


def manifest(**content: Any) -> dict[str, Any]:
    return {"images": [{"imageManifest": json.dumps(content)}], "failures": []}


def index(*, image: str = IMAGE, about: str = IMAGE) -> dict[str, Any]:
    notes = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about}
    return manifest(manifests=[{"digest": image}, {"digest": STATEMENTS, "annotations": notes}])


def statements(*kinds: str) -> dict[str, Any]:
    return manifest(layers=[{"annotations": {"in-toto.io/predicate-type": kind}} for kind in kinds])


def test_sbom_and_provenance_of_the_image_are_found(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    where = {"registryId": "111122223333", "repositoryName": "demo/proxy"}
    answers("ecr", "describe_images", {"imageDetails": [{"imageDigest": IMAGE}]}, {**where, "imageIds": [{"imageTag": "abc"}]})
    asked = {**where, "imageIds": [{"imageTag": "abc.attestations"}], "acceptedMediaTypes": image_attestations.INDEX_TYPES}
    answers("ecr", "batch_get_image", index(), asked)
    asked = {**where, "imageIds": [{"imageDigest": STATEMENTS}], "acceptedMediaTypes": image_attestations.MANIFEST_TYPES}
    answers("ecr", "batch_get_image", statements(SBOM, PROVENANCE), asked)
    assert image_attestations.of_commit(aws, project, "abc") == (PROVENANCE, SBOM)


@pytest.mark.parametrize(
    ("index_answer", "more", "said"),
    [
        ({"images": [], "failures": [{"failureReason": "not found"}]}, [], r"abc.attestations: is not in the registry \(not found\)"),
        (index(image=OTHER), [], "is not about sha256:1+, the image of the commit; two builds of it differ"),
        (index(about=OTHER), [], "has no SBOM and no provenance of sha256:1"),
        (index(), [statements(SBOM)], "has no provenance of sha256:1"),
        (index(), [statements(PROVENANCE)], "has no SBOM of sha256:1"),
    ],
)
def test_what_is_missing_is_named(  # noqa: PLR0917  # a row of the table, and what reads it
    index_answer: dict[str, Any],
    more: list[dict[str, Any]],
    said: str,
    aws: Aws,
    answers: Callable[..., None],
    project: Project,
) -> None:
    answers("ecr", "describe_images", {"imageDetails": [{"imageDigest": IMAGE}]})
    for answer in (index_answer, *more):
        answers("ecr", "batch_get_image", answer)
    with pytest.raises(PipelineError, match=said):
        image_attestations.of_commit(aws, project, "abc")
