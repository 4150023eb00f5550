"""What a review predicts is what the emulated AWS then does: generated sequences of changes to a whole environment, step by step."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from pipeline import paths
from pipeline.local import prerequisites
from pipeline.review.compare import compare
from pipeline.review.model import Change, Comparison, Side, Stack
from stacks import project
from tests.unit.review.edits import edited

pytestmark = pytest.mark.local

OWNER = "production"
# Each is a change that a commit may make; as edits of recorded cases (tests/unit/review/edits.py).
EDITS: dict[str, list[dict[str, Any]]] = {
    "a tag of the VPC": [{"in": "production/network", "at": "Resources.Vpc.Properties.Tags.0.Value", "put": "other"}],
    "a subnet's public addresses": [{"in": "production/network", "at": "Resources.SubnetC.Properties.MapPublicIpOnLaunch", "put": True}],
    "no endpoint for S3": [{"in": "production/network", "at": "Resources.StorageEndpoint", "drop": True}],
    "days of the flow log": [{"in": "production/network", "at": "Resources.FlowLogs.Properties.RetentionInDays", "put": 30}],
    "another route table": [{"in": "production/network", "at": "Resources.RouteTable", "move": "Resources.Routes"}],
    "another client": [
        {"in": "production/security", "at": "Resources.LoadBalancerGroup.Properties.SecurityGroupIngress.0.CidrIp", "put": "192.0.2.0/25"}
    ],
    "the port of health checks": [
        {"in": "production/security", "at": "Resources.TaskHealth.Properties.FromPort", "put": 8080},
    ],
    "a new group": [
        {
            "in": "production/security",
            "at": "Resources.Spare",
            "put": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "spare", "VpcId": {"Ref": "VpcId"}}},
        }
    ],
    "a second protocol": [{"in": "production/loadbalancer", "at": "Resources.Listener.Properties.AlpnPolicy.0", "put": "HTTP1Only"}],
    "the path of health checks": [
        {"in": "production/loadbalancer", "at": "Resources.TargetGroup.Properties.HealthCheckPath", "put": "/other"}
    ],
    "the port of targets": [{"in": "production/loadbalancer", "at": "Resources.TargetGroup.Properties.Port", "put": 8088}],
    "no policy of the log bucket": [
        {"in": "production/loadbalancer", "at": "Resources.AccessLogsPolicy.Properties.PolicyDocument.Statement.0.Sid", "put": "Other"}
    ],
    "larger tasks": [{"in": "production/service", "at": "Resources.TaskDefinition.Properties.Memory", "put": "2048"}],
    "more tasks": [{"in": "production/service", "at": "Resources.ScalableTarget.Properties.MinCapacity", "put": 4}],
    "another role": [{"in": "production/service", "at": "Resources.TaskRole", "move": "Resources.OwnRole"}],
    "a role's policy": [{"in": "production/service", "at": "Resources.ExecutionRole.Properties.Policies.0.PolicyName", "put": "other"}],
    "one output less": [{"in": "production/addresses", "at": "Outputs.PublicIpA", "drop": True}],
    "a deletion policy": [{"in": "production/service", "at": "Resources.Cluster.DeletionPolicy", "put": "Retain"}],
    "an alarm less": [{"in": "production/monitoring", "at": "Resources.TargetResets", "drop": True}],
    "another threshold": [{"in": "production/monitoring", "at": "Resources.NoHealthyTarget.Properties.Threshold", "put": 2}],
    "an alarm's name": [{"in": "production/monitoring", "at": "Resources.NoHealthyTarget.Properties.AlarmName", "put": "nobody-answers"}],
    "a tag of the stack": [{"in": "production/network.json", "at": "Tags.Team", "put": "edge"}],
}


@dataclass(frozen=True)
class Live:
    """What the emulated AWS has: physical ids by stack and logical id."""

    ids: Mapping[str, Mapping[str, str]]
    side: Side


def stack_name(stack: str) -> str:
    return f"kotei-{OWNER}-{stack}"


@pytest.fixture
def ready(cloud: Any, rollout: Callable[[str, str], None]) -> Any:
    rollout("*", "COMPLETED")
    cloud.client("s3").create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    prerequisites.provide(cloud.world, project.load(paths.ROOT).environments)
    return cloud


def without_locks(side: Side) -> Side:
    """What the recorded base holds, but for what refuses a change: this test is about what changes, not about what is refused."""
    stacks = {name: copy.deepcopy(stack) for name, stack in side.stacks.items() if name != "certificate"}
    balancer: dict[str, Any] = dict(stacks["loadbalancer"].template)
    listener = balancer["Resources"]["Listener"]["Properties"]
    listener["Certificates"] = [{"CertificateArn": certificate()}]
    del balancer["Parameters"]["CertificateArn"]
    attributes = balancer["Resources"]["LoadBalancer"]["Properties"]["LoadBalancerAttributes"]
    next(one for one in attributes if one["Key"] == "deletion_protection.enabled")["Value"] = "false"
    return replace(side, stacks={name: replace(stack, policy=None) for name, stack in stacks.items()})


def certificate() -> str:
    return next(str(env.certificate.arn) for env in project.load(paths.ROOT).environments if env.certificate.arn)


def deploy(cloud: Any, side: Side, order: tuple[str, ...], digest: str) -> set[str]:
    """Returns the stacks to which AWS had nothing to do."""
    known = {"ImageDigest": digest}
    untouched = set()
    for stack in order:
        content = side.stacks[stack]
        name = stack_name(stack)
        cloud.client("s3").put_object(Bucket="templates", Key=name, Body=yaml.safe_dump(dict(content.template)).encode())
        arguments = {
            "StackName": name,
            "TemplateURL": f"{cloud.world.endpoint}/templates/{name}",
            "Parameters": [{"ParameterKey": key, "ParameterValue": known[key]} for key in content.template.get("Parameters", {})],
            "Tags": [{"Key": key, "Value": value} for key, value in content.tags.items()],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        exists = name in {one["StackName"] for one in cloud.cfn.describe_stacks()["Stacks"]}
        try:
            (cloud.cfn.update_stack if exists else cloud.cfn.create_stack)(**arguments)
        except ClientError as refused:
            if "No updates are to be performed" not in str(refused):
                raise
            untouched.add(stack)
        state = cloud.settled(name)["StackStatus"]
        assert state in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), cloud.reasons(name)
        known.update(cloud.outputs(name))
    return untouched


def live(cloud: Any, side: Side) -> Live:
    found = {stack: cloud.stack(stack_name(stack)) for stack in side.stacks}
    stacks = {
        name: replace(
            stack,
            parameters={one["ParameterKey"]: one["ParameterValue"] for one in found[name].get("Parameters", [])},
            outputs=cloud.outputs(stack_name(name)),
        )
        for name, stack in side.stacks.items()
    }
    return Live(ids={name: cloud.ids(stack_name(name)) for name in side.stacks}, side=replace(side, stacks=stacks))


def events(cloud: Any, stack: str) -> int:
    return len(cloud.cfn.describe_stack_events(StackName=stack_name(stack))["StackEvents"])


def touched(cloud: Any, stack: str, since: int) -> set[str]:
    """The resources that an operation changed, by what it told."""
    found = cloud.cfn.describe_stack_events(StackName=stack_name(stack))["StackEvents"]
    news = found[: len(found) - since]
    return {one["LogicalResourceId"] for one in news if one["ResourceStatus"] in ("UPDATE_COMPLETE", "CREATE_COMPLETE")} - {
        stack_name(stack)
    }


def predicted(comparison: Comparison, stack: str) -> dict[str, str]:
    def fate(change: Change) -> str:
        if change.renamed_from:
            return "created"
        return {"add": "created", "remove": "removed"}.get(change.action) or ("replaced" if change.replaces else "changed")

    own = [change for change in comparison.changes if change.stack == stack and change.touches]
    former = {change.renamed_from: "removed" for change in own if change.renamed_from}
    return {**former, **{change.logical_id: fate(change) for change in own}}


def happened(before: Mapping[str, str], after: Mapping[str, str], touched: set[str]) -> dict[str, str]:
    result = dict.fromkeys(before.keys() - after.keys(), "removed")
    result |= dict.fromkeys(after.keys() - before.keys(), "created")
    for name in before.keys() & after.keys():
        if before[name] != after[name]:
            result[name] = "replaced"
        elif name in touched:
            result[name] = "changed"
    return result


@pytest.mark.parametrize("seed", range(4))
def test_the_engine_does_what_was_predicted(ready: Any, seed: int) -> None:
    chosen = random.Random(seed)
    base = edited(None, [])[OWNER]
    now = without_locks(base)
    order = compare(OWNER, Side(), now).order
    deploy(ready, now, order, digest := "sha256:" + "0" * 64)
    left = sorted(EDITS)
    chosen.shuffle(left)
    for step in range(3):
        names, left = left[:3], left[3:]
        wanted = edited({OWNER: now}, [edit for name in names for edit in EDITS[name]])[OWNER]
        digest = "sha256:" + str(step) * 64
        before = live(ready, now)
        service = replace(wanted.stacks["service"], parameters={"ImageDigest": digest})
        comparison = compare(OWNER, before.side, replace(wanted, stacks={**wanted.stacks, "service": service}))
        counts = {stack: events(ready, stack) for stack in order}
        untouched = deploy(ready, wanted, comparison.order, digest)
        after = live(ready, wanted)
        for stack in order:
            did = happened(before.ids[stack], after.ids[stack], touched(ready, stack, counts[stack]))
            assert predicted(comparison, stack) == did, (stack, names)
            quiet = not did and not comparison.parameters.get(stack) and before.side.stacks[stack].template == wanted.stacks[stack].template
            assert not quiet or stack in untouched, (stack, names)
        now = wanted


def test_what_is_predicted_as_a_replacement_of_the_load_balancer_fails_and_changes_nothing(ready: Any) -> None:
    now = without_locks(edited(None, [])[OWNER])
    order = compare(OWNER, Side(), now).order
    deploy(ready, now, order, "sha256:" + "0" * 64)
    before = live(ready, now)
    change = {"in": "production/loadbalancer", "at": "Resources.LoadBalancer.Properties.Name", "put": "another"}
    wanted = edited({OWNER: now}, [change])[OWNER]
    comparison = compare(OWNER, before.side, wanted)
    assert predicted(comparison, "loadbalancer")["LoadBalancer"] == "replaced"
    name = stack_name("loadbalancer")
    ready.cfn.update_stack(
        StackName=name,
        TemplateBody=json.dumps(dict(wanted.stacks["loadbalancer"].template)),
        Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in wanted.stacks["loadbalancer"].template["Parameters"]],
        Tags=[{"Key": key, "Value": value} for key, value in wanted.stacks["loadbalancer"].tags.items()],
    )
    assert ready.settled(name)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", ready.reasons(name)
    assert live(ready, now).ids == before.ids
    assert isinstance(before.side.stacks["loadbalancer"], Stack)
