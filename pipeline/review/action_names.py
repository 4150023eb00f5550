"""The IAM actions that exist, as far as awacs lists them."""

from __future__ import annotations

import importlib
import re
from functools import cache

# awacs names a module after the service's prefix, but for Python's own words.
MODULES = {"lambda": "awslambda"}
PREFIX = re.compile(r"[a-z0-9-]+")


@cache
def known(prefix: str) -> tuple[str, ...] | None:
    """`s3` -> s3:AbortMultipartUpload and all others; None where no service has the prefix."""
    if not PREFIX.fullmatch(prefix):
        return None
    from awacs.aws import Action  # noqa: PLC0415 - costs 20 ms: only where a wildcard differs

    try:
        module = importlib.import_module(f"awacs.{MODULES.get(prefix, prefix.replace('-', '_'))}")
    except ModuleNotFoundError:
        return None
    return tuple(sorted(f"{prefix}:{value.action}" for value in vars(module).values() if isinstance(value, Action)))
