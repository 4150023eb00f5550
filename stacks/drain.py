"""How a task leaves without losing a request: every time that has a part in it.

What happens, in this order (ECS developer guide, task lifecycle and load balancer connection draining; NLB guide, deregistration delay):

1. ECS deregisters the task (DEACTIVATING). For up to LOAD_BALANCER_LAG the load balancer may still send it new connections, so nginx
   goes on as if nothing had happened. Connections that are open stay open.
2. After DEREGISTRATION_DELAY the target is `unused`, and only now ECS sends the image's stop signal, SIGQUIT. nginx stops listening,
   ends each HTTP connection with the answer that is under way or the next one, and closes idle ones after KEEPALIVE_MIN_SECONDS.
3. After worker_shutdown_seconds nginx closes what is still open: streams, WebSockets, further ports.
4. After stop_timeout ECS sends SIGKILL; nginx is gone by then.

The load balancer itself cuts nothing at the end of the delay: it would do that before nginx hears of the stop, in the middle of answers.
So a request is lost only when it takes longer than worker_shutdown_seconds, and a task is gone at the latest
DEREGISTRATION_DELAY + stop_timeout after it was deregistered.

A task that AWS takes back (Spot) is different: the stop signal comes at once. New connections that the load balancer still sends it
are refused, until its health check has failed; what is open ends as above.
"""

from __future__ import annotations

from stacks.environment import Environment

# The NLB guide recommends a delay of at least this; new connections were seen for as long (github.com/aws/containers-roadmap/issues/470).
LOAD_BALANCER_LAG = 120
DEREGISTRATION_DELAY = LOAD_BALANCER_LAG + 30
# The load balancer closes a connection that is silent for so long; for TLS that cannot be changed (NLB guide, idle timeout).
LOAD_BALANCER_IDLE = 350
# What Fargate takes for stopTimeout.
LONGEST_STOP = 120
# nginx has gone by itself before SIGKILL comes.
STOP_MARGIN = 5
# Longer than LOAD_BALANCER_IDLE: nginx never closes an idle connection on which a request may be on its way.
KEEPALIVE_SECONDS = LOAD_BALANCER_IDLE + 10
# At a stop or a reload, a connection stays open for so long after its last answer: a request on its way is still served.
KEEPALIVE_MIN_SECONDS = 20


def stop_timeout(env: Environment) -> int:
    """From the stop signal until SIGKILL."""
    return min(env.service.drain_seconds, LONGEST_STOP)


def worker_shutdown_seconds(env: Environment) -> int:
    """From the stop signal until nginx closes what is still open."""
    return stop_timeout(env) - STOP_MARGIN
