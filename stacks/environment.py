"""One environment as its TOML file says it, and every rule about that file."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict


class ConfigError(Exception):
    """Every problem of every configuration file, each as `file: key path: what is wrong and what would be right`."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CreatedNetwork(Model):
    """A VPC of this environment's own; `zones` maps the zone letter to the public subnet's CIDR."""

    cidr: str
    zones: dict[str, str]


class ExistingNetwork(Model):
    """A VPC that is already there; `zones` maps the zone letter to the id of a public subnet in it."""

    vpc: str
    zones: dict[str, str]


class Network(Model):
    """Exactly one of the two."""

    create: CreatedNetwork | None = None
    existing: ExistingNetwork | None = None
    flow_logs: bool = True

    @property
    def zones(self) -> tuple[str, ...]:
        """Zone letters, sorted."""
        source = self.create or self.existing
        return tuple(sorted(source.zones)) if source else ()


class Addresses(Model):
    """`adopt` maps the zone letter to the allocation id of an Elastic IP that is already there; empty: one new address a zone."""

    adopt: dict[str, str] = {}


class AccessEntry(Model):
    cidr: str
    note: str
    expires: date | None = None


class Access(Model):
    """Who may connect. `open` lets the whole internet in and needs `reason`."""

    allow: tuple[AccessEntry, ...] = ()
    open: bool = False
    reason: str = ""


class Certificate(Model):
    """Exactly one of `arn`, or `name` (with `alternative_names`) to be issued by ACM and validated in `hosted_zone`."""

    arn: str | None = None
    name: str | None = None
    alternative_names: tuple[str, ...] = ()
    hosted_zone: str | None = None


class LoadBalancer(Model):
    preserve_client_ip: bool = True
    cross_zone: bool = True
    deletion_protection: bool = True
    access_logs: bool = True
    log_days: int = 90
    ssl_policy: str = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"


class Service(Model):
    """cpu in CPU units (1024 = 1 vCPU), memory in MiB, drain_seconds from deregistration to the last connection closed."""

    cpu: int
    memory: int
    min_tasks: int
    max_tasks: int
    on_demand_base: int
    spot_percent: int
    cpu_target_percent: int = 60
    strategy: Literal["rolling"] = "rolling"
    egress: Literal["public"] = "public"
    drain_seconds: int = 120
    log_days: int = 30


class RateLimit(Model):
    """Requests per second and burst for each client address."""

    requests_per_second: int
    burst: int


class PathRule(Model):
    """`path` ends in `/` for a prefix, otherwise it is exact. Exactly one of origin, deny."""

    path: str
    origin: str | None = None
    deny: bool = False


class Site(Model):
    """One public host name and where its requests go. Times in seconds, sizes in MiB."""

    host: str
    aliases: tuple[str, ...] = ()
    origin: str
    host_header: str | None = None
    paths: tuple[PathRule, ...] = ()
    connect_timeout: int = 5
    read_timeout: int = 60
    max_body: int = 10
    websocket: bool = False
    rate_limit: RateLimit | None = None


class DeployWindow(Model):
    """When deployments may start: cron as CodePipeline's DeploymentWindow rule reads it, and a tz database name."""

    cron: str
    timezone: str = "Asia/Tokyo"


class Environment(Model):
    """Everything about one environment. Builders may assume that it is valid."""

    name: str
    project: str
    account: str
    region: str
    pipeline_account: str
    approval: Literal["always", "risky", "never"]
    deploy_window: DeployWindow | None = None
    alarm_email: str | None = None
    network: Network
    addresses: Addresses = Addresses()
    access: Access
    certificate: Certificate
    loadbalancer: LoadBalancer = LoadBalancer()
    service: Service
    sites: tuple[Site, ...]

    @property
    def zones(self) -> tuple[str, ...]:
        """Zone letters, sorted."""
        return self.network.zones

    def stack_name(self, stack: str) -> str:
        """The name of a stack in AWS."""
        return f"{self.project}-{self.name}-{stack}"
