"""Log groups, metric filters and saved queries, alarms and dashboards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.local.cloudformation.resources.handler import (
    Handler,
    Made,
    Properties,
    ResourceError,
    Scope,
    names,
    tag_changes,
    tag_list,
    tag_map,
    without,
)
from pipeline.local.cloudformation.resources.shape import params


def _create_group(scope: Scope, properties: Properties) -> Made:
    client = scope.client("logs")
    name = properties.get("LogGroupName") or scope.physical_name(512)
    wanted = {"LogGroupName": name, **without(properties, "RetentionInDays", "LogGroupName", "Tags")}
    tags = tag_map(properties.get("Tags"))
    client.create_log_group(**params(client, "CreateLogGroup", wanted), **({"tags": tags} if tags else {}))
    made = scope.born(_group(scope, name))
    _retain(client, name, {}, properties)
    return made


def _group(scope: Scope, name: str) -> Made:
    return Made(id=name, attributes={"Arn": scope.arn("logs", f"log-group:{name}:*")})


def _adopt_group(scope: Scope, identifier: Mapping[str, str]) -> Made:
    name = identifier["LogGroupName"]
    found = scope.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    if not any(one["logGroupName"] == name for one in found):
        raise ResourceError(f"Resource of type 'AWS::Logs::LogGroup' with identifier '{name}' was not found.")
    return _group(scope, name)


def _retain(client: Any, name: str, old: Properties, new: Properties) -> None:
    if new.get("RetentionInDays") != old.get("RetentionInDays"):
        if "RetentionInDays" in new:
            client.put_retention_policy(logGroupName=name, retentionInDays=int(new["RetentionInDays"]))
        else:
            client.delete_retention_policy(logGroupName=name)


def _update_group(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("logs")
    _retain(client, made.id, old, new)
    if old.get("KmsKeyId") != new.get("KmsKeyId"):
        if "KmsKeyId" in new:
            client.associate_kms_key(logGroupName=made.id, kmsKeyId=new["KmsKeyId"])
        else:
            client.disassociate_kms_key(logGroupName=made.id)
    wanted, gone = tag_changes(old, new)
    arn = made.attributes["Arn"].removesuffix(":*")
    if wanted:
        client.tag_resource(resourceArn=arn, tags=wanted)
    if gone:
        client.untag_resource(resourceArn=arn, tagKeys=gone)
    return made


def _delete_group(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("logs").delete_log_group(logGroupName=made.id)


def _put_filter(scope: Scope, properties: Properties) -> Made:
    return _write_filter(scope, properties.get("FilterName") or scope.physical_name(512), properties)


def _write_filter(scope: Scope, name: str, properties: Properties) -> Made:
    client = scope.client("logs")
    client.put_metric_filter(**params(client, "PutMetricFilter", {**properties, "FilterName": name}))
    return Made(id=name)


def _change_filter(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    return _write_filter(scope, made.id, new)


def _delete_filter(scope: Scope, made: Made, properties: Properties) -> None:
    scope.client("logs").delete_metric_filter(logGroupName=properties["LogGroupName"], filterName=made.id)


def _save_query(scope: Scope, properties: Properties) -> Made:
    client = scope.client("logs")
    saved = client.put_query_definition(**params(client, "PutQueryDefinition", properties))["queryDefinitionId"]
    return Made(id=saved, attributes={"QueryDefinitionId": saved})


def _change_query(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    _save_query(scope, {**new, "QueryDefinitionId": made.id})
    return made


def _delete_query(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("logs").delete_query_definition(queryDefinitionId=made.id)


def _put_alarm(scope: Scope, properties: Properties) -> Made:
    return _write_alarm(scope, properties.get("AlarmName") or scope.physical_name(255), properties)


def _write_alarm(scope: Scope, name: str, properties: Properties) -> Made:
    client = scope.client("cloudwatch")
    client.put_metric_alarm(**params(client, "PutMetricAlarm", {**properties, "AlarmName": name}))
    return Made(id=name, attributes={"Arn": scope.arn("cloudwatch", f"alarm:{name}")})


def _change_alarm(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    _write_alarm(scope, made.id, without(new, "Tags"))
    client = scope.client("cloudwatch")
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.tag_resource(ResourceARN=made.attributes["Arn"], Tags=tag_list(wanted))
    if gone:
        client.untag_resource(ResourceARN=made.attributes["Arn"], TagKeys=gone)
    return made


def _delete_alarm(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("cloudwatch").delete_alarms(AlarmNames=[made.id])


def _put_dashboard(scope: Scope, properties: Properties) -> Made:
    return _write_dashboard(scope, properties.get("DashboardName") or scope.physical_name(255), properties)


def _write_dashboard(scope: Scope, name: str, properties: Properties) -> Made:
    client = scope.client("cloudwatch")
    client.put_dashboard(DashboardName=name, DashboardBody=properties["DashboardBody"])
    return Made(id=name)


def _change_dashboard(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    return _write_dashboard(scope, made.id, new)


def _delete_dashboard(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("cloudwatch").delete_dashboards(DashboardNames=[made.id])


ALARM = (
    "ActionsEnabled AlarmActions AlarmDescription ComparisonOperator DatapointsToAlarm Dimensions EvaluationPeriods ExtendedStatistic "
    "InsufficientDataActions MetricName Metrics Namespace OKActions Period Statistic Tags Threshold TreatMissingData Unit"
)

HANDLERS = {
    "AWS::Logs::LogGroup": Handler(
        create=_create_group,
        update=_update_group,
        delete=_delete_group,
        adopt=_adopt_group,
        enforced=names("KmsKeyId LogGroupName RetentionInDays Tags"),
        mutable=names("KmsKeyId RetentionInDays Tags"),
    ),
    "AWS::Logs::MetricFilter": Handler(
        create=_put_filter,
        update=_change_filter,
        delete=_delete_filter,
        enforced=names("FilterName FilterPattern LogGroupName MetricTransformations"),
        mutable=names("FilterPattern MetricTransformations"),
    ),
    "AWS::Logs::QueryDefinition": Handler(
        create=_save_query,
        update=_change_query,
        delete=_delete_query,
        enforced=names("LogGroupNames Name QueryLanguage QueryString"),
        mutable=names("LogGroupNames Name QueryLanguage QueryString"),
    ),
    "AWS::CloudWatch::Alarm": Handler(
        create=_put_alarm, update=_change_alarm, delete=_delete_alarm, enforced=names(f"{ALARM} AlarmName"), mutable=names(ALARM)
    ),
    "AWS::CloudWatch::Dashboard": Handler(
        create=_put_dashboard,
        update=_change_dashboard,
        delete=_delete_dashboard,
        enforced=names("DashboardBody DashboardName"),
        mutable=names("DashboardBody"),
        recorded=names("Tags"),
    ),
}
