"""Where the load balancer and a proxy task listen. nginx's configuration, the security groups and the checks agree on these."""

from __future__ import annotations

LISTENER_PORT = 443
TRAFFIC_PORT = 8080
HEALTH_PORT = 8081
HEALTH_PATH = "/healthz"
