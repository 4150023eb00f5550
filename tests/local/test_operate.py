"""What the operating commands ask, answered by the engine: the log, quotas, the account's locks, images, rollback."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.aws import Aws, Target
from pipeline.doctor import run as doctor
from pipeline.local.gaps import logs as log_answers
from pipeline.local.gaps.linked_roles import NAMES
from pipeline.local.plane import log_streams, tasks
from pipeline.logs import read
from pipeline.logs.question import asked
from stacks.environment import Environment
from stacks.project import load

pytestmark = pytest.mark.local

GROUP = "/demo/test/proxy"
ENV = Environment.model_construct(name="test", project="demo")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def aws(engine: Any) -> Aws:
    return Aws(target=Target(endpoint=engine.world.endpoint, why="test"), account=engine.world.account, region=engine.world.region)


def line(client: str, status: int, **more: Any) -> str:
    return json.dumps(
        {"time": "2030-01-31T12:00:00+09:00", "client": client, "method": "GET", "status": status, "host": "a.example", **more}
    )


def question(**given: Any) -> Any:
    return asked(**{"client": "", "site": "", "status": "", "slow": None, "refused": False, **given})


def test_events_that_somebody_put_are_filtered_and_paged(engine: Any, aws: Aws) -> None:
    logs = engine.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="proxy/1")
    now = int(time.time() * 1000)
    texts = [line("203.0.113.5", 200), line("203.0.113.99", 502), line("198.51.100.1", 502), "nginx says something"]
    events = [{"timestamp": now + place, "message": text} for place, text in enumerate(texts)]
    logs.put_log_events(logGroupName=GROUP, logStreamName="proxy/1", logEvents=events)
    assert [one["client"] for one in read.lines(aws, ENV, question(status="5xx"), now)] == ["203.0.113.99", "198.51.100.1"]
    assert [one["client"] for one in read.lines(aws, ENV, question(client="203.0.113.0/28"), now)] == ["203.0.113.5"]
    assert len(list(read.lines(aws, ENV, question(), now))) == 3
    assert len(list(read.lines(aws, ENV, question(), now + 2))) == 1
    first = logs.filter_log_events(logGroupName=GROUP, limit=3)
    rest = logs.filter_log_events(logGroupName=GROUP, limit=3, nextToken=first["nextToken"])
    assert [one["message"] for one in (*first["events"], *rest["events"])] == texts
    with pytest.raises(ClientError, match="no comparison that the local engine knows"):
        logs.filter_log_events(logGroupName=GROUP, filterPattern="{ $.status IS NULL }")


@pytest.fixture
def logging_task(engine: Any) -> Iterator[Path]:
    """One whose nginx writes into this folder, as the data plane remembers it."""
    engine.client("logs").create_log_group(logGroupName=GROUP)
    options = {"awslogs-group": GROUP, "awslogs-region": engine.world.region, "awslogs-stream-prefix": "proxy"}
    container = {"name": "proxy", "image": "x", "memory": 64, "logConfiguration": {"logDriver": "awslogs", "options": options}}
    role = f"arn:aws:iam::{engine.world.account}:role/build"
    made = engine.client("ecs").register_task_definition(family="demo", containerDefinitions=[container], executionRoleArn=role)
    names = ("service", "service_name", "cluster_arn", "deployment", "zone")
    task = tasks.Task(
        arn="arn:aws:ecs:x:1:task/demo/0123",
        account=engine.world.account,
        region=engine.world.region,
        definition=made["taskDefinition"]["taskDefinitionArn"],
        container_name="proxy",
        created_at="2030-01-31T02:59:00+00:00",
        provider=None,
        **dict.fromkeys(names, "x"),
    )
    tasks.save(task, engine.world)
    folder = task.folder(engine.world)
    folder.mkdir(parents=True)
    before = list(log_answers.LINES)
    log_answers.LINES[:] = [lambda *where: log_streams.lines(engine.world, *where)]
    yield folder
    log_answers.LINES[:] = before


def test_what_a_task_writes_is_in_its_log_stream(engine: Any, logging_task: Path) -> None:
    logs = engine.client("logs")
    whole = line("203.0.113.5", 200)
    (logging_task / "stdout.log").write_text(f"{whole}\n{whole[:20]}")
    (logging_task / "stderr.log").write_text("2030/01/31 12:00:01 [error] 1#1: it is slow\n")
    found = logs.filter_log_events(logGroupName=GROUP)["events"]
    assert [one["message"] for one in found if one["message"].startswith("{")] == [whole]
    assert any("it is slow" in one["message"] for one in found)
    request = next(one for one in found if one["message"] == whole)
    assert (request["logStreamName"], request["timestamp"]) == ("proxy/proxy/0123", 1_896_058_800_000)
    with (logging_task / "stdout.log").open("a") as log:
        log.write(f"{whole[20:]}\n")
    again = logs.filter_log_events(logGroupName=GROUP, filterPattern="{ $.status = 200 }")["events"]
    assert len(again) == 2
    assert request["eventId"] in {one["eventId"] for one in again}


def test_an_empty_account_is_looked_at_without_a_traceback(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.network, "_resolved", lambda _hosts: {})
    project = load(ROOT)
    found = doctor.examine(ROOT, project, Target(endpoint=engine.world.endpoint, why="test"), project.environments[0])
    told = {(one.about, one.check): one for one in found}
    assert told["shared", "connection"].text == "there is no connection to the Git host"
    assert told["shared", "build image"].state == "ok"
    name = project.environments[0].name
    assert told[name, "public access"].state == "ok"
    assert told[name, "quota: addresses"].text == "0 of 5 Elastic IP addresses used, 4 more are planned"
    assert told[name, "linked roles"].state == "broken"
    assert told[name, "region"].state == "ok"
    assert told[name, "protection"].state == "unknown"
    assert not [one for one in found if one.text.startswith("could not look")], found


def test_linked_roles_have_the_names_of_aws(engine: Any) -> None:
    iam = engine.client("iam")
    for service, name in NAMES.items():
        assert iam.create_service_linked_role(AWSServiceName=service)["Role"]["RoleName"] == name
        with pytest.raises(ClientError, match="has been taken"):
            iam.create_service_linked_role(AWSServiceName=service)


def test_a_lock_on_the_internet_is_kept_with_its_exclusions(engine: Any) -> None:
    ec2 = engine.client("ec2")
    assert ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]["InternetGatewayBlockMode"] == "off"
    ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="block-ingress")
    assert ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]["InternetGatewayBlockMode"] == "block-ingress"
    ec2.create_vpc_block_public_access_exclusion(VpcId="vpc-1", InternetGatewayExclusionMode="allow-bidirectional")
    (found,) = ec2.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"]
    assert (found["ResourceArn"].rpartition("/")[2], found["State"]) == ("vpc-1", "create-complete")
