"""The tasks: what a deployment does to requests, and what makes it less safe."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.review import capacity, safety, tasks
from pipeline.review.capacity import number
from pipeline.review.connections import switched
from pipeline.review.containers import weaknesses
from pipeline.review.model import Comparison, Finding, Side
from pipeline.review.read import both_sides, keyed, place, properties, resources_of, text
from pipeline.review.resource_types import SERVICE, TARGET_GROUP, TASK
from pipeline.review.rules.rule import Rule, about
from pipeline.review.tasks import containers

# For so long after a deregistration new connections may still come (stacks/drain.py, LOAD_BALANCER_LAG).
LAG = 120
# What Fargate takes for StopTimeout.
STOP_TIMEOUTS = range(2, 121)
DELAY = "deregistration_delay.timeout_seconds"


def drain_too_short(comparison: Comparison) -> Iterator[Finding]:
    """Tasks are stopped before their connections have ended."""
    before, after = tasks.of(comparison.before), tasks.of(comparison.after)
    if after is None:
        return
    times = after.shutdown, after.stop_timeout
    if comparison.after.nginx is not None and (before is None or times != (before.shutdown, before.stop_timeout)):
        if after.shutdown is None:
            words = f"nginx waits for open connections without an end, and is killed {after.stop_timeout} s after the stop signal"
        else:
            words = f"nginx gives open connections {after.shutdown} s, and is killed {after.stop_timeout} s after the stop signal"
        if after.shutdown is None or after.shutdown >= after.stop_timeout:
            stack, resource = place(comparison.after, TASK)
            yield Finding(
                rule="drain-too-short",
                topic="clients",
                verdict="risky",
                text=f"{words}: answers that are under way then are cut",
                stack=stack,
                resource=resource,
                mend="worker_shutdown_timeout some seconds below StopTimeout",
            )
    for stack, name, _ in resources_of(comparison.after, TARGET_GROUP):
        delay = _delay(comparison.after, stack, name)
        if delay < LAG and delay != _delay(comparison.before, stack, name):
            yield Finding(
                rule="drain-too-short",
                topic="clients",
                verdict="risky",
                text=f"a task stops {delay} s after it was deregistered, and the load balancer may send it new connections for {LAG} s: "
                "these are refused, in every deployment",
                stack=stack,
                resource=name,
                mend=f"{DELAY} = {LAG} or more",
            )


def _delay(side: Side, stack: str, name: str) -> int:
    found = number(keyed(properties(side.stacks.get(stack), name).get("TargetGroupAttributes")).get(DELAY))
    return 300 if found is None else found


def stop_timeout_refused(comparison: Comparison) -> Iterator[Finding]:
    """A time to stop that Fargate does not take."""
    before = containers(comparison.before)
    stack, resource = place(comparison.after, TASK)
    for name, container in containers(comparison.after).items():
        seconds = number(container.get("StopTimeout"))
        if seconds is not None and seconds not in STOP_TIMEOUTS and seconds != number(before.get(name, {}).get("StopTimeout")):
            yield Finding(
                rule="stop-timeout-refused",
                topic="resources",
                verdict="blocked",
                text=f"container {name}: Fargate takes {STOP_TIMEOUTS[0]} to {STOP_TIMEOUTS[-1]} s for StopTimeout, not {seconds}",
                stack=stack,
                resource=resource,
                mend=f"StopTimeout = {STOP_TIMEOUTS[-1]} or less",
            )


def client_ip_switched(comparison: Comparison) -> Iterator[Finding]:
    """How nginx learns the address of clients is switched before the tasks are."""
    header, preserved = (switched(comparison, one) for one in ("proxy_protocol_v2.enabled", "preserve_client_ip.enabled"))
    for change in (*header, *(one for one in preserved if one not in header)):
        if change in header:
            words = "tasks that run do not understand what the load balancer then sends: every connection is refused"
        else:
            words = "tasks see other addresses than they were configured for: lists of clients and limits by client are wrong"
        why = f"how {change.logical_id} shows clients' addresses is switched before the tasks are: {words}, for some minutes"
        mend = "deploy it when nobody connects, or beside a second target group on another port"
        yield about(change, "client-ip-switched", "risky", why, mend, topic="clients")


def deployment_safety_weakened(comparison: Comparison) -> Iterator[Finding]:
    """A failing deployment is noticed later, or not rolled back."""
    before, after = tasks.of(comparison.before), tasks.of(comparison.after)
    if after is None:
        return
    if before is not None:
        for lost in safety.of_service(comparison, before, after):
            yield Finding(
                rule="deployment-safety-weakened", topic="clients", verdict="risky", text=lost, stack=after.stack, resource=after.service
            )
        for stack, name, lost in safety.of_target_groups(comparison):
            yield Finding(rule="deployment-safety-weakened", topic="clients", verdict="risky", text=lost, stack=stack, resource=name)
    ordered = capacity.of(comparison.after)
    number_of_tasks = ordered.min_tasks if ordered else None
    shares = after.least_percent, after.most_percent
    stuck = number_of_tasks and not after.batch(number_of_tasks) and after.strategy == "ROLLING"
    if stuck and (before is None or shares != (before.least_percent, before.most_percent) or before.batch(number_of_tasks or 0)):
        yield Finding(
            rule="deployment-safety-weakened",
            topic="clients",
            verdict="blocked",
            text=f"no deployment can end: of {number_of_tasks} tasks at least {shares[0]} % must run and at most {shares[1]} % may",
            stack=after.stack,
            resource=after.service,
            mend="MaximumPercent: 200",
        )


def service_replaced(comparison: Comparison) -> Iterator[Finding]:
    """The service is replaced, and begins with other tasks."""
    for change in comparison.of_type(SERVICE):
        before, after = both_sides(comparison, change)
        elsewhere = text(before.get("ServiceName")) != text(after.get("ServiceName")) or any(
            one.top == "Cluster" for one in change.properties
        )
        # Under the same name in the same cluster it cannot be made at all, which rule name-taken says.
        if change.replaces and (elsewhere or "ServiceName" not in after):
            begins = number(after.get("DesiredCount"))
            why = (
                f"{change.logical_id} is made anew beside the old one and begins with {1 if begins is None else begins} task; the old "
                "tasks leave as soon as it runs, before scaling has started the rest"
            )
            yield about(change, "service-replaced", "risky", why, "keep ServiceName and Cluster", topic="clients")


def container_less_safe(comparison: Comparison) -> Iterator[Finding]:
    """A container may do more than before."""
    before, after = weaknesses(comparison.before), weaknesses(comparison.after)
    first = tasks.of(comparison.before) is None
    for name in sorted(after):
        # Public addresses are how the first tasks are meant to reach origins; only a change to that is news.
        known = after[name] if first and not name else before.get(name, set())
        stack, resource = place(comparison.after, TASK if name else SERVICE)
        for weakness in sorted(after[name] - known):
            yield Finding(
                rule="container-less-safe",
                topic="permissions",
                verdict="risky",
                text=f"container {name}: {weakness}" if name else weakness,
                stack=stack,
                resource=resource,
            )


def tasks_replaced(comparison: Comparison) -> Iterator[Finding]:
    """How long that takes, and what becomes of connections, is the review's timing."""
    because, after = tasks.replaced_because(comparison), tasks.of(comparison.after)
    if because and after:
        yield Finding(
            rule="tasks-replaced",
            topic="clients",
            verdict="safe",
            text=f"tasks are replaced: {because}",
            stack=after.stack,
            resource=after.service,
        )


RULES: tuple[Rule, ...] = (
    Rule(
        "drain-too-short", drain_too_short, "stacks/drain.py; NLB guide, deregistration delay; github.com/aws/containers-roadmap/issues/470"
    ),
    Rule("stop-timeout-refused", stop_timeout_refused, "ECS API, ContainerDefinition stopTimeout: valid values for Fargate are 2-120 s"),
    Rule("client-ip-switched", client_ip_switched, "NLB guide, target group attributes; nginx, listen ... proxy_protocol"),
    Rule("deployment-safety-weakened", deployment_safety_weakened, "ECS API, DeploymentConfiguration; NLB guide, health checks"),
    Rule("service-replaced", service_replaced, "CloudFormation, AWS::ECS::Service: ServiceName, Cluster; DesiredCount is 1 by default"),
    Rule("container-less-safe", container_less_safe, "ECS developer guide, task and container security best practices; ECS Exec"),
    Rule("tasks-replaced", tasks_replaced, "ECS API, UpdateService; pipeline/review/timing.py"),
)
