"""`kotei bootstrap` where something is there already: what AWS kept of stacks that are gone, and what a killed run left."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline import bootstrap

pytestmark = pytest.mark.local

MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})


def names(cloud: Any) -> list[str]:
    return [stack["StackName"] for stack in cloud.cfn.describe_stacks()["Stacks"]]


def delete_all(cloud: Any) -> None:
    for name in reversed(names(cloud)):
        cloud.cfn.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        assert cloud.delete(name)["StackStatus"] == "DELETE_COMPLETE", cloud.reasons(name)


def what_stays(cloud: Any) -> dict[str, Any]:
    """What no other can stand in for, by what tells it from another."""
    (connection,) = cloud.client("codeconnections").list_connections()["Connections"]
    keys = cloud.client("kms").list_keys()["Keys"]
    return {
        "buckets": [one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"]],
        "keys": sorted(one["KeyId"] for one in keys),
        "connection": (connection["ConnectionArn"], connection["ConnectionStatus"]),
        "groups": [one["logGroupName"] for one in cloud.client("logs").describe_log_groups()["logGroups"]],
        "images": [one["imageTag"] for one in cloud.client("ecr").list_images(repositoryName="kotei/proxy")["imageIds"]],
    }


def test_shared_stacks_that_somebody_deleted_come_back_with_what_aws_kept_of_them(
    kotei: Callable[..., int], cloud: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kotei("bootstrap", "--yes") == 0
    cloud.client("ecr").put_image(repositoryName="kotei/proxy", imageManifest=MANIFEST, imageTag="0" * 40)
    bucket = cloud.outputs("kotei-pipeline")["ArtifactBucketName"]
    cloud.client("s3").put_object(Bucket=bucket, Key="source", Body=b"what a stage can be rolled back to")
    before = what_stays(cloud)
    delete_all(cloud)
    capsys.readouterr()
    assert kotei("bootstrap", "--dry-run") == 0
    told = capsys.readouterr().out
    assert f"ArtifactBucket (AWS::S3::Bucket): {bucket}; ArtifactKey (AWS::KMS::Key): {before['keys'][0]}" in told
    assert told.count("create, and take back what AWS kept") == 5

    # Killed when the first of them is back, and nothing around it.
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "bring", killed)
        assert kotei("bootstrap", "--yes") == 130
    assert cloud.stack("kotei-connection")["StackStatus"] == "IMPORT_COMPLETE"
    assert cloud.outputs("kotei-connection") == {}
    capsys.readouterr()
    assert kotei("bootstrap", "--yes") == 0, capsys.readouterr().err
    assert "Update pending connection" not in capsys.readouterr().err
    assert what_stays(cloud) == before
    assert cloud.outputs("kotei-pipeline")["ArtifactBucketName"] == bucket
    assert cloud.client("s3").get_object(Bucket=bucket, Key="source")["Body"].read().startswith(b"what a stage")
    assert cloud.client("codepipeline").get_pipeline(name="kotei")["pipeline"]["artifactStore"]["location"] == bucket
    assert cloud.stack("kotei-connection")["EnableTerminationProtection"] is True
    capsys.readouterr()
    assert kotei("bootstrap", "--dry-run") == 0
    assert "create" not in capsys.readouterr().out
    # In a bucket whose key goes nobody can read any more.
    delete_all(cloud)
    cloud.client("kms").schedule_key_deletion(KeyId=before["keys"][0], PendingWindowInDays=7)
    assert kotei("bootstrap", "--yes") == 1
    assert f"aws kms cancel-key-deletion --key-id {before['keys'][0]}" in capsys.readouterr().err
