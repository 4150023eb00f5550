"""The committed templates, deployed in order, changed, and deleted; what holds an address must outlive everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from pipeline import addresses, paths, render
from pipeline.aws import Aws, Target
from pipeline.errors import PipelineError
from pipeline.local import prerequisites, summary, translate, up
from pipeline.local.cloudformation import template
from stacks import project
from stacks.config_deployment import Canary
from stacks.config_origins import OriginSettings
from stacks.config_ports import Port
from stacks.environment import Addresses, CreatedNetwork, Environment, ExistingNetwork, Network

pytestmark = pytest.mark.local

ORDER = ("network", "addresses", "security", "certificate", "loadbalancer", "service", "monitoring")
RENDERED = paths.ROOT / paths.RENDERED
DIGEST = "sha256:" + "a" * 64


def deploy(
    cloud: Any, name: str, path: Path, known: dict[str, str], *, action: str = "create", tags: dict[str, str] | None = None
) -> dict[str, Any]:
    settings = json.loads(path.with_suffix(".json").read_text())
    cloud.client("s3").put_object(Bucket="templates", Key=name, Body=path.read_bytes())
    wanted = template.parse(path.read_text()).get("Parameters") or {}
    call = cloud.cfn.create_stack if action == "create" else cloud.cfn.update_stack
    call(
        StackName=name,
        TemplateURL=f"{cloud.world.endpoint}/templates/{name}",
        Parameters=[{"ParameterKey": key, "ParameterValue": known[key]} for key in wanted],
        Tags=[{"Key": key, "Value": value} for key, value in {**settings.get("Tags", {}), **(tags or {})}.items()],
        StackPolicyBody=json.dumps(settings["StackPolicy"]),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    stack: dict[str, Any] = cloud.settled(name)
    assert stack["StackStatus"] == f"{action.upper()}_COMPLETE", cloud.reasons(name)
    known.update(cloud.outputs(name))
    return stack


@pytest.fixture
def ready(cloud: Any, rollout: Callable[[str, str], None]) -> Any:
    rollout("*", "COMPLETED")
    cloud.client("s3").create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    prerequisites.provide(cloud.world, project.load(paths.ROOT).environments)
    # It has the boundaries of the environments' roles.
    deploy(cloud, "kotei-roles", RENDERED / "shared/roles.yaml", {})
    return cloud


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_environment_from_nothing_to_nothing(ready: Any, environment: str) -> None:
    known = {"ImageDigest": DIGEST}
    files = {stack: RENDERED / environment / f"{stack}.yaml" for stack in ORDER}
    files = {stack: path for stack, path in files.items() if path.exists()}
    for stack, path in files.items():
        deploy(ready, f"kotei-{environment}-{stack}", path, known)
    held = ready.client("ec2").describe_addresses()["Addresses"]
    shown = ready.client("elbv2").describe_load_balancers()["LoadBalancers"][0]
    assert {zone["LoadBalancerAddresses"][0]["IpAddress"] for zone in shown["AvailabilityZones"]} == {one["PublicIp"] for one in held}
    # A new image is a new task definition in the same service; a new tag reaches what it can reach.
    known["ImageDigest"] = "sha256:" + "b" * 64
    deploy(ready, f"kotei-{environment}-service", files["service"], known, action="update")
    definition = ready.client("ecs").describe_services(cluster=known["ClusterName"], services=[known["ServiceName"]])["services"][0][
        "taskDefinition"
    ]
    containers = ready.client("ecs").describe_task_definition(taskDefinition=definition)["taskDefinition"]["containerDefinitions"]
    assert containers[0]["image"].endswith("b" * 64)
    for stack in ("network", "security", "loadbalancer", "service", "monitoring"):
        deploy(ready, f"kotei-{environment}-{stack}", files[stack], known, action="update", tags={"team": "edge"})
    balancer = ready.ids(f"kotei-{environment}-loadbalancer")["LoadBalancer"]
    ready.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=balancer, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
    )
    for stack in reversed(files):
        name = f"kotei-{environment}-{stack}"
        identity = ready.stack(name)["StackId"]
        assert ready.delete(name)["StackStatus"] == "DELETE_COMPLETE", ready.reasons(identity)
    after = ready.client("ec2").describe_addresses()["Addresses"]
    assert [(one["PublicIp"], one["AllocationId"]) for one in after] == [(one["PublicIp"], one["AllocationId"]) for one in held]


def test_an_environment_in_a_network_and_on_addresses_that_are_there_already(ready: Any, tmp_path: Path) -> None:
    whole = project.load(paths.ROOT)
    adopted = {"a": "eipalloc-0123456789abcdef0", "c": "eipalloc-0123456789abcdef1"}
    subnets = {"a": "subnet-0123456789abcdef0", "c": "subnet-0123456789abcdef1"}
    network = Network(existing=ExistingNetwork(vpc="vpc-0123456789abcdef0", zones=subnets))
    shell = Port(port=22, origin="shell.example.net:22")
    env = whole.environments[0].model_copy(update={"network": network, "addresses": Addresses(adopt=adopted), "ports": (shell,)})
    others = {ready.client("ec2").allocate_address(Domain="vpc")["AllocationId"] for _ in range(5)}  # AWS's quota of an account
    prerequisites.provide(ready.world, (env,))
    before = {one["AllocationId"]: one["PublicIp"] for one in ready.client("ec2").describe_addresses()["Addresses"]}
    assert before.keys() - others == set(adopted.values())
    known = {"ImageDigest": DIGEST}
    alone = whole.model_copy(update={"environments": (env,)})
    files = render.files(alone)
    for stack in ("security", "loadbalancer", "service", "monitoring"):
        for ending in ("yaml", "json"):
            (tmp_path / f"{stack}.{ending}").write_text(files[f"{paths.RENDERED}/staging/{stack}.{ending}"])
        deploy(ready, env.stack_name(stack), tmp_path / f"{stack}.yaml", known)
    shown = ready.client("elbv2").describe_load_balancers()["LoadBalancers"][0]
    assert shown["VpcId"] == "vpc-0123456789abcdef0"
    assert {zone["SubnetId"]: zone["LoadBalancerAddresses"][0]["IpAddress"] for zone in shown["AvailabilityZones"]} == {
        subnets[zone]: before[adopted[zone]] for zone in adopted
    }
    local = up.Local(home=ready.world.home, root=tmp_path, project=alone, endpoint=ready.world.endpoint)
    said = "\n".join(summary.lines(alone.environments, local.live(), local.home, []))
    assert all(before[allocation] in said for allocation in adopted.values())
    first = translate.address(before[adopted["a"]])
    assert f"port 22: {first}:8022, from 127.0.113.5, goes to shell.example.net:22" in said
    prerequisites.provide(ready.world, (env,))
    after = {one["AllocationId"]: one["PublicIp"] for one in ready.client("ec2").describe_addresses()["Addresses"]}
    assert after == before, "what is there stays as it is"


def in_zones(env: Environment, zones: str, keep: str = "") -> Environment:
    create = CreatedNetwork(cidr="10.20.0.0/16", zones={zone: f"10.20.{ord(zone) - ord('a')}.0/24" for zone in zones})
    return env.model_copy(update={"network": Network(create=create), "addresses": Addresses(keep=tuple(keep))})


def test_a_zone_is_given_up_and_comes_back_to_the_address_that_was_kept(ready: Any, tmp_path: Path) -> None:
    whole = project.load(paths.ROOT)
    three, two = in_zones(whole.environments[0], "acd"), in_zones(whole.environments[0], "ac", keep="d")
    aws = Aws(target=Target(endpoint=ready.world.endpoint, why="the test"), account=ready.world.account, region=ready.world.region)
    known: dict[str, str] = {}
    before: dict[str, str] = {}

    def deployed(env: Environment) -> dict[str, addresses.Address]:
        files = render.files(whole.model_copy(update={"environments": (env,)}))
        for stack in ("network", "addresses", "security", "loadbalancer"):
            text = files[f"{paths.RENDERED}/staging/{stack}.yaml"]
            (tmp_path / f"{stack}.yaml").write_text(text)
            (tmp_path / f"{stack}.json").write_text(files[f"{paths.RENDERED}/staging/{stack}.json"])
            if before.get(stack) != text:
                action = "update" if stack in before else "create"
                deploy(ready, env.stack_name(stack), tmp_path / f"{stack}.yaml", known, action=action)
            before[stack] = text
        return {one.zone[-1]: one for one in addresses.read(aws, env)}

    def answering() -> set[str]:
        shown = ready.client("elbv2").describe_load_balancers()["LoadBalancers"][0]
        return {zone["LoadBalancerAddresses"][0]["IpAddress"] for zone in shown["AvailabilityZones"]}

    first = deployed(three)
    assert answering() == {one.address for one in first.values()}
    given_up = deployed(two)
    assert {zone: one.serving for zone, one in given_up.items()} == {"a": True, "c": True, "d": False}
    assert {one.address: one.allocation for one in given_up.values()} == {one.address: one.allocation for one in first.values()}
    assert answering() == {first["a"].address, first["c"].address}
    with pytest.raises(PipelineError, match="has no address for zone e yet; deploy first"):
        addresses.read(aws, in_zones(two, "ac", keep="de"))
    # The network's stack came before the load balancer left the zone, so the subnet stayed behind, and its range with it.
    ready.client("ec2").delete_subnet(SubnetId=known["SubnetD"])
    assert deployed(three) == first
    assert answering() == {one.address for one in first.values()}


def test_a_service_gets_from_one_strategy_to_the_other(ready: Any, tmp_path: Path) -> None:
    whole = project.load(paths.ROOT)
    known, before = {"ImageDigest": DIGEST}, dict[str, str]()
    ports = (Port(port=5432, origin="db.example.net:5432"),)

    def deployed(**settings: Any) -> dict[str, Any]:
        env = whole.environments[0]
        env = env.model_copy(update={"service": env.service.model_copy(update=settings), "ports": ports})
        files = render.files(whole.model_copy(update={"environments": (env,)}))
        for stack in ("network", "addresses", "security", "certificate", "loadbalancer", "service", "monitoring"):
            if text := files.get(f"{paths.RENDERED}/staging/{stack}.yaml"):
                (tmp_path / f"{stack}.yaml").write_text(text)
                (tmp_path / f"{stack}.json").write_text(files[f"{paths.RENDERED}/staging/{stack}.json"])
                if before.get(stack) != text:
                    action = "update" if stack in before else "create"
                    deploy(ready, env.stack_name(stack), tmp_path / f"{stack}.yaml", known, action=action)
                before[stack] = text
        return dict(ready.client("ecs").describe_services(cluster="kotei-staging", services=["proxy"])["services"][0])

    assert "advancedConfiguration" not in deployed()["loadBalancers"][0]
    prepared = deployed(canary=Canary())
    assert prepared["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"]
    balancing = ready.client("elbv2")
    listeners = balancing.describe_listeners(LoadBalancerArn=balancing.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"])
    groups = {one["TargetGroupArn"]: one["Port"] for one in balancing.describe_target_groups()["TargetGroups"]}
    of_port = {one["Port"]: one["ListenerArn"] for one in listeners["Listeners"]}
    for told, (outside, inside) in zip(prepared["loadBalancers"], ((443, 8080), (5432, 5432)), strict=True):
        advanced = told["advancedConfiguration"]
        assert advanced["productionListenerRule"] == of_port[outside]
        assert groups.pop(advanced["alternateTargetGroupArn"]) == groups.pop(told["targetGroupArn"]) == inside
    assert groups == {}
    shifting = deployed(canary=Canary(percent=5), strategy="canary")
    assert shifting["loadBalancers"] == prepared["loadBalancers"]
    assert shifting["deploymentConfiguration"]["canaryConfiguration"]["canaryPercent"] == 5
    assert "deploymentCircuitBreaker" not in shifting["deploymentConfiguration"]


def test_the_shared_stacks(ready: Any) -> None:
    known: dict[str, str] = {}
    for stack in ("connection", "registry", "pipeline"):
        deploy(ready, f"kotei-{stack}", RENDERED / "shared" / f"{stack}.yaml", known)
    declared = ready.client("codepipeline").get_pipeline(name="kotei")["pipeline"]
    assert declared["executionMode"] == "QUEUED"
    assert declared["stages"][0]["actions"][0]["configuration"]["ConnectionArn"] == known["ConnectionArn"]
    projects = ready.client("codebuild").list_projects()["projects"]
    assert {"kotei-check", "kotei-image", "kotei-plan", "kotei-verify"} <= set(projects)
    deploy(ready, "kotei-pipeline", RENDERED / "shared" / "pipeline.yaml", known, action="update", tags={"team": "edge"})


def test_a_secret_that_the_configuration_names_is_provided_once(ready: Any) -> None:
    arn = "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:proxy/files-AbCdEf"
    env = project.load(paths.ROOT).environments[0]
    shown = OriginSettings(url=env.sites[0].origin, client_certificate=arn)
    asking = env.model_copy(update={"origins": (shown,)})
    client = ready.client("secretsmanager")
    prerequisites.provide(ready.world, (asking,))
    first = client.get_secret_value(SecretId=arn)
    pair = json.loads(first["SecretString"])
    assert (first["ARN"], first["Name"]) == (arn, "proxy/files")
    leaf = load_pem_x509_certificate(pair["certificate"].encode())
    authority = load_pem_x509_certificate((ready.world.home / "ca.pem").read_bytes())
    leaf.verify_directly_issued_by(authority)
    assert load_pem_private_key(pair["private_key"].encode(), None).public_key() == leaf.public_key()
    prerequisites.provide(ready.world, (asking,))
    assert client.get_secret_value(SecretId=arn)["VersionId"] == first["VersionId"], "what is there stays as it is"
