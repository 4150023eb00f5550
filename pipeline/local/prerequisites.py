"""What the configuration says is already in the account (certificates, secrets and addresses by id, hosted zones, a VPC): stood in for.

On AWS these exist before the first push. Everything else in the emulated AWS is made by the templates alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.local import pinned
from pipeline.local.gaps import linked_roles
from pipeline.local.plane import certificates
from stacks import containers
from stacks.environment import Environment

if TYPE_CHECKING:
    from pipeline.local.world import World


def provide(world: World, environments: tuple[Environment, ...]) -> None:
    """Adds what is missing; what is there stays as it is."""
    for account in {world.account, *(env.account for env in environments)}:
        _linked_roles(account)
    for env in environments:
        if env.certificate.arn:
            _certificate(world, env, env.certificate.arn)
        if env.certificate.hosted_zone:
            _hosted_zone(env, env.certificate.hosted_zone)
        for allocation in env.addresses.adopt.values():
            _address(world, env, allocation)
        for arn in containers.secret_arns(env):
            _secret(world, arn)
        if env.network.existing:
            _network(env, env.network.existing.vpc, env.network.existing.zones)


def _linked_roles(account: str) -> None:
    """As README says for the first time on AWS: they are there before the first deployment."""
    from moto.iam.models import iam_backends

    backend = iam_backends[account]["aws"]
    known = {role.name for role in backend.roles.values()}
    for service, name in linked_roles.NAMES.items():
        if name not in known:
            backend.create_service_linked_role(service, "", "")


def _certificate(world: World, env: Environment, arn: str) -> None:
    from moto.acm.models import CertBundle, acm_backends

    known = acm_backends[env.account][env.region]._certificates  # noqa: SLF001 -- ACM has no call that chooses an ARN
    # The certificate is said to hold every host, so one that lacks a new host is made anew. Old ones stay: they may still be served.
    before = known.get(arn)
    held = set(before.sans) if before else set()
    hosts = {name for site in env.sites for name in (site.host, *site.aliases)}
    if hosts <= held:
        return
    pem = certificates.issued(world.home, hosts | held).read_bytes()
    known[arn] = CertBundle(env.account, certificate=pem, private_key=pem, region=env.region, arn=arn)
    known[arn].in_use_by = before.in_use_by if before else []


def _secret(world: World, arn: str) -> None:
    """A certificate of the local authority, as which the stand-ins for the origins know the proxy."""
    from moto.secretsmanager.models import secretsmanager_backends

    _, _, _, region, account, _, full_name = arn.split(":")
    backend = secretsmanager_backends[account][region]
    # An ARN ends in a hyphen and six characters that Secrets Manager adds.
    name = full_name[: -len("-XXXXXX")]
    if arn in backend.secrets or name in backend.secrets:
        return
    chain, key = certificates.client(world.home, name)
    # Secrets Manager has no call that chooses an ARN.
    secret, _ = backend._add_secret(name, secret_string=json.dumps({"certificate": chain, "private_key": key}))  # noqa: SLF001
    secret.arn = arn


def _hosted_zone(env: Environment, zone_id: str) -> None:
    from moto.route53.models import route53_backends

    backend = route53_backends[env.account]["aws"]
    if zone_id in backend.zones:
        return
    name = ".".join((env.certificate.name or "").removeprefix("*.").split(".")[-2:])
    zone = backend.create_hosted_zone(name, private_zone=False)
    # Route 53 has no call that chooses an id.
    backend.zones[zone_id] = backend.zones.pop(zone.resource_id)
    zone.resource_id = zone_id


def _address(world: World, env: Environment, allocation: str) -> None:
    from moto.ec2.models import ec2_backends
    from moto.ec2.models.elastic_ip_addresses import ElasticAddress

    backend = ec2_backends[env.account][env.region]
    if any(address.allocation_id == allocation for address in backend.addresses):
        return
    # EC2 has no call that chooses an id; and whoever has the address was given the quota for it.
    known = next((pin.address for pin in pinned.pins(world, env.name) if pin.allocation == allocation), None)
    address = ElasticAddress(backend, "vpc", address=known)
    address.id = address.allocation_id = allocation
    backend.addresses.append(address)


def _network(env: Environment, vpc_id: str, subnets: dict[str, str]) -> None:
    from moto.ec2.models import ec2_backends
    from moto.ec2.models.vpcs import VPC

    backend = ec2_backends[env.account][env.region]
    if vpc_id in backend.vpcs:
        return
    backend.vpcs[vpc_id] = VPC(backend, vpc_id, "10.200.0.0/16", is_default=False)
    # What EC2 makes with every VPC.
    backend.create_route_table(vpc_id, main=True)
    backend.create_network_acl(vpc_id, default=True)
    for number, (zone, subnet_id) in enumerate(sorted(subnets.items())):
        by_id = backend.subnets[env.region + zone]
        subnet = backend.create_subnet(vpc_id, f"10.200.{number}.0/24", availability_zone=env.region + zone)
        by_id[subnet_id] = by_id.pop(subnet.id)
        subnet.id = subnet_id
