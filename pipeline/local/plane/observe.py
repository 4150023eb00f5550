"""Reads moto's records into `Seen`, in this process: a look costs well under a millisecond, so every turn takes a fresh one.

Reading only. What the data plane changes it changes through the API, like everybody else.
"""

from __future__ import annotations

from typing import Any

from pipeline.local.plane import model


def look() -> model.Seen:
    from moto.acm.models import acm_backends
    from moto.cloudwatch.models import cloudwatch_backends
    from moto.ec2.models import ec2_backends
    from moto.ecs.models import ecs_backends
    from moto.elbv2.models import elbv2_backends

    seen = model.Seen()
    for _, _, backend in _backends(ec2_backends):
        _network(backend, seen)
    for _, _, backend in _backends(acm_backends):
        for arn, bundle in list(backend._certificates.items()):  # noqa: SLF001 - no other way in moto 5.2.5 than one call a certificate
            seen.certificate_names[arn] = tuple(dict.fromkeys([bundle.common_name, *bundle.sans]))
    for account, region, backend in _backends(elbv2_backends):
        _balancing(backend, ec2_backends[account][region], account, region, seen)
    for account, region, backend in _backends(cloudwatch_backends):
        seen.alarms.update((account, region, name) for name, alarm in list(backend.alarms.items()) if alarm.state_value == "ALARM")
    for account, region, backend in _backends(ecs_backends):
        _containers(backend, account, region, seen)
    return seen


def image_digest(account: str, region: str, repository: str, digest: str) -> bool:
    """Whether the registry has this image."""
    from moto.ecr.models import ecr_backends

    found = ecr_backends[account][region].repositories.get(repository)
    return found is not None and any(image.image_digest == digest for image in list(found.images))


def definition(account: str, region: str, arn: str) -> dict[str, Any] | None:
    from moto.ecs.models import ecs_backends

    family, _, revision = arn.rpartition("/")[2].rpartition(":")
    found = ecs_backends[account][region].task_definitions.get(family, {}).get(int(revision))
    return _definition(found) if found else None


def _backends(table: Any) -> list[tuple[str, str, Any]]:
    return [(account, region, backend) for account, regions in list(table.items()) for region, backend in list(regions.items())]


def _network(backend: Any, seen: model.Seen) -> None:
    for groups in list(backend.groups.values()):
        for group in list(groups.values()):
            seen.rules[group.id] = tuple(_rule(rule) for rule in list(group.ingress_rules))
    members: dict[str, list[str]] = {}
    for interface in list(backend.enis.values()):
        address = interface.private_ip_address
        seen.groups_of[address] = tuple(group.id for group in interface.group_set)
        seen.zone_of[address] = interface.subnet.availability_zone
        for group in interface.group_set:
            members.setdefault(group.id, []).append(address)
    seen.members.update({group: tuple(addresses) for group, addresses in members.items()})
    for by_zone in list(backend.subnets.values()):
        seen.subnet_zones.update((subnet.id, subnet.availability_zone) for subnet in list(by_zone.values()))


def _balancing(backend: Any, ec2: Any, account: str, region: str, seen: model.Seen) -> None:
    for group in list(backend.target_groups.values()):
        seen.target_groups[group.arn] = _target_group(group)
    for balancer in list(backend.load_balancers.values()):
        if balancer.type == "network":
            seen.balancers[balancer.arn] = _balancer(balancer, account, region, ec2)


def _containers(backend: Any, account: str, region: str, seen: model.Seen) -> None:
    minimums = _minimums(account, region)
    for service in list(backend.services.values()):
        if service.status == "ACTIVE" and service.deployments:
            seen.services[service.arn] = _service(service, account, region, minimums)
    for revisions in list(backend.task_definitions.values()):
        seen.definitions.update((definition.arn, _definition(definition)) for definition in list(revisions.values()))


def _rule(rule: Any) -> model.Rule:
    any_port = rule.ip_protocol == "-1" or rule.from_port in (None, -1, "")
    return model.Rule(
        protocol=str(rule.ip_protocol),
        first_port=0 if any_port else int(rule.from_port),
        last_port=65535 if any_port else int(rule.to_port),
        networks=(rule.ip_range["CidrIp"],) if "CidrIp" in rule.ip_range else (),
        groups=(rule.source_group["GroupId"],) if rule.source_group.get("GroupId") else (),
    )


def _target_group(group: Any) -> model.TargetGroup:
    protocol = group.health_check_protocol or "TCP"
    return model.TargetGroup(
        arn=group.arn,
        port=int(group.port),
        check=model.HealthCheck(
            protocol=protocol,
            port=str(group.health_check_port),
            path=group.health_check_path or "/",
            timeout=float(group.health_check_timeout_seconds),
            healthy_after=int(group.healthy_threshold_count),
            unhealthy_after=int(group.unhealthy_threshold_count),
            codes=(getattr(group, "matcher", None) or {}).get("HttpCode", "200"),
        ),
        attributes={key: str(value) for key, value in group.attributes.items()},
        balancers=tuple(group.load_balancer_arns),
        targets=tuple((target["Id"], int(target["Port"])) for target in list(group.targets.values())),
    )


def _balancer(balancer: Any, account: str, region: str, ec2: Any) -> model.Balancer:
    holdings = getattr(balancer, "holdings", {})
    return model.Balancer(
        arn=balancer.arn,
        name=balancer.name,
        account=account,
        region=region,
        groups=tuple(balancer.security_groups or ()),
        zones=tuple(
            model.Zone(
                name=subnet.availability_zone,
                subnet=subnet.id,
                public_ip=holdings[subnet.id].get("IpAddress"),
                private_ip=ec2.enis[holdings[subnet.id]["Interface"]].private_ip_address,
            )
            for subnet in balancer.subnets
            if subnet.id in holdings
        ),
        listeners=tuple(_listener(listener) for listener in list(balancer.listeners.values())),
        cross_zone=str(balancer.attrs.get("load_balancing.cross_zone.enabled")) == "true",
    )


def _listener(listener: Any) -> model.Listener:
    weights: list[tuple[str, int]] = []
    for action in listener.default_actions:
        if "TargetGroupArn" in action.data:
            weights.append((action.data["TargetGroupArn"], 1))
        else:
            weights.extend((group["TargetGroupArn"], int(group.get("Weight", 1))) for group in action.data["ForwardConfig"]["TargetGroups"])
    return model.Listener(
        arn=listener.arn,
        port=int(listener.port),
        protocol=listener.protocol,
        ssl_policy=listener.ssl_policy or "",
        alpn=listener.alpn_policy[0] if listener.alpn_policy else "None",
        certificates=tuple(listener.certificates),
        target_groups=tuple(weights),
        idle_seconds=int(listener.attributes["tcp.idle_timeout.seconds"]),
    )


def _service(service: Any, account: str, region: str, minimums: dict[str, int]) -> model.Service:
    configuration = service.given["deploymentConfiguration"] or {}
    return model.Service(
        account=account,
        region=region,
        cluster=service.cluster_name,
        cluster_arn=service.cluster_arn,
        name=service.name,
        arn=service.arn,
        desired=int(service.desired_count),
        least_percent=int(configuration.get("minimumHealthyPercent", 100)),
        most_percent=int(configuration.get("maximumPercent", 200)),
        configuration=configuration,
        grace=int(service.given["healthCheckGracePeriodSeconds"] or 0),
        strategy=tuple(service.given["capacityProviderStrategy"] or ()),
        balancers=tuple(service.load_balancers),
        network=service.network_configuration.get("awsvpcConfiguration", {}),
        deployments=tuple(
            model.Deployment(id=d["id"], definition=d["taskDefinition"], status=d["status"], document=dict(d)) for d in service.deployments
        ),
        minimum=minimums.get(f"service/{service.cluster_name}/{service.name}", 0),
    )


def _definition(definition: Any) -> dict[str, Any]:
    return {
        "arn": definition.arn,
        "cpu": definition.cpu,
        "memory": definition.memory,
        "containers": definition.container_definitions,
        "execution_role": getattr(definition, "execution_role_arn", ""),
        "task_role": getattr(definition, "task_role_arn", ""),
    }


def _minimums(account: str, region: str) -> dict[str, int]:
    """Application Auto Scaling raises a service to its least capacity as soon as the scalable target is registered."""
    from moto.applicationautoscaling.models import applicationautoscaling_backends

    targets = applicationautoscaling_backends[account][region].targets
    return {
        resource: int(target.min_capacity)
        for by_resource in list(targets.values())
        for resource, target in list(by_resource.items())
        if target.scalable_dimension == "ecs:service:DesiredCount"
    }
