"""What the load balancer does with a connection."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.environment import Environment
from stacks.ports import container_port


def attributes(resource: dict[str, Any], key: str) -> dict[str, Any]:
    return {pair["Key"]: pair["Value"] for pair in resource["Properties"][key]}


def target_groups(built: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    resources = built["loadbalancer"]["Resources"].items()
    return {name: r["Properties"] for name, r in resources if r["Type"] == "AWS::ElasticLoadBalancingV2::TargetGroup"}


def test_every_port_has_a_listener_and_a_target_group_of_its_own(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    resources = built["loadbalancer"]["Resources"]
    listeners = {n: r["Properties"] for n, r in resources.items() if r["Type"] == "AWS::ElasticLoadBalancingV2::Listener"}
    wanted = {"Listener": (443, "TargetGroup", 8080)}
    wanted |= {f"Listener{p.port}": (p.port, f"TargetGroup{p.port}", container_port(p.port)) for p in env.ports}
    found = {
        name: (one["Port"], one["DefaultActions"][0]["TargetGroupArn"]["Ref"], resources[_forwards(one)]["Properties"]["Port"])
        for name, one in listeners.items()
    }
    assert found == wanted
    assert len({inside for _, _, inside in found.values()}) == len(found)
    assert len(target_groups(built)) == len(found) * (2 if env.service.has_alternate else 1)


def test_a_shift_finds_the_same_target_group_twice_and_the_listener_as_it_was(variant: Any) -> None:
    settings = {"cpu": 256, "memory": 512, "min_tasks": 2, "max_tasks": 4, "on_demand_base": 1, "spot_percent": 0}
    ports = [{"port": 5432, "origin": "db.example.net:5432"}]
    rolling, shifting = (variant(service={**settings, **more}, ports=ports)["loadbalancer"] for more in ({}, {"strategy": "blue_green"}))
    for end in ("", "5432"):
        groups = [shifting["Resources"][f"{name}{end}"]["Properties"] for name in ("TargetGroup", "AlternateTargetGroup")]
        assert groups[0] == groups[1]
        # What CloudFormation writes anew it writes with the template's weights.
        assert shifting["Resources"][f"Listener{end}"] == rolling["Resources"][f"Listener{end}"]


def _forwards(listener: dict[str, Any]) -> str:
    return str(listener["DefaultActions"][0]["TargetGroupArn"]["Ref"])


def test_a_further_port_passes_bytes_on_and_closes_silent_connections(variant: Any) -> None:
    built = variant(ports=[{"port": 5432, "origin": "db.example.net:5432", "idle_timeout": 3600}])
    listener = built["loadbalancer"]["Resources"]["Listener5432"]
    assert listener["Metadata"] == {"kotei": {"passthrough": True}}
    assert listener["Properties"]["Protocol"] == "TCP"
    assert listener["Properties"]["ListenerAttributes"] == [{"Key": "tcp.idle_timeout.seconds", "Value": "3600"}]
    assert not {"SslPolicy", "Certificates", "AlpnPolicy"} & listener["Properties"].keys()


def test_target_groups_differ_in_their_port_only(variant: Any) -> None:
    first, second = target_groups(variant(ports=[{"port": 5432, "origin": "db.example.net:5432"}])).values()
    assert {**first, "Port": None} == {**second, "Port": None}


@pytest.mark.parametrize(
    ("port", "inside"), [(22, 20022), (1023, 21023), (1024, 1024), (5432, 5432), (65535, 65535), (8080, 28080), (8081, 28081)]
)
def test_a_task_listens_above_the_ports_that_need_a_capability(port: int, inside: int) -> None:
    assert container_port(port) == inside


def test_no_port_is_moved_onto_what_a_task_needs_itself() -> None:
    inside = {container_port(port) for port in range(1, 65_536)}
    assert min(inside) >= 1024
    assert max(inside) <= 65_535
    assert not inside & {8080, 8081, 8082, 8053, 8054}


def test_the_load_balancer_is_created_with_its_security_group(built: dict[str, dict[str, Any]]) -> None:
    """AWS: one that is created without can never get any."""
    balancer = built["loadbalancer"]["Resources"]["LoadBalancer"]["Properties"]
    assert balancer["SecurityGroups"] == [{"Ref": "LoadBalancerSecurityGroup"}]
    assert (balancer["Type"], balancer["Scheme"]) == ("network", "internet-facing")
    assert "Name" not in balancer


def test_attributes_follow_the_configuration(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    config = env.loadbalancer
    resources = built["loadbalancer"]["Resources"]
    balancer = attributes(resources["LoadBalancer"], "LoadBalancerAttributes")
    assert balancer["deletion_protection.enabled"] == str(config.deletion_protection).lower()
    assert balancer["load_balancing.cross_zone.enabled"] == str(config.cross_zone).lower()
    assert balancer["access_logs.s3.enabled"] == str(config.access_logs).lower()
    for group in target_groups(built).values():
        targets = {pair["Key"]: pair["Value"] for pair in group["TargetGroupAttributes"]}
        assert targets["preserve_client_ip.enabled"] == str(config.preserve_client_ip).lower()
        assert targets["proxy_protocol_v2.enabled"] == str(config.proxy_protocol).lower()


def test_draining_of_unhealthy_targets_has_an_interval_only_where_connections_are_not_cut(built: dict[str, dict[str, Any]]) -> None:
    """AWS takes the interval only when the termination is off."""
    targets = attributes(built["loadbalancer"]["Resources"]["TargetGroup"], "TargetGroupAttributes")
    assert targets["target_health_state.unhealthy.connection_termination.enabled"] == "false"
    assert int(targets["target_health_state.unhealthy.draining_interval_seconds"]) > 0


def test_the_listener_speaks_modern_tls_to_clients_and_offers_both_protocols(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    listener = built["loadbalancer"]["Resources"]["Listener"]["Properties"]
    assert (listener["Protocol"], listener["Port"]) == ("TLS", 443)
    assert listener["SslPolicy"] == env.loadbalancer.ssl_policy
    assert listener["AlpnPolicy"] == ["HTTP2Optional"]
    # A TLS listener refuses tcp.idle_timeout.seconds.
    assert "ListenerAttributes" not in listener


def test_targets_are_checked_over_http_on_the_port_that_only_the_load_balancer_reaches(built: dict[str, dict[str, Any]]) -> None:
    targets = built["loadbalancer"]["Resources"]["TargetGroup"]["Properties"]
    assert (targets["TargetType"], targets["Protocol"], targets["Port"]) == ("ip", "TCP", 8080)
    check = (targets["HealthCheckProtocol"], targets["HealthCheckPort"], targets["HealthCheckPath"])
    assert check == ("HTTP", "8081", "/healthz")
    assert targets["HealthCheckTimeoutSeconds"] <= targets["HealthCheckIntervalSeconds"]


def test_access_logs_go_to_a_private_encrypted_bucket_that_forgets(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    resources = built["loadbalancer"]["Resources"]
    assert ("AccessLogs" in resources) == env.loadbalancer.access_logs
    if not env.loadbalancer.access_logs:
        return
    bucket = resources["AccessLogs"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in bucket
    assert bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == env.loadbalancer.log_days
    # The load balancer tries to write before it accepts the bucket.
    assert resources["LoadBalancer"]["DependsOn"] == "AccessLogsPolicy"
    assert attributes(resources["LoadBalancer"], "LoadBalancerAttributes")["access_logs.s3.bucket"] == {"Ref": "AccessLogs"}


def test_only_log_delivery_of_this_account_writes_access_logs(built: dict[str, dict[str, Any]]) -> None:
    for resource in built["loadbalancer"]["Resources"].values():
        if resource["Type"] != "AWS::S3::BucketPolicy":
            continue
        allowed = [s for s in resource["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
        assert [s["Principal"] for s in allowed] == [{"Service": "delivery.logs.amazonaws.com"}] * 2
        assert all("aws:SourceAccount" in s["Condition"]["StringEquals"] for s in allowed)
