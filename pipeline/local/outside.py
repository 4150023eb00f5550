"""For whoever would come from the internet on this computer: as which client, and where the fixed addresses are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.local import translate
from stacks.ports import LISTENER_PORT

# An address for measurements (RFC 2544), so no client's.
CLIENT = "198.18.0.9"


def told(home: Path, asked: Mapping[str, Any]) -> Iterator[str]:
    """One JSON document, in one line."""
    yield json.dumps(
        {
            "own": CLIENT,
            "source": translate.address(CLIENT),
            "authority": str(home / "ca.pem"),
            "stand_ins": {address: [translate.address(address), translate.port(LISTENER_PORT)] for address in asked["addresses"]},
        }
    )
