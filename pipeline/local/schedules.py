"""EventBridge Scheduler: starts the build that a schedule names when its time has come. moto keeps schedules, and starts nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline.local.iam import sessions
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from pipeline.local.world import World

KIND = "schedule-started"
SERVICE = "scheduler.amazonaws.com"
# The service is exact to a minute.
LOOK_SECONDS = 15.0
RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")


def watch(world: World) -> None:
    """Until the engine ends."""
    while not world.closing.wait(LOOK_SECONDS):
        sys.stderr.writelines(f"{line}\n" for line in start_due(world))


def start_due(world: World) -> Iterator[str]:
    """Starts what is due, and says so; what failed is tried again when it is due again, as AWS does after its retries."""
    client = world.client("scheduler")
    for row in client.list_schedules()["Schedules"]:
        found = client.get_schedule(Name=row["Name"], GroupName=row["GroupName"])
        if found["State"] == "ENABLED" and _due(world, found):
            world.store.put(KIND, found["Arn"], {"created": f"{found['CreationDate']}", "started": world.clock().isoformat()})
            yield f"schedule {found['Name']}: {_started(world, found)}"


def _due(world: World, schedule: Mapping[str, Any]) -> bool:
    """At once when it is new: a rate without StartDate begins immediately (its user guide, Rate-based schedules)."""
    last = world.store.get(KIND, schedule["Arn"])
    if last is None or last["created"] != f"{schedule['CreationDate']}":
        return True
    rate = RATE.fullmatch(schedule["ScheduleExpression"])
    return rate is not None and world.clock() - datetime.fromisoformat(last["started"]) >= timedelta(**{f"{rate[2]}s": int(rate[1])})


def _started(world: World, schedule: Mapping[str, Any]) -> str:
    target, account = schedule["Target"], schedule["Arn"].split(":")[4]
    service, project = target["Arn"].split(":")[2], target["Arn"].rpartition(":project/")[2]
    if service != "codebuild" or not RATE.fullmatch(schedule["ScheduleExpression"]):
        return f"the local engine starts builds at a rate, not {target['Arn']} at {schedule['ScheduleExpression']}"
    group = schedule["Arn"].replace(":schedule/", ":schedule-group/").rpartition("/")[0]
    acting = {"aws:sourcearn": group, "aws:sourceaccount": account}
    try:
        role = sessions.of_service(world, target["RoleArn"], SERVICE, schedule["Name"], acting)
        build = sessions.client(world, role, service).start_build(projectName=project)["build"]["id"]
    except AwsError as refused:
        return f"not started: {refused.message}"
    except ClientError as refused:
        return f"not started: {refused.response['Error']['Message']}"
    return f"started {build}"
