"""The load balancer and the tasks behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from stacks import fargate
from stacks.config_deployment import BlueGreen, Canary, settings_are_of_strategy
from stacks.config_problems import Model, Problem, choice
from stacks.config_values import LogDays


def one_way_to_see_clients(preserve_client_ip: bool, proxy_protocol: bool) -> Iterator[Problem]:  # noqa: FBT001 - keys of the file
    if preserve_client_ip and proxy_protocol:
        yield Problem(("proxy_protocol",), "is another way to see what preserve_client_ip shows; set one of the two to false")


class LoadBalancer(Model):
    """The network load balancer."""

    preserve_client_ip: bool = True
    """The proxy sees the clients' own addresses, on the connections themselves."""
    proxy_protocol: bool = False
    """The proxy sees the clients' own addresses in a header before each connection (PROXY protocol v2), in place of preserve_client_ip.

    Changing either one refuses every connection for some minutes, from the load balancer's change until new tasks serve."""
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

    RULES = ((("preserve_client_ip", "proxy_protocol"), one_way_to_see_clients),)


def fargate_offers_cpu(cpu: int) -> Iterator[Problem]:
    if cpu not in fargate.SIZES:
        yield Problem(("cpu",), f"{cpu} is not a size of Fargate; choose {choice(fargate.SIZES)}")


def fargate_offers_pair(cpu: int, memory: int) -> Iterator[Problem]:
    if cpu in fargate.SIZES and memory not in fargate.SIZES[cpu]:
        yield Problem(("memory",), f"{memory} does not go with cpu = {cpu}; choose {fargate.memory_for(cpu)}")


def least_is_not_most(min_tasks: int, max_tasks: int) -> Iterator[Problem]:
    if min_tasks > max_tasks:
        yield Problem(("min_tasks",), f"{min_tasks} is more than max_tasks = {max_tasks}")


def base_is_reached(on_demand_base: int, min_tasks: int) -> Iterator[Problem]:
    if on_demand_base > min_tasks:
        yield Problem(("on_demand_base",), f"{on_demand_base} is more than min_tasks = {min_tasks}; at most that many")


def spot_is_not_all(on_demand_base: int, spot_percent: int) -> Iterator[Problem]:
    if spot_percent and not on_demand_base:
        yield Problem(("on_demand_base",), "0 would let AWS take every task at once, since spot_percent is not 0; at least 1")


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
    strategy: Literal["rolling", "canary", "blue_green"] = "rolling"
    """How a new version replaces the old one: task by task; by a second set that gets some connections first; by one that gets all at once.

    The last two take 10 minutes more for each shift, and every task twice meanwhile. A service that runs gets there, and back, in two
    deployments: one with [service.canary] or [service.blue_green] and "rolling", one with the other strategy."""
    canary: Canary | None = None
    """Times and share of a canary deployment. With strategy = "rolling" only its second target group is made."""
    blue_green: BlueGreen | None = None
    """Times of a blue_green deployment. With strategy = "rolling" only its second target group is made."""
    # At least what nginx needs to end its idle connections, at most what Fargate gives (stacks/drain.py).
    drain_seconds: Annotated[int, Field(ge=30, le=120)] = 120
    """Seconds that a task has for what it has begun, once it is told to stop. New connections go to other tasks long before."""
    # At least what nginx takes for a connection (connection_pool_size).
    max_header: Annotated[int, Field(ge=4, le=64)] = 16
    """The longest line of a request's head, in KiB; all lines together may have four times as much."""
    cache_size: Annotated[int, Field(ge=1, le=8192)] = 32
    """The memory for kept answers in one task, in MiB, where a site has a cache."""
    log_days: LogDays = 30
    """How long the proxy's logs are kept in CloudWatch."""

    RULES = (
        (("cpu",), fargate_offers_cpu),
        (("cpu", "memory"), fargate_offers_pair),
        (("min_tasks", "max_tasks"), least_is_not_most),
        (("on_demand_base", "min_tasks"), base_is_reached),
        (("on_demand_base", "spot_percent"), spot_is_not_all),
        (("strategy", "canary", "blue_green"), settings_are_of_strategy),
    )

    @property
    def shifts(self) -> bool:
        """Whether the load balancer turns from one set of tasks to another."""
        return self.strategy != "rolling"

    @property
    def has_alternate(self) -> bool:
        """Whether each port has a second target group."""
        return self.shifts or self.canary is not None or self.blue_green is not None
