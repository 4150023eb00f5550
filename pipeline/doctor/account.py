"""What the account of an environment must have, and how much of it AWS allows."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline import live
from pipeline.aws import RefusedError
from pipeline.doctor.model import Place, Shared, Told, broken, ok, unknown, warning
from stacks import cloudformation_role, roles

# docs.aws.amazon.com/general/latest/gr/ec2-service.html, elb.html, ecs-service.html: quota codes.
ADDRESSES = ("ec2", "L-0263D0A3")
BALANCERS = ("elasticloadbalancing", "L-69A177A2")
FARGATE = ("fargate", "L-3032A538")
# A deployment starts the new tasks before it ends the old ones.
DURING_DEPLOYMENT = 2
CPU_UNITS = 1024
LINKED = {
    "AWSServiceRoleForECS": "ecs.amazonaws.com",
    "AWSServiceRoleForElasticLoadBalancing": "elasticloadbalancing.amazonaws.com",
    "AWSServiceRoleForApplicationAutoScaling_ECSService": "ecs.application-autoscaling.amazonaws.com",
}
# As the public parameters name them (Systems Manager user guide, calling AWS service public parameters).
SERVICES = ("acm", "cloudformation", "ec2", "ecr", "ecs", "elb", "fargate", "logs")
OF_THE_PIPELINE = ("codebuild", "codepipeline")


def addresses(place: Place) -> Iterator[Told]:
    """ec2:DescribeAddresses and the quota of Elastic IPs."""
    used = len(place.aws.call("ec2", "describe_addresses")["Addresses"])
    more = 0
    for env in place.beside:
        stack = live.describe(place.aws, env.stack_name("addresses"))
        made = sum(name.startswith("PublicIp") for name in live.outputs(stack)) if stack else 0
        more += max(0, len(set(env.zones_with_address) - set(env.addresses.adopt)) - made)
    yield _quota(place, ADDRESSES, "Elastic IP addresses", used, more)


def balancers(place: Place) -> Iterator[Told]:
    """elasticloadbalancing:DescribeLoadBalancers and the quota of Network Load Balancers."""
    found = place.aws.pages("elbv2", "describe_load_balancers", "LoadBalancers")
    used = sum(one["Type"] == "network" for one in found)
    more = sum(live.describe(place.aws, env.stack_name("loadbalancer")) is None for env in place.beside)
    yield _quota(place, BALANCERS, "Network Load Balancers", used, more)


def processors(place: Place) -> Iterator[Told]:
    """What the environments want at most while they are deployed, and the quota of Fargate."""
    most = sum(DURING_DEPLOYMENT * env.service.max_tasks * env.service.cpu / CPU_UNITS for env in place.beside)
    least = sum(DURING_DEPLOYMENT * env.service.min_tasks * env.service.cpu / CPU_UNITS for env in place.beside)
    allowed = _allowed(place, FARGATE)
    told = f"{least:g} to {most:g} vCPU of Fargate while everything is deployed at once, {allowed:g} allowed"
    if least > allowed:
        yield broken(told, _raise(place, FARGATE, most))
    elif most > allowed:
        yield warning(told, _raise(place, FARGATE, most))
    else:
        yield ok(told)


def linked_roles(place: Place) -> Iterator[Told]:
    """iam:GetRole for each service-linked role."""
    for name, service in LINKED.items():
        yield from _role(place, name, f"aws iam create-service-linked-role --aws-service-name {service}")


def cloudformation_role_exists(place: Place) -> Iterator[Told]:
    """iam:GetRole for the role that CloudFormation acts as."""
    mend = "kotei bootstrap" if place.env.account == place.env.pipeline_account else "kotei bootstrap, for the stack of that account"
    yield from _role(place, cloudformation_role.arn(place.env).rpartition("/")[2], mend)


def services(place: Place) -> Iterator[Told]:
    """ssm:GetParametersByPath: which services AWS says the region has."""
    path = f"/aws/service/global-infrastructure/regions/{place.env.region}/services"
    there = {one["Value"] for one in place.aws.pages("ssm", "get_parameters_by_path", "Parameters", Path=path)}
    wanted = {*SERVICES, *(OF_THE_PIPELINE if place.env.account == place.env.pipeline_account else ())}
    if not there:
        yield unknown(f"AWS names no service of {place.env.region}")
    elif missing := sorted(wanted - there):
        yield broken(f"{place.env.region} has no {', '.join(missing)}", "choose another region")
    else:
        yield ok(f"{place.env.region} has every service that is needed")


def shared_role(shared: Shared) -> Iterator[Told]:
    """iam:GetRole for the role of the shared stacks."""
    name = roles.shared_arn(shared.project).rpartition("/")[2]
    try:
        shared.aws.call("iam", "get_role", RoleName=name)
    except RefusedError as refused:
        if refused.code != "NoSuchEntity":
            raise
        yield broken(f"role {name} is missing", "kotei bootstrap")
    else:
        yield ok(f"role {name} is there")


def _role(place: Place, name: str, mend: str) -> Iterator[Told]:
    try:
        place.aws.call("iam", "get_role", RoleName=name)
    except RefusedError as refused:
        if refused.code != "NoSuchEntity":
            raise
        yield broken(f"role {name} is missing", mend)
    else:
        yield ok(f"role {name} is there")


def _quota(place: Place, code: tuple[str, str], what: str, used: int, more: int) -> Told:
    allowed = _allowed(place, code)
    told = f"{used} of {allowed:g} {what} used" + (f", {more} more are planned" if more else "")
    if used + more > allowed:
        return broken(told, _raise(place, code, used + more))
    return warning(told, _raise(place, code, allowed * 2)) if more == 0 and used == allowed else ok(told)


def _allowed(place: Place, code: tuple[str, str]) -> float:
    service, quota = code
    return float(place.aws.call("service-quotas", "get_service_quota", ServiceCode=service, QuotaCode=quota)["Quota"]["Value"])


def _raise(place: Place, code: tuple[str, str], value: float) -> str:
    service, quota = code
    return (
        f"aws service-quotas request-service-quota-increase --region {place.env.region} --service-code {service} "
        f"--quota-code {quota} --desired-value {value:g}"
    )
