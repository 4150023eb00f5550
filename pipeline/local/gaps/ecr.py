"""What moto's ECR lacks: an image's digest is its manifest's, no findings are made up of a scan that nobody made, and copies."""

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
    images_are_copied(patch)


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


def images_are_copied(patch: Patch) -> None:
    """In moto 5.2.5: a replication configuration is kept and does nothing, and nobody can ask for a copy."""
    from moto.core.responses import ActionResult
    from moto.ecr.models import ECRBackend, ecr_backends
    from moto.ecr.responses import ECRResponse

    original = ECRBackend.put_image

    def put_image(self: Any, repository_name: str, image_manifest: str, image_tag: str, *more: Any) -> Any:
        image = original(self, repository_name, image_manifest, image_tag, *more)
        for account, region in _destinations(self, repository_name):
            copies = ecr_backends[account][region]
            # ECR makes the repository that a copy lacks.
            if repository_name not in copies.repositories:
                copies.create_repository(
                    repository_name=repository_name,
                    registry_id=account,
                    encryption_config=None,
                    image_scan_config=None,
                    image_tag_mutability="MUTABLE",
                    tags=[],
                )
            original(copies, repository_name, image_manifest, image_tag, *more)
        return image

    def describe_image_replication_status(self: Any) -> ActionResult:
        name, wanted = self._get_param("repositoryName"), self._get_param("imageId")
        repository = self.ecr_backend._get_repository(name, self._get_param("registryId"))
        image = repository._get_image(wanted.get("imageTag"), wanted.get("imageDigest"))
        states = []
        for account, region in _destinations(self.ecr_backend, name):
            there = ecr_backends[account][region].repositories.get(name)
            if there and any(copy.image_digest == image.image_digest for copy in there.images):
                states.append({"region": region, "registryId": account, "status": "COMPLETE"})
        return ActionResult({"repositoryName": name, "imageId": wanted, "replicationStatuses": states})

    patch(ECRBackend, "put_image", put_image)
    patch(ECRResponse, "describe_image_replication_status", describe_image_replication_status)


def _destinations(backend: Any, repository: str) -> list[tuple[str, str]]:
    """(account, region) of each place to which the registry copies what is pushed to the repository."""
    return [
        (place["registryId"], place["region"])
        for rule in backend.replication_config["rules"]
        if any(repository.startswith(one["filter"]) for one in rule.get("repositoryFilters") or [{"filter": ""}])
        for place in rule["destinations"]
    ]
