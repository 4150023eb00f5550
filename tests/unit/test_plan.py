"""What moves the fingerprint, what a later plan says has moved, and when a person is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live import Live
from pipeline.plan import Parts, fingerprint, moved, needs_approval, parts
from pipeline.review.model import Stack

FILES = {"stacks/rendered/test/service.yaml": "1", "docker/nginx/rendered/test/nginx.conf": "2"}
INPUTS = {"ImageDigest": "sha256:1"}
STACK = Stack(stack="service", path="service.yaml", template={"Resources": {}}, name="demo-test-service", status="UPDATE_COMPLETE")
LIVE = Live(stack=STACK, id="arn:stack/1", changed="2026-01-01T00:00:00+00:00")


def stack(**changes: Any) -> Live:
    return replace(LIVE, stack=replace(STACK, **changes))


def of(live: Live | None = LIVE, files: dict[str, str] | None = None, inputs: dict[str, str] | None = None) -> Parts:
    return parts(FILES if files is None else files, INPUTS if inputs is None else inputs, {"demo-test-service": live})


@pytest.mark.parametrize(
    ("policy", "verdict", "asked"),
    [
        ("always", "safe", True),
        ("always", "risky", True),
        ("risky", "safe", False),
        ("risky", "risky", True),
        ("risky", "blocked", True),
        ("never", "risky", False),
    ],
)
def test_when_a_person_is_asked(policy: Any, verdict: Any, asked: bool) -> None:  # noqa: FBT001 - a table
    assert needs_approval(verdict, policy) is asked


def test_the_fingerprint_moves_with_everything_that_the_plan_rests_on() -> None:
    others = [
        of(files={**FILES, "docker/nginx/rendered/test/nginx.conf": "3"}),
        of(files={**FILES, "policy/exceptions.toml": ""}),
        of(inputs={"ImageDigest": "sha256:2"}),
        of(inputs={}),
        of(None),
        of(replace(LIVE, id="arn:stack/2")),
        of(replace(LIVE, changed="2026-01-01T00:00:01+00:00")),
        of(stack(status="ROLLBACK_COMPLETE")),
        of(stack(template={"Resources": {"A": {}}})),
        of(stack(parameters={"ImageDigest": "sha256:1"})),
        of(stack(outputs={"VpcId": "vpc-2"})),
        of(stack(tags={"Project": "demo"})),
        of(stack(policy={"Statement": []})),
        of(stack(resources={"A": "a-1"})),
        of(stack(drifted=("A",))),
    ]
    assert fingerprint(of()) == fingerprint(of())
    assert len({fingerprint(one) for one in (of(), *others)}) == len(others) + 1


@given(st.dictionaries(st.text(), st.text()), st.dictionaries(st.text(), st.text()))
def test_nothing_has_moved_exactly_when_the_fingerprint_is_the_same(old: dict[str, str], new: dict[str, str]) -> None:
    one, other = of(files=old), of(files=new)
    assert (fingerprint(one) == fingerprint(other)) is (not list(moved(one, other)))


@pytest.mark.parametrize(
    ("planned", "now", "said"),
    [
        (of(), of(), []),
        (
            of(),
            of(replace(stack(outputs={"x": "y"}), changed="2026-01-02T00:00:00+00:00")),
            ["stack demo-test-service has changed (UPDATE_COMPLETE, last changed 2026-01-02T00:00:00+00:00)"],
        ),
        (of(), of(None), ["stack demo-test-service is gone"]),
        (of(None), of(), ["stack demo-test-service was created (UPDATE_COMPLETE, last changed 2026-01-01T00:00:00+00:00)"]),
        (of(), of(inputs={"ImageDigest": "sha256:2"}), ["ImageDigest was sha256:1 and is sha256:2"]),
        (of(), of(inputs={}), ["ImageDigest was sha256:1 and is not given"]),
        (
            of(files={"a": "1", "b": "1"}),
            of(None, files={"b": "2", "c": "1"}),
            ["stack demo-test-service is gone", "a is gone", "b is another file", "c is new"],
        ),
    ],
)
def test_what_has_moved_is_named_the_live_stacks_first(planned: Parts, now: Parts, said: list[str]) -> None:
    assert list(moved(planned, now)) == said
