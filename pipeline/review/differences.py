"""Where two values differ, as paths. Lists of things that have a name are compared by it, so that an inserted line is one difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What names an item of a list in CloudFormation, the most telling first.
NAMES = ("Key", "Sid", "Id", "Name", "PolicyName", "ContainerName", "CertificateArn", "SubnetId", "ContainerPort", "CidrIp")

# Keys of what stands for one value: functions, and what symbols.py makes of them.
ONE_VALUE = ("Ref", "Condition", "joined", "parameter", "pseudo")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """`path` as people read it; `names` the same without the places in lists. None: not there on that side."""

    path: str
    names: tuple[str, ...]
    before: Any
    after: Any


def differences(before: Any, after: Any, path: str = "", names: tuple[str, ...] = ()) -> Iterator[Difference]:
    """The smallest parts that differ, sorted by path."""
    if before == after and type(before) is type(after):
        return
    if isinstance(before, dict) and isinstance(after, dict) and not _is_function(before, after):
        for key in sorted(before.keys() | after.keys(), key=str):
            where = f"{path}.{key}" if path else str(key)
            yield from differences(before.get(key), after.get(key), where, (*names, str(key)))
    elif isinstance(before, list) and isinstance(after, list) and (pairs := _pairs(before, after)) is not None:
        for label, old, new in pairs:
            yield from differences(old, new, f"{path}[{label}]", names)
    else:
        yield Difference(path=path, names=names, before=before, after=after)


def _is_function(*values: Mapping[str, Any]) -> bool:
    """A reference is one value, whatever it is made of. A statement of a policy may have a key Condition among others."""
    return any(
        "symbol" in value or (len(value) == 1 and any(key in ONE_VALUE or str(key).startswith("Fn::") for key in value)) for value in values
    )


def _pairs(before: list[Any], after: list[Any]) -> list[tuple[str, Any, Any]] | None:
    """None where the lists differ as a whole: in order only, or without names for their items."""
    for name in NAMES:
        old, new = _by_name(before, name), _by_name(after, name)
        if old is not None and new is not None:
            if list(old) != list(new) and old == new:
                return None
            return [(label, old.get(label), new.get(label)) for label in dict.fromkeys((*old, *new))]
    if len(before) == len(after):
        return [(str(number), old, new) for number, (old, new) in enumerate(zip(before, after, strict=True))]
    return None


def _by_name(items: Sequence[Any], name: str) -> dict[str, Any] | None:
    """None unless every item has the name, and each another one."""
    found: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get(name), str | int):
            return None
        found[str(item[name])] = item
    return found if len(found) == len(items) else None
