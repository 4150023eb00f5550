"""What whoever verifies environments may do: in their account, for those of them that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from awacs.aws import Statement

from policy import verify
from stacks import arns
from stacks.environment import Environment


def permissions(environments: Sequence[Environment], more: Sequence[Any] = (), *, sees: bool = False) -> list[Statement]:
    """`more` is what the role may do with the stacks besides; `sees`: it may see every resource anyway."""
    probed = [env for env in environments if env.verify.probe]
    groups = sorted({arns.security_groups(env) for env in probed})
    look = verify.look(
        services=[arns.services(env) for env in environments],
        tasks=[arns.tasks(env) for env in environments],
        alarms=[arns.alarms(env) for env in environments],
    )
    return [
        verify.protect([arns.stacks(env) for env in environments], more),
        *([] if sees else look),
        *([verify.probe(groups=groups, stacks=[env.stack_name("security") for env in probed])] if probed else []),
        *([verify.see_rules()] if probed and not sees else []),
    ]
