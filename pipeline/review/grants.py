"""What somebody may do, in few words: `s3:GetObject, s3:PutObject on kotei-artifacts/plans/* and 2 more`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from pipeline.review.patterns import glob, matches
from pipeline.review.permits import Grant

REFERENCE = re.compile(r"\$\{([^}.:]+)(?:\.[A-Za-z]+)?\}")
# How many actions, resources and groups a sentence names before it counts them.
NAMED = 3
ARN_PARTS = 6


def sentence(
    grants: Collection[Grant], others: Iterable[Grant] = (), *, partly: str = " in more cases", everything: str = "everything"
) -> str:
    """`others` are what is told beside: a resource is named in full where its short name would mean two.

    `partly` is said of what is only a matter of conditions, `everything` is what `*` means.
    """
    short = {**_short({one.resource for one in (*grants, *others)}), "*": everything}
    by_resource: dict[tuple[str, bool], list[Grant]] = {}
    for one in grants:
        by_resource.setdefault((one.resource, one.partly), []).append(one)
    named = NAMED if len(by_resource) == 1 else 1
    by_actions: dict[tuple[str, bool], list[str]] = {}
    for (resource, only_partly), several in by_resource.items():
        by_actions.setdefault((_actions(several, named), only_partly), []).append(short[resource])
    groups = [
        f"{actions} on {_listed(sorted(set(resources)))}{partly if only_partly else ''}"
        for (actions, only_partly), resources in by_actions.items()
    ]
    return _listed(sorted(groups), "; ")


def who(grants: Iterable[Grant]) -> str:
    return _listed(sorted({principal(one.principal) for one in grants}))


def principal(name: str) -> str:
    if name == "*":
        return "anybody"
    account = re.fullmatch(r"(?:arn:[^:]*:iam::)?(\d{12})(?::root)?", name)
    return f"account {account[1]}" if account else plain(name)


def plain(name: str) -> str:
    """Without the signs of a reference: `${ArtifactBucket.Arn}/*` -> ArtifactBucket/*."""
    return REFERENCE.sub(r"\1", name)


def _short(resources: Collection[str]) -> dict[str, str]:
    shortened = {one: last_part(one) for one in resources}
    several = list(shortened.values())
    return {one: short if several.count(short) == 1 else plain(one) for one, short in shortened.items()}


def last_part(resource: str) -> str:
    if resource == "*":
        return "everything"
    parts = resource.split(":", ARN_PARTS - 1)
    return plain(parts[-1] if resource.startswith("arn:") and len(parts) == ARN_PARTS and parts[-1] not in ("", "*") else resource)


def _actions(grants: Iterable[Grant], named: int) -> str:
    """Wide patterns first, and what they hold only counted."""
    wide: dict[str, set[str]] = {}
    names = set()
    for one in grants:
        if one.action.startswith("everything but") or "*" in one.action or "?" in one.action:
            wide.setdefault(one.action, set()).update(one.actions)
        else:
            names.add(one.action)
    for pattern in wide:
        held = {name for name in names if pattern.startswith("everything but") or matches(glob(pattern.lower()), name.lower())}
        wide[pattern] |= held
        names -= held
    return _listed([*(_wide(pattern, actions) for pattern, actions in sorted(wide.items())), *sorted(names)], named=named)


def _wide(pattern: str, actions: Collection[str]) -> str:
    if pattern == "*" or pattern.startswith("everything but"):
        return f"do {'anything' if pattern == '*' else pattern}"
    if len(actions) <= NAMED:
        return f"{pattern} ({', '.join(sorted(actions))})" if actions else pattern
    return f"{pattern} ({len(actions)} actions)"


def _listed(words: list[str], separator: str = ", ", *, named: int = NAMED) -> str:
    """A name more costs no more room than the count of it."""
    if len(words) <= named + 1:
        return separator.join(words)
    return f"{separator.join(words[:named])} and {len(words) - named} more"
