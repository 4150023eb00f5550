"""One environment as its TOML file says it. config_values.py: what one value may be; config_rules.py: what spans sections."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from stacks import fargate
from stacks.config_network import Addresses, CreatedNetwork, ExistingNetwork, Network
from stacks.config_problems import ConfigError, Model, Problem, choice, exactly_one
from stacks.config_sites import PathRule, RateLimit, Site
from stacks.config_values import (
    AccountId,
    CertificateArn,
    CertificateName,
    Cidr,
    Cron,
    Email,
    HostedZoneId,
    LogDays,
    OneLine,
    ProjectName,
    Region,
    Several,
    TimeZone,
)

# What the rest of the project imports from here.
__all__ = [
    "Access",
    "AccessEntry",
    "Addresses",
    "Certificate",
    "ConfigError",
    "CreatedNetwork",
    "DeployWindow",
    "Environment",
    "ExistingNetwork",
    "LoadBalancer",
    "Model",
    "Network",
    "PathRule",
    "RateLimit",
    "Service",
    "Site",
]

MOST_RULES = 60  # inbound rules of a security group; AWS raises it only on request


class AccessEntry(Model):
    """Clients that may connect."""

    cidr: Cidr
    """The clients' public IPv4 network."""
    note: OneLine
    """Who that is, for the next person; it is shown on the rule in AWS."""
    expires: date | None = None
    """The last day of this permission. After it the next deployment stops until the entry is renewed or removed."""


class Access(Model):
    """Who may connect: `allow`, or with `open` everybody."""

    allow: Several[AccessEntry] = ()
    """The clients that may connect, at most 60 networks."""
    open: bool = False
    """Let the whole internet in."""
    reason: str = ""
    """Why the whole internet may connect; needed with `open`."""

    def rules(self) -> Iterator[Problem]:
        if self.open and not self.reason.strip():
            yield Problem(("reason",), "is missing: access.open = true lets the whole internet in; say why")
        if not self.reason.isprintable():
            yield Problem(("reason",), "holds a control character; write one plain line")
        if self.open and self.allow:
            yield Problem(("allow",), "says nothing while access.open = true lets everybody in; remove one of the two")
        if not self.open and not self.allow:
            yield Problem(("allow",), "is empty, so nobody can connect; list who may, with cidr and note")
        if len(self.allow) > MOST_RULES:
            yield Problem(("allow",), f"has {len(self.allow)} entries; a security group takes {MOST_RULES}, so join neighbouring networks")


class Certificate(Model):
    """Exactly one of `arn`, and `name` with `hosted_zone`."""

    arn: CertificateArn | None = None
    """A certificate that is already in AWS Certificate Manager, in this account and region."""
    name: CertificateName | None = None
    """The name of a certificate that is issued for this environment; `*.` stands for one label."""
    alternative_names: Several[CertificateName] = ()
    """Further names on the issued certificate."""
    hosted_zone: HostedZoneId | None = None
    """The Route 53 zone that the validation records are written into."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the issued certificate is valid for."""
        return (self.name, *self.alternative_names) if self.name else ()

    def rules(self) -> Iterator[Problem]:
        yield from exactly_one(arn=self.arn, name=self.name)
        if self.name and not self.hosted_zone:
            yield Problem(
                ("hosted_zone",), "is missing: the Route 53 zone that proves that certificate.name is yours, like 'Z0123456789ABC'"
            )
        if self.arn and self.alternative_names:
            yield Problem(("alternative_names",), "belongs to certificate.name; a certificate given by arn has its names already")
        if self.arn and self.hosted_zone:
            yield Problem(("hosted_zone",), "belongs to certificate.name; a certificate given by arn is validated already")
        for index, name in enumerate(self.alternative_names):
            if name in self.names[: index + 1]:
                yield Problem(("alternative_names", index), f"'{name}' is named twice; remove one")


class LoadBalancer(Model):
    """The network load balancer."""

    preserve_client_ip: bool = True
    """The proxy sees the clients' own addresses."""
    cross_zone: bool = True
    """Each fixed address reaches the tasks of every zone."""
    deletion_protection: bool = True
    """AWS refuses to delete the load balancer."""
    access_logs: bool = True
    """TLS access logs in S3."""
    log_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """How long the access logs are kept."""
    # Policies without TLS 1.0, TLS 1.1 and CBC-SHA1-only clients (NLB guide, security policies). Res: without CBC at all; PQ:
    # post-quantum key agreement.
    ssl_policy: Literal[
        "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
        "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
        "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09",
        "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "ELBSecurityPolicy-TLS13-1-3-2021-06",
    ] = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    """Which TLS versions and ciphers clients may use."""


class Service(Model):
    """The proxy's tasks on Fargate (ARM64)."""

    cpu: int
    """CPU units of one task; 1024 are one vCPU."""
    memory: int
    """MiB of memory of one task, in a pair with cpu that Fargate offers."""
    min_tasks: Annotated[int, Field(ge=1, le=500)]
    """The least number of tasks."""
    max_tasks: Annotated[int, Field(ge=1, le=500)]
    """The greatest number of tasks."""
    on_demand_base: Annotated[int, Field(ge=0, le=500)]
    """So many tasks never run on Spot capacity."""
    spot_percent: Annotated[int, Field(ge=0, le=100)]
    """The share of Spot among the tasks beyond on_demand_base."""
    cpu_target_percent: Annotated[int, Field(ge=10, le=90)] = 60
    """Tasks are added and removed so that their CPU load stays near this."""
    strategy: Literal["rolling"] = "rolling"
    """How a new version replaces the old one."""
    egress: Literal["public"] = "public"
    """How tasks reach the origins: from public addresses of their own."""
    # ECS gives a task at most 120 s between SIGTERM and SIGKILL on Fargate (stopTimeout).
    drain_seconds: Annotated[int, Field(ge=1, le=120)] = 120
    """Seconds from a task's deregistration until its last connection is closed."""
    log_days: LogDays = 30
    """How long the proxy's logs are kept in CloudWatch."""

    def rules(self) -> Iterator[Problem]:
        if self.cpu not in fargate.SIZES:
            yield Problem(("cpu",), f"{self.cpu} is not a size of Fargate; choose {choice(fargate.SIZES)}")
        elif self.memory not in fargate.SIZES[self.cpu]:
            yield Problem(("memory",), f"{self.memory} does not go with cpu = {self.cpu}; choose {fargate.memory_for(self.cpu)}")
        if self.min_tasks > self.max_tasks:
            yield Problem(("min_tasks",), f"{self.min_tasks} is more than max_tasks = {self.max_tasks}")
        if self.on_demand_base > self.min_tasks:
            yield Problem(("on_demand_base",), f"{self.on_demand_base} is more than min_tasks = {self.min_tasks}; at most that many")
        if self.spot_percent and not self.on_demand_base:
            yield Problem(("on_demand_base",), "0 would let AWS take every task at once, since spot_percent is not 0; at least 1")


class DeployWindow(Model):
    """When deployments may start."""

    cron: Cron
    """Second, minute, hour, day of month, month, day of week and, if you like, year, as Quartz reads them."""
    timezone: TimeZone = "Asia/Tokyo"
    """A name of the time zone database."""


class Environment(Model):
    """Everything about one environment. Builders may assume that it is valid."""

    name: ProjectName
    """The name of the file without .toml; part of every stack's name."""
    project: ProjectName
    """The project that pipeline/pipeline.toml names; part of every stack's name."""
    account: AccountId
    """The AWS account that this environment lives in, 12 digits."""
    region: Region
    """The AWS region, the same one as in pipeline/pipeline.toml."""
    pipeline_account: AccountId
    """The AWS account that pipeline/pipeline.toml names: it holds the images and deploys."""
    approval: Literal["always", "risky", "never"]
    """Who decides about a deployment: always a person, a person when the plan names a risk, never anybody."""
    deploy_window: DeployWindow | None = None
    """When deployments may start; without it, at any time."""
    alarm_email: Email | None = None
    """Where alarms go."""
    network: Network
    """The VPC and its zones."""
    addresses: Addresses = Addresses()
    """The fixed addresses."""
    access: Access
    """Who may connect."""
    certificate: Certificate
    """The certificate of every host."""
    loadbalancer: LoadBalancer = LoadBalancer()
    """The network load balancer."""
    service: Service
    """The proxy's tasks."""
    sites: Annotated[Several[Site], Field(min_length=1)]
    """The public host names and where their requests go; at least one."""

    @property
    def zones(self) -> tuple[str, ...]:
        """Zone letters, sorted."""
        return self.network.zones

    def stack_name(self, stack: str) -> str:
        """The name of a stack in AWS."""
        return f"{self.project}-{self.name}-{stack}"
