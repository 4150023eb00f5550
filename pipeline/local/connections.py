"""CodeConnections: connections to a Git host, and the one click in the console that completes them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.local.protocol import AwsError, Call, Operation

if TYPE_CHECKING:
    from pipeline.local.world import World

CONNECTION = "connection"


def find(world: World, arn: str) -> dict[str, Any] | None:
    return world.store.get(CONNECTION, _key(arn))


def complete(world: World, arn: str) -> None:
    """What the owner does once by hand in the console: the handshake with the Git host."""
    connection = _existing(world, arn)
    connection["ConnectionStatus"] = "AVAILABLE"
    world.store.put(CONNECTION, _key(arn), connection)


def _key(arn: str) -> str:
    """Both spellings of the service name in an ARN mean the same connection."""
    return arn.replace(":codestar-connections:", ":codeconnections:")


def _existing(world: World, arn: str) -> dict[str, Any]:
    connection = find(world, arn)
    if connection is None:
        raise AwsError("ResourceNotFoundException", f"Connection not found: {arn}")
    return connection


def _shown(connection: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in connection.items() if key != "Tags"}


def create(world: World, call: Call) -> dict[str, Any]:
    params = call.params
    if "ProviderType" not in params and "HostArn" not in params:
        raise AwsError("InvalidInputException", "one of ProviderType and HostArn is needed")
    arn = f"arn:aws:codeconnections:{call.region}:{call.account}:connection/{uuid.uuid4()}"
    connection = {
        "ConnectionName": params["ConnectionName"],
        "ConnectionArn": arn,
        "ProviderType": params.get("ProviderType", "GitHubEnterpriseServer"),
        "OwnerAccountId": call.account,
        "ConnectionStatus": "PENDING",
        "Tags": params.get("Tags", []),
    }
    world.store.put(CONNECTION, _key(arn), connection)
    return {"ConnectionArn": arn, "Tags": connection["Tags"]}


def get(world: World, call: Call) -> dict[str, Any]:
    return {"Connection": _shown(_existing(world, call.params["ConnectionArn"]))}


def delete(world: World, call: Call) -> dict[str, Any]:
    world.store.delete(CONNECTION, _key(call.params["ConnectionArn"]))
    return {}


def listed(world: World, call: Call) -> dict[str, Any]:
    provider = call.params.get("ProviderTypeFilter")
    mine = [connection for connection in world.store.all(CONNECTION) if connection["OwnerAccountId"] == call.account]
    return {"Connections": [_shown(connection) for connection in mine if provider in (None, connection["ProviderType"])]}


def tags(world: World, call: Call) -> dict[str, Any]:
    return {"Tags": _existing(world, call.params["ResourceArn"])["Tags"]}


def tag(world: World, call: Call) -> dict[str, Any]:
    connection = _existing(world, call.params["ResourceArn"])
    new = {pair["Key"]: pair for pair in [*connection["Tags"], *call.params["Tags"]]}
    world.store.put(CONNECTION, _key(connection["ConnectionArn"]), connection | {"Tags": list(new.values())})
    return {}


def untag(world: World, call: Call) -> dict[str, Any]:
    connection = _existing(world, call.params["ResourceArn"])
    kept = [pair for pair in connection["Tags"] if pair["Key"] not in call.params["TagKeys"]]
    world.store.put(CONNECTION, _key(connection["ConnectionArn"]), connection | {"Tags": kept})
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateConnection": create,
    "GetConnection": get,
    "DeleteConnection": delete,
    "ListConnections": listed,
    "ListTagsForResource": tags,
    "TagResource": tag,
    "UntagResource": untag,
}
