"""The product: one Elastic IP a zone, in use or kept, alone in a stack that refuses to lose them."""

from __future__ import annotations

from troposphere import GetAtt, Output, Tags, Template, ec2

from stacks.environment import Environment
from stacks.keep import KEEP
from stacks.placement import suffix
from stacks.spec import StackSpec


def build(env: Environment) -> Template:
    t = Template(Description=f"{env.project} {env.name}: the fixed addresses")
    for zone in env.zones_with_address:
        # Never add Address, and never change the tags: the first replaces the Elastic IP, the second "may require some
        # interruptions; updates on an EIP reassociate the address" (AWS::EC2::EIP schema).
        eip = t.add_resource(ec2.EIP(f"Eip{suffix(zone)}", Domain="vpc", Tags=Tags(Name=f"{env.project}-{env.name}-{zone}"), **KEEP))
        t.add_output(Output(f"Address{suffix(zone)}", Value=GetAtt(eip, "AllocationId")))
        t.add_output(Output(f"PublicIp{suffix(zone)}", Value=GetAtt(eip, "PublicIp")))
    return t


def wanted(env: Environment) -> bool:
    return not env.addresses.adopt


STACK = StackSpec(name="addresses", build=build, wanted=wanted, protected=True)
