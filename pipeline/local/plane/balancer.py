"""The configuration of the nginx that stands for one network load balancer. Pure: text from what AWS says and what health checks saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.local import translate
from pipeline.local.plane import policies, reach
from pipeline.local.plane.model import Balancer, Listener, Seen, TargetGroup, Zone

# Nobody listens there: a connection to it is refused, as one that a security group drops never comes through.
NOWHERE = "127.255.255.254:9"
# Fixed for TLS listeners (docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html#connection-idle-timeout).
TLS_IDLE_SECONDS = 350
PROXY_PROTOCOL = Path(__file__).with_name("proxy_protocol.js")

Health = Callable[[str, str, int], str]
Certificate = Callable[[Iterable[str]], Path]


@dataclass(frozen=True, kw_only=True)
class Context:
    """`health` answers a target's state, `certificate` the file for these names."""

    seen: Seen
    folder: Path
    health: Health
    certificate: Certificate


def config(balancer: Balancer, context: Context) -> str:
    servers: list[str] = []
    for listener in balancer.listeners:
        for number, zone in enumerate(balancer.zones):
            if zone.public_ip is not None:
                servers.append(_server(balancer, listener, zone, f"listener_{listener.port}_{number}", context))
    folder = context.folder
    fields = ("time_iso8601", "remote_addr", "server_addr", "upstream_addr", "status", "ssl_protocol", "ssl_alpn_protocol")
    line = ",".join(f'"{field}":"${field}"' for field in fields)
    return f"""# Written by the local data plane for {balancer.arn}.
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/stderr.log warn;
events {{ worker_connections 4096; }}
stream {{
    log_format flow escape=json '{{{line}}}';
    access_log {folder}/access.log flow;
    js_import proxy_protocol from "{PROXY_PROTOCOL}";
    # One connection is one target: what a target refuses is not tried elsewhere.
    proxy_next_upstream off;
    proxy_connect_timeout 10s;
    tcp_nodelay on;
{"".join(servers)}}}
"""


def _server(balancer: Balancer, listener: Listener, zone: Zone, name: str, context: Context) -> str:
    groups = _target_groups(listener, context.seen)
    # What the targets see of clients is the same in all of them: a load balancer that shifts between two says it once.
    group = groups[0][0]
    preserve = group.attributes.get("preserve_client_ip.enabled") == "true"
    clients = (
        reach.sources(balancer.groups, context.seen.rules, context.seen.members, listener.port) if balancer.groups else reach.EVERYWHERE
    )
    admitted: dict[str, None] = {}
    upstreams: list[str] = []
    for number, (one, _) in enumerate(groups):
        open_targets: list[str] = []
        for address, port in _targets(balancer, one, zone, context):
            if preserve:
                networks = _admitted_clients(balancer, address, port, context.seen)
            else:
                networks = reach.EVERYWHERE if _admits_node(balancer, zone, address, port, context.seen) else ()
            admitted.update(dict.fromkeys(networks))
            open_targets.append(f"{translate.address(address)}:{translate.port(port)}" if networks else NOWHERE)
        upstreams.append(_upstream(f"{name}_{number}", one, open_targets))
    if admitted:
        clients = reach.both(clients, tuple(admitted))
    lines = [f"allow {network};" for network in sorted({translate.network(client) for client in clients})]
    lines.append("deny all;")
    lines += [*_tls(listener, context), f"proxy_bind {'$remote_addr' if preserve else translate.address(zone.private_ip)};"]
    lines.append(f"proxy_timeout {TLS_IDLE_SECONDS if listener.protocol == 'TLS' else listener.idle_seconds}s;")
    if group.proxy_protocol:
        # nginx writes version 1, the filter makes it version 2.
        lines += ["proxy_protocol on;", "js_filter proxy_protocol.version2;"]
    body = "".join(f"        {line}\n" for line in lines)
    ssl = " ssl" if listener.protocol == "TLS" else ""
    chosen = f"{name}_0" if len(groups) == 1 else f"${name}"
    return f"""{"".join(upstreams)}{_shares(name, [weight for _, weight in groups])}    server {{
        listen {translate.address(zone.public_ip or "")}:{translate.port(listener.port)}{ssl};
{body}        proxy_pass {chosen};
    }}
"""


def _upstream(name: str, group: TargetGroup, targets: list[str]) -> str:
    # A network load balancer chooses by flow, or by client address when stickiness is on.
    key = "$remote_addr" if group.attributes.get("stickiness.enabled") == "true" else '"$remote_addr $remote_port"'
    servers = "".join(f"        server {target} max_fails=0;\n" for target in targets or [NOWHERE])
    return f"""    upstream {name} {{
        hash {key} consistent;
{servers}    }}
"""


def _shares(name: str, weights: list[int]) -> str:
    """Which upstream a flow goes to; nothing where there is one."""
    if len(weights) == 1:
        return ""
    *some, _ = (f"{100 * weight / sum(weights):.2f}%" for weight in weights)
    lines = "".join(f"        {share} {name}_{number};\n" for number, share in enumerate(some))
    # Another key than that of the upstreams: the same hash would choose the same of their targets.
    return f"""    split_clients "$remote_port $remote_addr {name}" ${name} {{
{lines}        * {name}_{len(some)};
    }}
"""


def _target_groups(listener: Listener, seen: Seen) -> list[tuple[TargetGroup, int]]:
    """Those that get connections, by weight."""
    if listener.protocol not in ("TCP", "TLS"):
        raise PipelineError(f"{listener.arn}: protocol {listener.protocol} is not emulated; TCP and TLS are")
    return [(seen.target_groups[arn], weight) for arn, weight in listener.target_groups if weight]


def _targets(balancer: Balancer, group: TargetGroup, zone: Zone, context: Context) -> list[tuple[str, int]]:
    """Healthy ones; when there is none, all of them: a network load balancer fails open."""
    wanted = group.attributes.get("load_balancing.cross_zone.enabled", "use_load_balancer_configuration")
    crosses = balancer.cross_zone if wanted == "use_load_balancer_configuration" else wanted == "true"
    reachable = sorted(target for target in group.targets if crosses or context.seen.zone_of.get(target[0]) == zone.name)
    healthy = [target for target in reachable if context.health(group.arn, *target) == "healthy"]
    return healthy or reachable


def _admitted_clients(balancer: Balancer, address: str, port: int, seen: Seen) -> tuple[str, ...]:
    return reach.admitted_clients(seen.groups_of.get(address, ()), seen.rules, port, balancer_groups=balancer.groups)


def _admits_node(balancer: Balancer, zone: Zone, address: str, port: int, seen: Seen) -> bool:
    groups = seen.groups_of.get(address, ())
    return reach.admits(groups, seen.rules, port, source=zone.private_ip, source_groups=balancer.groups)


def _tls(listener: Listener, context: Context) -> list[str]:
    if listener.protocol != "TLS":
        return []
    names = [name for arn in listener.certificates for name in context.seen.certificate_names.get(arn, ())]
    if not names:
        raise PipelineError(f"{listener.arn}: its certificate is not in ACM")
    path = context.certificate(names)
    return [f"ssl_certificate {path};", f"ssl_certificate_key {path};", *policies.directives(listener.ssl_policy, listener.alpn)]
