"""The rules between the sections of an environment, each with the sections that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from stacks.config_access import MOST_RULES, Access
from stacks.config_certificate import Certificate
from stacks.config_deployment import MOST_SHIFTED_PORTS
from stacks.config_network import SMALLEST_SUBNET, Addresses, Network
from stacks.config_origins import OriginSettings, protocol_suits_sites, settings_are_used
from stacks.config_places import pipeline_reaches_region
from stacks.config_ports import Port, ports_are_free
from stacks.config_problems import Problem, Rule
from stacks.config_service import LoadBalancer, Service
from stacks.config_sites import Site
from stacks.config_verify import probe_asks_a_site

# EC2 keeps five addresses of each subnet for itself; a network load balancer wants eight free ones (its guide, availability zones).
KEPT_BY_EC2, WANTED_BY_LOAD_BALANCER = 5, 8
# `shared`, `accounts`, `regions` and `Pipeline-` name what belongs to the pipeline itself: the folders of its templates and its own
# stages. Roles in its stacks begin with `<project>-pipeline-` and `<project>-review-`, and its buckets with `<project>-artifacts-`, as
# those of such environments would.
TAKEN_NAMES = ("accounts", "artifacts", "pipeline", "regions", "review", "shared")


def free_name(name: str) -> Iterator[Problem]:
    if name in TAKEN_NAMES:
        yield Problem(("name",), f"'{name}' is the name of the pipeline's own part; choose another one")


def adopt_all_or_none(where: Network, addresses: Addresses) -> Iterator[Problem]:
    if not addresses.adopt or not where.zones:
        return
    for zone in where.zones:
        if zone not in addresses.adopt:
            yield Problem(("addresses", "adopt", zone), "is missing: name the allocation id of every zone, or of none")
    for zone in sorted(addresses.adopt.keys() - set(where.zones)):
        yield Problem(("addresses", "adopt", zone), f"is no zone of the network; its zones are {', '.join(where.zones)}")


def kept_zones_are_unused(where: Network, addresses: Addresses) -> Iterator[Problem]:
    for index, zone in enumerate(addresses.keep):
        if zone in where.zones:
            text = f"'{zone}' is a zone of the network, whose address is kept anyway; remove it here, or take the zone from the network"
            yield Problem(("addresses", "keep", index), text)


def room_for_tasks(where: Network, service: Service) -> Iterator[Problem]:
    """While a version replaces another one there are twice as many tasks, spread over the zones."""
    if where.create is None or not where.zones:
        return
    tasks = -(-2 * service.max_tasks // len(where.zones))
    needed = tasks + WANTED_BY_LOAD_BALANCER
    prefix = 32 - (needed + KEPT_BY_EC2 - 1).bit_length()
    for zone, cidr in sorted(where.create.zones.items()):
        usable = IPv4Network(cidr).num_addresses - KEPT_BY_EC2
        if usable < needed and IPv4Network(cidr).prefixlen <= SMALLEST_SUBNET:
            yield Problem(
                ("network", "create", "zones", zone),
                f"'{cidr}' has {usable} usable addresses, but needs {needed}: {tasks} for tasks during a deployment "
                f"(2 x service.max_tasks over {len(where.zones)} zones) and {WANTED_BY_LOAD_BALANCER} for the load balancer; use /{prefix}",
            )


def certificate_is_in_region(certificate: Certificate, region: str) -> Iterator[Problem]:
    where = certificate.arn.split(":")[3] if certificate.arn else region
    if where != region:
        yield Problem(("certificate", "arn"), f"is in {where}; a load balancer needs one in its own region, {region}")


def certificate_is_in_account(certificate: Certificate, account: str) -> Iterator[Problem]:
    owner = certificate.arn.split(":")[4] if certificate.arn else account
    if owner != account:
        yield Problem(("certificate", "arn"), f"belongs to account {owner}; a load balancer needs one of its own account, {account}")


def hosts_are_covered(certificate: Certificate, sites: tuple[Site, ...]) -> Iterator[Problem]:
    if certificate.arn or not certificate.names:
        return
    for path, host in _hosts(sites):
        if not {host, f"*.{host.partition('.')[2]}"} & set(certificate.names):
            yield Problem(
                path,
                f"'{host}' is not covered by the certificate ({', '.join(certificate.names)}); add it to certificate.alternative_names",
            )


def hosts_are_different(sites: tuple[Site, ...]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for path, host in _hosts(sites):
        here = f"sites[{path[1]}].host" if path[2] == "host" else f"sites[{path[1]}].aliases[{path[3]}]"
        there = first.setdefault(host, here)
        if there != here:
            yield Problem(path, f"'{host}' is {there} already; a host belongs to one site")


def origins_are_elsewhere(sites: tuple[Site, ...]) -> Iterator[Problem]:
    hosts = {host for _, host in _hosts(sites)}
    for path, origin in _origins(sites):
        if origin.removeprefix("https://").partition(":")[0] in hosts:
            yield Problem(path, f"'{origin}' is a host of this proxy itself; its requests would go in a circle")


def limits_see_clients(loadbalancer: LoadBalancer, sites: tuple[Site, ...]) -> Iterator[Problem]:
    if loadbalancer.preserve_client_ip or loadbalancer.proxy_protocol:
        return
    for index, site in enumerate(sites):
        for key in ("rate_limit", "connection_limit", "allow"):
            if getattr(site, key):
                yield Problem(
                    ("sites", index, key),
                    "would take all clients for one, since the proxy does not see their addresses; "
                    "set loadbalancer.preserve_client_ip or loadbalancer.proxy_protocol to true",
                )


def secret_is_near(origins: tuple[OriginSettings, ...], region: str, account: str) -> Iterator[Problem]:
    for index, settings in enumerate(origins):
        if settings.client_certificate:
            where, owner = settings.client_certificate.split(":")[3:5]
            if (where, owner) != (region, account):
                yield Problem(
                    ("origins", index, "client_certificate"),
                    f"is in {where} of account {owner}; a task reads secrets of its own account and region, {account} and {region}",
                )


def cache_has_room(service: Service, sites: tuple[Site, ...]) -> Iterator[Problem]:
    cached = any(site.cache or any(rule.cache for rule in site.paths) for site in sites)
    most = service.memory // 8
    if cached and service.cache_size > most:
        yield Problem(
            ("service", "cache_size"),
            f"{service.cache_size} is too much for a task with {service.memory} MiB: the cache is in its memory; at most {most}",
        )


def group_has_room_for_ports(access: Access, ports: tuple[Port, ...]) -> Iterator[Problem]:
    clients, listeners = max(1, len(access.allow)), 1 + len(ports)
    if clients <= MOST_RULES < clients * listeners:
        yield Problem(
            ("ports",),
            f"let each of the {clients} entries of access.allow in on {listeners} ports, {clients * listeners} rules; "
            f"a security group takes {MOST_RULES}, so join neighbouring networks or remove a port",
        )


def shifts_have_room_for_ports(service: Service, ports: tuple[Port, ...]) -> Iterator[Problem]:
    if service.has_alternate and len(ports) > MOST_SHIFTED_PORTS:
        yield Problem(
            ("service", "strategy"),
            f"is more than rolling: two target groups and a listener for each of the {len(ports)} ports, and CodePipeline passes on "
            f"no more than {MOST_SHIFTED_PORTS}; take ports away, or canary and blue_green",
        )


def zones_have_tasks(where: Network, loadbalancer: LoadBalancer, service: Service) -> Iterator[Problem]:
    zones = len(where.zones)
    if not loadbalancer.cross_zone and service.min_tasks < zones:
        yield Problem(
            ("service", "min_tasks"),
            f"{service.min_tasks} leaves a fixed address without a task: without loadbalancer.cross_zone each zone needs its own; "
            f"at least {zones}",
        )


def _hosts(sites: tuple[Site, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for index, site in enumerate(sites):
        yield ("sites", index, "host"), site.host
        for number, alias in enumerate(site.aliases):
            yield ("sites", index, "aliases", number), alias


def _origins(sites: tuple[Site, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for index, site in enumerate(sites):
        yield ("sites", index, "origin"), site.origin
        for number, rule in enumerate(site.paths):
            if rule.origin:
                yield ("sites", index, "paths", number, "origin"), rule.origin


ENVIRONMENT_RULES: tuple[Rule, ...] = (
    (("name",), free_name),
    (("region",), pipeline_reaches_region),
    (("network", "addresses"), adopt_all_or_none),
    (("network", "addresses"), kept_zones_are_unused),
    (("network", "service"), room_for_tasks),
    (("network", "loadbalancer", "service"), zones_have_tasks),
    (("certificate", "region"), certificate_is_in_region),
    (("certificate", "account"), certificate_is_in_account),
    (("certificate", "sites"), hosts_are_covered),
    (("sites",), hosts_are_different),
    (("sites",), origins_are_elsewhere),
    (("loadbalancer", "sites"), limits_see_clients),
    (("verify", "sites"), probe_asks_a_site),
    (("origins", "sites"), settings_are_used),
    (("origins", "sites"), protocol_suits_sites),
    (("origins", "region", "account"), secret_is_near),
    (("service", "sites"), cache_has_room),
    (("ports",), ports_are_free),
    (("access", "ports"), group_has_room_for_ports),
    (("service", "ports"), shifts_have_room_for_ports),
)
