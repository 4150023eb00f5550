"""Every stack, in the order in which it is deployed."""

from __future__ import annotations

from stacks import addresses, certificate, connection, loadbalancer, monitoring, network, registry, security, service
from stacks.environment import Environment
from stacks.project import Project
from stacks.spec import StackSpec

from pipeline import codepipeline

ENVIRONMENT_STACKS: tuple[StackSpec[Environment], ...] = (
    network.STACK,
    addresses.STACK,
    security.STACK,
    certificate.STACK,
    loadbalancer.STACK,
    service.STACK,
    monitoring.STACK,
)

SHARED_STACKS: tuple[StackSpec[Project], ...] = (
    connection.STACK,
    registry.STACK,
    codepipeline.STACK,
)
