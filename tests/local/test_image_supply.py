"""The build of the image as its buildspec has it, line by line, against the engine, with statements about the image; and its signature."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
import yaml

from pipeline import image
from pipeline.aws import Aws, Target
from pipeline.errors import PipelineError
from pipeline.local.codebuild import environment
from pipeline.local.gaps.signing import MANIFEST_TYPE, SIGN, SIGNATURE_TYPE
from pipeline.local.iam import sessions
from pipeline.local.image.attest import SLSA, SPDX
from pipeline.paths import ROOT
from policy.statement import document
from stacks import supply
from stacks.config_supply import Supply
from stacks.project import Project, load
from tests.local.conftest import ACCOUNT, REGION, give_role

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


@pytest.fixture
def signing(engine: Any) -> Project:
    """Its supply stack is there, made by a role that may do what `stacks.supply` says, and its repository."""
    config = PROJECT.pipeline.model_copy(update={"supply": Supply(signing=True), "account": ACCOUNT, "region": REGION})
    project = PROJECT.model_copy(update={"pipeline": config})
    engine.client("ecr").create_repository(repositoryName=project.repository_name)
    allowed = json.loads(document(*supply.cloudformation(project)).to_json())
    role = give_role(engine, "sets-up", "cloudformation", *allowed["Statement"])
    client = engine.client("cloudformation")
    client.create_stack(StackName="supply", TemplateBody=supply.build(project).to_json(), RoleARN=role)

    def made() -> bool:
        status: str = client.describe_stacks(StackName="supply")["Stacks"][0]["StackStatus"]
        assert "ROLLBACK" not in status, client.describe_stack_events(StackName="supply")["StackEvents"]
        return status == "CREATE_COMPLETE"

    engine.wait(made, "the supply stack")
    return project


def pushed(engine: Any, project: Project, *more: dict[str, Any]) -> str:
    """An image of a build whose role may push, and these things."""
    repository = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{project.repository_name}"
    give_role(engine, "pusher", "codebuild", {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": repository}, *more)
    role = sessions.of_service(engine.world, f"arn:aws:iam::{ACCOUNT}:role/pusher", "codebuild.amazonaws.com", "s")
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": {"digest": "x"}, "layers": []})
    client = sessions.client(engine.world, role, "ecr")
    answer = client.put_image(repositoryName=project.repository_name, imageManifest=manifest, imageTag=COMMIT)
    return str(answer["image"]["imageId"]["imageDigest"])


def profile(engine: Any) -> str:
    outputs = engine.client("cloudformation").describe_stacks(StackName="supply")["Stacks"][0]["Outputs"]
    return next(str(one["OutputValue"]) for one in outputs if one["OutputKey"] == supply.SIGNING_PROFILE)


def signatures(engine: Any, project: Project) -> list[dict[str, Any]]:
    client, where = engine.client("ecr"), {"repositoryName": project.repository_name}
    found = client.batch_get_image(**where, imageIds=client.list_images(**where)["imageIds"])["images"]
    manifests = [json.loads(one["imageManifest"]) for one in found]
    return [one for one in manifests if one.get("artifactType") == SIGNATURE_TYPE]


def aws(engine: Any) -> Aws:
    return Aws(target=Target(endpoint=engine.world.endpoint, why="test"), account=ACCOUNT, region=REGION)


def test_an_image_is_signed_as_who_pushes_it(engine: Any, signing: Project) -> None:
    digest = pushed(engine, signing, {"Effect": "Allow", "Action": "signer:SignPayload", "Resource": profile(engine)})
    image.wait_until_signed(aws(engine), signing, digest)
    (signature,) = signatures(engine, signing)
    assert signature["subject"]["digest"] == digest


def test_an_image_whose_pusher_may_not_sign_is_not_deployed(engine: Any, signing: Project) -> None:
    digest = pushed(engine, signing)
    refused = f"could not be signed with {profile(engine)}: AccessDeniedException User: .*/pusher/s is not authorized to perform: {SIGN}"
    with pytest.raises(PipelineError, match=refused):
        image.wait_until_signed(aws(engine), signing, digest)


def test_a_signature_by_another_key_is_none(engine: Any, signing: Project) -> None:
    digest = pushed(engine, signing, {"Effect": "Allow", "Action": "signer:SignPayload", "Resource": profile(engine)})
    from moto.signer.models import signer_backends  # noqa: PLC0415 - seconds, and only this test looks inside

    (kept,) = signer_backends[ACCOUNT][REGION].signing_profiles.values()
    del kept.engine_key
    with pytest.raises(PipelineError, match=r"could not be signed with .*: InvalidSignature"):
        image.wait_until_signed(aws(engine), signing, digest)
