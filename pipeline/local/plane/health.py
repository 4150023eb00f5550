"""Health checks of registered targets: real requests with the target group's thresholds, in compressed time."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.local import translate
from pipeline.local.plane import reach

if TYPE_CHECKING:
    from pipeline.local.plane.model import Balancer, HealthCheck, Seen, TargetGroup

# AWS's shortest interval is 5 s. Here a target that is not healthy is asked four times a second, a healthy one once.
UNSETTLED_SECONDS = 0.25
SETTLED_SECONDS = 1.0
LONGEST_TIMEOUT_SECONDS = 1.0
# Health checks speak PROXY protocol too, but have no client to tell of (NLB guide, proxy protocol): version 2, LOCAL, no address.
LOCAL_HEADER = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
INITIAL = ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
HEALTHY = ("healthy", None, None)
DRAINING = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
State = tuple[str, str | None, str | None]
Key = tuple[str, str, int]


@dataclass
class Probe:
    state: State = INITIAL
    good: int = 0
    bad: int = 0
    due: float = 0.0


@dataclass
class Checks:
    probes: dict[Key, Probe] = field(default_factory=dict)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8, thread_name_prefix="plane-health"))

    def run(self, seen: Seen) -> None:
        """Ask every target that is due. Targets that are no longer registered are forgotten."""
        registered = {(group.arn, *target): group for group in seen.target_groups.values() if group.balancers for target in group.targets}
        for key in self.probes.keys() - registered.keys():
            del self.probes[key]
        now = time.monotonic()
        due = [key for key in registered if self.probes.setdefault(key, Probe()).due <= now]
        for key, reason in zip(due, self.pool.map(lambda key: failure(seen, registered[key], key), due), strict=True):
            _settle(self.probes[key], registered[key].check, reason)

    def state(self, group: str, address: str, port: int) -> str:
        probe = self.probes.get((group, address, port))
        return probe.state[0] if probe else INITIAL[0]


def failure(seen: Seen, group: TargetGroup, key: Key) -> tuple[str, str] | None:
    """Why the check fails, or nothing."""
    _, address, traffic = key
    check = group.check
    port = traffic if check.port == "traffic-port" else int(check.port)
    balancer = seen.balancers.get(group.balancers[0])
    if balancer is None or not balancer.zones:
        return ("Elb.InternalError", "The load balancer has no node")
    source = _node(balancer, seen.zone_of.get(address, ""))
    if not reach.admits(seen.groups_of.get(address, ()), seen.rules, port, source=source, source_groups=balancer.groups):
        return ("Target.Timeout", "Request timed out")
    timeout = min(check.timeout, LONGEST_TIMEOUT_SECONDS)
    connection = http.client.HTTPConnection(
        translate.address(address), translate.port(port), timeout=timeout, source_address=(translate.address(source), 0)
    )
    try:
        connection.connect()
        if group.proxy_protocol:
            connection.sock.sendall(LOCAL_HEADER)
        if check.protocol == "TCP":
            return None
        connection.request("GET", check.path)
        status = connection.getresponse().status
    except TimeoutError:
        return ("Target.Timeout", "Request timed out")
    except (OSError, http.client.HTTPException):
        return ("Target.FailedHealthChecks", "Health checks failed")
    finally:
        connection.close()
    return None if _matches(status, check.codes) else ("Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]")


def _settle(probe: Probe, check: HealthCheck, reason: tuple[str, str] | None) -> None:
    if reason is None:
        probe.good, probe.bad = probe.good + 1, 0
        if probe.good >= check.healthy_after:
            probe.state = HEALTHY
    else:
        probe.good, probe.bad = 0, probe.bad + 1
        if probe.bad >= check.unhealthy_after:
            probe.state = ("unhealthy", *reason)
    settled = probe.state == HEALTHY and reason is None
    probe.due = time.monotonic() + (SETTLED_SECONDS if settled else UNSETTLED_SECONDS)


def _node(balancer: Balancer, zone: str) -> str:
    own = [node.private_ip for node in balancer.zones if node.name == zone]
    return own[0] if own else balancer.zones[0].private_ip


def _matches(status: int, codes: str) -> bool:
    for part in codes.split(","):
        first, _, last = part.strip().partition("-")
        if int(first) <= status <= int(last or first):
            return True
    return False
