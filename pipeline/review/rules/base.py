"""The base that the proxy's image is built on: the ARG of docker/Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.review.model import Comparison, Finding, Verdict
from pipeline.review.rules.rule import Rule

NAME = re.compile(r"(?P<repository>[^@]+?)(:(?P<tag>[\w.-]+))?(@(?P<digest>sha256:[0-9a-f]+))?")
VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def base_image(comparison: Comparison) -> Iterator[Finding]:
    """The image is built on another base, or no longer on a fixed one."""
    old, new = comparison.before.base, comparison.after.base
    if not old or not new or old == new:
        return
    worse = _worse(old, new)
    yield Finding(
        rule="base-image",
        topic="sites",
        verdict=_verdict(worse),
        text=f"every environment's nginx comes from another base: {new} (it was {old})" + (f"; {worse}" if worse else ""),
        mend="run: kotei image pin" if worse else "",
    )


def _verdict(worse: str) -> Verdict:
    return "risky" if worse else "safe"


def _worse(old: str, new: str) -> str:
    before, after = NAME.fullmatch(old), NAME.fullmatch(new)
    if before is None or after is None:
        return "it cannot be told which one"
    if before["repository"] != after["repository"]:
        return "somebody else builds it"
    if before["digest"] and not after["digest"]:
        return "each build takes what the tag names on that day"
    was, becomes = VERSION.match(before["tag"] or ""), VERSION.match(after["tag"] or "")
    if was and becomes and tuple(map(int, becomes.groups())) < tuple(map(int, was.groups())):
        return "its nginx is older"
    return ""


RULES = (Rule("base-image", base_image, "docker/Dockerfile; nginx.org, security advisories"),)
