"""The stacks of one environment, in the order in which they are deployed."""

from __future__ import annotations

from stacks import addresses, certificate, loadbalancer, monitoring, network, security, service
from stacks.environment import Environment
from stacks.spec import StackSpec

ENVIRONMENT_STACKS: tuple[StackSpec[Environment], ...] = (
    network.STACK,
    addresses.STACK,
    security.STACK,
    certificate.STACK,
    loadbalancer.STACK,
    service.STACK,
    monitoring.STACK,
)
