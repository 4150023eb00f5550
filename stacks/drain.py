"""How a task leaves without losing a request: every time that has a part in it."""

from __future__ import annotations

from stacks.environment import Environment

# Fargate's longest stopTimeout.
LONGEST_STOP = 120
# nginx has gone by itself before SIGKILL comes.
STOP_MARGIN = 5
# Longer than the 350 seconds after which the load balancer closes a silent connection, so that nginx never closes one under a request.
KEEPALIVE_SECONDS = 360
# At a stop or a reload nginx closes an idle connection only after it was silent for this long.
KEEPALIVE_MIN_SECONDS = 20


def stop_timeout(env: Environment) -> int:
    """From the stop signal until SIGKILL."""
    return min(env.service.drain_seconds, LONGEST_STOP)


def worker_shutdown_seconds(env: Environment) -> int:
    """From the stop signal until nginx closes what is still open."""
    return max(STOP_MARGIN, stop_timeout(env) - STOP_MARGIN)
