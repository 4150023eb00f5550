"""Who hears of what."""

from __future__ import annotations

import json
from typing import Any

from stacks.environment import Environment


def alarms(built: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in built["monitoring"]["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def test_the_alarms_of_every_zone_and_of_all(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    zones = {f"UnhealthyTargets{zone.upper()}" for zone in env.zones}
    ports = {f"{alarm}{further.port}" for further in env.ports for alarm in ("NoHealthyTarget", "UnhealthyTargets")}
    assert set(alarms(built)) == {"NoHealthyTarget", "ServerErrors", "TargetResets", "ClientResets", *zones, *ports}


def test_a_ports_alarms_watch_its_target_group(variant: Any) -> None:
    found = alarms(variant(ports=[{"port": 5432, "origin": "db.example.net:5432"}]))
    for name in ("NoHealthyTarget5432", "UnhealthyTargets5432"):
        dimensions = {d["Name"]: d["Value"] for d in found[name]["Dimensions"]}
        assert dimensions == {"TargetGroup": {"Ref": "TargetGroupFullName5432"}, "LoadBalancer": {"Ref": "LoadBalancerFullName"}}
    assert found["NoHealthyTarget5432"]["TreatMissingData"] == "breaching"


def test_every_alarm_tells_the_topic_and_says_what_no_data_means(built: dict[str, dict[str, Any]]) -> None:
    for name, alarm in alarms(built).items():
        assert alarm["AlarmActions"] == [{"Ref": "Topic"}], name
        assert "TreatMissingData" in alarm, name


def test_no_task_at_all_is_an_alarm_even_without_data(built: dict[str, dict[str, Any]]) -> None:
    assert alarms(built)["NoHealthyTarget"]["TreatMissingData"] == "breaching"


def test_a_zones_alarm_watches_its_zone(variant: Any) -> None:
    dimensions = {d["Name"]: d["Value"] for d in alarms(variant())["UnhealthyTargetsC"]["Dimensions"]}
    assert dimensions["AvailabilityZone"] == "ap-northeast-1c"


def test_alarms_watch_metrics_that_the_service_makes(built: dict[str, dict[str, Any]]) -> None:
    made = {
        (transformation["MetricNamespace"], transformation["MetricName"])
        for resource in built["service"]["Resources"].values()
        if resource["Type"] == "AWS::Logs::MetricFilter"
        for transformation in resource["Properties"]["MetricTransformations"]
    }
    watched = [query["MetricStat"]["Metric"] for query in alarms(built)["ServerErrors"]["Metrics"] if "MetricStat" in query]
    assert {(metric["Namespace"], metric["MetricName"]) for metric in watched} <= made
    body = json.loads(dashboard(built)[0])
    shown = {(metric[0], metric[1]) for widget in body["widgets"] for metric in widget["properties"]["metrics"]}
    assert {metric for metric in shown if not metric[0].startswith("AWS/")} == made


def test_mail_goes_out_only_to_a_named_address(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    found = [r["Properties"]["Endpoint"] for r in built["monitoring"]["Resources"].values() if r["Type"] == "AWS::SNS::Subscription"]
    assert found == ([env.alarm_email] if env.alarm_email else [])


def test_alarms_may_use_the_key_of_the_topic(built: dict[str, dict[str, Any]]) -> None:
    """With the key that AWS manages for SNS, alarms are lost without a trace."""
    resources = built["monitoring"]["Resources"]
    assert resources["Topic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "TopicKey"}
    statements = resources["TopicKey"]["Properties"]["KeyPolicy"]["Statement"]
    (publishing,) = [s for s in statements if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}]
    assert publishing["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_the_dashboard_is_json_and_refers_to_parameters_only(built: dict[str, dict[str, Any]]) -> None:
    body, parts = dashboard(built)
    widgets = json.loads(body)["widgets"]
    places = [(widget["x"], widget["y"]) for widget in widgets]
    assert len(set(places)) == len(widgets) > 0
    referred = {part.split("}")[0] for part in body.split("${")[1:]}
    assert referred <= {*built["monitoring"]["Parameters"], *parts}
    assert set(parts) <= referred


def dashboard(built: dict[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Its text, and what goes into it beside parameters."""
    found = built["monitoring"]["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    return (found, {}) if isinstance(found, str) else (found[0], found[1])


def test_alarms_watch_both_target_groups_of_a_shift(variant: Any) -> None:
    settings = {"cpu": 256, "memory": 512, "min_tasks": 2, "max_tasks": 4, "on_demand_base": 1, "spot_percent": 0}
    built = variant(service={**settings, "strategy": "blue_green"}, ports=[{"port": 5432, "origin": "db.example.net:5432"}])
    watched = [one for name, one in alarms(built).items() if name.startswith(("NoHealthyTarget", "UnhealthyTargets"))]
    guard = built["service"]["Resources"]["DeploymentNoHealthyTarget"]["Properties"]
    for alarm in (*watched, guard):
        *groups, most = alarm["Metrics"]
        names = [d["Value"] for g in groups for d in g["MetricStat"]["Metric"]["Dimensions"] if d["Name"] == "TargetGroup"]
        assert len(names) == len({json.dumps(name) for name in names}) == 2
        assert most["Expression"] == "MAX(METRICS())"
