"""What an emulated AWS service is: a table of operations, each a function from a call to an answer in botocore's shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.local.world import World


@dataclass(frozen=True, kw_only=True)
class Call:
    """One signed request. `params` are in botocore's shape; account and region come from the credential."""

    service: str
    operation: str
    params: dict[str, Any]
    account: str
    region: str


class AwsError(Exception):
    """What the service answers when it refuses: becomes botocore's ClientError at the caller."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


Operation = Callable[["World", Call], Mapping[str, Any]]
