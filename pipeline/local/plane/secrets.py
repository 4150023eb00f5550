"""What ECS reads from Secrets Manager before a task's containers start, in the name of the execution role."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pipeline.access.decide import Request
from pipeline.access.reference import context
from pipeline.local.iam import authorize
from pipeline.local.plane.execution import FailedToStartError, told, unavailable
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from pipeline.local.iam.sessions import Session
    from pipeline.local.world import World

_ACTION = "secretsmanager:GetSecretValue"
# docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html: arn, then key, stage and version or nothing.
_REFERENCE = re.compile(
    r"(?P<arn>arn:aws:secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):secret:[^:]+)"
    r"(?::(?P<key>[^:]*):(?P<stage>[^:]*):(?P<version>[^:]*))?"
)


def values(definition: dict[str, Any], session: Session, world: World) -> dict[str, dict[str, str]]:
    """Container -> variable -> value."""
    return {
        container["name"]: {secret["name"]: _value(secret["valueFrom"], session, world) for secret in container.get("secrets") or ()}
        for container in definition["containers"]
    }


def _value(reference: str, session: Session, world: World) -> str:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise _failure(f"{reference} is no secret of Secrets Manager; the local plane reads no others")
    arn = found["arn"]
    try:
        authorize.check(session, [Request(action=_ACTION, resource=arn, context=context(found["region"]))], code="AccessDeniedException")
    except AwsError as refused:
        raise _failure(f"failed to fetch secret {arn} from secrets manager: {told(refused)}") from refused
    chosen = {name: found[part] for name, part in (("VersionStage", "stage"), ("VersionId", "version")) if found[part]}
    client = world.client("secretsmanager", account=found["account"], region=found["region"])
    try:
        text: str = client.get_secret_value(SecretId=arn, **chosen)["SecretString"]
    except client.exceptions.ClientError as error:
        answered = error.response["Error"]
        raise _failure(f"failed to fetch secret {arn} from secrets manager: {answered['Code']}: {answered['Message']}") from error
    return _member(text, found["key"]) if found["key"] else text


def _member(text: str, key: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or key not in document:
        raise _failure(f"retrieved secret from Secrets Manager did not contain json key {key}")
    return str(document[key])


def _failure(why: str) -> FailedToStartError:
    return unavailable(f"unable to retrieve secret from asm: service call has been retried 1 time(s): {why}")
