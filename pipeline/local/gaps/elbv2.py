"""What moto's ELBv2 lacks for a Network Load Balancer with fixed addresses."""

# ruff: noqa: PLR0917 -- a replacement takes the arguments of what it replaces

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Patch = Callable[[Any, str, Any], None]

# Written by the data plane: target group ARN -> "address:port" -> (state, reason, description).
TARGET_HEALTH: dict[str, dict[str, tuple[str, str | None, str | None]]] = {}

# docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html, network load balancers.
_NETWORK_ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": "300",
    "deregistration_delay.connection_termination.enabled": "false",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "preserve_client_ip.enabled": "true",
    "proxy_protocol_v2.enabled": "false",
    "stickiness.enabled": "false",
    "stickiness.type": "source_ip",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
    "target_health_state.unhealthy.connection_termination.enabled": "true",
    "target_health_state.unhealthy.draining_interval_seconds": "0",
}


def apply(patch: Patch = setattr) -> None:
    network_balancers_hold_their_addresses(patch)
    balancers_show_their_addresses(patch)
    deletion_gives_addresses_back(patch)
    subnets_change_with_their_addresses(patch)
    security_groups_only_from_the_start(patch)
    network_target_groups_have_their_own_attributes(patch)
    target_health_is_measured(patch)


def network_balancers_hold_their_addresses(patch: Patch) -> None:
    """In moto 5.2.5: SubnetMappings lose their AllocationId, and the ARN of a network load balancer says app/."""
    from moto.elbv2.models import ELBv2Backend as Backend

    original = Backend.create_load_balancer

    def create_load_balancer(
        self: Any,
        name: str,
        security_groups: list[str],
        subnet_ids: list[str],
        subnet_mappings: list[dict[str, str]] | None = None,
        scheme: str = "internet-facing",
        loadbalancer_type: str | None = None,
        ip_address_type: str = "ipv4",
        tags: list[dict[str, str]] | None = None,
    ) -> Any:
        mappings = subnet_mappings or []
        if loadbalancer_type == "network":
            _refuse_taken(self.ec2_backend, [m["AllocationId"] for m in mappings if "AllocationId" in m])
            _refuse_same_zone(self.ec2_backend, [*subnet_ids, *(m["SubnetId"] for m in mappings)])
        balancer = original(
            self, name, security_groups, subnet_ids, mappings, scheme or "internet-facing", loadbalancer_type, ip_address_type
        )
        if loadbalancer_type == "network":
            del self.load_balancers[balancer.arn]
            balancer.arn = balancer.arn.replace(":loadbalancer/app/", ":loadbalancer/net/")
            balancer.dns_name = f"{name}-{balancer.arn.split('/')[-1]}.elb.{self.region_name}.amazonaws.com"
            balancer.holdings = {}
            self.load_balancers[balancer.arn] = balancer
            for mapping in [*({"SubnetId": subnet} for subnet in subnet_ids), *mappings]:
                balancer.holdings[mapping["SubnetId"]] = _hold(self.ec2_backend, balancer, mapping)
        self.tagging_service.tag_resource(balancer.arn, tags)
        return balancer

    patch(Backend, "create_load_balancer", create_load_balancer)


def balancers_show_their_addresses(patch: Patch) -> None:
    """In moto 5.2.5: AvailabilityZones have no LoadBalancerAddresses."""
    from moto.elbv2.models import FakeLoadBalancer

    def availability_zones(self: Any) -> list[dict[str, Any]]:
        return [_zone(subnet, getattr(self, "holdings", {}).get(subnet.id)) for subnet in self.subnets]

    patch(FakeLoadBalancer, "availability_zones", property(availability_zones))


def deletion_gives_addresses_back(patch: Patch) -> None:
    """In moto 5.2.5: delete_load_balancer ignores deletion protection and knows no addresses."""
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend as Backend

    original = Backend.delete_load_balancer

    def delete_load_balancer(self: Any, arn: str) -> None:
        balancer = self.load_balancers.get(arn)
        if balancer is not None:
            if balancer.attrs.get("deletion_protection.enabled") == "true":
                message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
                raise ELBClientError("OperationNotPermitted", message)
            for holding in getattr(balancer, "holdings", {}).values():
                _give_back(self.ec2_backend, holding)
            for group in self.target_groups.values():
                group.load_balancer_arns = [other for other in group.load_balancer_arns if other != arn]
        original(self, arn)

    patch(Backend, "delete_load_balancer", delete_load_balancer)


def subnets_change_with_their_addresses(patch: Patch) -> None:
    """In moto 5.2.5: set_subnets drops AllocationId and wants two zones of a network load balancer, too."""
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend as Backend

    original = Backend.set_subnets

    def set_subnets(self: Any, arn: str, subnets: list[str], subnet_mappings: list[dict[str, Any]]) -> Any:
        balancer = self.load_balancers.get(arn)
        if balancer is None or balancer.type != "network":
            return original(self, arn, subnets, subnet_mappings)
        mappings = {m["SubnetId"]: m for m in [*({"SubnetId": subnet} for subnet in subnets), *subnet_mappings]}
        _refuse_same_zone(self.ec2_backend, mappings)
        for subnet, held in balancer.holdings.items():
            wanted = mappings.get(subnet, {}).get("AllocationId", held.get("AllocationId"))
            if subnet in mappings and wanted != held.get("AllocationId"):
                # AWS has no way to exchange the address of an enabled zone: the zone is removed first, then added again
                # (docs.aws.amazon.com/elasticloadbalancing/latest/network/availability-zones.html).
                message = f"The address of subnet '{subnet}' cannot be changed while its Availability Zone is enabled"
                raise ELBClientError("InvalidConfigurationRequest", message)
        added = [mapping for subnet, mapping in mappings.items() if subnet not in balancer.holdings]
        _refuse_taken(self.ec2_backend, [m["AllocationId"] for m in added if "AllocationId" in m])
        for subnet in [subnet for subnet in balancer.holdings if subnet not in mappings]:
            _give_back(self.ec2_backend, balancer.holdings.pop(subnet))
        for mapping in added:
            balancer.holdings[mapping["SubnetId"]] = _hold(self.ec2_backend, balancer, mapping)
        balancer.subnets = [self.ec2_backend.get_subnet(subnet) for subnet in mappings]
        return balancer.availability_zones

    patch(Backend, "set_subnets", set_subnets)


def security_groups_only_from_the_start(patch: Patch) -> None:
    """In moto 5.2.5: set_security_groups gives groups to a network load balancer that was made without any; AWS refuses."""
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend as Backend

    original = Backend.set_security_groups

    def set_security_groups(self: Any, arn: str, sec_groups: list[str]) -> None:
        balancer = self.load_balancers.get(arn)
        if balancer is not None and balancer.type == "network" and bool(balancer.security_groups) != bool(sec_groups):
            message = "You cannot change between security groups and none on a network load balancer after its creation"
            raise ELBClientError("InvalidConfigurationRequest", message)
        original(self, arn, sec_groups)

    patch(Backend, "set_security_groups", set_security_groups)


def network_target_groups_have_their_own_attributes(patch: Patch) -> None:
    """In moto 5.2.5: a TCP or TLS target group has an ALB's attributes, and any key is taken."""
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend as Backend

    create, modify = Backend.create_target_group, Backend.modify_target_group_attributes

    def create_target_group(self: Any, name: str, **kwargs: Any) -> Any:
        group = create(self, name, **kwargs)
        if group.protocol in ("TCP", "TLS"):
            # Client addresses are kept by default for instances, not for addresses
            # (docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html).
            group.attributes = {**_NETWORK_ATTRIBUTES, "preserve_client_ip.enabled": str(group.target_type != "ip").lower()}
        return group

    def modify_target_group_attributes(self: Any, target_group_arn: str, attributes: dict[str, Any]) -> None:
        group = self.target_groups.get(target_group_arn)
        if group is not None and group.protocol in ("TCP", "TLS"):
            for key in attributes:
                if key not in _NETWORK_ATTRIBUTES:
                    raise ELBClientError("ValidationError", f"Target group attribute key '{key}' is not recognized")
        modify(self, target_group_arn, attributes)

    patch(Backend, "create_target_group", create_target_group)
    patch(Backend, "modify_target_group_attributes", modify_target_group_attributes)


def target_health_is_measured(patch: Patch) -> None:
    """In moto 5.2.5: every registered target is healthy; here it is what the data plane's health checks say."""
    from moto.elbv2.exceptions import TargetGroupNotFoundError
    from moto.elbv2.models import ELBv2Backend as Backend
    from moto.elbv2.models import FakeHealthStatus

    def describe_target_health(self: Any, target_group_arn: str, targets: list[dict[str, Any]]) -> list[Any]:
        group = self.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError
        measured = TARGET_HEALTH.get(target_group_arn, {})
        registered = {f"{target['Id']}:{target['Port']}" for target in group.targets.values()}
        draining = {key for key, (state, _, _) in measured.items() if state == "draining"}
        asked = {f"{target['Id']}:{target.get('Port', group.port)}" for target in targets} or registered | draining

        def status(key: str) -> Any:
            address, _, port = key.rpartition(":")
            state: tuple[str, str | None, str | None]
            if key not in registered | draining:
                state = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
            elif not group.load_balancer_arns:
                state = ("unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
            else:
                state = measured.get(key) or ("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
            return FakeHealthStatus(address, port, _health_port(group, port), *state)

        return [status(key) for key in sorted(asked)]

    patch(Backend, "describe_target_health", describe_target_health)


def _health_port(group: Any, port: str) -> str:
    return port if group.health_check_port == "traffic-port" else str(group.health_check_port)


def _zone(subnet: Any, holding: dict[str, str] | None) -> dict[str, Any]:
    zone = {"ZoneName": subnet.availability_zone, "SubnetId": subnet.id}
    if holding is None:
        return zone
    return {**zone, "LoadBalancerAddresses": [{key: holding[key] for key in ("IpAddress", "AllocationId") if key in holding}]}


def _refuse_taken(ec2: Any, allocations: list[str]) -> None:
    from moto.elbv2.exceptions import ELBClientError

    known = {address.allocation_id: address for address in ec2.addresses}
    for allocation in allocations:
        if allocation not in known:
            raise ELBClientError("AllocationIdNotFound", f"The allocation ID '{allocation}' does not exist")
        if known[allocation].association_id or allocations.count(allocation) > 1:
            raise ELBClientError("ResourceInUse", "The allocation IDs are not available for use")


def _refuse_same_zone(ec2: Any, subnets: Iterable[str]) -> None:
    from moto.elbv2.exceptions import ELBClientError

    zones = [ec2.get_subnet(subnet).availability_zone for subnet in subnets]
    if len(set(zones)) != len(zones):
        raise ELBClientError(
            "InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        )


def _hold(ec2: Any, balancer: Any, mapping: dict[str, str]) -> dict[str, str]:
    """The balancer's interface in one zone, with the Elastic IP on it; only strings are kept, so that moto can be pickled."""
    full_name = balancer.arn.split(":loadbalancer/")[1]
    subnet = ec2.get_subnet(mapping["SubnetId"])
    interface = ec2.create_network_interface(subnet, None, group_ids=balancer.security_groups, description=f"ELB {full_name}")
    interface.status = "in-use"
    interface.requester_managed = True
    interface.interface_type = "network_load_balancer"
    held = {"Interface": interface.id}
    if "AllocationId" in mapping:
        address = ec2.associate_address(eni=interface, allocation_id=mapping["AllocationId"])
        held |= {"AllocationId": mapping["AllocationId"], "IpAddress": address.public_ip}
    return held


def _give_back(ec2: Any, holding: dict[str, str]) -> None:
    interface = ec2.get_network_interface(holding["Interface"])
    interface.interface_type = "interface"
    if "AllocationId" in holding:
        ec2.disassociate_address(address=holding["IpAddress"])
    ec2.delete_network_interface(interface.id)
