"""A task as ECS describes it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.local.plane.tasks import Task


def described(task: Task, health: str) -> dict[str, Any]:
    """A Task in botocore's shape."""
    last = {"running": "RUNNING", "draining": "DEACTIVATING", "stopping": "STOPPING", "stopped": "STOPPED"}[task.stage]
    stopped = {"stoppedAt": task.stopped_at} if task.stopped_at else {}
    why = {"stoppedReason": task.reason, "stopCode": task.stop_code} if task.reason else {}
    exit_code = {"exitCode": task.exit_code} if task.exit_code is not None else {}
    details = {
        "subnetId": task.subnet,
        "networkInterfaceId": task.interface,
        "macAddress": task.mac,
        "privateIPv4Address": task.address,
    }
    return {
        "taskArn": task.arn,
        "clusterArn": task.cluster_arn,
        "taskDefinitionArn": task.definition,
        "group": f"service:{task.service_name}",
        "startedBy": task.deployment,
        "availabilityZone": task.zone,
        "capacityProviderName": task.provider,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "cpu": task.cpu,
        "memory": task.memory,
        "connectivity": "CONNECTED",
        "desiredStatus": "RUNNING" if task.stage == "running" else "STOPPED",
        "lastStatus": last,
        "healthStatus": health,
        "createdAt": _time(task.created_at),
        "startedAt": _time(task.created_at),
        **{key: _time(value) for key, value in stopped.items()},
        **why,
        "version": 1,
        "attachments": [
            {
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, task.arn)),
                "type": "ElasticNetworkInterface",
                "status": "DELETED" if task.stage == "stopped" else "ATTACHED",
                "details": [{"name": name, "value": value} for name, value in details.items()],
            }
        ],
        "containers": [
            {
                "containerArn": f"{task.arn.replace(':task/', ':container/')}/{task.container_name}",
                "taskArn": task.arn,
                "name": task.container_name,
                "image": task.image,
                "imageDigest": task.digest,
                "lastStatus": "STOPPED" if task.stage == "stopped" else "RUNNING",
                "healthStatus": health,
                "networkInterfaces": [{"privateIpv4Address": task.address}],
                **exit_code,
                **({"reason": task.detail} if task.detail else {}),
            },
            *(_beside(task, name, code) for name, code in task.ended.items()),
        ],
    }


def _beside(task: Task, name: str, exit_code: int) -> dict[str, Any]:
    """A container that has run to its end."""
    return {
        "containerArn": f"{task.arn.replace(':task/', ':container/')}/{name}",
        "taskArn": task.arn,
        "name": name,
        "image": task.image,
        "imageDigest": task.digest,
        "lastStatus": "STOPPED",
        "healthStatus": "UNKNOWN",
        "exitCode": exit_code,
    }


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
