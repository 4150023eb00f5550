"""Where an environment's resources go: VPC, subnets and addresses, each a parameter of an earlier stack or what the configuration names."""

from __future__ import annotations

from troposphere import Parameter, Ref, Template

from stacks.environment import Environment


def suffix(zone: str) -> str:
    """Zone letter as logical IDs and outputs end in it."""
    return zone.upper()


def availability_zone(env: Environment, zone: str) -> str:
    return env.region + zone


def vpc_id(template: Template, env: Environment) -> str | Ref:
    if env.network.existing:
        return env.network.existing.vpc
    return parameter(template, "VpcId", "AWS::EC2::VPC::Id", "Output of the network stack")


def subnet_id(template: Template, env: Environment, zone: str) -> str | Ref:
    if env.network.existing:
        return env.network.existing.zones[zone]
    return parameter(template, f"Subnet{suffix(zone)}", "AWS::EC2::Subnet::Id", "Output of the network stack")


def address_id(template: Template, env: Environment, zone: str) -> str | Ref:
    """The allocation id of the zone's fixed address."""
    if zone in env.addresses.adopt:
        return env.addresses.adopt[zone]
    return parameter(template, f"Address{suffix(zone)}", "String", "Output of the addresses stack")


def parameter(template: Template, name: str, kind: str, description: str) -> Ref:
    """An output of an earlier stack, under the output's name."""
    if name not in template.parameters:
        template.add_parameter(Parameter(name, Type=kind, Description=description))
    return Ref(name)
