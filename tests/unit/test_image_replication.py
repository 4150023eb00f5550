"""The copies of an image in other regions: waited for where an environment starts its tasks from one, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import image
from pipeline.aws import Aws
from pipeline.errors import PipelineError

DIGEST = f"sha256:{'a' * 64}"
ASKED = {"registryId": "111122223333", "repositoryName": "demo/proxy", "imageId": {"imageDigest": DIGEST}}
FAR, FARTHER = "us-west-2", "eu-west-1"


def project(*regions: str) -> Any:
    """As much of one as counts here."""
    copies = tuple(SimpleNamespace(region=region, replicate_image=True) for region in regions)
    across = SimpleNamespace(region="sa-east-1", replicate_image=False)
    return SimpleNamespace(pipeline=SimpleNamespace(account="111122223333"), repository_name="demo/proxy", environments=(*copies, across))


def states(**regions: str) -> dict[str, Any]:
    found = [{"region": name.replace("_", "-"), "status": status, "failureCode": "denied"} for name, status in regions.items()]
    return {"replicationStatuses": found}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.image.POLL_SECONDS", 0)


def test_every_copy_is_waited_for(aws: Aws, answers: Callable[..., None]) -> None:
    for answer in (
        states(),
        states(us_west_2="IN_PROGRESS", eu_west_1="COMPLETE"),
        states(us_west_2="COMPLETE"),
        states(us_west_2="COMPLETE", eu_west_1="COMPLETE"),
    ):
        answers("ecr", "describe_image_replication_status", answer, ASKED)
    image.wait_until_copied(aws, project(FAR, FARTHER), DIGEST)


def test_without_a_copy_nobody_is_asked(aws: Aws) -> None:
    image.wait_until_copied(aws, project(), DIGEST)


def test_a_copy_that_fails_stops_only_where_it_is_wanted(aws: Aws, answers: Callable[..., None]) -> None:
    answers("ecr", "describe_image_replication_status", states(us_west_2="COMPLETE", ap_south_1="FAILED"), ASKED)
    image.wait_until_copied(aws, project(FAR), DIGEST)
    answers("ecr", "describe_image_replication_status", states(us_west_2="FAILED"), ASKED)
    with pytest.raises(PipelineError, match="could not be copied to us-west-2: denied"):
        image.wait_until_copied(aws, project(FAR), DIGEST)


def test_an_image_from_before_is_told_how_to_be_copied(aws: Aws, answers: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.image.WAIT_SECONDS", -1)
    answers("ecr", "describe_image_replication_status", states(), ASKED)
    with pytest.raises(PipelineError, match=r"is not in us-west-2 after .* older than replicate_image is never copied: commit anew"):
        image.wait_until_copied(aws, project(FAR), DIGEST)
