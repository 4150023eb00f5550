"""A small town: one VPC with a network load balancer on fixed addresses and an ECS service, made through the API of an emulated AWS."""

from __future__ import annotations

import hashlib
import http.client
import io
import itertools
import json
import random
import ssl
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from pipeline import paths
from pipeline.local import emulator, plane, server, translate
from pipeline.local.cloudformation import workers
from pipeline.local.daemon import SERVICES
from pipeline.local.gaps import ecs as ecs_gaps
from pipeline.local.gaps import elbv2 as elbv2_gaps
from pipeline.local.plane import Plane, execution, shifts
from pipeline.local.plane.process import Process
from pipeline.local.store import Store
from pipeline.local.world import World

ACCOUNT = "111122223333"
REGION = "ap-northeast-1"
ALLOWED = "203.0.113.0/28"
CLIENT = "127.0.113.5"
STRANGER = "127.0.113.99"
HOST = "api.example.com"
EXECUTION = f"arn:aws:iam::{ACCOUNT}:role/execution"
DEADLINE = 60.0

CONFIG = """
worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 256; }
http {
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/f; scgi_temp_path /tmp/s; uwsgi_temp_path /tmp/u;
    log_format json escape=json '{"client":"$remote_addr","uri":"$request_uri"}';
    access_log /dev/stdout json;
    keepalive_min_timeout 5s;
    keepalive_requests 1000000;
    resolver 127.0.0.1:8053 valid=1s ipv6=off;
    proxy_ssl_server_name on; proxy_ssl_verify on; proxy_ssl_verify_depth 3;
    proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    upstream origin { zone origin 64k; server origin.example.net:443 resolve; keepalive 8; }
    server { listen 8081; access_log off; location = /healthz { return HEALTH "ok"; } }
    server { listen 8080 default_server; return 421; }
    server {
        listen 8080;
        server_name api.example.com;
        location = /version { return 200 "VERSION"; }
        location / {
            proxy_ssl_name origin.example.net;
            proxy_set_header Host origin.example.net;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_pass https://origin;
        }
    }
}
stream {
    js_import names from /etc/nginx/kotei/names.js;
    js_var $internal_networks "127.0.0.0/8";
    js_var $internal_names "";
    server { listen 127.0.0.1:8053 udp; proxy_pass 169.254.169.253:53; proxy_responses 1; proxy_timeout 5s; js_filter names.answer; }
}
"""


def wait_until(predicate: Callable[[], Any], shown: Callable[[], Any] = lambda: "nothing") -> Any:
    end = time.monotonic() + DEADLINE
    while not (value := predicate()):
        assert time.monotonic() < end, f"not within {DEADLINE} s; last seen: {shown()}"
        time.sleep(0.02)
    return value


@dataclass
class Town:
    world: World
    ids: dict[str, Any] = field(default_factory=dict)
    plane: Plane | None = None
    serial: Iterator[int] = field(default_factory=itertools.count)

    def client(self, service: str) -> Any:
        return self.world.client(service)

    @property
    def ecs(self) -> Any:
        return self.client("ecs")

    @property
    def elb(self) -> Any:
        return self.client("elbv2")

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    # ---- the emulated AWS

    def role(self, name: str, service: str, **statements: tuple[str, str]) -> str:
        """Each statement a policy of its own: actions, resource."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        for key, (actions, resource) in statements.items():
            allowed = {"Effect": "Allow", "Action": actions.split(), "Resource": resource}
            iam.put_role_policy(RoleName=name, PolicyName=key, PolicyDocument=_policy(allowed))
        return arn

    def image(self, version: str, *, health: int = 200, config: str = CONFIG, more: Mapping[str, bytes] = MappingProxyType({})) -> str:
        """A pushed image whose configuration answers with this version, and `more` files of /etc/nginx/kotei."""
        text = config.replace("VERSION", version).replace("HEALTH", str(health)).encode()
        ours = {path.name: path.read_bytes() for path in (paths.ROOT / "docker" / "nginx").glob("*.*") if path.is_file()}
        files = {"staging/nginx.conf": text, **ours, **more}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, content in files.items():
                entry = tarfile.TarInfo(f"etc/nginx/kotei/{name}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        layer = buffer.getvalue()
        document = {"architecture": "arm64", "os": "linux", "config": {"StopSignal": "SIGQUIT", "User": "101"}}
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": f"sha256:{'0' * 64}", "size": 1},
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": f"sha256:{hashlib.sha256(layer).hexdigest()}",
                    "size": len(layer),
                }
            ],
        }
        answer = self.client("ecr").put_image(
            repositoryName="kotei/proxy", imageManifest=json.dumps(manifest), imageTag=f"{version}-{next(self.serial)}"
        )
        digest: str = answer["image"]["imageId"]["imageDigest"]
        folder = self.world.home / "images" / digest.replace(":", "-")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "layer.tar").write_bytes(layer)
        (folder / "config.json").write_text(json.dumps(document))
        return digest

    def definition(self, digest: str, *, before: Sequence[Mapping[str, Any]] = (), role: str = EXECUTION, **container: Any) -> str:
        proxy = {
            "name": "proxy",
            "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/kotei/proxy@{digest}",
            "essential": True,
            "command": ["nginx", "-c", "/etc/nginx/kotei/staging/nginx.conf", "-g", "daemon off;"],
            "portMappings": [{"containerPort": 8080}, {"containerPort": 8081}],
            "stopTimeout": 5,
            **container,
        }
        arn: str = self.ecs.register_task_definition(
            family="proxy",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[proxy, *({"image": proxy["image"], **one} for one in before)],
            executionRoleArn=role,
        )["taskDefinition"]["taskDefinitionArn"]
        return arn

    def build(self, *, preserve: str = "true", deregistration: str = "30") -> None:
        """Network, addresses, groups, load balancer: as the project's stacks make them."""
        second = random.randrange(1, 250)
        cidr = f"10.{second}.{random.randrange(250)}.0/24"
        vpc = self.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        base = cidr.rsplit(".", 1)[0]
        subnets = [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"{base}.{part}/25", AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
            for zone, part in (("a", 0), ("c", 128))
        ]
        addresses = [self.ec2.allocate_address(Domain="vpc") for _ in subnets]
        groups = [self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("balancer", "task")]
        self.ids |= {"vpc": vpc, "subnets": subnets, "addresses": addresses, "balancer_group": groups[0], "task_group": groups[1]}
        self.allow(groups[0], 443, cidr=ALLOWED)
        self.allow(groups[1], 8080, source=groups[0])
        self.allow(groups[1], 8081, source=groups[0])
        self._balancer(preserve, deregistration)

    def allow(self, group: str, port: int, *, cidr: str | None = None, source: str | None = None) -> None:
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[_permission(port, cidr, source)])

    def forbid(self, group: str, port: int, *, cidr: str | None = None, source: str | None = None) -> None:
        self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[_permission(port, cidr, source)])

    def _balancer(self, preserve: str, deregistration: str) -> None:
        mappings = [
            {"SubnetId": subnet, "AllocationId": address["AllocationId"]}
            for subnet, address in zip(self.ids["subnets"], self.ids["addresses"], strict=True)
        ]
        balancer = self.elb.create_load_balancer(
            Name="kotei", Type="network", Scheme="internet-facing", SubnetMappings=mappings, SecurityGroups=[self.ids["balancer_group"]]
        )["LoadBalancers"][0]["LoadBalancerArn"]
        targets = self._targets("kotei")
        self.ids |= {"balancer": balancer, "targets": targets}
        self.attribute("preserve_client_ip.enabled", preserve)
        self.attribute("deregistration_delay.timeout_seconds", deregistration)
        certificate = self.client("acm").request_certificate(DomainName=HOST, SubjectAlternativeNames=[HOST, "partner.example.com"])
        self.ids["listener"] = self.elb.create_listener(
            LoadBalancerArn=balancer,
            Protocol="TLS",
            Port=443,
            SslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
            AlpnPolicy=["HTTP2Optional"],
            Certificates=[{"CertificateArn": certificate["CertificateArn"]}],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}],
        )["Listeners"][0]["ListenerArn"]

    def _targets(self, name: str) -> str:
        arn: str = self.elb.create_target_group(
            Name=name,
            Protocol="TCP",
            Port=8080,
            VpcId=self.ids["vpc"],
            TargetType="ip",
            HealthCheckProtocol="HTTP",
            HealthCheckPort="8081",
            HealthCheckPath="/healthz",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=4,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]
        return arn

    def attribute(self, key: str, value: str) -> None:
        self.elb.modify_target_group_attributes(TargetGroupArn=self.ids["targets"], Attributes=[{"Key": key, "Value": value}])

    def alternate(self) -> None:
        """A second target group, to which a deployment may turn the listener."""
        attributes = self.elb.describe_target_group_attributes(TargetGroupArn=self.ids["targets"])["Attributes"]
        self.ids["alternate"] = self._targets("kotei-alternate")
        self.elb.modify_target_group_attributes(TargetGroupArn=self.ids["alternate"], Attributes=attributes)
        balancing = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
        self.role(
            "shift",
            shifts.SERVICE,
            read=("elasticloadbalancing:Describe*", "*"),
            register=("elasticloadbalancing:RegisterTargets", f"{balancing}:targetgroup/*"),
            deregister=("elasticloadbalancing:DeregisterTargets", f"{balancing}:targetgroup/*"),
            turn=("elasticloadbalancing:ModifyListener", self.ids["listener"]),
        )

    def _balancing(self) -> dict[str, Any]:
        found = {"targetGroupArn": self.ids["targets"], "containerName": "proxy", "containerPort": 8080}
        if "alternate" not in self.ids:
            return found
        advanced = {
            "alternateTargetGroupArn": self.ids["alternate"],
            "productionListenerRule": self.ids["listener"],
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/shift",
        }
        return {**found, "advancedConfiguration": advanced}

    def serve(self, definition: str, *, desired: int = 2, breaker: bool = True, **settings: Any) -> dict[str, Any]:
        self.ecs.create_cluster(clusterName="kotei", capacityProviders=["FARGATE", "FARGATE_SPOT"])
        answer: dict[str, Any] = self.ecs.create_service(
            cluster="kotei",
            serviceName="proxy",
            taskDefinition=definition,
            desiredCount=desired,
            capacityProviderStrategy=[
                {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
                {"capacityProvider": "FARGATE_SPOT", "weight": 1},
            ],
            loadBalancers=[self._balancing()],
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": self.ids["subnets"],
                    "securityGroups": [self.ids["task_group"]],
                    "assignPublicIp": "ENABLED",
                }
            },
            deploymentConfiguration={
                "minimumHealthyPercent": 100,
                "maximumPercent": 200,
                "deploymentCircuitBreaker": {"enable": breaker, "rollback": breaker},
            },
            healthCheckGracePeriodSeconds=60,
            **settings,
        )["service"]
        return answer

    def update(self, **changes: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.ecs.update_service(cluster="kotei", service="proxy", **changes)["service"]
        return answer

    def service(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ecs.describe_services(cluster="kotei", services=["proxy"])["services"][0]
        return answer

    def deployment(self, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.service()["deployments"][number]
        return found

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster="kotei", serviceName="proxy", desiredStatus=status)["taskArns"]
        found: list[dict[str, Any]] = self.ecs.describe_tasks(cluster="kotei", tasks=arns)["tasks"] if arns else []
        return found

    def health(self) -> dict[str, str]:
        answer = self.elb.describe_target_health(TargetGroupArn=self.ids["targets"])["TargetHealthDescriptions"]
        return {found["Target"]["Id"]: found["TargetHealth"]["State"] for found in answer}

    def settled(self) -> None:
        wait_until(lambda: self.deployment()["rolloutState"] == "COMPLETED", lambda: (self.service(), self.problems()))

    # ---- this computer

    def start(self) -> Plane:
        self.plane = plane.start(self.world)
        return self.plane

    def problems(self) -> tuple[str, ...]:
        return self.plane.problems() if self.plane else ()

    def connect(self, *, source: str = CLIENT, zone: int = 0, alpn: tuple[str, ...] = ("http/1.1",)) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.world.home / "ca.pem"))
        context.set_alpn_protocols(list(alpn))
        return _Connection(
            self.ids["addresses"][zone]["PublicIp"], translate.port(443), timeout=10, source_address=(source, 0), context=context
        )

    def get(self, path: str = "/version", *, host: str = HOST, **where: Any) -> tuple[int, str]:
        connection = self.connect(**where)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def reaches(self, **where: Any) -> bool:
        try:
            self.get(**where)
        except OSError:
            return False
        return True

    def processes(self) -> list[Process]:
        assert self.plane
        living = [task.process for task in self.plane.state.tasks.values() if task.living]
        return [*living, *(stand.running for stand in self.plane.standing.values() if stand.running)]

    def log(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        path = self.world.home / "plane" / "tasks" / task["taskArn"].rsplit("/", 1)[1] / "stdout.log"
        return [json.loads(line) for line in path.read_text().splitlines()]


class _Connection(http.client.HTTPSConnection):
    """To an address, with the host's name in the handshake."""

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=HOST)  # type: ignore[attr-defined]


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _permission(port: int, cidr: str | None, group: str | None) -> dict[str, Any]:
    source: dict[str, Any] = {"IpRanges": [{"CidrIp": cidr}]} if cidr else {"UserIdGroupPairs": [{"GroupId": group}]}
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}


@pytest.fixture
def empty_town(tmp_path: Path) -> Iterator[Town]:
    from moto.core.base_backend import BackendDict  # noqa: PLC0415 - seconds, only when a test here runs

    BackendDict.reset()
    for table in (ecs_gaps.DEPLOYMENTS, ecs_gaps.SERVICE_DEPLOYMENTS, ecs_gaps.TASKS, ecs_gaps.STOP_REQUESTS, elbv2_gaps.TARGET_HEALTH):
        table.clear()
    listening = server.listen(0)
    world = World(
        home=tmp_path / "home",
        root=tmp_path,
        endpoint=f"http://127.0.0.1:{listening.server_port}",
        account=ACCOUNT,
        region=REGION,
        store=Store(tmp_path / "home" / "engine.sqlite"),
    )
    town = Town(world)
    listening.app = server.Front(
        world=world,
        services=SERVICES,
        emulator=emulator.application(world),
        after_call=lambda: town.plane.poke() if town.plane else None,
    )
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    repository = town.client("ecr").create_repository(repositoryName="kotei/proxy")["repository"]["repositoryArn"]
    town.role(
        "execution",
        execution.SERVICE,
        token=("ecr:GetAuthorizationToken", "*"),
        manifest=("ecr:BatchGetImage", repository),
        layers=("ecr:GetDownloadUrlForLayer", repository),
        stream=("logs:CreateLogStream", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/kotei/*"),
        lines=("logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/kotei/*"),
    )
    try:
        yield town
    finally:
        if town.plane:
            town.plane.stop()
        workers.wait()
        listening.shutdown()
        listening.server_close()
        thread.join()
        world.store.close()


@pytest.fixture
def town(empty_town: Town) -> Town:
    """Two tasks of the first version are being served."""
    empty_town.build()
    empty_town.serve(empty_town.definition(empty_town.image("v1")))
    empty_town.start()
    empty_town.settled()
    return empty_town


@pytest.fixture
def until() -> Callable[..., Any]:
    return wait_until
