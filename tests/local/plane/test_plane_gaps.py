"""What moto lacks in what the data plane stands on, shown with the mend."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.local


def _code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return f"{caught.value.response['Error']['Code']}: {caught.value.response['Error']['Message']}"


def test_a_load_balancer_holds_its_addresses(empty_town: Any) -> None:
    town = empty_town
    town.build()
    found = town.elb.describe_load_balancers()["LoadBalancers"][0]
    shown = {zone["SubnetId"]: zone["LoadBalancerAddresses"][0] for zone in found["AvailabilityZones"]}
    wanted = zip(town.ids["subnets"], town.ids["addresses"], strict=True)
    assert shown == {subnet: {"IpAddress": made["PublicIp"], "AllocationId": made["AllocationId"]} for subnet, made in wanted}
    assert found["LoadBalancerArn"].split(":")[-1].startswith("loadbalancer/net/kotei/")
    held = town.ec2.describe_addresses()["Addresses"]
    assert all(address["AssociationId"] and address["NetworkInterfaceId"] for address in held)
    allocation = town.ids["addresses"][0]["AllocationId"]
    assert _code(town.ec2.release_address, AllocationId=allocation).startswith("InvalidIPAddress.InUse")
    mappings = [{"SubnetId": town.ids["subnets"][0], "AllocationId": allocation}]
    refusal = _code(town.elb.create_load_balancer, Name="second", Type="network", SubnetMappings=mappings)
    assert refusal == "ResourceInUse: The allocation IDs are not available for use"


def test_a_deleted_load_balancer_gives_its_addresses_back(empty_town: Any) -> None:
    town = empty_town
    town.build()
    protect = {"Key": "deletion_protection.enabled", "Value": "true"}
    town.elb.modify_load_balancer_attributes(LoadBalancerArn=town.ids["balancer"], Attributes=[protect])
    assert _code(town.elb.delete_load_balancer, LoadBalancerArn=town.ids["balancer"]).startswith("OperationNotPermitted")
    town.elb.modify_load_balancer_attributes(LoadBalancerArn=town.ids["balancer"], Attributes=[protect | {"Value": "false"}])
    town.elb.delete_load_balancer(LoadBalancerArn=town.ids["balancer"])
    assert not any("AssociationId" in address for address in town.ec2.describe_addresses()["Addresses"])
    town.ec2.release_address(AllocationId=town.ids["addresses"][0]["AllocationId"])


def test_the_address_of_a_zone_changes_only_by_removing_the_zone(empty_town: Any) -> None:
    town = empty_town
    town.build()
    subnets, addresses = town.ids["subnets"], [made["AllocationId"] for made in town.ids["addresses"]]
    other = town.ec2.allocate_address(Domain="vpc")["AllocationId"]
    keep = {"SubnetId": subnets[1], "AllocationId": addresses[1]}
    swapped = [{"SubnetId": subnets[0], "AllocationId": other}, keep]
    arn = town.ids["balancer"]
    assert _code(town.elb.set_subnets, LoadBalancerArn=arn, SubnetMappings=swapped).startswith("InvalidConfigurationRequest")
    town.elb.set_subnets(LoadBalancerArn=arn, SubnetMappings=[keep])
    zones = town.elb.set_subnets(LoadBalancerArn=arn, SubnetMappings=swapped)["AvailabilityZones"]
    assert [zone["LoadBalancerAddresses"][0]["AllocationId"] for zone in zones] == [other, addresses[1]]
    town.ec2.release_address(AllocationId=addresses[0])


def test_a_service_is_created_once(empty_town: Any) -> None:
    empty_town.build()
    definition = empty_town.definition(empty_town.image("v1"))
    empty_town.serve(definition)
    with pytest.raises(ClientError, match="not idempotent"):
        empty_town.serve(definition)
