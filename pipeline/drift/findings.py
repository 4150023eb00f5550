"""What the rules of a review cannot say, since no template does it: a resource that is gone, traffic that goes elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.drift.model import Drift
from pipeline.drift.phantoms import groups
from pipeline.review.model import Finding
from pipeline.review.read import items, mapping
from pipeline.review.resource_types import LISTENER


def own(drift: Drift) -> Iterator[Finding]:
    if drift.kind == "deleted":
        text = f"{drift.logical_id} is gone from AWS, and CloudFormation believes it is there: the next change of it fails"
        yield Finding(rule="gone", topic="resources", verdict="risky", stack=drift.stack, resource=drift.logical_id, text=text)
    for one in drift.properties:
        if drift.type == LISTENER and one.name == "DefaultActions":
            yield from _elsewhere(drift, one.live, one.deployed)


def _elsewhere(drift: Drift, live: object, deployed: object) -> Iterator[Finding]:
    """To a target group that the template does not name: this environment's are references there."""
    known = [arn for action in items(deployed) for arn in groups(mapping(action))]
    for arn in dict.fromkeys(arn for action in items(live) for arn in groups(mapping(action))):
        if arn not in known:
            name = arn.split(":targetgroup/")[-1].partition("/")[0] if isinstance(arn, str) else str(arn)
            text = f"what clients send goes to the target group {name}, which this listener was not deployed with"
            yield Finding(rule="sent-elsewhere", topic="clients", verdict="risky", stack=drift.stack, resource=drift.logical_id, text=text)
