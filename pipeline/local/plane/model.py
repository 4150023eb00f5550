"""What the emulated AWS says, as plain data: only what the data plane acts on. Nothing here touches the world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One ingress permission of a security group: ports and who may come, by network or by group."""

    protocol: str
    first_port: int
    last_port: int
    networks: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Zone:
    """One node of a load balancer: its interface in a subnet, and the Elastic IP on it."""

    name: str
    subnet: str
    public_ip: str | None
    private_ip: str


@dataclass(frozen=True, kw_only=True)
class Listener:
    arn: str
    port: int
    protocol: str
    ssl_policy: str
    alpn: str
    certificates: tuple[str, ...]
    target_groups: tuple[tuple[str, int], ...]
    idle_seconds: int


@dataclass(frozen=True, kw_only=True)
class Balancer:
    arn: str
    name: str
    account: str
    region: str
    groups: tuple[str, ...]
    zones: tuple[Zone, ...]
    listeners: tuple[Listener, ...]
    cross_zone: bool


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    protocol: str
    port: str
    path: str
    timeout: float
    healthy_after: int
    unhealthy_after: int
    codes: str


@dataclass(frozen=True, kw_only=True)
class TargetGroup:
    arn: str
    port: int
    check: HealthCheck
    attributes: dict[str, str]
    balancers: tuple[str, ...]
    targets: tuple[tuple[str, int], ...]

    @property
    def proxy_protocol(self) -> bool:
        return self.attributes.get("proxy_protocol_v2.enabled") == "true"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    id: str
    definition: str
    status: str
    document: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Service:
    account: str
    region: str
    cluster: str
    cluster_arn: str
    name: str
    arn: str
    desired: int
    least_percent: int
    most_percent: int
    configuration: dict[str, Any]
    grace: int
    strategy: tuple[dict[str, Any], ...]
    balancers: tuple[dict[str, Any], ...]
    network: dict[str, Any]
    deployments: tuple[Deployment, ...]
    minimum: int

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]

    @property
    def breaker(self) -> dict[str, Any]:
        return self.configuration.get("deploymentCircuitBreaker") or {}

    @property
    def alarms(self) -> dict[str, Any]:
        found = self.configuration.get("alarms") or {}
        return found if found.get("enable") else {}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One look at the whole emulated AWS."""

    services: dict[str, Service] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    balancers: dict[str, Balancer] = field(default_factory=dict)
    target_groups: dict[str, TargetGroup] = field(default_factory=dict)
    rules: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    zone_of: dict[str, str] = field(default_factory=dict)
    subnet_zones: dict[str, str] = field(default_factory=dict)
    # Account, region and name of those that are in ALARM.
    alarms: set[tuple[str, str, str]] = field(default_factory=set)
    certificate_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
