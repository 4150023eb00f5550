"""Three reviews, made by the real engine from edited copies of rendered files: one that is blocked, a risky one, a safe one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from pipeline.review.compare import compare
from pipeline.review.judge import judge
from pipeline.review.model import VERDICTS, Change, Cost, OwnerReview, PlanFacts, Property, Review, Side, StackReview, Timing
from tests.unit.review.edits import edited

TODAY = date(2026, 11, 22)
EDITS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "blocked": (
        {"in": "production/addresses", "at": "Resources.EipC", "drop": True},
        {"in": "production/loadbalancer", "at": "Resources.LoadBalancer.Type", "put": "AWS::ElasticLoadBalancing::LoadBalancer"},
        {"in": "production/network", "at": "Resources.Vpc.Properties.CidrBlock", "put": "10.40.0.0/16"},
        {"in": "production/monitoring", "drop": True},
        {"in": "shared/registry", "at": "Resources.Repository", "move": "Resources.Images"},
    ),
    "risky": (
        {"in": "production/certificate", "at": "Resources.Certificate.Properties.DomainName", "put": "api.example.org"},
        {"in": "production/network", "at": "Resources.FlowLog.Properties.TrafficType", "put": "REJECT"},
        {"in": "production/service", "at": "Resources.TaskDefinition.Properties.Cpu", "put": "1024"},
        {"in": "production/monitoring", "at": "Resources.Dashboard", "drop": True},
        {"in": "production/monitoring", "at": "Resources.Topic.Properties.DisplayName", "put": "<b>proxy</b> | `alarms` @everyone"},
        {
            "in": "production/security",
            "at": "Resources.Extra",
            "put": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"VpcId": {"Ref": "VpcId"}}},
        },
        {"in": "production/edge", "at": "Resources.Bucket", "put": {"Type": "AWS::S3::Bucket"}},
    ),
    "safe": ({"in": "production/service", "at": "Resources.TaskDefinition.Properties.Memory", "put": "2048"},),
}


@cache
def sample(verdict: str) -> Review:
    before = edited(None, ())
    after = edited(before, EDITS[verdict])
    judged = [judge(compare(owner, before.get(owner, Side()), after.get(owner, Side())), (), TODAY) for owner in before]
    owners = [replace(one, cost=COST, timing=TIMING) if one.owner == "production" else one for one in judged]
    owners.sort(key=lambda one: (-VERDICTS.index(one.verdict), one.empty, one.owner))
    return Review(base="main (1a2b3c4)", head="the work tree", owners=tuple(owners))


@cache
def plan() -> Review:
    """The risky one as a plan against AWS."""
    review = sample("risky")
    owner = next(one for one in review.owners if one.owner == "production")
    facts = PlanFacts(fingerprint="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", needs_approval=True)
    return Review(base="what is live in AWS", head="this checkout", owners=(owner,), plan=facts)


COST = Cost(before=94.34, after=121.33, region="ap-northeast-1", prices_of="2026-11-01")
TIMING = Timing(
    shortest=240,
    longest=1500,
    connections="Open connections end when their task is drained, after at most 300 seconds; new connections are always accepted",
    steps=(
        "loadbalancer: a certificate is taken into use, about 1 minute",
        "service: three tasks are replaced one by one, 3 to 24 minutes",
    ),
)


def with_property(before: Any, after: Any) -> Review:
    """One property of one resource."""
    one = Property(path="Setting", before=before, after=after, update="in place")
    change = Change(stack="service", logical_id="Thing", type="AWS::S3::Bucket", action="modify", properties=(one,))
    stack = StackReview(stack="service", name="", action="update", changes=(change,), parameters=())
    return Review(base="a", head="b", owners=(OwnerReview(owner="production", verdict="safe", stacks=(stack,), findings=()),))
