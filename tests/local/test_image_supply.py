"""The build of the image as its buildspec has it, line by line, against the engine, with statements about the image."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
import yaml

from pipeline.local.codebuild import environment
from pipeline.local.image.attest import SLSA, SPDX
from pipeline.paths import ROOT
from stacks.project import load

pytestmark = pytest.mark.local

PROJECT = load(ROOT)
COMMIT = "c" * 40


def test_statements_are_beside_the_image_that_is_deployed(engine: Any) -> None:
    engine.client("ecr").create_repository(repositoryName=PROJECT.repository_name, imageTagMutability="IMMUTABLE")
    commands = yaml.safe_load((ROOT / "buildspec/image.yml").read_text())["phases"]["build"]["commands"]
    given = {
        # The engine's docker.
        "PATH": f"{environment._programs(engine.world)}:{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "HOME": str(engine.world.home),
        "AWS_ENDPOINT_URL": engine.world.endpoint,
        "AWS_DEFAULT_REGION": engine.world.region,
        "AWS_ACCESS_KEY_ID": engine.world.account,
        "AWS_SECRET_ACCESS_KEY": "local",  # pragma: allowlist secret
        "COMMIT": COMMIT,
        "REPOSITORY_URI": f"{engine.world.account}.dkr.ecr.{engine.world.region}.amazonaws.com/{PROJECT.repository_name}",
        "BASE_REGISTRY": "public.ecr.aws",
        "BUILDER": "moby/buildkit:x",
        "SBOM_GENERATOR": "docker/buildkit-syft-scanner:1",
    }
    script = "\n".join(["set -e", *commands, "echo $IMAGE_DIGEST"])
    ran = subprocess.run(["bash", "-c", script], cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr
    images = engine.client("ecr").describe_images(repositoryName=PROJECT.repository_name)["imageDetails"]
    by_tag = {tag: image["imageDigest"] for image in images for tag in image.get("imageTags", [])}
    # The image by itself is what is scanned and deployed; the same one is in the index.
    assert ran.stdout.splitlines()[-4:] == [SLSA, SPDX, "no findings", by_tag[COMMIT]]
    whole = engine.client("ecr").batch_get_image(repositoryName=PROJECT.repository_name, imageIds=[{"imageTag": f"{COMMIT}.attestations"}])
    entries = json.loads(whole["images"][0]["imageManifest"])["manifests"]
    assert by_tag[COMMIT] == entries[0]["digest"]
    assert by_tag[COMMIT] != by_tag[f"{COMMIT}.attestations"]
