"""The proxy's nginx configuration of an environment, as text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined

from pipeline import nginx_headers, nginx_ports, nginx_sites
from pipeline.nginx_words import Checked, nginx_word, words
from pipeline.paths import NGINX_RENDERED, NGINX_TEMPLATES, ROOT
from stacks import access_log, drain, ports
from stacks.environment import Environment
from stacks.origins import HttpOrigin, http_origins

CPU_UNITS_OF_ONE_VCPU = 1024
# Where no origin on the Internet is: this host, private networks (RFC 1918, RFC 6598), loopback, link-local with the services of EC2 and
# ECS, protocol assignments, benchmarks, multicast and what is reserved (IANA IPv4 special-purpose address registry).
INTERNAL_NETWORKS = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3"),
)
LEAST_HASH = 2048


def files(env: Environment) -> dict[str, str]:
    """Path in the checkout -> text."""
    text = _templates(ROOT / NGINX_TEMPLATES).get_template("nginx.conf.j2").render(_facts(env))
    return {f"{NGINX_RENDERED}/{env.name}/nginx.conf": text}


def _facts(env: Environment) -> dict[str, Any]:
    origins = http_origins(env)
    sites = tuple(nginx_sites.served(site, number, origins) for number, site in enumerate(env.sites))
    locations = [location for site in sites for location in site.locations]
    workers = max(1, env.service.cpu // CPU_UNITS_OF_ONE_VCPU)
    modules = ("proxy", "grpc") if any(origin.settings.protocol == "grpc" for origin in origins.values()) else ("proxy",)
    served_ports = nginx_ports.served(env)
    return {
        "environment": env.name,
        "workers": workers,
        # A longer write to a pipe may mix with another worker's (PIPE_BUF).
        "log_buffer": "64k" if workers == 1 else "4k",
        "shutdown_seconds": drain.worker_shutdown_seconds(env),
        "keepalive_seconds": drain.KEEPALIVE_SECONDS,
        "keepalive_min_seconds": drain.KEEPALIVE_MIN_SECONDS,
        "traffic_port": ports.TRAFFIC_PORT,
        "health_port": ports.HEALTH_PORT,
        "container_health_port": ports.CONTAINER_HEALTH_PORT,
        "health_path": ports.HEALTH_PATH,
        "request_log": Checked(access_log.log_format(access_log.REQUEST)),
        "connection_log": Checked(access_log.log_format(access_log.CONNECTION)),
        "proxy_protocol": env.loadbalancer.proxy_protocol,
        "max_header": env.service.max_header,
        "cache_size": env.service.cache_size,
        "cached": any(site.site.cache or any(location.cache for location in site.locations) for site in sites),
        "sites": sites,
        "rates": sorted({site.site.rate_limit.requests_per_second for site in sites if site.site.rate_limit}),
        "rewrites": {location.rewrite.variable: location.rewrite for location in locations if location.rewrite}.values(),
        "origins": sorted({origin.upstream: origin for origin in origins.values()}.values(), key=lambda origin: origin.upstream),
        "modules": modules,
        "headers": {module: nginx_headers.groups(module) for module in modules},
        "hidden": nginx_headers.HIDDEN_WITHOUT_WEBSOCKET,
        "counted": any(site.connection_limit for site in env.sites),
        "ports": served_ports,
        "internal_networks": words(INTERNAL_NETWORKS),
        "internal_names": words(_internal_names(env, origins.values())),
        # nginx wants these tables larger than what is in them; twice as large keeps the chains short.
        "names_hash": max(LEAST_HASH, 2 * sum(len(site.names) for site in sites)),
        "port_names_hash": max(LEAST_HASH, 2 * sum(len(port.names) for port in served_ports)),
        "variables_hash": max(LEAST_HASH, 2 * sum(1 + len(site.locations) for site in sites)),
        "dot_segment": nginx_sites.DOT_SEGMENT,
    }


def _internal_names(env: Environment, origins: Iterable[HttpOrigin]) -> tuple[str, ...]:
    """The origins whose addresses may be private."""
    http = {origin.host for origin in origins if origin.settings.internal}
    other = {endpoint.rpartition(":")[0] for port in env.ports if port.internal for endpoint in port.endpoints}
    return tuple(sorted(http | other))


@cache
def _templates(folder: Path) -> Templates:
    return Templates(  # noqa: S701 - the output is not HTML; `finalize` is what makes a value safe here
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        finalize=nginx_word,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
