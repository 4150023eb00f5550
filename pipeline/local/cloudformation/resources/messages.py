"""SNS topics and who hears them, EventBridge rules."""

from __future__ import annotations

import json
from typing import Any

from pipeline.local.cloudformation.resources.handler import (
    Handler,
    Made,
    Properties,
    Scope,
    names,
    only,
    tag_changes,
    tag_list,
    without,
)
from pipeline.local.cloudformation.resources.shape import params

TOPIC_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId")


def _create_topic(scope: Scope, properties: Properties) -> Made:
    client = scope.client("sns")
    name = properties.get("TopicName") or scope.physical_name(256)
    wanted = {"Name": name, "Attributes": only(properties, *TOPIC_ATTRIBUTES), **only(properties, "Tags")}
    arn = client.create_topic(**params(client, "CreateTopic", wanted))["TopicArn"]
    return Made(id=arn, attributes={"TopicArn": arn, "TopicName": name})


def _update_topic(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("sns")
    for key in TOPIC_ATTRIBUTES:
        if old.get(key) != new.get(key):
            client.set_topic_attributes(TopicArn=made.id, AttributeName=key, AttributeValue=str(new.get(key, "")))
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.tag_resource(ResourceArn=made.id, Tags=tag_list(wanted))
    if gone:
        client.untag_resource(ResourceArn=made.id, TagKeys=gone)
    return made


def _delete_topic(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("sns").delete_topic(TopicArn=made.id)


def _put_policy(scope: Scope, properties: Properties) -> Made:
    for topic in properties["Topics"]:
        _write_policy(scope, topic, properties["PolicyDocument"])
    identity = scope.physical_name(128)
    return Made(id=identity, attributes={"Id": identity})


def _write_policy(scope: Scope, topic: str, document: Any) -> None:
    scope.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(document))


def _change_policy(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    for topic in new["Topics"]:
        _write_policy(scope, topic, new["PolicyDocument"])
    _forget_policy(scope, made, {"Topics": [topic for topic in old["Topics"] if topic not in new["Topics"]]})
    return made


def _forget_policy(scope: Scope, _: Made, properties: Properties) -> None:
    for topic in properties["Topics"]:
        # A topic is never without a policy: it goes back to the owner's alone.
        owner = {"Effect": "Allow", "Principal": {"AWS": scope.account}, "Action": "sns:Publish", "Resource": topic}
        _write_policy(scope, topic, {"Version": "2012-10-17", "Statement": [owner]})


def _subscribe(scope: Scope, properties: Properties) -> Made:
    client = scope.client("sns")
    arn = client.subscribe(**params(client, "Subscribe", properties), ReturnSubscriptionArn=True)["SubscriptionArn"]
    return Made(id=arn, attributes={"Arn": arn})


def _unsubscribe(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("sns").unsubscribe(SubscriptionArn=made.id)


def _put_rule(scope: Scope, properties: Properties) -> Made:
    return _write_rule(scope, properties.get("Name") or scope.physical_name(64), properties)


def _write_rule(scope: Scope, name: str, properties: Properties) -> Made:
    client = scope.client("events")
    wanted = {**without(properties, "Targets", "Tags"), "Name": name}
    arn = client.put_rule(**params(client, "PutRule", wanted), **only(properties, "Tags"))["RuleArn"]
    made = scope.born(Made(id=name, attributes={"Arn": arn, "RuleName": name}))
    if properties.get("Targets"):
        client.put_targets(
            **params(client, "PutTargets", {"Rule": name, "Targets": properties["Targets"], **only(properties, "EventBusName")})
        )
    return made


def _change_rule(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("events")
    kept = {target["Id"] for target in new.get("Targets", [])}
    _remove_targets(client, made.id, [target for target in old.get("Targets", []) if target["Id"] not in kept], new)
    wanted, gone = tag_changes(old, new)
    changed = _write_rule(scope, made.id, without(new, "Tags"))
    if wanted:
        client.tag_resource(ResourceARN=made.attributes["Arn"], Tags=tag_list(wanted))
    if gone:
        client.untag_resource(ResourceARN=made.attributes["Arn"], TagKeys=gone)
    return changed


def _remove_targets(client: Any, rule: str, targets: list[Properties], properties: Properties) -> None:
    if targets:
        client.remove_targets(Rule=rule, Ids=[target["Id"] for target in targets], **only(properties, "EventBusName"))


def _delete_rule(scope: Scope, made: Made, properties: Properties) -> None:
    client = scope.client("events")
    _remove_targets(client, made.id, properties.get("Targets", []), properties)
    client.delete_rule(Name=made.id, **only(properties, "EventBusName"))


def _create_schedule(scope: Scope, properties: Properties) -> Made:
    client = scope.client("scheduler")
    wanted = {"Name": scope.physical_name(64), **properties}
    arn = client.create_schedule(**params(client, "CreateSchedule", wanted))["ScheduleArn"]
    return Made(id=wanted["Name"], attributes={"Arn": arn})


def _update_schedule(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    client = scope.client("scheduler")
    client.update_schedule(**params(client, "UpdateSchedule", {**new, "Name": made.id}))
    return made


def _delete_schedule(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("scheduler").delete_schedule(Name=made.id)


HANDLERS = {
    "AWS::SNS::Topic": Handler(
        create=_create_topic,
        update=_update_topic,
        delete=_delete_topic,
        enforced=names("DisplayName KmsMasterKeyId Tags TopicName"),
        mutable=names("DisplayName KmsMasterKeyId Tags"),
    ),
    "AWS::SNS::TopicPolicy": Handler(
        create=_put_policy,
        update=_change_policy,
        delete=_forget_policy,
        enforced=names("PolicyDocument Topics"),
        mutable=names("PolicyDocument Topics"),
    ),
    "AWS::SNS::Subscription": Handler(create=_subscribe, delete=_unsubscribe, enforced=names("Endpoint Protocol TopicArn")),
    "AWS::Scheduler::Schedule": Handler(
        create=_create_schedule,
        update=_update_schedule,
        delete=_delete_schedule,
        enforced=names("Description FlexibleTimeWindow Name ScheduleExpression ScheduleExpressionTimezone State Target"),
        mutable=names("Description FlexibleTimeWindow ScheduleExpression ScheduleExpressionTimezone State Target"),
    ),
    "AWS::Events::Rule": Handler(
        create=_put_rule,
        update=_change_rule,
        delete=_delete_rule,
        enforced=names("Description EventBusName EventPattern Name RoleArn ScheduleExpression State Tags Targets"),
        mutable=names("Description EventPattern RoleArn ScheduleExpression State Tags Targets"),
    ),
}
