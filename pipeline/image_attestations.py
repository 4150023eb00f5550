"""What is attested of an image: an index under a tag of its own, with the image and the statements about it side by side.

The image itself stays what the commit makes it, byte for byte: statements hold the times of their build, and ECR scans images, not
indexes (docs.docker.com/build/metadata/attestations/attestation-storage).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline import image
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from stacks.project import Project

INDEX_TYPES = ["application/vnd.oci.image.index.v1+json"]
MANIFEST_TYPES = ["application/vnd.oci.image.manifest.v1+json"]
SUFFIX = ".attestations"
ABOUT, KIND = "vnd.docker.reference.digest", "vnd.docker.reference.type"
PREDICATE = "in-toto.io/predicate-type"
# What each statement is known by, whatever its version.
WANTED = {"SBOM": "https://spdx.dev/Document", "provenance": "https://slsa.dev/provenance/"}


def of_commit(aws: Aws, project: Project, commit: str) -> tuple[str, ...]:
    """The kinds of statements about the image of a commit. Raises PipelineError where one is missing, or is about another image."""
    digest = image.digest(aws, project, commit)
    name = f"{project.repository_name}:{commit}{SUFFIX}"
    index = _manifest(aws, project, {"imageTag": f"{commit}{SUFFIX}"}, INDEX_TYPES, name)
    if digest not in {entry["digest"] for entry in index.get("manifests", [])}:
        raise PipelineError(f"{name}: is not about {digest}, the image of the commit; two builds of it differ")
    found: set[str] = set()
    for entry in index["manifests"]:
        notes = entry.get("annotations", {})
        if notes.get(KIND) == "attestation-manifest" and notes.get(ABOUT) == digest:
            statements = _manifest(aws, project, {"imageDigest": entry["digest"]}, MANIFEST_TYPES, f"{name}, {entry['digest']}")
            found |= {layer.get("annotations", {}).get(PREDICATE, "") for layer in statements.get("layers", [])}
    if missing := [what for what, prefix in WANTED.items() if not any(kind.startswith(prefix) for kind in found)]:
        raise PipelineError(f"{name}: has no {' and no '.join(missing)} of {digest}")
    return tuple(sorted(found))


def _manifest(aws: Aws, project: Project, which: Mapping[str, str], types: list[str], name: str) -> dict[str, Any]:
    answer = aws.call(
        "ecr",
        "batch_get_image",
        registryId=project.pipeline.account,
        repositoryName=project.repository_name,
        imageIds=[which],
        acceptedMediaTypes=types,
    )
    if not answer["images"]:
        why = "; ".join(failure.get("failureReason", "") for failure in answer["failures"])
        raise PipelineError(f"{name}: is not in the registry ({why}); the pipeline's Image stage makes it where supply.attestations is on")
    document: dict[str, Any] = json.loads(answer["images"][0]["imageManifest"])
    return document
