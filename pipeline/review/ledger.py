"""The ledger of an environment's addresses, stacks/pinned/<environment>.json: what is written into it, and how. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from pipeline.errors import PipelineError
from pipeline.review.model import Pin
from pipeline.review.sides import pinned_file


def text(environment: str, account: str, region: str, pins: Iterable[Pin]) -> str:
    """The same pins give the same file, in whatever order they come."""
    entries = [_entry(pin) for pin in sorted(set(pins), key=lambda pin: (pin.zone, pin.address))]
    return json.dumps({"environment": environment, "account": account, "region": region, "addresses": entries}, indent=2) + "\n"


def _entry(pin: Pin) -> dict[str, str]:
    leaves = {"leaves": pin.leaves.isoformat()} if pin.leaves else {}
    return {"zone": pin.zone, "address": pin.address, "allocation": pin.allocation, **leaves}


def added(environment: str, known: Sequence[Pin], live: Sequence[Pin]) -> tuple[Pin, ...]:
    """What is known, and what is live beside it. Refuses where something known is not live: a ledger never forgets by itself."""
    there = {_place(pin) for pin in live}
    if missing := [pin for pin in known if _place(pin) not in there]:
        said = ", ".join(f"{pin.address} ({pin.allocation}, zone {pin.zone})" for pin in missing)
        raise PipelineError(
            f"{pinned_file(environment)} names {said}, and {environment} does not have that now. Look first where it went: "
            f"aws ec2 describe-addresses --allocation-ids {' '.join(pin.allocation for pin in missing)}. An entry that is to go gets "
            '"leaves": "YYYY-MM-DD", and is removed by hand after that day'
        )
    held = {_place(pin) for pin in known}
    return (*known, *(pin for pin in live if _place(pin) not in held))


def _place(pin: Pin) -> tuple[str, str, str]:
    return pin.zone, pin.address, pin.allocation
