"""Differences that are none: what AWS itself writes, keeps or cannot read back. Each with its reason; `kotei drift --all` says them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline import registry_schema
from pipeline.drift.words import same
from pipeline.probe import RULE_PREFIX as PROBE
from pipeline.review.resource_types import LISTENER, SECURITY_GROUP, SERVICE, TASK

RULE_LISTS = ("SecurityGroupIngress", "SecurityGroupEgress")
# What AWS writes into items of lists where the template says nothing: (type, property) -> key -> value.
DEFAULTS: Mapping[tuple[str, str], Mapping[str, tuple[Any, ...]]] = {
    (SERVICE, "CapacityProviderStrategy"): {"Base": (0, "0")},
    (SERVICE, "LoadBalancers"): {"LoadBalancerName": ("",)},
    (LISTENER, "DefaultActions"): {"Order": (1, "1")},
    ("AWS::Logs::MetricFilter", "MetricTransformations"): {"Unit": ("None",)},
    ("AWS::CloudWatch::Alarm", "Metrics"): {"ReturnData": (True, "true")},
}


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known around a resource.

    `rules` are those that resources of their own make in this group, `target_groups` the ARNs of the environment's own; `shifts`: ECS
    moves traffic between them; `scaled`: a scalable target decides how many tasks run.
    """

    type: str
    rules: tuple[Mapping[str, Any], ...] = ()
    target_groups: frozenset[str] = frozenset()
    shifts: bool = False
    scaled: bool = False


@dataclass(frozen=True, kw_only=True)
class Phantom:
    """`without` takes expected and actual and returns actual without what it explains. Empty `types` or `properties`: every one."""

    reason: str
    source: str
    without: Callable[[Context, str, Any, Any], Any]
    types: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()

    def is_about(self, type_name: str, name: str) -> bool:
        return (not self.types or type_name in self.types) and (not self.properties or name in self.properties)


def explained(context: Context, name: str, expected: Any, actual: Any) -> tuple[Any, tuple[str, ...]]:
    """The actual value without what AWS itself did, and the reasons. Equal to `expected` where nothing is left."""
    reasons = []
    for phantom in PHANTOMS:
        if phantom.is_about(context.type, name) and not same(expected, actual):
            left = phantom.without(context, name, expected, actual)
            if not same(left, actual):
                reasons.append(phantom.reason)
            actual = left
    if same(expected, actual):
        return expected, tuple(reasons or [SPELLING])
    return actual, tuple(reasons)


SPELLING = "the same in another order or spelling"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _own_tags(_: Context, __: str, ___: Any, actual: Any) -> Any:
    if isinstance(actual, Mapping):
        return {key: value for key, value in actual.items() if not key.startswith("aws:")}
    return [tag for tag in _listed(actual) if not str(tag.get("Key", "")).startswith("aws:")]


def _probe(_: Context, __: str, ___: Any, actual: Any) -> Any:
    """One address only: whoever lets in a whole network did not verify."""
    return [
        rule
        for rule in _listed(actual)
        if not (str(rule.get("Description", "")).startswith(PROBE) and str(rule.get("CidrIp", "")).endswith("/32"))
    ]


def _rules_elsewhere(context: Context, _: str, expected: Any, actual: Any) -> Any:
    elsewhere = [{key: value for key, value in rule.items() if key != "GroupId"} for rule in context.rules]
    wanted = _listed(expected)
    return [rule for rule in _listed(actual) if any(same(rule, one) for one in wanted) or not any(same(rule, one) for one in elsewhere)]


def _one_group(_: Context, __: str, expected: Any, actual: Any) -> Any:
    return expected if same(expected, [_shorter(action) for action in _listed(actual)]) else actual


def _shorter(action: Any) -> Any:
    found = groups(action)
    if action.get("Type") != "forward" or len(found) != 1:
        return action
    return {**{key: value for key, value in action.items() if key != "ForwardConfig"}, "TargetGroupArn": found[0]}


def groups(action: Mapping[str, Any]) -> list[Any]:
    """The target groups that an action forwards to."""
    weighted = action.get("ForwardConfig") or {}
    return [one.get("TargetGroupArn") for one in weighted.get("TargetGroups", [])] or _listed(action.get("TargetGroupArn"))


def _shifted(context: Context, _: str, expected: Any, actual: Any) -> Any:
    """Only between the environment's own target groups: any other is somebody's."""
    actions = _listed(actual)
    forwards = all(one.get("Type") == "forward" for one in actions)
    if context.shifts and forwards and actions and {arn for one in actions for arn in groups(one)} <= context.target_groups:
        return expected
    return actual


def _scaled(context: Context, _: str, expected: Any, actual: Any) -> Any:
    return expected if context.scaled else actual


def _whole(_: Context, __: str, expected: Any, ___: Any) -> Any:
    return expected


def _unreadable(context: Context, name: str, expected: Any, actual: Any) -> Any:
    schema = registry_schema.load(context.type)
    return expected if schema and (name,) in schema.write_only else actual


def _empty(_: Context, __: str, expected: Any, actual: Any) -> Any:
    return _pruned(expected, actual)


def _pruned(expected: Any, actual: Any) -> Any:
    if isinstance(actual, Mapping):
        wanted = expected if isinstance(expected, Mapping) else {}
        return {key: _pruned(wanted.get(key), one) for key, one in actual.items() if key in wanted or one not in (None, "", [], {})}
    if isinstance(actual, list):
        words: dict[str, Any] = {}
        for one in _listed(expected):
            words |= one if isinstance(one, Mapping) else {}
        return [_pruned(words, one) for one in actual]
    return expected if actual in (None, "") and expected in (None, "", [], {}) else actual


def _defaults(context: Context, name: str, expected: Any, actual: Any) -> Any:
    known = DEFAULTS.get((context.type, name), {})
    said = {key for one in _listed(expected) if isinstance(one, Mapping) for key in one}
    return [
        {key: value for key, value in one.items() if key in said or value not in known.get(key, ())} if isinstance(one, Mapping) else one
        for one in _listed(actual)
    ]


PHANTOMS: tuple[Phantom, ...] = (
    Phantom(
        reason="AWS's own tags (aws:...)",
        source="Tagging AWS resources: the prefix is AWS's",
        without=_own_tags,
        properties=("Tags",),
    ),
    Phantom(
        reason=f"rules of a verification that runs or was killed (described as {PROBE}); it closes them itself",
        source="kotei verify",
        without=_probe,
        types=(SECURITY_GROUP,),
        properties=("SecurityGroupIngress",),
    ),
    Phantom(
        reason="rules that resources of their own make in this group, maybe in another stack",
        source="CloudFormation, Using drift-aware change sets; aws-cloudformation/cloudformation-coverage-roadmap#1198, #1387",
        without=_rules_elsewhere,
        types=(SECURITY_GROUP,),
        properties=RULE_LISTS,
    ),
    Phantom(
        reason="one target group may be said in two ways",
        source="Elastic Load Balancing API, Action: TargetGroupArn or ForwardConfig",
        without=_one_group,
        types=(LISTENER,),
        properties=("DefaultActions",),
    ),
    Phantom(
        reason="ECS moves the listener between this environment's target groups when it deploys (canary, blue/green)",
        source="Amazon ECS, blue/green deployments; go-to-k/cdk-real-drift#1730; aws/containers-roadmap#2853",
        without=_shifted,
        types=(LISTENER,),
        properties=("DefaultActions",),
    ),
    Phantom(
        reason="scaling decides how many tasks run",
        source="Application Auto Scaling; CloudFormation, AWS::ECS::Service DesiredCount",
        without=_scaled,
        types=(SERVICE,),
        properties=("DesiredCount",),
    ),
    Phantom(
        reason="a revision of a task definition never changes; AWS writes it back in other words",
        source="aws-cloudformation/cloudformation-coverage-roadmap#1455, #1283",
        without=_whole,
        types=(TASK,),
    ),
    Phantom(
        reason="AWS does not say a deployment controller that is its default",
        source="aws-cloudformation/cloudformation-coverage-roadmap#1259",
        without=lambda _, __, expected, actual: expected if same(expected, {"Type": "ECS"}) and not actual else actual,
        types=(SERVICE,),
        properties=("DeploymentController",),
    ),
    Phantom(
        reason="AWS takes this and never tells it",
        source="the type's schema: writeOnlyProperties",
        without=_unreadable,
    ),
    Phantom(
        reason="AWS writes out what is empty",
        source="aws-cloudformation/cloudformation-coverage-roadmap#2153",
        without=_empty,
    ),
    Phantom(
        reason="AWS writes out its default",
        source="CloudFormation, Considerations when detecting drift: objects in arrays are compared as a whole",
        without=_defaults,
        types=tuple({type_name for type_name, _ in DEFAULTS}),
        properties=tuple({name for _, name in DEFAULTS}),
    ),
)
