"""What ECS reads from Secrets Manager before a task's containers start, in the name of the execution role."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pipeline.errors import PipelineError
from pipeline.local.plane import observe

if TYPE_CHECKING:
    from pipeline.local.world import World

_ACTION = "secretsmanager:GetSecretValue"
# docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html: arn, then key, stage and version or nothing.
_REFERENCE = re.compile(
    r"(?P<arn>arn:aws:secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):secret:[^:]+)"
    r"(?::(?P<key>[^:]*):(?P<stage>[^:]*):(?P<version>[^:]*))?"
)


class ResourceInitializationError(PipelineError):
    """ECS's own name for it; becomes the stopped reason of the task."""


def values(definition: dict[str, Any], world: World) -> dict[str, dict[str, str]]:
    """Container -> variable -> value."""
    return {
        container["name"]: {
            secret["name"]: _value(secret["valueFrom"], definition["execution_role"], world) for secret in container.get("secrets") or ()
        }
        for container in definition["containers"]
    }


def _value(reference: str, role: str, world: World) -> str:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise _failure(f"{reference} is no secret of Secrets Manager; the local plane reads no others")
    arn = found["arn"]
    if not observe.role_allows(role, _ACTION, arn):
        raise _failure(
            f"failed to fetch secret {arn} from secrets manager: AccessDeniedException: {role or 'a task without an execution role'} is not"
            f" authorized to perform: {_ACTION} on resource: {arn} because no identity-based policy allows the {_ACTION} action"
        )
    chosen = {name: found[part] for name, part in (("VersionStage", "stage"), ("VersionId", "version")) if found[part]}
    client = world.client("secretsmanager", account=found["account"], region=found["region"])
    try:
        text: str = client.get_secret_value(SecretId=arn, **chosen)["SecretString"]
    except client.exceptions.ClientError as error:
        told = error.response["Error"]
        raise _failure(f"failed to fetch secret {arn} from secrets manager: {told['Code']}: {told['Message']}") from error
    return _member(text, found["key"]) if found["key"] else text


def _member(text: str, key: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or key not in document:
        raise _failure(f"retrieved secret from Secrets Manager did not contain json key {key}")
    return str(document[key])


def _failure(why: str) -> ResourceInitializationError:
    return ResourceInitializationError(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"
        f" unable to retrieve secret from asm: service call has been retried 1 time(s): {why}"
    )
