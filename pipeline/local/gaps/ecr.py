"""What moto's ECR lacks: an image's digest is its manifest's, and a scan that nobody made has no findings made up."""

# ruff: noqa: SLF001 -- a gap is mended where it is: inside moto

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]

NOT_SCANNED = "The local engine scans nothing: ECR scans the image when it is pushed to AWS."


def apply(patch: Patch = setattr) -> None:
    digests_are_of_manifests(patch)
    scans_invent_nothing(patch)


def digests_are_of_manifests(patch: Patch) -> None:
    """In moto 5.2.5: a digest is made of the digests of the layers, so images that differ in their configuration only would be one."""
    from moto.ecr.models import ECRBackend

    original = ECRBackend.put_image

    def put_image(  # noqa: PLR0917 - moto's own signature
        self: Any, repository_name: str, image_manifest: str, image_tag: str, media_type: str | None = None, digest: str | None = None
    ) -> Any:
        own = "sha256:" + hashlib.sha256(image_manifest.encode()).hexdigest()
        if digest is not None and digest != own:
            from moto.ecr.exceptions import InvalidParameterException

            raise InvalidParameterException(f"image digest {digest} does not match the digest of the manifest, {own}")
        return original(self, repository_name, image_manifest, image_tag, media_type, own)

    patch(ECRBackend, "put_image", put_image)


def scans_invent_nothing(patch: Patch) -> None:
    """In moto 5.2.5: there is no scan on push, and a scan that is started finds an invented CVE."""
    from moto.ecr.models import ECRBackend

    def describe_image_scan_findings(self: Any, registry_id: str, repository_name: str, image_id: dict[str, Any]) -> dict[str, Any]:
        repository = self._get_repository(repository_name, registry_id)
        image = repository._get_image(image_id.get("imageTag"), image_id.get("imageDigest"))
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository_name,
            "imageId": {"imageDigest": image.image_digest, "imageTag": image.image_tag},
            "imageScanStatus": {"status": "COMPLETE", "description": NOT_SCANNED},
            "imageScanFindings": {"findings": [], "findingSeverityCounts": {}},
        }

    patch(ECRBackend, "describe_image_scan_findings", describe_image_scan_findings)
