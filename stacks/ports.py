"""Where the load balancer and a proxy task listen. nginx's configuration, the security groups and the checks agree on these."""

from __future__ import annotations

LISTENER_PORT = 443
TRAFFIC_PORT = 8080
HEALTH_PORT = 8081
HEALTH_PATH = "/healthz"
# On the task's own loopback, for ECS's check of the container: the health port expects what the load balancer sends, which with
# PROXY protocol is its header (NLB guide, proxy protocol: health checks carry it too, without a client).
CONTAINER_HEALTH_PORT = 8082
# The proxy's own name server on the task's loopback, and the one that stands in for Amazon's on a computer without AWS.
NAME_SERVERS = (8053, 8054)

FIRST_UNPRIVILEGED = 1024
MOVED_BY = 20_000
TAKEN = frozenset((TRAFFIC_PORT, HEALTH_PORT, CONTAINER_HEALTH_PORT, *NAME_SERVERS))


def container_port(port: int) -> int:
    """Where a task listens for one of the further ports. It depends on nothing else, so that another port never moves it."""
    return port if port >= FIRST_UNPRIVILEGED and port not in TAKEN else port + MOVED_BY


def suffix(port: int) -> str:
    """How logical ids and outputs of a port end: the sites' have no number, and a further port is its number."""
    return "" if port == LISTENER_PORT else str(port)
