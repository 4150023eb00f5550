"""The certificate of the public hosts, where ACM issues it. Not built where the configuration names the ARN of one."""

from __future__ import annotations

from troposphere import Output, Ref, Template
from troposphere.certificatemanager import Certificate, DomainValidationOption

from stacks.environment import Environment
from stacks.keep import KEEP
from stacks.spec import StackSpec


def build(env: Environment) -> Template:
    t = Template(Description=f"{env.project} {env.name}: certificate")
    certificate = Certificate(
        "Certificate",
        DomainName=env.certificate.name,
        ValidationMethod="DNS",
        DomainValidationOptions=[
            DomainValidationOption(DomainName=name, HostedZoneId=env.certificate.hosted_zone) for name in env.certificate.names
        ],
        # Kept when the names change: the listener still holds the old one until the load balancer's stack follows.
        **KEEP,
    )
    if env.certificate.alternative_names:
        certificate.SubjectAlternativeNames = list(env.certificate.alternative_names)
    t.add_resource(certificate)
    t.add_output(Output("CertificateArn", Value=Ref(certificate)))
    return t


def wanted(env: Environment) -> bool:
    return env.certificate.name is not None


STACK = StackSpec(name="certificate", build=build, wanted=wanted)
