"""What the data plane stands for now, for the commands: where a client of this computer finds each load balancer, and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.local.plane import Plane


def told(plane: Plane) -> Iterator[str]:
    """One JSON document, in one line."""
    yield json.dumps({"endpoints": [asdict(endpoint) for endpoint in plane.endpoints()], "problems": list(plane.problems())})
