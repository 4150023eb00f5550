"""The real daemon, killed with SIGKILL in the middle of a stack operation, and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import paths

pytestmark = pytest.mark.local

ADDRESS = {
    "Resources": {
        "Address": {"Type": "AWS::EC2::EIP", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Properties": {"Domain": "vpc"}}
    }
}
CONTAINER = {"Name": "proxy", "Image": "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/nowhere@sha256:" + "0" * 64}
NEVER_READY = {
    "Resources": {
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "kotei"}},
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/kotei/proxy"}},
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "Family": "proxy",
                "Cpu": "256",
                "Memory": "512",
                "NetworkMode": "awsvpc",
                "RequiresCompatibilities": ["FARGATE"],
                "ContainerDefinitions": [CONTAINER],
            },
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "DependsOn": "Logs",
            "Properties": {"ServiceName": "proxy", "Cluster": {"Ref": "Cluster"}, "TaskDefinition": {"Ref": "Task"}, "DesiredCount": 1},
        },
    }
}


@pytest.fixture
def daemon(tmp_path: Path, visit: Callable[[str], Any]) -> Iterator[Callable[[], tuple[subprocess.Popen[bytes], Any]]]:
    """Starts the daemon on the same folder again and again; answers its process and what to talk to it with."""
    running: list[subprocess.Popen[bytes]] = []

    def start() -> tuple[subprocess.Popen[bytes], Any]:
        (tmp_path / "engine.pid").unlink(missing_ok=True)
        environment = {**os.environ, "KOTEI_HOME": str(tmp_path), "PYTHONPATH": str(paths.ROOT)}
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.local.daemon"], cwd=paths.ROOT, env=environment, stdout=log, stderr=log
            )
        running.append(process)
        cloud = visit("")
        cloud.until((tmp_path / "endpoint").exists, (tmp_path / "log").read_text)
        cloud.until((tmp_path / "engine.pid").exists, (tmp_path / "log").read_text)
        return process, visit((tmp_path / "endpoint").read_text().strip())

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_a_killed_engine_rolls_back_and_keeps_the_addresses(daemon: Callable[[], tuple[subprocess.Popen[bytes], Any]]) -> None:
    process, cloud = daemon()
    cloud.create("fixed", ADDRESS)
    before = cloud.client("ec2").describe_addresses()["Addresses"]
    cloud.cfn.create_stack(StackName="s", TemplateBody=json.dumps(NEVER_READY))
    cloud.until(lambda: "Service CREATE_IN_PROGRESS Resource creation Initiated" in cloud.reasons("s"), lambda: cloud.reasons("s"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, cloud = daemon()
    assert cloud.client("ec2").describe_addresses()["Addresses"] == before
    assert cloud.settled("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("the local engine stopped during this operation; rolling back" in line for line in cloud.reasons("s"))
    assert cloud.client("logs").describe_log_groups()["logGroups"] == []
    assert cloud.stack("fixed")["StackStatus"] == "CREATE_COMPLETE"
