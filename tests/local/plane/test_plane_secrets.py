"""A container that runs before nginx, and the secrets it is given: what a task needs, and what ECS says when it is not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.local.iam import sessions
from pipeline.local.plane import execution, secrets
from tests.local.plane.conftest import EXECUTION

pytestmark = pytest.mark.local

SCRIPT = b"""
[ -z "$(ls -A /run/kotei)" ] && echo "$NAME" >/run/kotei/name && printf %s "$KEY" >/run/kotei/key.pem && umask 077 && exit "$END"
"""
SERVED = """
pid /tmp/nginx.pid;
events {}
http {
    client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; scgi_temp_path /tmp/s; uwsgi_temp_path /tmp/u;
    server { listen 8081; location = /healthz { return 200; } }
    server { listen 8080; location / { root /run/kotei/; } }
}
"""


def allowing(action: str, arn: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": arn}


def role(town: Any, *statements: dict[str, Any]) -> str:
    """The execution role, which may do this beside pulling."""
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    if statements:
        town.client("iam").put_role_policy(RoleName="execution", PolicyName="secrets", PolicyDocument=document)
    return EXECUTION


def secret(town: Any) -> str:
    client = town.client("secretsmanager")
    arn: str = client.create_secret(Name="proxy/files", SecretString=json.dumps({"private_key": "old"}))["ARN"]
    client.put_secret_value(SecretId=arn, SecretString=json.dumps({"private_key": "new"}))
    return arn


def serve(town: Any, key: str, role: str, *, end: int = 0, condition: str = "SUCCESS") -> None:
    first = {
        "name": "first",
        "essential": False,
        "command": ["/bin/sh", "/etc/nginx/kotei/first.sh"],
        "environment": [{"name": "NAME", "value": "files"}, {"name": "END", "value": str(end)}],
        "secrets": [{"name": "KEY", "valueFrom": key}],
        "mountPoints": [{"sourceVolume": "certificates", "containerPath": "/run/kotei"}],
    }
    digest = town.image("v1", config=SERVED, more={"first.sh": SCRIPT})
    after = [{"containerName": "first", "condition": condition}]
    town.build()
    town.serve(town.definition(digest, before=[first], role=role, dependsOn=after), desired=1)
    town.start()


def stopped(town: Any, until: Callable[..., Any]) -> dict[str, Any]:
    found: list[dict[str, Any]] = until(lambda: town.tasks("STOPPED"), town.problems)
    return found[0]


def test_nginx_finds_what_the_container_before_it_wrote(empty_town: Any) -> None:
    arn = secret(empty_town)
    serve(empty_town, f"{arn}:private_key::", role(empty_town, allowing("secretsmanager:GetSecretValue", arn)))
    empty_town.settled()
    assert [empty_town.get(path) for path in ("/name", "/key.pem")] == [(200, "files\n"), (200, "new")]
    containers = empty_town.tasks()[0]["containers"]
    assert [(one["name"], one["lastStatus"], one.get("exitCode")) for one in containers] == [
        ("proxy", "RUNNING", None),
        ("first", "STOPPED", 0),
    ]


def test_a_container_that_fails_keeps_nginx_from_starting(empty_town: Any, until: Callable[..., Any]) -> None:
    arn = secret(empty_town)
    serve(empty_town, arn, role(empty_town, allowing("secretsmanager:*", "*")), end=3)
    task = stopped(empty_town, until)
    assert (task["stopCode"], task["stoppedReason"]) == ("EssentialContainerExited", "Essential container in task exited")
    proxy, first = task["containers"]
    assert (proxy["exitCode"], first["exitCode"]) == (143, 3)
    assert "failed to resolve container ordering dependency [first" in proxy["reason"]
    assert "Exit: 3" in proxy["reason"]
    until(lambda: empty_town.deployment()["rolloutState"] == "FAILED", empty_town.service)
    assert "Exit: 3" in empty_town.deployment()["rolloutStateReason"]


def test_a_container_that_only_has_to_end_may_fail(empty_town: Any) -> None:
    arn = secret(empty_town)
    serve(empty_town, arn, role(empty_town, allowing("secretsmanager:*", "*")), end=3, condition="COMPLETE")
    empty_town.settled()
    assert empty_town.get("/name") == (200, "files\n")


def test_a_second_container_that_goes_on_is_refused(empty_town: Any, until: Callable[..., Any]) -> None:
    arn = secret(empty_town)
    serve(empty_town, arn, role(empty_town, allowing("secretsmanager:*", "*")), condition="START")
    assert "only when nginx waits for its end" in stopped(empty_town, until)["stoppedReason"]


def test_a_task_without_its_secret_says_what_ecs_says(empty_town: Any, until: Callable[..., Any]) -> None:
    gone = "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:proxy/none-AbCdEf"
    serve(empty_town, f"{gone}:private_key::", role(empty_town, allowing("secretsmanager:GetSecretValue", gone)))
    task = stopped(empty_town, until)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets or registry auth:")
    assert f"failed to fetch secret {gone} from secrets manager: ResourceNotFoundException" in task["stoppedReason"]


def value(town: Any, reference: str, role: str) -> str:
    definition = {"containers": [{"name": "c", "secrets": [{"name": "V", "valueFrom": reference}]}]}
    return secrets.values(definition, sessions.of_service(town.world, role, execution.SERVICE, "task"), town.world)["c"]["V"]


def test_a_secret_is_chosen_by_key_stage_and_version(empty_town: Any) -> None:
    arn = secret(empty_town)
    allowed = role(empty_town, allowing("secretsmanager:GetSecretValue", arn))
    versions = empty_town.client("secretsmanager").list_secret_version_ids(SecretId=arn)["Versions"]
    old = next(one["VersionId"] for one in versions if "AWSPREVIOUS" in one["VersionStages"])
    endings = ("", ":private_key::", ":private_key:AWSPREVIOUS:", f":private_key::{old}")
    assert [value(empty_town, arn + ending, allowed) for ending in endings] == [
        '{"private_key": "new"}',  # pragma: allowlist secret - made up
        "new",
        "old",
        "old",
    ]
    with pytest.raises(execution.FailedToStartError, match="did not contain json key certificate"):
        value(empty_town, f"{arn}:certificate::", allowed)
    with pytest.raises(execution.FailedToStartError, match="ResourceNotFoundException"):
        value(empty_town, f"{arn}:private_key:AWSPENDING:", allowed)
    with pytest.raises(execution.FailedToStartError, match="is no secret of Secrets Manager"):
        value(empty_town, "/a/parameter", allowed)


@pytest.mark.parametrize("what", ["nothing", "another secret", "another action", "a denial"])
def test_the_execution_role_has_to_be_allowed(empty_town: Any, what: str) -> None:
    arn = secret(empty_town)
    get = "secretsmanager:GetSecretValue"
    statements = {
        "another secret": [allowing(get, f"{arn}-2")],
        "another action": [allowing("secretsmanager:DescribeSecret", arn)],
        "a denial": [allowing(get, arn), {**allowing(get, "*"), "Effect": "Deny"}],
    }
    with pytest.raises(execution.FailedToStartError, match=f"AccessDeniedException: .* not authorized to perform: {get}"):
        value(empty_town, f"{arn}:private_key::", role(empty_town, *statements.get(what, [])))
