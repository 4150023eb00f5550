"""One environment as its TOML file says it: its sections, each with its rules, are in the files named config_*."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stacks.config_access import Access, AccessEntry
from stacks.config_certificate import Certificate
from stacks.config_freeze import Freeze
from stacks.config_network import Addresses, CreatedNetwork, ExistingNetwork, Network
from stacks.config_origins import OriginSettings
from stacks.config_ports import Port
from stacks.config_problems import ConfigError, Model
from stacks.config_rules import ENVIRONMENT_RULES
from stacks.config_service import LoadBalancer, Service
from stacks.config_sites import Answer, Maintenance, PathRule, RateLimit, Site
from stacks.config_values import AccountId, Cron, Email, ProjectName, Region, Several, TimeZone
from stacks.config_verify import Verify

# What the rest of the project imports from here.
__all__ = [
    "Access",
    "AccessEntry",
    "Addresses",
    "Answer",
    "Certificate",
    "ConfigError",
    "CreatedNetwork",
    "DeployWindow",
    "Environment",
    "ExistingNetwork",
    "Freeze",
    "LoadBalancer",
    "Maintenance",
    "Model",
    "Network",
    "OriginSettings",
    "PathRule",
    "Port",
    "RateLimit",
    "Service",
    "Site",
]


class DeployWindow(Model):
    """When deployments may start."""

    cron: Cron
    """Second, minute, hour, day of month, month, day of week and, if you like, year, as Quartz reads them."""
    timezone: TimeZone = "Asia/Tokyo"
    """A name of the time zone database."""


class Environment(Model):
    """Everything about one environment."""

    name: ProjectName
    """The name of the file without .toml; part of every stack's name."""
    project: ProjectName
    """The project that pipeline/pipeline.toml names; part of every stack's name."""
    account: AccountId
    """The AWS account that this environment lives in, 12 digits."""
    region: Region
    """The AWS region that this environment lives in."""
    pipeline_account: AccountId
    """The AWS account that pipeline/pipeline.toml names: it holds the images and deploys."""
    pipeline_region: Region | None = None
    """The AWS region that pipeline/pipeline.toml names, where it is another one than this environment's."""
    replicate_image: bool = False
    """In another region than the pipeline's: ECR copies each image into this one, so that tasks start without the pipeline's region.

    Without it tasks pull across regions. A registry has one replication configuration: use it only where nothing else replicates."""
    approval: Literal["always", "risky", "never"]
    """Who decides about a deployment: always a person, a person when the plan names a risk, never anybody."""
    deploy_window: DeployWindow | None = None
    """When deployments may start; without it, at any time."""
    freeze: Several[Freeze] = ()
    """Days on which nothing is deployed."""
    verify: Verify = Verify()
    """What is looked at after a deployment."""
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
    origins: Several[OriginSettings] = ()
    """What differs for an origin; one that is not here speaks HTTP/1.1 and has a public certificate."""
    ports: Several[Port] = ()
    """Further ports on the fixed addresses, for other protocols than HTTP."""

    RULES = ENVIRONMENT_RULES

    @property
    def zones(self) -> tuple[str, ...]:
        """Zone letters, sorted."""
        return self.network.zones

    @property
    def zones_with_address(self) -> tuple[str, ...]:
        """Zone letters, sorted: those of the network, and those whose address is only kept."""
        return tuple(sorted({*self.zones, *self.addresses.keep}))

    @property
    def image_region(self) -> str:
        """Whose registry the tasks pull from."""
        return self.region if self.replicate_image else self.pipeline_region or self.region

    def stack_name(self, stack: str) -> str:
        """The name of a stack in AWS."""
        return f"{self.project}-{self.name}-{stack}"
