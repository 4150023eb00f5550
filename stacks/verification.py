"""What whoever verifies environments may do: in their account, for those of them that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from awacs.aws import Statement

from policy import verify
from stacks import arns
from stacks.environment import Environment


def permissions(environments: Sequence[Environment], more: Sequence[Any] = ()) -> list[Statement]:
    """`more` is what the role may do with the stacks besides."""
    look = verify.look(
        stacks=[arns.stacks(env) for env in environments],
        services=[arns.services(env) for env in environments],
        tasks=[arns.tasks(env) for env in environments],
        alarms=[arns.alarms(env) for env in environments],
        more=more,
    )
    probed = [env for env in environments if env.verify.probe]
    groups = sorted({arns.security_groups(env) for env in probed})
    return [*look, *(verify.probe(groups=groups, stacks=[env.stack_name("security") for env in probed]) if probed else [])]
