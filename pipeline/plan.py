"""What a plan is bound to, and when a person is asked. Pure: reads nothing, prints nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pipeline.live import Live
from pipeline.review.model import Verdict

# Group -> name -> what it is now, in a few characters.
Parts = dict[str, dict[str, str]]
# What a plan rests on; another group beside them moves no fingerprint.
GROUPS = ("files", "inputs", "stacks")


def needs_approval(verdict: Verdict, policy: Literal["always", "risky", "never"]) -> bool:
    """`always` asks even when nothing changes: then a person has seen every run."""
    return policy == "always" or (policy == "risky" and verdict != "safe")


def parts(files: Mapping[str, str], inputs: Mapping[str, str], live: Mapping[str, Live | None]) -> Parts:
    """Everything that a plan rests on, by name, so that a later one can say what has moved. `live` is by the stack's name in AWS."""
    return {
        "files": {path: digest(text) for path, text in files.items()},
        "inputs": dict(inputs),
        "stacks": {name: "" if found is None else _state(found) for name, found in live.items()},
    }


def fingerprint(parts: Parts) -> str:
    """If one byte moves in what the plan rests on, the plan is another one."""
    return digest({group: parts.get(group, {}) for group in GROUPS})


def moved(planned: Parts, now: Parts) -> Iterator[str]:
    """In words, the live stacks first: that is what somebody else does."""
    for name, was, becomes in _different(planned, now, "stacks"):
        if not becomes:
            yield f"stack {name} is gone"
        else:
            yield f"stack {name} {'was created' if not was else 'has changed'} ({becomes.rpartition(' ')[0]})"
    for name, was, becomes in _different(planned, now, "inputs"):
        yield f"{name} was {was or 'not given'} and is {becomes or 'not given'}"
    for name, was, becomes in _different(planned, now, "files"):
        yield f"{name} {'is another file' if was and becomes else 'is new' if becomes else 'is gone'}"


def _different(planned: Parts, now: Parts, group: str) -> Iterator[tuple[str, str, str]]:
    old, new = planned.get(group, {}), now.get(group, {})
    for name in sorted(old.keys() | new.keys()):
        if (was := old.get(name, "")) != (becomes := new.get(name, "")):
            yield name, was, becomes


def _state(live: Live) -> str:
    """What people can look for comes before the digest of everything."""
    return f"{live.stack.status}, last changed {live.changed} {digest([live.id, vars(live.stack)])}"


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
