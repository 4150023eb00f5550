"""What runs, as whom, and how a new version takes over."""

from __future__ import annotations

from typing import Any

from stacks.environment import Environment

SETTINGS = {"cpu": 256, "memory": 512, "min_tasks": 2, "max_tasks": 4, "on_demand_base": 1, "spot_percent": 0}


def container(built: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (proxy,) = (one for one in containers(built) if one["Essential"])
    return proxy


def containers(built: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return list(built["service"]["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"])


def service(built: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return dict(built["service"]["Resources"]["Service"]["Properties"])


def test_tasks_run_on_arm_from_an_image_by_digest(built: dict[str, dict[str, Any]]) -> None:
    platform = built["service"]["Resources"]["TaskDefinition"]["Properties"]["RuntimePlatform"]
    assert platform == {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}
    assert container(built)["Image"] == {"Fn::Sub": "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/kotei/proxy@${ImageDigest}"}


def test_the_image_comes_from_the_pipelines_account(variant: Any) -> None:
    certificate = {"arn": "arn:aws:acm:ap-northeast-1:444455556666:certificate/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"}
    built = variant(account="444455556666", certificate=certificate)
    assert container(built)["Image"]["Fn::Sub"].startswith("111122223333.dkr.ecr.")
    pull = built["service"]["Resources"]["ExecutionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][1]
    assert pull["Resource"] == ["arn:aws:ecr:ap-northeast-1:111122223333:repository/kotei/proxy"]


def test_the_load_balancer_reaches_every_port_of_a_task(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    groups, outputs = (built["loadbalancer"][section] for section in ("Resources", "Outputs"))
    first, *further = service(built)["LoadBalancers"]
    assert (first["TargetGroupArn"], first["ContainerPort"]) == ({"Ref": "TargetGroupArn"}, 8080)
    assert len(further) == len(env.ports)
    for one in further:
        arn, _, name = one["TargetGroupArn"]["Fn::Sub"].partition("${")
        assert arn == f"arn:aws:elasticloadbalancing:{env.region}:{env.account}:"
        group, attribute = outputs[name.removesuffix("}")]["Value"]["Fn::GetAtt"]
        assert (attribute, groups[group]["Properties"]["Port"]) == ("TargetGroupFullName", one["ContainerPort"])
    mapped = [mapping["ContainerPort"] for mapping in container(built)["PortMappings"]]
    assert mapped == [8080, 8081, *(one["ContainerPort"] for one in further)]


def test_ecs_asks_a_container_where_the_load_balancer_does_not(built: dict[str, dict[str, Any]]) -> None:
    """With the PROXY protocol the load balancer's health checks carry its header, and a check from inside does not."""
    assert container(built)["HealthCheck"]["Command"][-1] == "http://127.0.0.1:8082/healthz"
    assert 8082 not in [mapping["ContainerPort"] for mapping in container(built)["PortMappings"]]


def test_no_container_is_root_or_can_change_itself(built: dict[str, dict[str, Any]]) -> None:
    for found in containers(built):
        assert found["User"] == "101"
        assert found["ReadonlyRootFilesystem"] is True
        assert found["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


def test_a_container_can_do_nothing_but_serve(built: dict[str, dict[str, Any]]) -> None:
    found = container(built)
    (tmpfs,) = found["LinuxParameters"]["Tmpfs"]
    assert tmpfs["ContainerPath"] == "/tmp"
    assert "noexec" in tmpfs["MountOptions"]
    assert "Environment" not in found
    assert "Secrets" not in found


def test_tmpfs_leaves_memory_to_nginx(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    assert container(built)["LinuxParameters"]["Tmpfs"][0]["Size"] <= env.service.memory / 2


def test_the_command_names_the_environments_configuration(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    assert container(built)["Command"] == ["nginx", "-c", f"/etc/nginx/kotei/{env.name}/nginx.conf", "-g", "daemon off;"]


def test_a_task_may_call_nothing(built: dict[str, dict[str, Any]]) -> None:
    (policy,) = built["service"]["Resources"]["TaskRole"]["Properties"]["Policies"]
    assert [(s["Effect"], s["Action"]) for s in policy["PolicyDocument"]["Statement"]] == [("Deny", ["*"])]


def test_logging_never_blocks_nginx(built: dict[str, dict[str, Any]]) -> None:
    assert container(built)["LogConfiguration"]["Options"]["mode"] == "non-blocking"


def test_a_deployment_keeps_every_task_until_its_successor_serves(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    deployment = service(built)["DeploymentConfiguration"]
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    assert deployment.get("DeploymentCircuitBreaker") == (None if env.service.shifts else {"Enable": True, "Rollback": True})


def test_a_canary_gets_its_share_for_its_time(variant: Any) -> None:
    built = variant(service={**SETTINGS, "strategy": "canary", "canary": {"percent": 5, "minutes": 20, "bake_minutes": 30}})
    deployment = service(built)["DeploymentConfiguration"]
    assert (deployment["Strategy"], deployment["BakeTimeInMinutes"]) == ("CANARY", 30)
    assert deployment["CanaryConfiguration"] == {"CanaryPercent": 5.0, "CanaryBakeTimeInMinutes": 20}
    # Half of the canary's requests fail: that many of all.
    assert built["service"]["Resources"]["DeploymentServerErrors"]["Properties"]["Threshold"] == 2


def test_ecs_may_shift_this_environments_listeners_and_no_others(variant: Any) -> None:
    built = variant(service={**SETTINGS, "strategy": "blue_green"}, ports=[{"port": 5432, "origin": "db.example.net:5432"}])
    balancing = service(built)["LoadBalancers"]
    role = built["service"]["Resources"]["ShiftRole"]["Properties"]
    assert {one["AdvancedConfiguration"]["RoleArn"]["Fn::GetAtt"][0] for one in balancing} == {"ShiftRole"}
    statements = {one["Sid"]: one for one in role["Policies"][0]["PolicyDocument"]["Statement"]}
    assert statements["TurnListeners"]["Resource"] == [one["AdvancedConfiguration"]["ProductionListenerRule"] for one in balancing]
    alternates = [one["AdvancedConfiguration"]["AlternateTargetGroupArn"] for one in balancing]
    assert statements["RegisterTasks"]["Resource"][2:] == alternates
    assert [one["Fn::Sub"].rpartition("${")[2] for one in statements["RegisterTasks"]["Resource"][:2]] == [
        "TargetGroupFullName}",
        "TargetGroupFullName5432}",
    ]
    assert [sid for sid, one in statements.items() if one["Resource"] == ["*"]] == ["AnyResourceReadLoadBalancer"]


def test_deployment_alarms_exist_before_the_service(built: dict[str, dict[str, Any]]) -> None:
    alarms = service(built)["DeploymentConfiguration"]["Alarms"]
    assert (alarms["Enable"], alarms["Rollback"]) == (True, True)
    named = [name["Ref"] for name in alarms["AlarmNames"]]
    assert named
    assert {built["service"]["Resources"][name]["Type"] for name in named} == {"AWS::CloudWatch::Alarm"}


def test_scaling_owns_the_number_of_tasks(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    assert "DesiredCount" not in service(built)
    target = built["service"]["Resources"]["ScalableTarget"]["Properties"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (env.service.min_tasks, env.service.max_tasks)


def test_capacity_has_a_base_on_demand_and_a_share_of_spot(variant: Any) -> None:
    settings = {"cpu": 256, "memory": 512, "min_tasks": 2, "max_tasks": 4}
    mixed = service(variant(service={**settings, "on_demand_base": 2, "spot_percent": 70}))["CapacityProviderStrategy"]
    assert mixed == [
        {"CapacityProvider": "FARGATE", "Base": 2, "Weight": 30},
        {"CapacityProvider": "FARGATE_SPOT", "Weight": 70},
    ]
    steady = service(variant(service={**settings, "on_demand_base": 0, "spot_percent": 0}))["CapacityProviderStrategy"]
    assert steady == [{"CapacityProvider": "FARGATE", "Base": 1, "Weight": 100}]


def test_tasks_have_public_addresses_since_their_subnets_have_no_nat(built: dict[str, dict[str, Any]]) -> None:
    network = service(built)["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "ENABLED"
    assert network["SecurityGroups"] == [{"Ref": "TaskSecurityGroup"}]


def test_old_revisions_stay_to_roll_back_to(built: dict[str, dict[str, Any]]) -> None:
    task = built["service"]["Resources"]["TaskDefinition"]
    assert (task["UpdateReplacePolicy"], task["Properties"]["Family"]) == ("Retain", "kotei-staging-proxy")
