"""The task sizes that Fargate offers on Linux: CPU units -> MiB of memory (AWS::ECS::TaskDefinition, and cfn-lint's E3047)."""

from __future__ import annotations

from stacks.config_problems import choice

GIB = 1024
SIZES: dict[int, tuple[int, ...]] = {
    256: (512, 1 * GIB, 2 * GIB),
    512: tuple(range(1 * GIB, 4 * GIB + 1, GIB)),
    1024: tuple(range(2 * GIB, 8 * GIB + 1, GIB)),
    2048: tuple(range(4 * GIB, 16 * GIB + 1, GIB)),
    4096: tuple(range(8 * GIB, 30 * GIB + 1, GIB)),
    8192: tuple(range(16 * GIB, 60 * GIB + 1, 4 * GIB)),
    16384: tuple(range(32 * GIB, 120 * GIB + 1, 8 * GIB)),
}


def memory_for(cpu: int) -> str:
    first, second, *rest = SIZES[cpu]
    return f"{first} to {rest[-1]} in steps of {second - first}" if len(rest) > 1 else choice(SIZES[cpu])
