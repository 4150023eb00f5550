"""Statements about an image, and the index that holds them beside it, in the form that buildx writes.

They say what this builder knows: how it was called, on which base, and which files the image adds. The base's packages it cannot see.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.local.image.build import CONFIG_TYPE, MANIFEST_TYPE, Image, descriptor, json_bytes

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
STATEMENT_TYPE = "application/vnd.in-toto+json"
SPDX, SLSA = "https://spdx.dev/Document", "https://slsa.dev/provenance/v0.2"


def sbom(image: Image) -> dict[str, Any]:
    files = [
        {"SPDXID": f"SPDXRef-{number}", "fileName": name, "checksums": [{"algorithm": "SHA256", "checksumValue": sha}]}
        for number, (name, sha) in enumerate(_files(image))
    ]
    return {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "what the image adds to its base", "files": files}


def provenance(base: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    name, _, digest = base.partition("@sha256:")
    return {
        "buildType": "kotei-local-engine",
        "builder": {"id": ""},
        "materials": [{"uri": f"pkg:docker/{name}", **({"digest": {"sha256": digest}} if digest else {})}],
        "invocation": {"parameters": {f"build-arg:{key}": value for key, value in arguments.items()}},
    }


def _files(image: Image) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=io.BytesIO(image.layer)) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None:
                yield member.name, hashlib.sha256(content.read()).hexdigest()


def index(image: Image, predicates: Mapping[str, Mapping[str, Any]]) -> tuple[bytes, bytes]:
    """The index, and the manifest of the statements in it. `predicates` are by their type."""
    subject = [{"name": "_", "digest": {"sha256": image.digest.removeprefix("sha256:")}}]
    layers = []
    for kind, predicate in predicates.items():
        statement = json_bytes(
            {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": kind, "subject": subject, "predicate": predicate}
        )
        layers.append({**descriptor(STATEMENT_TYPE, statement), "annotations": {"in-toto.io/predicate-type": kind}})
    config = json_bytes({"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": []}})
    statements = json_bytes({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": descriptor(CONFIG_TYPE, config), "layers": layers})
    about = {"vnd.docker.reference.digest": image.digest, "vnd.docker.reference.type": "attestation-manifest"}
    of_image = {**descriptor(MANIFEST_TYPE, image.manifest), "platform": {"architecture": "arm64", "os": "linux"}}
    of_statements = {
        **descriptor(MANIFEST_TYPE, statements),
        "annotations": about,
        "platform": {"architecture": "unknown", "os": "unknown"},
    }
    return json_bytes({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [of_image, of_statements]}), statements
